"""Saved states of every environment of the family, in the tier that its manifest declares: equal to the bit."""

import json
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from gymlink.protocol import schema, wire
from gymlink.protocol.values import from_value, to_value
from gymlink.sidecar.catalogue import catalogue
from gymlink.sidecar.copies import copy_env, copy_plain
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.recorder import Recorder
from gymlink.sidecar.snapshots import Copy
from gymlink.sidecar.sub_environments import SubEnvironments
from gymlink.sidecar.tiers import Fork, Native, Replay, tier_of

WRAPPERS = json.loads((Path(__file__).parents[1] / "wrappers.json").read_text())
MANIFEST = {**json.loads((Path(__file__).parent / "family.json").read_text()), "wrappers": WRAPPERS}
AVAILABLE = sorted(entry["id"] for entry in catalogue(MANIFEST)["environments"] if not entry["unavailable"])
TIERS = {
    "native": [env_id for env_id in AVAILABLE if not env_id.startswith(("LunarLander", "BipedalWalker", "CarRacing"))],
    "replay": ["LunarLander-v3", "LunarLanderContinuous-v3"],
    "fork": ["BipedalWalker-v3", "BipedalWalkerHardcore-v3", "CarRacing-v3"],
}
STEPS = 20
FORKS = 8
# For the sockets of processes that keep states.
FOLDER = tempfile.TemporaryDirectory(prefix="gl-")
# What RecordEpisodeStatistics measures.
CLOCKS = {"episode_start_time", "time_queue"}


def opened(env_id, mode=schema.AUTORESET_MODE_NEXT_STEP, count=3, **fields):
    request = {"env_id": env_id, "num_envs": count, "autoreset_mode": mode, **fields}
    return SubEnvironments({"open": request, "first": 0, "count": count}, MANIFEST, FOLDER.name)


def actions_of(env_id, seed, count=STEPS):
    return sampled(gymnasium.make(env_id, disable_env_checker=True).action_space, seed, count)


def sampled(space, seed, count=STEPS):
    space.seed(seed)
    return [np.asarray(space.sample()).tobytes() for _ in range(count)]


def reset(envs, i, seed=None):
    return envs.reset(envs.sieve.select([i]), [seed], [None])


def row_of(rows):
    for info in rows.infos:
        # Seconds since the episode began.
        info.get("episode", {}).pop("t", None)
    columns = (rows.observations, rows.reward, rows.infos, rows.terminated, rows.truncated, rows.kind)
    return [*(copy_plain(column[0]) for column in columns), rows.episode[0], rows.episode_step[0]]


def exact(value):
    """Bytes that differ when anything in a value does: a bit, a type, a key."""
    unsupported = set()
    encoded = wire.encode("Value", to_value(value, unsupported))
    assert not unsupported
    return encoded


def padded(data):
    return data + bytes(-len(data) % 8)


def rows_of(envs, i, actions):
    selection = envs.sieve.select([i])
    return [row_of(envs.step(selection, padded(data))) for data in actions]


def play(envs, i, actions):
    """The rows of sub-environment i, and what it is in the end."""
    rows = rows_of(envs, i, actions)
    return [exact(rows), exact(inner(envs, i)), rows]


def inner(envs, i):
    """Everything that can be read from a sub-environment: generators and elapsed steps among it."""
    env, constants = envs[i], ()
    for declared in MANIFEST["states"].values():
        constants = (*constants, *declared.get("constants", ()))
    if isinstance(env, Copy):
        result = env.plain()["result"]
    else:
        result = Replay().save(env)["result"] if isinstance(env, Recorder) else {"env": copy_env(env, constants)}
    # Attributes are in the order in which they were first set.
    parts = [[*(sorted(part[key].items()) for key in ("values", "generators")), part.get("physics")] for part in result["env"]]
    return [[[item for item in values if item[0] not in CLOCKS], *rest] for values, *rest in parts], result.get("bodies")


@pytest.mark.parametrize("env_id", AVAILABLE)
def test_the_tier_is_declared(env_id):
    (declared,) = [entry for pattern, entry in MANIFEST["states"].items() if fnmatchcase(env_id, pattern)]
    assert env_id in TIERS[declared["tier"]]
    assert type(tier_of(MANIFEST, env_id)) is {"native": Native, "replay": Replay, "fork": Fork}[declared["tier"]]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("env_id", AVAILABLE)
def test_a_restored_state_goes_on_alike(env_id):
    steps = 5 if env_id.startswith("CarRacing") else STEPS
    goes_on_alike(opened(env_id), actions_of(env_id, 1, steps), actions_of(env_id, 2, steps))


def goes_on_alike(envs, before, after):
    # An earlier episode, cut off: what comes must not depend on it, or the state must hold it.
    reset(envs, 0, seed=3)
    play(envs, 0, after[:7])
    reset(envs, 0)
    play(envs, 0, before)
    (state,) = envs.keeper.save(envs.sieve.select([0]), FORKS)
    expected = play(envs, 0, after)
    # Another sub-environment has another history; the third was never reset.
    reset(envs, 1, seed=11)
    play(envs, 1, before[:5])
    exported = envs.keeper.export([state])
    (imported,) = envs.keeper.import_states(exported)
    for i, kept in ((0, state), (1, state), (2, imported)):
        restored = envs.keeper.restore(envs.sieve.select([i]), [kept])
        assert restored.kind[0] == schema.ROW_KIND_RESET
        assert (restored.episode, restored.episode_step) == ([state.position.episode], [state.position.episode_step])
        assert exact(restored.observations[0]) == exact(state.position.observation)
        assert play(envs, i, after)[:2] == expected[:2], i
    # Saving what was restored gives the same state once more.
    envs.keeper.restore(envs.sieve.select([1]), [imported])
    again = envs.keeper.save(envs.sieve.select([1]), FORKS)
    assert envs.keeper.export(again) == exported
    for kept in (state, imported, *again):
        kept.drop()
    envs.close()


# An environment and arguments for each wrapper of the manifest; those of pictures are tried on what is rendered.
WRAPPERS = {
    "AddRenderObservation": ("CartPole-v1", {"render_only": False}),
    "AddWhiteNoise": ("CartPole-v1", {"probability_of_noise_per_pixel": 0.3}),
    "ClipAction": ("Pendulum-v1", {}),
    "ClipReward": ("Pendulum-v1", {"min_reward": -2.0, "max_reward": 0.0}),
    "DelayObservation": ("Pendulum-v1", {"delay": 3}),
    "DiscretizeAction": ("Pendulum-v1", {"bins": 5}),
    "DiscretizeObservation": ("MountainCar-v0", {"bins": 7}),
    "DtypeObservation": ("Pendulum-v1", {"dtype": "float64"}),
    "FilterObservation": ("Blackjack-v1", {"filter_keys": [0, 2]}),
    "FlattenObservation": ("Blackjack-v1", {}),
    "FrameStackObservation": ("Pendulum-v1", {"stack_size": 4}),
    "GrayscaleObservation": ("CartPole-v1", {}),
    "MaxAndSkipObservation": ("Pendulum-v1", {"skip": 3}),
    "NormalizeObservation": ("Pendulum-v1", {}),
    "NormalizeReward": ("Pendulum-v1", {}),
    "ObstructView": ("CartPole-v1", {"obstructed_pixels_ratio": 0.3, "obstruction_width": 4}),
    "RecordEpisodeStatistics": ("CartPole-v1", {}),
    "RepeatAction": ("Pendulum-v1", {"num_repeats": 2}),
    "RescaleAction": ("Pendulum-v1", {"min_action": -1.0, "max_action": 1.0}),
    "RescaleObservation": ("Pendulum-v1", {"min_obs": 0.0, "max_obs": 1.0}),
    "ReshapeObservation": ("Pendulum-v1", {"shape": (3, 1)}),
    "StickyAction": ("Pendulum-v1", {"repeat_action_probability": 0.5}),
    "TimeAwareObservation": ("Pendulum-v1", {}),
    "TimeLimit": ("Pendulum-v1", {"max_episode_steps": 30}),
}
RENDERED = {"name": "AddRenderObservation"}
BEFORE = {"GrayscaleObservation": [RENDERED]}
AFTER = {"AddWhiteNoise": [RENDERED], "ObstructView": [RENDERED]}


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_wrapper_goes_on_alike(name):
    env_id, kwargs = WRAPPERS[name]
    wrapper = {"name": name, "kwargs": to_value(kwargs)["map"]}
    mode = {"render_mode": "rgb_array"} if env_id == "CartPole-v1" else {}
    envs = opened(env_id, wrappers=[*BEFORE.get(name, ()), wrapper, *AFTER.get(name, ())], **mode)
    space = envs._envs[0].action_space
    goes_on_alike(envs, sampled(space, 1), sampled(space, 2))


@pytest.mark.parametrize("env_id", ["LunarLander-v3", "BipedalWalker-v3"])
@pytest.mark.parametrize("name", ["NormalizeObservation", "NormalizeReward", "RecordEpisodeStatistics", "StickyAction"])
def test_a_wrapper_of_what_is_played_again_goes_on_alike(env_id, name):
    kwargs = {"repeat_action_probability": 0.5} if name == "StickyAction" else {}
    envs = opened(env_id, wrappers=[{"name": name, "kwargs": to_value(kwargs)["map"]}])
    goes_on_alike(envs, actions_of(env_id, 1), actions_of(env_id, 2))


@pytest.mark.parametrize("env_id", TIERS["fork"])
def test_a_fork_needs_no_log(env_id, monkeypatch):
    monkeypatch.setattr("gymlink.sidecar.recorder.MOST_STEPS", 8)
    envs = opened(env_id, render_mode="rgb_array")
    before, after = actions_of(env_id, 1, 6), actions_of(env_id, 2, 6)
    for seed in (3, None):
        reset(envs, 0, seed)
        rows_of(envs, 0, before)
    first = envs.sieve.select([0])
    (state,) = envs.keeper.save(first, FORKS)
    frame = envs.render(first, {})[0]["frames"]
    expected = exact(rows_of(envs, 0, after))
    # The original goes on into another episode.
    reset(envs, 0)
    rows_of(envs, 0, before)
    with pytest.raises(RequestError, match=r"cannot leave its session: its? .*more than 8 steps") as raised:
        envs.keeper.export([state])
    assert raised.value.reason == schema.ERROR_REASON_UNIMPLEMENTED
    (brought,) = envs.keeper.import_states(envs.keeper.export([state], within_session=True), within_session=True)
    for i, kept in ((1, state), (2, brought), (0, state)):
        envs.keeper.restore(envs.sieve.select([i]), [kept])
        assert envs.render(envs.sieve.select([i]), {})[0]["frames"] == frame
        assert exact(rows_of(envs, i, after)) == expected
    # Of a copy.
    (later,) = envs.keeper.save(first, FORKS)
    state.drop()
    expected = exact(rows_of(envs, 0, before))
    envs.keeper.restore(envs.sieve.select([2]), [later])
    assert exact(rows_of(envs, 2, before)) == expected
    with pytest.raises(RequestError, match="the process that keeps it has ended"):
        envs.keeper.restore(first, [state])
    later.drop()
    envs.close()


def test_wind_goes_on_where_it_was():
    kwargs = {"entries": [{"key": {"text": "enable_wind"}, "value": {"boolean": True}}]}
    envs = opened("LunarLander-v3", kwargs=kwargs)
    for seed in (1, 2):
        reset(envs, 0, seed)
        play(envs, 0, actions_of("LunarLander-v3", seed))
    (state,) = envs.keeper.save(envs.sieve.select([0]), FORKS)
    expected = play(envs, 0, actions_of("LunarLander-v3", 5))
    envs.keeper.restore(envs.sieve.select([2]), [state])
    assert play(envs, 2, actions_of("LunarLander-v3", 5))[:2] == expected[:2]


@pytest.mark.parametrize("env_id", ["Hopper-v5", "LunarLander-v3", "Blackjack-v1"])
def test_the_end_of_an_episode_is_restored(env_id):
    actions = actions_of(env_id, 4, 400)
    for mode in (schema.AUTORESET_MODE_NEXT_STEP, schema.AUTORESET_MODE_DISABLED):
        envs = opened(env_id, mode)
        selection = envs.sieve.select([1])
        reset(envs, 1, seed=6)
        while not any(row_of(rows := envs.step(selection, padded(actions.pop())))[3:5]):
            pass
        (state,) = envs.keeper.save(selection, FORKS)
        assert (state.position.ended, state.position.episode_step) == (True, rows.episode_step[0])
        other = envs.sieve.select([0])
        restored = envs.keeper.restore(other, [state])
        assert (restored.terminated[0], restored.truncated[0], restored.reward[0]) == (0, 0, 0.0)
        if mode == schema.AUTORESET_MODE_NEXT_STEP:
            expected, found = [play(envs, i, actions[:3]) for i in (1, 0)]
            assert found[2][0][5] == schema.ROW_KIND_AUTORESET
            assert found[:2] == expected[:2]
        else:
            with pytest.raises(RequestError, match="ended its episode"):
                envs.step(other, padded(actions[0]))
        envs.close()


def test_rendering_leaves_a_saved_state_alone():
    for env_id in ("CartPole-v1", "Taxi-v4", "LunarLander-v3", "FrozenLake-v1"):
        envs = opened(env_id, render_mode="rgb_array")
        reset(envs, 0, seed=1)
        (state,) = envs.keeper.save(envs.sieve.select([0]), FORKS)
        first = envs.render(envs.sieve.select([0]), {})
        expected = play(envs, 0, actions_of(env_id, 1, 6))
        envs.keeper.restore(envs.sieve.select([0]), [state])
        again = envs.render(envs.sieve.select([0]), {})
        assert again == first, env_id
        assert play(envs, 0, actions_of(env_id, 1, 6))[0] == expected[0]
        envs.close()


def test_states_of_other_arguments_are_refused():
    envs, others = opened("CartPole-v1"), opened("CartPole-v1", max_episode_steps=30)
    reset(envs, 0, seed=1)
    exported = envs.keeper.export(envs.keeper.save(envs.sieve.select([0]), FORKS))
    with pytest.raises(RequestError, match="other constructor arguments") as raised:
        others.keeper.import_states(exported)
    assert raised.value.reason == schema.ERROR_REASON_STATE_MISMATCH
    with pytest.raises(RequestError, match="'CartPole-v1', but this session is of Acrobot-v1"):
        opened("Acrobot-v1").keeper.import_states(exported)


def tampered(env_id, change, **fields):
    """An exported state whose content was changed."""
    envs = opened(env_id, **fields)
    reset(envs, 0, seed=1)
    play(envs, 0, actions_of(env_id, 1, 3))
    message = wire.decode("PortableState", envs.keeper.export(envs.keeper.save(envs.sieve.select([0]), FORKS))[0])
    content = from_value(message["content"])
    change(content)
    message["content"] = to_value(content)
    return envs, wire.encode("PortableState", message)


TAMPERED = [
    ("CartPole-v1", lambda layers: layers[-1]["values"].update(step=1)),
    ("CartPole-v1", lambda layers: layers[-1]["values"].update(spec=1)),
    ("CartPole-v1", lambda layers: layers[0]["values"].update(env=1)),
    ("CartPole-v1", lambda layers: layers[-1]["values"].update({7: 1})),
    ("CartPole-v1", lambda layers: layers[-1]["generators"].update(_np_random={"bit_generator": "MT19937"})),
    ("CartPole-v1", lambda layers: layers.pop()),
    ("Taxi-v4", lambda layers: layers[-1]["values"].update(P={})),
    ("HalfCheetah-v5", lambda layers: layers[-1].update(physics=(np.zeros(3), np.zeros(3)))),
    ("HalfCheetah-v5", lambda layers: layers[-1].pop("physics")),
    ("LunarLander-v3", lambda content: content["log"][0].update(actions=[9])),
    ("LunarLander-v3", lambda content: content["log"][0].update(actions=np.zeros(30_000, np.int64))),
    ("LunarLander-v3", lambda content: content["log"][0].update(seed="x")),
    ("LunarLander-v3", lambda content: content["log"][0].pop("before")),
    ("LunarLander-v3", lambda content: content.update(log=[])),
    ("LunarLander-v3", lambda content: content["result"].pop("env")),
    ("LunarLander-v3", lambda content: content["result"]["env"].pop()),
    ("LunarLander-v3", lambda content: content["result"]["env"][0]["values"].update(step=1)),
]


@pytest.mark.parametrize(("env_id", "change"), TAMPERED)
def test_a_changed_state_is_refused(env_id, change):
    envs, data = tampered(env_id, change)
    with pytest.raises(RequestError, match=r"does not fit.*Nothing was changed") as raised:
        envs.keeper.import_states([data])
    assert raised.value.reason == schema.ERROR_REASON_MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("wrapper", "name", "value"),
    [
        ("NormalizeObservation", "obs_rms", {"mean": np.zeros(4), "var": np.ones(4)}),
        ("NormalizeObservation", "obs_rms", {"mean": np.zeros(3), "var": np.ones(4), "count": 1.0}),
        ("NormalizeObservation", "obs_rms", [1]),
        ("RecordEpisodeStatistics", "return_queue", 1.5),
    ],
)
def test_a_changed_state_of_a_wrapper_is_refused(wrapper, name, value):
    def change(layers):
        assert name in layers[0]["values"]
        layers[0]["values"][name] = value

    envs, data = tampered("CartPole-v1", change, wrappers=[{"name": wrapper}])
    with pytest.raises(RequestError, match=rf"'{name}' is no.*Nothing was changed"):
        envs.keeper.import_states([data])


def test_a_replay_that_comes_out_otherwise_is_no_success():
    envs, data = tampered("LunarLander-v3", lambda content: content["log"][0].update(seed=2))
    with pytest.raises(RequestError, match="gave another state") as raised:
        envs.keeper.restore(envs.sieve.select([1]), envs.keeper.import_states([data]))
    assert raised.value.env_indices == [1]
    with pytest.raises(RequestError, match="failed since its last reset"):
        play(envs, 1, actions_of("LunarLander-v3", 1, 1))


def test_an_environment_without_a_declared_tier_is_refused():
    envs = SubEnvironments(
        {"open": {"env_id": "CartPole-v1", "num_envs": 1, "autoreset_mode": 1}, "first": 0, "count": 1},
        {"states": {"Taxi-*": {}}},
        FOLDER.name,
    )
    reset(envs, 0)
    with pytest.raises(RequestError, match="cannot be saved") as raised:
        envs.keeper.save(envs.sieve.select([0]), FORKS)
    assert raised.value.reason == schema.ERROR_REASON_UNIMPLEMENTED
