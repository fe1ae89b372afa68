"""The adapter of environments with several agents, and the registration that a manifest asks for."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol.values import from_value
from gymlink.sidecar.catalogue import catalogue
from gymlink.sidecar.parallel import ParallelAsEnv, aec_as_parallel, filler
from gymlink.sidecar.registering import register_environments
from tests.fixtures.agents import Relay


@pytest.fixture
def registered():
    """Registers a manifest's environments; forgets them after the test."""
    before = dict(gymnasium.registry)
    yield register_environments
    gymnasium.registry.clear()
    gymnasium.registry.update(before)


def classic(name):
    """One of PettingZoo's classic games, which needs no more than PettingZoo."""
    return pytest.importorskip(f"pettingzoo.classic.{name}.{name}")


def plain(observation):
    return {name: value.tolist() for name, value in observation.items() if name != "observations"}


def test_agents_come_and_go():
    env = ParallelAsEnv(Relay())
    assert env.metadata == {**Relay.metadata, "api": "parallel", "possible_agents": ["second", "first"]}
    assert list(env.action_space.spaces) == list(env.observation_space["observations"].spaces) == ["second", "first"]
    first, infos = env.reset(seed=4, options={"a": 1})
    rows = [env.step({"second": 2, "first": 1}) for _ in range(4)]
    assert all(observation in env.observation_space for observation in [first, *(row[0] for row in rows)])

    nobody = {"rewards": [0, 0], "terminations": [0, 0], "truncations": [0, 0]}
    assert plain(first) == {"agents": [0, 1], "acting": [0, 1], **nobody}
    assert first["observations"]["first"].tolist() == [1, 5]
    assert infos == {"first": {"options": {"a": 1}}}

    alone, both, handed, last = (plain(row[0]) for row in rows)
    assert alone == {**nobody, "agents": [0, 1], "acting": [0, 1], "rewards": [0, 11]}
    assert both == {**nobody, "agents": [1, 1], "acting": [1, 1], "rewards": [20, 21]}
    assert handed == {**nobody, "agents": [1, 0], "acting": [1, 0], "rewards": [32, 31], "terminations": [0, 1]}
    assert last == {**nobody, "agents": [0, 0], "acting": [0, 0], "rewards": [42, 0], "truncations": [1, 0]}

    assert [row[1] for row in rows] == [11, 41, 63, 42]
    assert [row[2:4] for row in rows] == [(False, False), (False, False), (False, False), (False, True)]
    assert rows[2][4] == {"second": {"step": 3}, "first": {"step": 3}}
    # Who is not there shows the filler; who ended in this step its last observation.
    assert [row[0]["observations"]["second"] for row in rows] == [3, 5, 6, 7]
    assert [row[0]["observations"]["first"].tolist() for row in rows] == [[2, 2], [3, 2], [4, 2], [1, 1]]


def test_an_episode_whose_last_agent_terminates_is_terminated():
    env = ParallelAsEnv(Relay(length=9))
    env.par_env.possible_agents = ["first"]
    env.reset()
    env.step({"second": 0, "first": 0})
    env.par_env._step = 2
    assert env.step({"second": 0, "first": 0})[2:4] == (True, False)


@pytest.mark.parametrize(
    "space, element",
    [
        (spaces.Box(-1, 1, (2,), np.float32), [0, 0]),
        (spaces.Box(np.array([2, -3], np.int8), np.array([5, -1], np.int8), dtype=np.int8), [2, -1]),
        (spaces.Box(1, 2, (), np.float64), 1),
        (spaces.Discrete(4, start=-2), -2),
        (spaces.MultiDiscrete([2, 3], start=[5, 6]), [5, 6]),
        (spaces.MultiBinary(2), [0, 0]),
        (spaces.Text(5, min_length=2, charset="ba"), None),
        (spaces.Dict(a=spaces.Discrete(2), b=spaces.Tuple([spaces.Discrete(3)])), {"a": 0, "b": (0,)}),
        (spaces.Sequence(spaces.Discrete(2)), ()),
        (spaces.Sequence(spaces.Box(0, 1, (2,)), stack=True), None),
        (spaces.Graph(spaces.Box(0, 1, (2,)), spaces.Discrete(3)), None),
    ],
)
def test_a_filler_is_an_element_of_its_space(space, element):
    found = filler(space)
    assert found in space
    if element is not None:
        assert (found.tolist() if isinstance(found, np.ndarray) else found) == element


@pytest.mark.skipif(not hasattr(spaces, "OneOf"), reason="came with Gymnasium 1.0")
def test_a_filler_of_one_of_several_spaces_is_of_the_first():
    assert filler(spaces.OneOf([spaces.Discrete(3, start=1), spaces.MultiBinary(2)])) == (0, 1)


def test_what_a_manifest_names_is_registered(registered):
    manifest = {
        "environments": {
            "relay/relay_v1": {
                "constructor": "tests.fixtures.agents:Relay",
                "kwargs": {"length": 3},
                "max_episode_steps": 2,
                "reward_threshold": 1.5,
                "nondeterministic": True,
                "api": "parallel",
            },
            "relay/handing_v1": {"constructor": "tests.fixtures.agents:parallel_env", "api": "parallel"},
            "Cart-v0": {"constructor": "gymnasium.envs.classic_control:CartPoleEnv"},
            "Gone-v0": {"constructor": "no_such_package:Env", "api": "aec"},
        },
        "ids": [],
        "kwargs": {"relay/*": ["length", "render_mode"]},
    }
    registered(manifest)
    told = {environment["id"]: environment for environment in catalogue(manifest)["environments"]}
    relay = told["relay/relay_v1"]
    assert (relay["max_episode_steps"], relay["reward_threshold"], relay["nondeterministic"]) == (2, 1.5, True)
    assert [(argument["name"], from_value(argument["default"])) for argument in relay["arguments"]] == [
        ("length", 3),
        ("render_mode", None),
    ]
    # The second one's constructor takes any arguments and hands them on.
    handed = {argument["name"]: from_value(argument["default"]) for argument in told["relay/handing_v1"]["arguments"]}
    assert handed == {"length": 4, "render_mode": None}
    assert {env_id: one["unavailable"] for env_id, one in told.items()} == {
        "relay/relay_v1": "",
        "relay/handing_v1": "",
        "Cart-v0": "",
        "Gone-v0": "The Python package no_such_package is not installed in its family.",
    }

    env = gymnasium.make("relay/relay_v1", render_mode="ansi")
    assert env.unwrapped.par_env.length == 3
    env.reset()
    assert env.render() == "step 0"
    env.step({"second": 0, "first": 0})
    assert env.step({"second": 0, "first": 0})[2:4] == (False, True)
    assert gymnasium.make("Cart-v0").unwrapped.spec.max_episode_steps is None


def test_agents_must_be_known_and_told_apart():
    class Unknown(Relay):
        possible_agents = None

    class Twice(Relay):
        possible_agents = (1, "1")

    with pytest.raises(TypeError, match="Unknown has no possible_agents"):
        ParallelAsEnv(Unknown())
    with pytest.raises(ValueError, match="same name"):
        ParallelAsEnv(Twice())


def test_only_the_agent_whose_turn_it_is_acts():
    env = ParallelAsEnv(aec_as_parallel(classic("tictactoe").env()))
    observation, _ = env.reset(seed=1)
    acting = [observation["acting"].tolist()]
    # The first player takes the left column.
    for field in (0, 3, 1, 4, 2):
        observation, reward, terminated, truncated, _ = env.step({"player_1": field, "player_2": field})
        acting.append(observation["acting"].tolist())
    assert acting == [[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 0]]
    assert observation["rewards"].tolist() == [1, -1]
    assert observation["terminations"].tolist() == [1, 1]
    assert (reward, terminated, truncated) == (0, True, False)
    assert observation["agents"].tolist() == [0, 0]
    assert observation in env.observation_space


def test_agents_that_act_in_cycles_act_at_the_same_time():
    env = ParallelAsEnv(aec_as_parallel(classic("rps").env(max_cycles=2)))
    observation, _ = env.reset(seed=1)
    assert observation["acting"].tolist() == [1, 1]
    # Paper beats rock.
    observation, reward, terminated, truncated, _ = env.step({"player_0": 1, "player_1": 0})
    assert (observation["rewards"].tolist(), reward, terminated, truncated) == ([1, -1], 0, False, False)
    observation, _, terminated, truncated, _ = env.step({"player_0": 1, "player_1": 1})
    assert (observation["truncations"].tolist(), terminated, truncated) == ([1, 1], False, True)


def test_the_documentation_is_that_of_the_environment():
    assert ParallelAsEnv(Relay()).documentation().startswith('Runner "first" starts alone')


def test_the_documentation_is_that_of_the_game_that_was_converted():
    assert ParallelAsEnv(aec_as_parallel(classic("tictactoe").env())).documentation().startswith("# Tic Tac Toe")
