// Shapes of the messages as @grpc/proto-loader gives them with the options in loader-client.ts: field names as in the
// .proto files, 64-bit numbers as digits, enum values by name, bytes as Buffers, the name of a set oneof field.

export interface Tensor {
  dtype: string;
  shape: string[];
  data: Buffer;
}

export interface Space {
  kind: string;
  box: {
    dtype: string;
    shape: string[];
    low: Buffer;
    high: Buffer;
    unbounded_below: Buffer;
    unbounded_above: Buffer;
  };
  discrete: { n: string; start: string; dtype: string };
  multi_discrete: { nvec: Tensor; start: Tensor; dtype: string };
  multi_binary: { shape: string[]; from_scalar: boolean };
  text: { min_length: number; max_length: number; characters: string };
  dict: { entries: { key: string; space: Space }[]; unsorted: boolean };
  tuple: { spaces: Space[] };
  sequence: { space: Space; stacked: boolean };
  graph: { node_space: Space; edge_space: Space | null };
  one_of: { spaces: Space[] };
}

export interface MapMessage {
  entries: { key: Value; value: Value }[];
}

export interface Value {
  kind: string;
  boolean: boolean;
  integer: string;
  big_integer: { negative: boolean; magnitude: Buffer };
  real: number;
  text: string;
  binary: Buffer;
  scalar: Tensor;
  array: Tensor;
  list: { values: Value[] };
  tuple: { values: Value[] };
  map: MapMessage;
  unsupported: { python_type: string };
}

export interface Seed {
  magnitude: Buffer;
}

export interface ErrorMessage {
  reason: string;
  message: string;
  env_id: string;
  env_indices: number[];
  advanced_env_indices: number[];
  exception: { type: string; message: string } | null;
  suggestions: string[];
}

export interface Infos {
  entries: {
    key: Value;
    present: Buffer;
    values: 'column' | 'trees';
    column: { type: string; values: Tensor };
    trees: { values: Value[] };
  }[];
}

export interface TransitionDetails {
  infos: Infos | null;
  final_infos: Infos | null;
  seeds: { row: number; seed: Seed }[];
}

export interface TransitionPart {
  rows: number;
  payload: Buffer;
  details: Buffer;
  uncompressed_bytes: string;
}

export interface TransitionMessage {
  delivery: string;
  parts: TransitionPart[];
  more: boolean;
}

export interface EnvironmentSummary {
  id: string;
  family: string;
  max_episode_steps: number;
  reward_threshold?: number;
  nondeterministic: boolean;
  default_kwargs: MapMessage | null;
  allowed_kwargs: string[];
  unavailable: string;
}

export interface Opened {
  session_id: string;
  observation_space: Space;
  action_space: Space;
  observation_spaces: Space[];
  metadata: MapMessage | null;
  environment: EnvironmentSummary;
  autoreset_mode: string;
  seed: Seed | null;
  placements: { first: number; count: number }[];
  max_in_flight: number;
  delivery_window: number;
  max_message_bytes: string;
  lease_s: number;
  compression: string;
  newest_frame_only: boolean;
}

export interface Rendered {
  renderings: { env_index: number; frames: Value[]; is_list: boolean }[];
}

export interface SessionResponse {
  seq: string;
  response: string;
  error: ErrorMessage;
  opened: Opened;
  transition: TransitionMessage;
  rendered: Rendered;
  called: { results: Value[] };
  state_saved: { state_ids: string[] };
  state_exported: { states: Buffer[] };
  /** Bytes of the message; no field of it. */
  size: number;
}

export interface ServerInfo {
  version: string;
  protocol: { major: number; minor: number };
  capabilities: (string | number)[];
  limits: {
    max_message_bytes: string;
    max_envs_per_session: number;
    max_sessions: number;
  };
}

export interface Description {
  environment: EnvironmentSummary;
  observation_space: Space;
  action_space: Space;
  metadata: MapMessage | null;
  documentation: string;
}

export interface Sessions {
  sessions: { session_id: string; env_id: string; num_envs: number; rows: string }[];
}
