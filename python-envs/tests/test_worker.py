"""What a worker says to requests that cannot be done, and to environments that misbehave."""

import io
from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Text, Tuple
from PIL import Image

from gymlink.protocol import schema, wire
from gymlink.protocol.spaces import describe
from gymlink.protocol.values import from_value
from tests.fixtures.environments import MANNERS
from tests.harness import Failed, arguments, seed
from tests.reference import pack, row_of, same
from tests.space_list import ALL_SPACES, dict_in_order, samples

BOX = Box(-1.0, 1.0, (2,))


def actions(*values):
    return np.array(values, np.int64).tobytes()


def fault(**values):
    return arguments(**values)


@pytest.mark.parametrize("name", ALL_SPACES)
def test_actions_and_observations_of_each_space_pass(workers, name):
    space, worker = ALL_SPACES[name], workers()
    opened = worker.open("Echo-v0", 3, mode=schema.AUTORESET_MODE_SAME_STEP, kwargs=arguments(name=name))
    assert opened["action_space"] == opened["observation_space"] == wire.decode("Space", wire.encode("Space", describe(space)))
    worker.reset(space)
    for number in range(4):
        values = samples(space, 3, seed=number)
        (part,) = worker.step(space, pack(space, values))
        ended = number == 2
        observed = part["finals"] if ended else part["observations"]
        assert part["has_final"].tolist() == [ended] * 3
        assert all(same(typed(row_of(space, observed, row)), typed(value)) for row, value in enumerate(values))


def typed(value):
    """An observation with single numbers as arrays."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(typed, value))
    return value if isinstance(value, str) else np.asarray(value)


def test_opened_tells_about_the_environment(worker):
    opened = worker.open("LunarLander-v3", 2, max_episode_steps=70, kwargs=arguments(gravity=-5.0))
    assert opened["max_episode_steps"] == 70
    assert "rocket trajectory" in opened["documentation"]
    modes = next(entry["value"] for entry in opened["metadata"]["entries"] if entry["key"] == {"text": "render_modes"})
    assert modes == {"list": {"values": [{"text": "human"}, {"text": "rgb_array"}]}}


OWN_SPACE = "tests.fixtures.environments:OwnSpace"
OPENINGS = [
    ({"env_id": "No-v0"}, "UNKNOWN_ENVIRONMENT", "no environment 'No-v0'"),
    ({"env_id": "json:No-v0"}, "UNKNOWN_ENVIRONMENT", "no environment 'json:No-v0'"),
    ({"env_id": "LunarLander"}, "UNKNOWN_ENVIRONMENT", "no environment"),
    ({"env_id": "Elsewhere-v0"}, "ENVIRONMENT_UNAVAILABLE", "no_such_package"),
    ({"env_id": "Refusing-v0"}, "ENVIRONMENT_UNAVAILABLE", "has moved to another package"),
    ({"env_id": "LunarLander-v3", "kwargs": arguments(wind=1)}, "NOT_ALLOWED", "'wind' of LunarLander-v3 may not be set"),
    ({"env_id": "LunarLander-v3", "kwargs": arguments(render_mode="human")}, "NOT_ALLOWED", "'render_mode'"),
    ({"env_id": "LunarLander-v3", "kwargs": arguments(gravity=5.0)}, "INVALID_KWARGS", "gravity"),
    ({"env_id": "LunarLander-v3", "kwargs": arguments(gravity="x")}, "INVALID_KWARGS", "gravity='x'"),
    ({"env_id": "LunarLander-v3", "render_mode": "human"}, "INVALID_KWARGS", "window"),
    ({"env_id": "LunarLander-v3", "render_mode": "ansi"}, "INVALID_KWARGS", "no render mode 'ansi'; it has human, rgb_array"),
    ({"env_id": "Faulty-v0", "kwargs": fault(where="init", fault="raise")}, "INVALID_KWARGS", "the arm broke"),
    ({"env_id": "Faulty-v0", "kwargs": fault(where="init", fault="exit")}, "INVALID_KWARGS", "SystemExit: 3"),
    ({"env_id": "Listed-v0"}, "UNIMPLEMENTED", 'a rule under "spaces" in the manifest of its family'),
    ({"env_id": "Broken-v0"}, "ENVIRONMENT_RAISED", "NoSuchClass"),
    ({"env_id": "Listed-v0"}, "UNIMPLEMENTED", f"Listed-v0 cannot be served: {OWN_SPACE} is none of Gymnasium's kinds of spaces"),
    (
        {"env_id": "CartPole-v1", "kwargs": {"entries": [{"key": {"integer": 1}, "value": {"none": {}}}]}},
        "MALFORMED_REQUEST",
        "text",
    ),
]


@pytest.mark.parametrize(("fields", "reason", "says"), OPENINGS)
def test_what_cannot_be_opened_is_said(worker, fields, reason, says):
    with pytest.raises(Failed) as raised:
        worker.open(**fields)
    assert raised.value.reason == reason
    assert says in raised.value.error["message"]
    assert raised.value.error["env_id"] == fields["env_id"]


def wrapper(name, **kwargs):
    return {"name": name, "kwargs": arguments(**kwargs)}


def test_spaces_are_those_of_the_outermost_wrapper(worker):
    stack = wrapper("FrameStackObservation", stack_size=4)
    opened = worker.open("Pendulum-v1", 2, wrappers=[stack, wrapper("TimeAwareObservation", flatten=False)])
    inner, time = (entry["space"]["box"] for entry in opened["observation_space"]["dict"]["entries"])
    assert (inner["shape"], time["shape"]) == ([4, 3], [1])
    assert opened["max_episode_steps"] == 200


SPOKEN = dict_in_order({"said": Tuple([Text(40), Text(4, charset="AH!")]), "at": Discrete(9)})


def test_a_space_of_another_class_is_served_as_the_standard_space_of_its_rule(worker):
    opened = worker.open("Spoken-v0", 2)
    assert opened["observation_space"] == wire.decode("Space", wire.encode("Space", describe(SPOKEN)))
    assert opened["action_space"] == wire.decode("Space", wire.encode("Space", describe(Discrete(3))))
    worker.reset(SPOKEN)
    (part,) = worker.step(SPOKEN, actions(0, 2))
    assert [row_of(SPOKEN, part["observations"], row) for row in (0, 1)] == [
        {"said": ("here", "AH!"), "at": 0},
        {"said": ("here", "AH!"), "at": 2},
    ]


def test_wrappers_see_the_standard_space_of_a_rule(worker):
    opened = worker.open("Spoken-v0", wrappers=[wrapper("FrameStackObservation", stack_size=2)])
    said, at = (entry["space"] for entry in opened["observation_space"]["dict"]["entries"])
    texts = [[text["text"]["max_length"] for text in one["tuple"]["spaces"]] for one in said["tuple"]["spaces"]]
    assert texts == [[40, 40], [4, 4]]
    assert at["multi_discrete"]["dtype"] == schema.DTYPE_INT64


def test_spaces_that_cannot_be_set_are_served_as_those_of_their_rules(worker):
    worker.open("Fixed-v0")
    worker.reset(Text(40))
    (part,) = worker.step(Text(40), actions(2))
    assert row_of(Text(40), part["observations"], 0) == "at2"


def test_a_wrapper_of_the_family_itself_is_closed_with_its_environment(server):
    worker_id, worker = server.fork()
    worker.open("Framed-v0", 2, wrappers=[wrapper("Closing", word="left")])
    worker.close()
    log = worker.rest_of_log()
    server.wait_exited(worker_id)
    assert log.count("left Framed-v0") == 2


WRAPPERS = [
    (wrapper("RecordVideo", video_folder="/tmp"), "NOT_ALLOWED", "'RecordVideo' may not be used; allowed are: ClipAction, Frame"),
    (wrapper("os:system", command="ls"), "NOT_ALLOWED", "'os:system'"),
    (wrapper(""), "NOT_ALLOWED", "''"),
    (
        wrapper("FrameStackObservation", stack_size=0),
        "INVALID_KWARGS",
        "FrameStackObservation(stack_size=0) cannot be put around",
    ),
    (wrapper("FrameStackObservation"), "INVALID_KWARGS", "missing 1 required positional argument: 'stack_size'"),
    (wrapper("FrameStackObservation", env=1, stack_size=2), "INVALID_KWARGS", "multiple values for argument 'env'"),
    (wrapper("ClipAction"), "INVALID_KWARGS", "ClipAction() cannot be put around Faulty-v0: TypeError"),
    (wrapper("Absent"), "ENVIRONMENT_UNAVAILABLE", "No module named 'no_such_package'"),
    (wrapper("Needing"), "ENVIRONMENT_UNAVAILABLE", "pip install something"),
    (
        {"name": "ClipAction", "kwargs": {"entries": [{"key": {"integer": 1}, "value": {"none": {}}}]}},
        "MALFORMED_REQUEST",
        "text",
    ),
]


@pytest.mark.parametrize(("spec", "reason", "says"), WRAPPERS)
def test_wrappers_that_cannot_be_made_are_said(worker, spec, reason, says):
    with pytest.raises(Failed) as raised:
        worker.open("Faulty-v0", 2, first=1, count=1, wrappers=[wrapper("NormalizeReward"), spec])
    error = raised.value.error
    assert raised.value.reason == reason
    assert says in error["message"]
    assert ("exception" in error) == (reason in ("INVALID_KWARGS", "ENVIRONMENT_UNAVAILABLE"))
    # Nothing was opened: another Open may follow.
    worker.open("Faulty-v0", 2)
    worker.reset(BOX)


def test_what_was_made_before_a_wrapper_failed_is_closed(server):
    worker_id, worker = server.fork()
    with pytest.raises(Failed, match="ClipAction"):
        worker.open("Framed-v0", 2, wrappers=[wrapper("Closing"), wrapper("ClipAction")])
    worker.close()
    log = worker.rest_of_log()
    server.wait_exited(worker_id)
    assert log.count("closed Framed-v0") == 1


@pytest.mark.parametrize(
    ("fields", "reason", "says"),
    [
        ({"plan": [{}, {"env_index": 2}]}, "INVALID_ENV_INDEX", "names sub-environment 2, but there are 0 to 1"),
        ({"plan": [{"seed": {"magnitude": bytes(33)}}]}, "INVALID_SEED", "at most 32 bytes"),
        ({"plan": [{"options": {"entries": [{"key": {"none": {}}, "value": {"none": {}}}]}}]}, "MALFORMED_REQUEST", "text"),
        ({"plan": [{}], "mode": schema.AUTORESET_MODE_DISABLED}, "MALFORMED_REQUEST", "no autoresets to plan"),
    ],
)
def test_plans_that_cannot_be_followed_are_said(worker, fields, reason, says):
    assert says in refused(worker, reason, lambda: worker.open("Faulty-v0", 2, first=1, count=1, **fields))["message"]


def test_names_of_allowed_arguments_are_suggested(worker):
    with pytest.raises(Failed) as raised:
        worker.open("Faulty-v0", kwargs=arguments(wear="init"))
    assert raised.value.error["suggestions"] == ["where", "fault", "at"]


def test_what_a_constructor_raised_is_passed_on(worker):
    with pytest.raises(Failed) as raised:
        worker.open("Faulty-v0", 4, first=2, count=2, kwargs=fault(where="init", fault="raise"))
    exception = raised.value.error["exception"]
    assert (exception["type"], exception["message"]) == ("builtins.ValueError", "the arm broke \\ud800")
    assert "in _raise" in exception["traceback"]
    assert raised.value.error["env_indices"] == [2]


def test_sub_environments_with_other_spaces_are_refused(worker):
    with pytest.raises(Failed, match="Sub-environment 1 of Differing-v0 has another observation space") as raised:
        worker.open("Differing-v0", 2)
    assert raised.value.reason == "MALFORMED_REPLY"


LAKES = [arguments(map_name="4x4"), arguments(map_name="8x8"), arguments(), arguments(map_name="8x8", is_slippery=True)]


def test_arguments_of_single_sub_environments_are_merged_over_those_of_all(workers):
    different = {"observation_mode": schema.OBSERVATION_MODE_DIFFERENT, "env_kwargs": LAKES}
    for first, count in ((0, 4), (1, 2)):
        worker = workers()
        opened = worker.open("FrozenLake-v1", 4, first, count, kwargs=arguments(is_slippery=False), **different)
        assert [space["discrete"]["n"] for space in opened["observation_spaces"]] == [16, 64, 16, 64][first : first + count]
        assert opened["observation_space"] == opened["observation_spaces"][0]
        worker.reset(Discrete(64))
        observed = []
        for _ in range(7):
            parts = worker.step(Discrete(64), actions(1, 1, 2, 2))
            observed.append([observation for part in parts for observation in part["observations"]])
        # Down in a map of 8 columns, and to the right in one of 4.
        assert [row[1 - first] for row in observed] == [8, 16, 24, 32, 40, 48, 56]
        assert [row[2 - first] for row in observed[:3]] == [1, 2, 3]


def test_arguments_of_one_sub_environment_are_checked_like_others(worker):
    with pytest.raises(Failed, match="'wind' of LunarLander-v3 may not be set") as raised:
        worker.open("LunarLander-v3", 2, env_kwargs=[arguments(), arguments(wind=1)])
    assert raised.value.reason == "NOT_ALLOWED"
    with pytest.raises(Failed, match=r"gravity=5\.0") as raised:
        worker.open("LunarLander-v3", 2, env_kwargs=[arguments(), arguments(gravity=5.0)])
    assert (raised.value.reason, raised.value.error["env_indices"]) == ("INVALID_KWARGS", [1])


def test_arguments_that_change_a_space_need_observation_mode_different(worker):
    with pytest.raises(Failed, match="Sub-environment 1 of FrozenLake-v1 has another observation space") as raised:
        worker.open("FrozenLake-v1", 4, env_kwargs=LAKES)
    assert (raised.value.reason, raised.value.error["env_indices"]) == ("INVALID_KWARGS", [1])
    opened = worker.open("LunarLander-v3", 2, env_kwargs=[arguments(), arguments(gravity=-5.0)])
    assert opened.get("observation_spaces", []) == []


def test_action_spaces_are_equal_in_every_observation_mode(worker):
    with pytest.raises(Failed, match="Sub-environment 1 of Echo-v0 has another action space") as raised:
        each = [arguments(name="discrete"), arguments(name="discrete, uint8")]
        worker.open("Echo-v0", 2, observation_mode=schema.OBSERVATION_MODE_DIFFERENT, env_kwargs=each)
    assert raised.value.reason == "INVALID_KWARGS"


def test_a_row_over_the_limit_is_told_at_open(worker):
    with pytest.raises(Failed, match="One row of Echo-v0 takes up to") as raised:
        worker.open("Echo-v0", 2, kwargs=arguments(name="box, image"), max_part_bytes=150)
    assert raised.value.reason == "MESSAGE_TOO_LARGE"


def test_requests_out_of_order_are_refused(worker):
    with pytest.raises(Failed, match="only after OPEN") as raised:
        worker.step(BOX, actions(0))
    assert raised.value.reason == "MALFORMED_REQUEST"
    worker.open("Faulty-v0")
    with pytest.raises(Failed, match="opened once"):
        worker.open("Faulty-v0")
    worker.request(99)
    with pytest.raises(Failed, match="type 99"):
        worker.reply(0)
    worker.reset(BOX)


def refused(worker, reason, request):
    """The error of a request, which must have that reason."""
    with pytest.raises(Failed) as raised:
        request()
    assert raised.value.reason == reason
    return raised.value.error


def counts(parts):
    return [step for part in parts for step in part["episode_step"]]


def test_steps_before_a_reset_are_refused_and_change_nothing(worker):
    worker.open("Faulty-v0", 3)
    worker.reset(BOX, env_indices=[0, 2])
    error = refused(worker, "RESET_NEEDED", lambda: worker.step(BOX, actions(0, 0, 0)))
    assert error["env_indices"] == [1]
    assert error["message"] == "Sub-environment 1 of Faulty-v0 was never reset: reset it first. No sub-environment advanced."
    assert counts(worker.step(BOX, actions(0, 0), (0, 2))) == [1, 1]


def test_ended_episodes_are_refused_in_mode_disabled(worker):
    worker.open("Faulty-v0", 3, mode=schema.AUTORESET_MODE_DISABLED)
    worker.reset(BOX)
    worker.step(BOX, actions(0, 3, 0))
    error = refused(worker, "RESET_NEEDED", lambda: worker.step(BOX, actions(0, 0, 0)))
    assert (error["env_indices"], error["advanced_env_indices"]) == ([1], [])
    assert "has ended its episode" in error["message"]
    assert counts(worker.step(BOX, actions(0, 0), (0, 2))) == [2, 2]
    worker.reset(BOX, env_indices=[1])
    assert counts(worker.step(BOX, actions(0, 0, 0))) == [3, 1, 3]


def test_a_bad_action_of_any_worker_changes_nothing_in_this_one(workers):
    made = [workers(), workers()]
    for number, worker in enumerate(made):
        worker.open("Faulty-v0", 4, first=2 * number, count=2)
        worker.reset(BOX)
        error = refused(worker, "INVALID_ACTION", lambda worker=worker: worker.step(BOX, actions(0, 1, 4, 9)))
        assert error["env_indices"] == [2]
        assert error["message"] == "The action of sub-environment 2 of Faulty-v0 is not valid: " + (
            "4 is not one of 0 to 3, the values of its Discrete space. No sub-environment advanced."
        )
        assert counts(worker.step(BOX, actions(0, 1, 2, 3))) == [1, 1]
        error = refused(worker, "INVALID_ACTION", lambda worker=worker: worker.step(BOX, actions(0, 1, 2)))
        assert error["env_indices"] == []
        assert "24 bytes" in error["message"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"env_indices": [2]}, "INVALID_ENV_INDEX"),
        ({"env_indices": [1, 0]}, "INVALID_ENV_INDEX"),
        ({"seed": {"magnitude": bytes(33)}}, "INVALID_SEED"),
        ({"env_seeds": [{}]}, "INVALID_SEED"),
        ({"options": {}, "env_options": [{}, {}]}, "MALFORMED_REQUEST"),
        ({"options": {"entries": [{"key": {"text": "a"}}]}}, "MALFORMED_REQUEST"),
    ],
)
def test_invalid_resets_change_nothing(worker, fields, reason):
    worker.open("Faulty-v0", 2)
    worker.reset(BOX)
    worker.step(BOX, actions(0, 0))
    refused(worker, reason, lambda: worker.reset(BOX, **fields))
    assert counts(worker.step(BOX, actions(0, 0))) == [2, 2]


@pytest.mark.parametrize(("name", "kind"), [("raise", "ValueError"), ("exit", "SystemExit"), ("interrupt", "KeyboardInterrupt")])
def test_an_environment_that_raises_in_step_is_named(worker, name, kind):
    worker.open("Faulty-v0", 6, first=1, count=4)
    worker.reset(BOX)
    worker.reset(BOX, env_indices=[3], options=fault(where="step", fault=name, at=1))
    worker.step(BOX, actions(*[0] * 6))
    error = refused(worker, "ENVIRONMENT_RAISED", lambda: worker.step(BOX, actions(*[0] * 6)))
    assert (error["env_indices"], error["advanced_env_indices"]) == ([3], [1, 2])
    assert error["exception"]["type"] == f"builtins.{kind}"
    assert error["message"].startswith(f"Sub-environment 3 of Faulty-v0 raised in step: {kind}")
    # What came after it was not touched; what advanced, or failed, waits for a reset.
    assert counts(worker.step(BOX, actions(0), (4,))) == [2]
    error = refused(worker, "RESET_NEEDED", lambda: worker.step(BOX, actions(*[0] * 6)))
    assert error["env_indices"] == [1, 2, 3]
    (part,) = worker.reset(BOX, env_indices=[1, 2, 3], options=fault(where="", fault=""))
    assert part["episode"].tolist() == [2, 2, 3]
    assert counts(worker.step(BOX, actions(*[0] * 6))) == [1, 1, 1, 3]


def test_an_environment_that_raises_in_reset_is_named(worker):
    worker.open("Faulty-v0", 3)
    worker.reset(BOX)
    broken = {"env_options": [arguments(), fault(where="reset", fault="raise"), arguments()]}
    error = refused(worker, "ENVIRONMENT_RAISED", lambda: worker.reset(BOX, **broken))
    assert (error["env_indices"], error["advanced_env_indices"]) == ([1], [0])
    assert counts(worker.step(BOX, actions(0), (2,))) == [1]
    assert refused(worker, "RESET_NEEDED", lambda: worker.step(BOX, actions(0, 0), (0, 2)))["env_indices"] == [0]
    worker.reset(BOX, options=fault(where=""))
    assert counts(worker.step(BOX, actions(0, 0, 0))) == [1, 1, 1]


@pytest.mark.parametrize("mode", [schema.AUTORESET_MODE_NEXT_STEP, schema.AUTORESET_MODE_SAME_STEP])
def test_an_environment_that_raises_in_its_autoreset_is_named(worker, mode):
    worker.open("Faulty-v0", 2, mode=mode)
    worker.reset(BOX)
    worker.reset(BOX, env_indices=[1], options=fault(where="reset", fault="raise", at=1))
    if mode == schema.AUTORESET_MODE_NEXT_STEP:
        worker.step(BOX, actions(0, 3))
    error = refused(worker, "ENVIRONMENT_RAISED", lambda: worker.step(BOX, actions(0, 3)))
    assert (error["env_indices"], error["advanced_env_indices"]) == ([1], [0])
    assert refused(worker, "RESET_NEEDED", lambda: worker.step(BOX, actions(0, 0)))["env_indices"] == [0, 1]
    worker.reset(BOX, options=fault(where=""))
    assert counts(worker.step(BOX, actions(0, 0))) == [1, 1]


REPLIES = [
    ("shape", r"shape (3,), its space (2,)"),
    ("reward", "its reward 'much' is not a number"),
    ("info", "its info is of type list, not a dict"),
]


@pytest.mark.parametrize(("name", "says"), REPLIES)
def test_an_environment_that_breaks_its_space_is_named(worker, name, says):
    worker.open("Faulty-v0", 4)
    worker.reset(BOX)
    worker.reset(BOX, env_indices=[2], options=fault(where="step", fault=name, at=0))
    error = refused(worker, "MALFORMED_REPLY", lambda: worker.step(BOX, actions(0, 0, 0), (0, 2, 3)))
    assert (error["env_indices"], error["advanced_env_indices"]) == ([2], [0, 2, 3])
    assert error["message"].startswith("Sub-environment 2 of Faulty-v0 gave something that its spaces do not allow")
    assert says in error["message"]
    assert refused(worker, "RESET_NEEDED", lambda: worker.step(BOX, actions(0, 0, 0, 0)))["env_indices"] == [0, 2, 3]
    worker.reset(BOX, options=fault(where=""))
    assert counts(worker.step(BOX, actions(0, 0, 0, 0))) == [1, 1, 1, 1]


@pytest.mark.parametrize("mode", [schema.AUTORESET_MODE_NEXT_STEP, schema.AUTORESET_MODE_SAME_STEP])
def test_rewards_and_flags_may_be_of_any_numeric_type(worker, mode):
    space = Box(-np.inf, np.inf, (2,))
    worker.open("Mannered-v0", 2, mode=mode)
    worker.reset(space)
    for number, kind in enumerate(MANNERS, 1):
        (part,) = worker.step(space, actions(0, 0))
        assert part["observations"].tolist() == [[-number, number]] * 2
        assert (part["reward"].tolist(), part["terminated"].tolist()) == ([1.0] * 2, [0] * 2)
        assert [info["seen"].tolist() for info in part["infos"]] == [[-number, number]] * 2
        assert same([info["kind"] for info in part["infos"]], [kind(1)] * 2)
    for number in range(len(MANNERS)):
        worker.reset(space)
        for _ in range(number):
            worker.step(space, actions(0, 0))
        (part,) = worker.step(space, actions(1, 0))
        assert (part["terminated"].tolist(), part["truncated"].tolist()) == ([1, 0], [0, 0])
        assert part["has_final"].tolist() == [mode == schema.AUTORESET_MODE_SAME_STEP, False]


def test_an_environment_that_breaks_its_space_in_reset_is_named(worker):
    worker.open("Faulty-v0", 1)
    error = refused(worker, "MALFORMED_REPLY", lambda: worker.reset(BOX, options=fault(where="reset", fault="reset shape", at=0)))
    assert (error["env_indices"], error["advanced_env_indices"]) == ([0], [0])


def test_an_environment_of_the_old_form_is_named(worker):
    worker.open("Faulty-v0", 1)
    worker.reset(BOX, options=fault(where="step", fault="four", at=0))
    error = refused(worker, "ENVIRONMENT_RAISED", lambda: worker.step(BOX, actions(0)))
    assert "not enough values to unpack (expected 5, got 4)" in error["message"]


def test_what_environments_print_goes_to_the_log_alone(server):
    worker_id, worker = server.fork()
    worker.open("Faulty-v0", 1)
    worker.reset(BOX, options=fault(where="step", fault="print", at=0))
    assert counts(worker.step(BOX, actions(0))) == [1]
    worker.close()
    log = worker.rest_of_log()
    assert server.wait_exited(worker_id) == {"worker_id": worker_id, "exit_status": 0}
    for line in (
        "printed by an environment",
        "written to descriptor 1",
        "printed to stderr",
        "warned by an environment",
        "printed by a child process",
    ):
        assert line in log
    assert "printed by" not in Path(server.output.name).read_text()


def test_what_environments_raise_is_in_the_log_with_its_traceback(server):
    worker_id, worker = server.fork()
    worker.open("Faulty-v0", 1)
    worker.reset(BOX, options=fault(where="step", fault="raise", at=0))
    refused(worker, "ENVIRONMENT_RAISED", lambda: worker.step(BOX, actions(0)))
    worker.close()
    log = worker.rest_of_log()
    server.wait_exited(worker_id)
    assert "in _raise" in log
    assert "ValueError: the arm broke \\ud800" in log


def test_values_that_cannot_travel_are_warned_of_once(server):
    worker_id, worker = server.fork()
    worker.open("Faulty-v0", 2)
    worker.reset(BOX, options=fault(where="step", fault="unsupported", at=0))
    for _ in range(3):
        worker.request(schema.FRAME_TYPE_STEP, bytes(8), actions(0, 0))
        body = worker.reply(schema.FRAME_TYPE_TRANSITION)
        assert b"builtins.object" in body
    worker.close()
    log = worker.rest_of_log()
    server.wait_exited(worker_id)
    assert log.count("cannot travel") == 1
    assert "infos of Faulty-v0 hold values that cannot travel and are replaced: builtins.object, builtins.set" in log


def test_a_close_that_raises_is_logged_and_answered(server):
    worker_id, worker = server.fork()
    worker.open("Faulty-v0", 2, kwargs=fault(where="close", fault="raise"))
    worker.close()
    log = worker.rest_of_log()
    assert server.wait_exited(worker_id)["exit_status"] == 0
    assert log.count("close() of a sub-environment raised") == 2


def frames(renderings):
    return [[frame.get("text") or frame["array"]["data"] for frame in item["frames"]] for item in renderings]


def test_frames_of_each_mode(workers):
    space = Discrete(2)
    for mode, expected in (
        ("rgb_array", [[bytes([1] * 18)], [bytes(18)]]),
        ("ansi", [["step 1"], ["step 0"]]),
        ("rgb_array_list", [[bytes(18), bytes([1] * 18)], [bytes(18)]]),
        ("ansi_list", [["step 0", "step 1"], ["step 0"]]),
    ):
        worker = workers()
        worker.open("Framed-v0", 3, render_mode=mode)
        worker.reset(space)
        worker.step(space, actions(0), (0,))
        renderings = worker.render(env_indices=[0, 2])
        assert [item.get("env_index", 0) for item in renderings] == [0, 2]
        assert [item["is_list"] for item in renderings] == [mode.endswith("_list")] * 2
        assert frames(renderings) == expected
        if mode == "rgb_array":
            assert renderings[0]["frames"][0]["array"]["shape"] == [2, 3, 3]


def test_a_picture_comes_with_its_depth(worker):
    worker.open("Framed-v0", 1, render_mode="rgbd_tuple")
    worker.reset(Discrete(2))
    (rendering,) = worker.render()
    ((picture, depth),) = [from_value(frame) for frame in rendering["frames"]]
    assert (picture == np.zeros((2, 3, 3), np.uint8)).all() and picture.dtype == np.uint8
    assert (depth == np.full((2, 3), 0.5, np.float32)).all() and depth.dtype == np.float32
    refused(worker, "RENDER_UNAVAILABLE", lambda: worker.render(encoding=schema.FRAME_ENCODING_PNG))


def test_frames_are_encoded_and_scaled(workers):
    space = Discrete(2)
    for mode, steps in (("rgb_array", [1]), ("rgb_array_list", [0, 1])):
        worker = workers()
        worker.open("Framed-v0", 2, render_mode=mode)
        worker.reset(space)
        worker.step(space, actions(0, 0))
        (rendering,) = worker.render(env_indices=[1], encoding=schema.FRAME_ENCODING_PNG, width=6)
        images = [np.asarray(Image.open(io.BytesIO(frame["binary"]))) for frame in rendering["frames"]]
        assert [image.tolist() for image in images] == [np.full((4, 6, 3), step).tolist() for step in steps]
        (rendering,) = worker.render(env_indices=[0], width=6)
        assert [frame["array"]["shape"] for frame in rendering["frames"]] == [[4, 6, 3]] * len(steps)


def test_renders_that_cannot_be_done_are_refused(workers):
    space = Discrete(2)
    worker = workers()
    worker.open("Framed-v0", 2)
    worker.reset(space)
    assert "without a render mode" in refused(worker, "RENDER_UNAVAILABLE", worker.render)["message"]
    worker = workers()
    worker.open("Framed-v0", 2, render_mode="ansi", mode=schema.AUTORESET_MODE_DISABLED)
    worker.reset(space, env_indices=[0])
    assert refused(worker, "RESET_NEEDED", worker.render)["env_indices"] == [1]
    refused(worker, "RENDER_UNAVAILABLE", lambda: worker.render(env_indices=[0], encoding=schema.FRAME_ENCODING_PNG))
    worker.step(space, actions(1), (0,))
    assert frames(worker.render(env_indices=[0])) == [["step 1"]]


@pytest.mark.parametrize(("kind", "reason"), [("raise", "ENVIRONMENT_RAISED"), ("none", "MALFORMED_REPLY")])
def test_a_render_that_fails_is_named(worker, kind, reason):
    space = Discrete(2)
    worker.open("Framed-v0", 2, render_mode="rgb_array", kwargs=arguments(frame=kind))
    worker.reset(space)
    error = refused(worker, reason, lambda: worker.render(env_indices=[1]))
    assert error["env_indices"] == [1]
    assert refused(worker, "RESET_NEEDED", lambda: worker.step(space, actions(0, 0)))["env_indices"] == [1]
    worker.step(space, actions(0), (0,))


def test_requests_may_be_sent_ahead(worker):
    worker.open("Faulty-v0", 1)
    worker.reset(BOX, seed=seed(1))
    for _ in range(50):
        worker.send_step(actions(0))
    last, worker._seq = worker._seq, worker._seq - 50
    for _ in range(50):
        worker._seq += 1
        worker.transition(BOX)
    assert worker._seq == last
