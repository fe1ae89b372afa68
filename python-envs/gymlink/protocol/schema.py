"""Message tables and enum values of proto/gymlink, made by `npm run generate`. Do not edit."""

# Message name -> field number -> (field name, kind, repeated). A kind that is no scalar is a message name.
MESSAGES = {
    "PythonException": {
        1: ("type", "string", False),
        2: ("message", "string", False),
        3: ("traceback", "string", False),
    },
    "Error": {
        1: ("reason", "varint", False),
        2: ("message", "string", False),
        3: ("env_id", "string", False),
        4: ("env_indices", "varint", True),
        5: ("advanced_env_indices", "varint", True),
        6: ("exception", "PythonException", False),
        7: ("suggestions", "string", True),
    },
    "Tensor": {
        1: ("dtype", "varint", False),
        2: ("shape", "varint", True),
        3: ("data", "bytes", False),
    },
    "BigInteger": {
        1: ("negative", "bool", False),
        2: ("magnitude", "bytes", False),
    },
    "ListValue": {
        1: ("values", "Value", True),
    },
    "MapEntry": {
        1: ("key", "Value", False),
        2: ("value", "Value", False),
    },
    "MapValue": {
        1: ("entries", "MapEntry", True),
    },
    "NoneValue": {},
    "UnsupportedValue": {
        1: ("python_type", "string", False),
    },
    "Value": {
        1: ("none", "NoneValue", False),
        2: ("boolean", "bool", False),
        3: ("integer", "sint64", False),
        4: ("big_integer", "BigInteger", False),
        5: ("real", "double", False),
        6: ("text", "string", False),
        7: ("binary", "bytes", False),
        8: ("scalar", "Tensor", False),
        9: ("array", "Tensor", False),
        10: ("list", "ListValue", False),
        11: ("tuple", "ListValue", False),
        12: ("map", "MapValue", False),
        13: ("unsupported", "UnsupportedValue", False),
    },
    "Seed": {
        1: ("magnitude", "bytes", False),
    },
    "BoxSpace": {
        1: ("dtype", "varint", False),
        2: ("shape", "varint", True),
        3: ("low", "bytes", False),
        4: ("high", "bytes", False),
        5: ("unbounded_below", "bytes", False),
        6: ("unbounded_above", "bytes", False),
    },
    "DiscreteSpace": {
        1: ("n", "int64", False),
        2: ("start", "int64", False),
        3: ("dtype", "varint", False),
    },
    "MultiDiscreteSpace": {
        1: ("nvec", "Tensor", False),
        2: ("start", "Tensor", False),
        3: ("dtype", "varint", False),
    },
    "MultiBinarySpace": {
        1: ("shape", "varint", True),
        2: ("from_scalar", "bool", False),
    },
    "TextSpace": {
        1: ("min_length", "varint", False),
        2: ("max_length", "varint", False),
        3: ("characters", "string", False),
    },
    "DictSpaceEntry": {
        1: ("key", "string", False),
        2: ("space", "Space", False),
    },
    "DictSpace": {
        1: ("entries", "DictSpaceEntry", True),
        2: ("unsorted", "bool", False),
    },
    "TupleSpace": {
        1: ("spaces", "Space", True),
    },
    "SequenceSpace": {
        1: ("space", "Space", False),
        2: ("stacked", "bool", False),
    },
    "GraphSpace": {
        1: ("node_space", "Space", False),
        2: ("edge_space", "Space", False),
    },
    "OneOfSpace": {
        1: ("spaces", "Space", True),
    },
    "Space": {
        1: ("box", "BoxSpace", False),
        2: ("discrete", "DiscreteSpace", False),
        3: ("multi_discrete", "MultiDiscreteSpace", False),
        4: ("multi_binary", "MultiBinarySpace", False),
        5: ("text", "TextSpace", False),
        6: ("dict", "DictSpace", False),
        7: ("tuple", "TupleSpace", False),
        8: ("sequence", "SequenceSpace", False),
        9: ("graph", "GraphSpace", False),
        10: ("one_of", "OneOfSpace", False),
    },
    "ProtocolVersion": {
        1: ("major", "varint", False),
        2: ("minor", "varint", False),
    },
    "InfoFilter": {
        1: ("keys", "string", True),
        2: ("none", "bool", False),
    },
    "WrapperSpec": {
        1: ("name", "string", False),
        2: ("kwargs", "MapValue", False),
    },
    "PlannedReset": {
        1: ("env_index", "varint", False),
        2: ("seed", "Seed", False),
        3: ("options", "MapValue", False),
    },
    "OpenRequest": {
        1: ("protocol", "ProtocolVersion", False),
        2: ("env_id", "string", False),
        3: ("num_envs", "varint", False),
        4: ("kwargs", "MapValue", False),
        5: ("render_mode", "string", False),
        6: ("max_episode_steps", "varint", False),
        7: ("autoreset_mode", "varint", False),
        8: ("num_workers", "varint", False),
        9: ("seed", "Seed", False),
        10: ("max_message_bytes", "varint", False),
        11: ("batch_size", "varint", False),
        12: ("max_wait_us", "varint", False),
        13: ("observation_mode", "varint", False),
        14: ("failure_policy", "varint", False),
        15: ("info_filter", "InfoFilter", False),
        16: ("wrappers", "WrapperSpec", True),
        17: ("compression", "varint", False),
        18: ("shared_memory", "bool", False),
        19: ("lease_s", "varint", False),
        20: ("plan", "PlannedReset", True),
        21: ("env_kwargs", "MapValue", True),
        22: ("newest_frame_only", "bool", False),
    },
    "Placement": {
        1: ("first", "varint", False),
        2: ("count", "varint", False),
        3: ("worker", "string", False),
    },
    "SharedMemoryOffer": {
        1: ("path", "string", False),
        2: ("slot_bytes", "varint", False),
        3: ("slots", "varint", False),
    },
    "OpenedResponse": {
        1: ("session_id", "string", False),
        2: ("observation_space", "Space", False),
        3: ("action_space", "Space", False),
        4: ("observation_spaces", "Space", True),
        5: ("metadata", "MapValue", False),
        6: ("environment", "EnvironmentSummary", False),
        7: ("autoreset_mode", "varint", False),
        8: ("seed", "Seed", False),
        9: ("placements", "Placement", True),
        10: ("max_in_flight", "varint", False),
        11: ("delivery_window", "varint", False),
        12: ("max_message_bytes", "varint", False),
        13: ("lease_s", "varint", False),
        14: ("shared_memory", "SharedMemoryOffer", False),
        15: ("compression", "varint", False),
        16: ("newest_frame_only", "bool", False),
    },
    "AttachRequest": {
        1: ("protocol", "ProtocolVersion", False),
        2: ("session_id", "string", False),
        3: ("epoch", "varint", False),
        4: ("last_delivery", "varint", False),
        5: ("max_message_bytes", "varint", False),
    },
    "AttachedResponse": {
        1: ("last_seq", "varint", False),
    },
    "EnvSeed": {
        1: ("seed", "Seed", False),
    },
    "ResetRequest": {
        1: ("env_indices", "varint", True),
        2: ("seed", "Seed", False),
        3: ("env_seeds", "EnvSeed", True),
        4: ("options", "MapValue", False),
        5: ("env_options", "MapValue", True),
    },
    "StepRequest": {
        1: ("env_indices", "varint", True),
        2: ("actions", "bytes", False),
    },
    "SharedSlot": {
        1: ("slot", "varint", False),
        2: ("length", "varint", False),
    },
    "TransitionPart": {
        1: ("rows", "varint", False),
        2: ("payload", "bytes", False),
        3: ("slot", "SharedSlot", False),
        4: ("details", "bytes", False),
        5: ("uncompressed_bytes", "varint", False),
    },
    "Transition": {
        1: ("delivery", "varint", False),
        2: ("parts", "TransitionPart", True),
        3: ("more", "bool", False),
    },
    "InfoColumn": {
        1: ("type", "varint", False),
        2: ("values", "Tensor", False),
    },
    "InfoEntry": {
        1: ("key", "Value", False),
        2: ("present", "bytes", False),
        3: ("column", "InfoColumn", False),
        4: ("trees", "ListValue", False),
    },
    "Infos": {
        1: ("entries", "InfoEntry", True),
    },
    "RowSeed": {
        1: ("row", "varint", False),
        2: ("seed", "Seed", False),
    },
    "RowFailure": {
        1: ("row", "varint", False),
        2: ("error", "Error", False),
        3: ("next_seed", "Seed", False),
    },
    "TransitionDetails": {
        1: ("infos", "Infos", False),
        2: ("final_infos", "Infos", False),
        3: ("seeds", "RowSeed", True),
        4: ("failures", "RowFailure", True),
    },
    "AcceptedResponse": {},
    "RenderRequest": {
        1: ("env_indices", "varint", True),
        2: ("encoding", "varint", False),
        3: ("width", "varint", False),
    },
    "Rendering": {
        1: ("env_index", "varint", False),
        2: ("frames", "Value", True),
        3: ("is_list", "bool", False),
    },
    "RenderedResponse": {
        1: ("renderings", "Rendering", True),
    },
    "PingRequest": {},
    "PongResponse": {},
    "CloseRequest": {},
    "ClosedResponse": {},
    "SharedMemoryProof": {
        1: ("nonce", "bytes", False),
    },
    "SharedMemoryReady": {},
    "SaveStateRequest": {
        1: ("env_indices", "varint", True),
    },
    "StateSavedResponse": {
        1: ("state_ids", "varint", True),
    },
    "RestoreStateRequest": {
        1: ("env_indices", "varint", True),
        2: ("state_ids", "varint", True),
    },
    "DropStateRequest": {
        1: ("state_ids", "varint", True),
    },
    "StateDroppedResponse": {},
    "PortableState": {
        1: ("form", "varint", False),
        2: ("env_id", "string", False),
        3: ("arguments", "bytes", False),
        4: ("episode", "varint", False),
        5: ("episode_step", "varint", False),
        6: ("ended", "bool", False),
        7: ("observation", "Value", False),
        8: ("info", "Value", False),
        9: ("content", "Value", False),
    },
    "ExportStateRequest": {
        1: ("state_ids", "varint", True),
    },
    "StateExportedResponse": {
        1: ("states", "bytes", True),
    },
    "ImportStateRequest": {
        1: ("states", "bytes", True),
    },
    "CallRequest": {
        1: ("env_indices", "varint", True),
        2: ("name", "string", False),
        3: ("args", "ListValue", False),
        4: ("kwargs", "MapValue", False),
        5: ("set_values", "Value", True),
    },
    "CalledResponse": {
        1: ("results", "Value", True),
    },
    "SessionRequest": {
        1: ("seq", "varint", False),
        2: ("acknowledged", "varint", False),
        3: ("open", "OpenRequest", False),
        4: ("attach", "AttachRequest", False),
        5: ("reset", "ResetRequest", False),
        6: ("step", "StepRequest", False),
        7: ("render", "RenderRequest", False),
        8: ("ping", "PingRequest", False),
        9: ("close", "CloseRequest", False),
        10: ("shared_memory_proof", "SharedMemoryProof", False),
        11: ("save_state", "SaveStateRequest", False),
        12: ("restore_state", "RestoreStateRequest", False),
        13: ("drop_state", "DropStateRequest", False),
        14: ("call", "CallRequest", False),
        15: ("export_state", "ExportStateRequest", False),
        16: ("import_state", "ImportStateRequest", False),
    },
    "SessionResponse": {
        1: ("seq", "varint", False),
        2: ("error", "Error", False),
        3: ("opened", "OpenedResponse", False),
        4: ("attached", "AttachedResponse", False),
        5: ("transition", "Transition", False),
        6: ("accepted", "AcceptedResponse", False),
        7: ("rendered", "RenderedResponse", False),
        8: ("pong", "PongResponse", False),
        9: ("closed", "ClosedResponse", False),
        10: ("shared_memory_ready", "SharedMemoryReady", False),
        11: ("state_saved", "StateSavedResponse", False),
        12: ("state_dropped", "StateDroppedResponse", False),
        13: ("called", "CalledResponse", False),
        14: ("state_exported", "StateExportedResponse", False),
    },
    "EnvironmentSummary": {
        1: ("id", "string", False),
        2: ("family", "string", False),
        3: ("max_episode_steps", "varint", False),
        4: ("reward_threshold", "double", False),
        5: ("nondeterministic", "bool", False),
        6: ("default_kwargs", "MapValue", False),
        7: ("allowed_kwargs", "string", True),
        8: ("unavailable", "string", False),
        9: ("arguments", "ConstructorArgument", True),
        10: ("vectorised", "bool", False),
    },
    "ConstructorArgument": {
        1: ("name", "string", False),
        2: ("type", "string", False),
        3: ("default", "Value", False),
        4: ("required", "bool", False),
    },
    "GetServerInfoRequest": {},
    "ServerLimits": {
        1: ("max_message_bytes", "varint", False),
        2: ("max_envs_per_session", "varint", False),
        3: ("max_sessions", "varint", False),
    },
    "SessionSocket": {
        1: ("path", "string", False),
        2: ("port", "varint", False),
    },
    "GetServerInfoResponse": {
        1: ("version", "string", False),
        2: ("protocol", "ProtocolVersion", False),
        3: ("capabilities", "varint", True),
        4: ("limits", "ServerLimits", False),
        5: ("session_socket", "SessionSocket", False),
    },
    "ListEnvironmentsRequest": {
        1: ("contains", "string", False),
    },
    "ListEnvironmentsResponse": {
        1: ("environments", "EnvironmentSummary", True),
        2: ("families", "FamilySummary", True),
    },
    "FamilySummary": {
        1: ("name", "string", False),
        2: ("description", "string", False),
        3: ("licence", "string", False),
        4: ("state", "varint", False),
        5: ("detail", "string", False),
        6: ("ids", "string", True),
    },
    "DescribeEnvironmentRequest": {
        1: ("env_id", "string", False),
        2: ("kwargs", "MapValue", False),
    },
    "DescribeEnvironmentResponse": {
        1: ("environment", "EnvironmentSummary", False),
        2: ("observation_space", "Space", False),
        3: ("action_space", "Space", False),
        4: ("metadata", "MapValue", False),
        5: ("documentation", "string", False),
    },
    "ListSessionsRequest": {},
    "SessionSummary": {
        1: ("session_id", "string", False),
        2: ("env_id", "string", False),
        3: ("num_envs", "varint", False),
        4: ("age_s", "double", False),
        5: ("rows", "varint", False),
        6: ("peer", "string", False),
        7: ("message_bytes", "varint", False),
        8: ("shared_bytes", "varint", False),
    },
    "ListSessionsResponse": {
        1: ("sessions", "SessionSummary", True),
    },
    "CloseSessionRequest": {
        1: ("session_id", "string", False),
    },
    "CloseSessionResponse": {},
    "Hello": {
        1: ("token", "string", False),
        2: ("role", "varint", False),
        3: ("worker_id", "varint", False),
        4: ("pid", "varint", False),
    },
    "Fork": {
        1: ("worker_id", "varint", False),
    },
    "Kill": {
        1: ("worker_id", "varint", False),
        2: ("signal", "varint", False),
    },
    "Exited": {
        1: ("worker_id", "varint", False),
        2: ("exit_status", "varint", False),
        3: ("signal", "varint", False),
    },
    "FamilyCatalogue": {
        1: ("environments", "EnvironmentSummary", True),
        2: ("python_version", "string", False),
        3: ("gymnasium_version", "string", False),
        4: ("numpy_version", "string", False),
    },
    "OpenWorker": {
        1: ("open", "OpenRequest", False),
        2: ("first", "varint", False),
        3: ("count", "varint", False),
        4: ("max_part_bytes", "varint", False),
    },
    "WorkerOpened": {
        1: ("observation_space", "Space", False),
        2: ("action_space", "Space", False),
        3: ("metadata", "MapValue", False),
        4: ("max_episode_steps", "varint", False),
        5: ("documentation", "string", False),
        6: ("observation_spaces", "Space", True),
        7: ("payload_bytes", "varint", False),
    },
    "ShareMemory": {
        1: ("path", "string", False),
        2: ("slot_bytes", "varint", False),
    },
    "SaveStates": {
        1: ("env_indices", "varint", True),
        2: ("state_ids", "varint", True),
        3: ("forks_left", "varint", False),
    },
    "ExportStates": {
        1: ("state_ids", "varint", True),
        2: ("within_session", "bool", False),
    },
    "ImportStates": {
        1: ("state_ids", "varint", True),
        2: ("states", "bytes", True),
        3: ("within_session", "bool", False),
    },
    "StatesHeld": {
        1: ("ended", "varint", True),
        2: ("forked", "varint", True),
    },
}

ERROR_REASON_UNSPECIFIED = 0
ERROR_REASON_PROTOCOL_VERSION = 1
ERROR_REASON_MALFORMED_REQUEST = 2
ERROR_REASON_UNKNOWN_ENVIRONMENT = 3
ERROR_REASON_ENVIRONMENT_UNAVAILABLE = 4
ERROR_REASON_INVALID_KWARGS = 5
ERROR_REASON_NOT_ALLOWED = 6
ERROR_REASON_INVALID_ACTION = 7
ERROR_REASON_INVALID_SEED = 8
ERROR_REASON_INVALID_ENV_INDEX = 9
ERROR_REASON_RESET_NEEDED = 10
ERROR_REASON_SESSION_NOT_FOUND = 11
ERROR_REASON_SESSION_CLOSED = 12
ERROR_REASON_RENDER_UNAVAILABLE = 13
ERROR_REASON_UNIMPLEMENTED = 14
ERROR_REASON_LIMIT_EXCEEDED = 15
ERROR_REASON_MESSAGE_TOO_LARGE = 16
ERROR_REASON_DEADLINE_EXCEEDED = 17
ERROR_REASON_UNAUTHENTICATED = 18
ERROR_REASON_PERMISSION_DENIED = 19
ERROR_REASON_STATE_NOT_FOUND = 20
ERROR_REASON_STATE_MISMATCH = 21
ERROR_REASON_ENVIRONMENT_RAISED = 22
ERROR_REASON_WORKER_DIED = 23
ERROR_REASON_FAMILY_UNAVAILABLE = 24
ERROR_REASON_SHUTTING_DOWN = 25
ERROR_REASON_MALFORMED_REPLY = 26
ERROR_REASON_INTERNAL = 27

DTYPE_UNSPECIFIED = 0
DTYPE_BOOL = 1
DTYPE_INT8 = 2
DTYPE_INT16 = 3
DTYPE_INT32 = 4
DTYPE_INT64 = 5
DTYPE_UINT8 = 6
DTYPE_UINT16 = 7
DTYPE_UINT32 = 8
DTYPE_UINT64 = 9
DTYPE_FLOAT16 = 10
DTYPE_FLOAT32 = 11
DTYPE_FLOAT64 = 12

AUTORESET_MODE_UNSPECIFIED = 0
AUTORESET_MODE_NEXT_STEP = 1
AUTORESET_MODE_SAME_STEP = 2
AUTORESET_MODE_DISABLED = 3

OBSERVATION_MODE_UNSPECIFIED = 0
OBSERVATION_MODE_SAME = 1
OBSERVATION_MODE_DIFFERENT = 2

FAILURE_POLICY_UNSPECIFIED = 0
FAILURE_POLICY_ERROR = 1
FAILURE_POLICY_RESTART = 2

COMPRESSION_UNSPECIFIED = 0
COMPRESSION_ZSTD = 1
COMPRESSION_LZ4 = 2

ROW_KIND_UNSPECIFIED = 0
ROW_KIND_RESET = 1
ROW_KIND_AUTORESET = 2
ROW_KIND_FAILED = 3

INFO_TYPE_UNSPECIFIED = 0
INFO_TYPE_INT = 1
INFO_TYPE_FLOAT = 2
INFO_TYPE_BOOL = 3
INFO_TYPE_SCALAR = 4
INFO_TYPE_ARRAY = 5

FRAME_ENCODING_UNSPECIFIED = 0
FRAME_ENCODING_PNG = 1
FRAME_ENCODING_JPEG = 2
FRAME_ENCODING_WEBP = 3

CAPABILITY_UNSPECIFIED = 0
CAPABILITY_AUTORESET_NEXT_STEP = 1
CAPABILITY_AUTORESET_SAME_STEP = 2
CAPABILITY_AUTORESET_DISABLED = 3
CAPABILITY_SPACE_SEQUENCE = 4
CAPABILITY_SPACE_GRAPH = 5
CAPABILITY_SPACE_ONE_OF = 6
CAPABILITY_OBSERVATION_MODE_DIFFERENT = 7
CAPABILITY_RENDER = 8
CAPABILITY_RENDER_ENCODED = 9
CAPABILITY_ASYNCHRONOUS = 10
CAPABILITY_RESUME = 11
CAPABILITY_SAVED_STATES = 12
CAPABILITY_CALLS = 13
CAPABILITY_WRAPPERS = 14
CAPABILITY_INFO_FILTER = 15
CAPABILITY_SEED_PLAN = 16
CAPABILITY_FAILURE_RESTART = 17
CAPABILITY_SHARED_MEMORY = 18
CAPABILITY_COMPRESSION = 19
CAPABILITY_NEWEST_FRAME_ONLY = 20

FAMILY_STATE_UNSPECIFIED = 0
FAMILY_STATE_NOT_BUILT = 1
FAMILY_STATE_BUILDING = 2
FAMILY_STATE_BUILT = 3
FAMILY_STATE_RUNNING = 4
FAMILY_STATE_FAILED = 5

FRAME_TYPE_UNSPECIFIED = 0
FRAME_TYPE_HELLO = 1
FRAME_TYPE_OPEN = 2
FRAME_TYPE_OPENED = 3
FRAME_TYPE_RESET = 4
FRAME_TYPE_STEP = 5
FRAME_TYPE_TRANSITION = 6
FRAME_TYPE_RENDER = 7
FRAME_TYPE_RENDERED = 8
FRAME_TYPE_CLOSE = 9
FRAME_TYPE_CLOSED = 10
FRAME_TYPE_ERROR = 11
FRAME_TYPE_CATALOGUE = 12
FRAME_TYPE_FORK = 13
FRAME_TYPE_KILL = 14
FRAME_TYPE_EXITED = 15
FRAME_TYPE_CALL = 16
FRAME_TYPE_CALLED = 17
FRAME_TYPE_SAVE_STATES = 18
FRAME_TYPE_STATES_HELD = 19
FRAME_TYPE_RESTORE_STATES = 20
FRAME_TYPE_DROP_STATES = 21
FRAME_TYPE_EXPORT_STATES = 22
FRAME_TYPE_STATES_EXPORTED = 23
FRAME_TYPE_IMPORT_STATES = 24
FRAME_TYPE_SHARE_MEMORY = 25
FRAME_TYPE_MEMORY_SHARED = 26

ROLE_UNSPECIFIED = 0
ROLE_PARENT = 1
ROLE_WORKER = 2
ROLE_LOG = 3
