"""The Python client: environments of several agents as PettingZoo's ParallelEnv."""

import subprocess
import sys
import warnings

import numpy as np
import pettingzoo
import pytest
from pettingzoo.classic.tictactoe import tictactoe
from pettingzoo.test import parallel_api_test, parallel_seed_test
from pettingzoo.utils.conversions import turn_based_aec_to_parallel

from gymlink.pettingzoo import RemoteParallelEnv
from tests.test_client import raises

RELAY, TICTACTOE = "relay/relay_v1", "classic/tictactoe_v3"


def plain(observations):
    """Observations without arrays."""
    return {agent: np.asarray(value).tolist() for agent, value in observations.items()}


@pytest.fixture
def relay(fixture_address):
    """Makes relays; closes them after the test."""
    made = []

    def make(**options):
        made.append(RemoteParallelEnv(RELAY, **options))
        return made[-1]

    yield make
    for env in made:
        env.close()


def test_agents_come_and_go(relay):
    env = relay()
    assert isinstance(env, pettingzoo.ParallelEnv) and env.unwrapped is env
    assert (env.possible_agents, env.max_num_agents, env.agents, env.num_agents) == (["second", "first"], 2, [], 0)
    assert (str(env), env.metadata["api"], env.render_mode) == ("relay", "parallel", None)
    assert env.observation_space("first").shape == (2,) and env.action_space("second").n == 3
    observations, infos = env.reset(seed=4, options={"a": 1})
    assert (plain(observations), infos) == ({"first": [1, 5]}, {"first": {"options": {"a": 1}}})
    assert (env.agents, env.acting) == (["first"], ["first"])
    env.step({"first": 2})
    observations, rewards, *_ = env.step({"first": 1})
    assert (plain(observations), rewards) == ({"second": 5, "first": [3, 2]}, {"second": 20.0, "first": 21.0})
    _, _, terminations, truncations, infos = env.step({"first": 0, "second": 2})
    assert terminations == {"second": False, "first": True}
    assert truncations == {"second": False, "first": False}
    assert infos == {"second": {"step": 3}, "first": {"step": 3}}
    assert env.agents == ["second"]
    assert env.step({"second": 1}) == (
        {"second": 7},
        {"second": 41.0},
        {"second": False},
        {"second": True},
        {"second": {"step": 4}},
    )
    assert env.agents == []
    with raises("RESET_NEEDED"):
        env.step({})
    assert list(env.reset()[0]) == ["first"]


def test_a_step_limit_truncates_every_agent(relay):
    env = relay(max_episode_steps=2)
    env.reset()
    assert env.step({"first": 0})[3] == {"first": False}
    assert env.step({"first": 0})[2:4] == ({"second": False, "first": False}, {"second": True, "first": True})
    assert (env.agents, env.acting) == ([], [])


def test_every_agent_that_acts_needs_an_action(relay):
    env = relay(length=1, render_mode="ansi")
    with raises("RESET_NEEDED"):
        env.step({"first": 0})
    env.reset()
    with raises("INVALID_ACTION", match="'first' has no action. Now act: first"):
        env.step({})
    with raises("INVALID_ACTION", match="'second' is not alive. Alive: first"):
        env.step({"first": 0, "second": 0})
    with raises("INVALID_ACTION"):
        env.step({"first": 7})
    assert env.step({"first": 1})[1] == {"first": 11.0}
    assert env.render() == "step 1"
    with pytest.raises(KeyError):
        env.action_space("third")


def test_attributes_are_those_of_the_environment_itself(relay):
    env = relay()
    env.reset()
    env.set_attr("length", 1)
    assert (env.get_attr("length"), env.call("length"), env.state().tolist()) == (1, 1, [0, 1])
    assert env.step({"first": 0})[3] == {"first": True}
    with raises("NOT_ALLOWED", AttributeError):
        env.get_attr("agents")


def test_without_a_state_it_says_so(fixture_address):
    env = RemoteParallelEnv(TICTACTOE)
    with pytest.raises(NotImplementedError, match="tictactoe_v3 has no state"):
        env.state()
    env.close()


def test_a_restored_state_goes_on_with_its_agents(relay):
    env, other = relay(max_episode_steps=4, length=9), relay(max_episode_steps=4, length=9)
    env.reset(seed=4)
    states, steps = [env.save_state()], []
    for actions in ({"first": 2}, {"first": 1}, {"first": 0, "second": 2}, {"second": 1}):
        steps.append(env.step(actions))
        states.append(env.save_state())
    assert env.agents == []
    assert plain(env.restore_state(states[2])[0]) == {"first": [3, 2], "second": 5}
    assert (env.agents, env.acting) == (["second", "first"], ["second", "first"])
    same(steps[2], env.step({"first": 0, "second": 2}))
    same(steps[3], env.step({"second": 1}))
    assert other.restore_state(other.import_state(env.export_state(states[3])))[0] == {"second": 6}
    same(steps[3], other.step({"second": 1}))
    assert env.restore_state(states[4]) == ({}, {})
    with raises("RESET_NEEDED"):
        env.step({"second": 1})
    env.drop_state(states[4])
    with raises("STATE_NOT_FOUND"):
        env.restore_state(states[4])


def test_environments_without_agents_are_refused(fixture_address):
    with raises("INVALID_ARGUMENT", match=r"CartPole-v1 has no agents"):
        RemoteParallelEnv("CartPole-v1")


def test_turns_are_those_of_pettingzoos_conversion(fixture_address):
    here, there = turn_based_aec_to_parallel(tictactoe.env()), RemoteParallelEnv(TICTACTOE)
    assert here.possible_agents == there.possible_agents
    for seed in range(3):
        (observations, _), (others, _) = here.reset(seed=seed), there.reset(seed=seed)
        same(observations, others)
        while here.agents:
            assert (there.agents, there.acting) == (here.agents, [here.aec_env.agent_selection])
            masks = {agent: observations[agent]["action_mask"] for agent in here.agents}
            actions = {agent: here.action_space(agent).sample(mask) for agent, mask in masks.items()}
            expected, found = here.step(actions), there.step(actions)
            observations = expected[0]
            same(expected, found)
        assert there.agents == []
    there.close()


def same(expected, found):
    """Fails unless both are equal, arrays to the bit."""
    if isinstance(expected, dict):
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            same(value, found[key])
    elif isinstance(expected, tuple):
        for left, right in zip(expected, found, strict=True):
            same(left, right)
    else:
        assert np.array_equal(expected, found) and getattr(expected, "dtype", None) == getattr(found, "dtype", None)


@pytest.mark.parametrize("env_id", [RELAY, TICTACTOE])
def test_pettingzoos_own_tests(fixture_address, env_id):
    made = []

    def make():
        made.append(RemoteParallelEnv(env_id))
        return made[-1]

    with warnings.catch_warnings():
        # Not all agents of the relay are there from the beginning.
        warnings.simplefilter("ignore")
        parallel_api_test(make(), num_cycles=60)
        parallel_seed_test(make, num_cycles=5)
    for env in made:
        env.close()


def test_without_pettingzoo_it_says_what_to_install():
    code = "import sys; sys.modules['pettingzoo'] = None; import gymlink.pettingzoo"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "gymlink.pettingzoo needs PettingZoo, which is not installed here: pip install pettingzoo" in found.stderr
