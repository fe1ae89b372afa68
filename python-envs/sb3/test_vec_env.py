"""RemoteVecEnv beside DummyVecEnv: same seeds, same actions, every bit of every result."""

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from gymlink.sb3 import RemoteVecEnv
from tests.reference import same
from tests.test_client_trajectories import as_observation

NUM_ENVS, SEED = 5, 321
# Id, limit of steps, steps to play, how episodes end in them.
CASES = [
    ("CartPole-v1", None, 120, {"terminated"}),
    ("CartPole-v1", 12, 60, {"terminated", "truncated"}),
    ("LunarLander-v3", 90, 220, {"terminated", "truncated"}),
    ("FrozenLake-v1", None, 60, {"terminated"}),
    ("Taxi-v4", 13, 60, {"truncated"}),
    ("HalfCheetah-v5", 17, 60, {"truncated"}),
    ("Pendulum-v1", 21, 50, {"truncated"}),
]


@pytest.fixture
def make(address):
    """Makes RemoteVecEnv and DummyVecEnv of an id, and closes them."""
    made = []

    def pair(env_id, num_workers=None, **options):
        made.append(RemoteVecEnv(env_id, NUM_ENVS, num_workers=num_workers, **options))
        made.append(DummyVecEnv([lambda: gymnasium.make(env_id, **options)] * NUM_ENVS))
        return made[-2:]

    yield pair
    for envs in made:
        envs.close()


def typed(space, info):
    """An info whose last observation is typed as its space says, which the protocol does."""
    if "terminal_observation" not in info:
        return info
    return {**info, "terminal_observation": as_observation(space, info["terminal_observation"])}


def assert_same_step(ours, theirs, actions):
    """Steps both; returns how episodes ended."""
    (*results, infos), (*expected, expected_infos) = ours.step(actions), theirs.step(actions)
    assert same(tuple(results), tuple(expected))
    assert same(infos, [typed(theirs.observation_space, info) for info in expected_infos])
    assert same(ours.reset_infos, theirs.reset_infos)
    ended = [info["TimeLimit.truncated"] for info, done in zip(infos, results[2]) if done]
    return {"truncated" if truncated else "terminated" for truncated in ended}


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize(("env_id", "limit", "steps", "ends"), CASES)
def test_trajectories(make, env_id, limit, steps, ends, num_workers):
    ours, theirs = make(env_id, num_workers, max_episode_steps=limit)
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    assert ours.seed(SEED) == theirs.seed(SEED)
    assert same(ours.reset(), theirs.reset())
    assert same(ours.reset_infos, theirs.reset_infos)
    theirs.action_space.seed(SEED)
    ended = set()
    for _ in range(steps):
        ended |= assert_same_step(ours, theirs, np.array([theirs.action_space.sample() for _ in range(NUM_ENVS)]))
    assert ended == ends


def test_seeds_and_options_are_of_the_next_reset_alone(make):
    ours, theirs = make("CartPole-v1")
    observations = []
    for options in ({"low": -0.01, "high": 0.01}, [{"low": -0.001 * k, "high": 0.02} for k in range(1, NUM_ENVS + 1)], None):
        for envs in (ours, theirs):
            envs.seed(SEED)
            envs.set_options(options)
        observations.append(ours.reset())
        assert same(observations[-1], theirs.reset())
        assert same(ours.reset(), theirs.reset())
    assert not same(observations[0], observations[1])
    assert not same(observations[0], observations[2])


def test_attributes(make):
    ours, theirs = make("CartPole-v1")
    for envs in (ours, theirs):
        envs.seed(SEED)
        envs.reset()
    for name, indices in (("gravity", None), ("state", None), ("length", 2), ("x_threshold", [0, 3]), ("state", [1, -1])):
        found, expected = ours.get_attr(name, indices), theirs.get_attr(name, indices)
        assert same([as_array(value) for value in found], [as_array(value) for value in expected])
    assert ours.get_attr("render_mode") == theirs.get_attr("render_mode")
    assert ours.has_attr("tau") and theirs.has_attr("tau")
    assert not ours.has_attr("no_such_thing") and not theirs.has_attr("no_such_thing")
    # DummyVecEnv would set it on the outermost wrapper.
    ours.set_attr("gravity", 3.5, [1, 4])
    for env in (1, 4):
        theirs.envs[env].unwrapped.gravity = 3.5
    assert ours.get_attr("gravity") == theirs.get_attr("gravity")
    for _ in range(20):
        assert_same_step(ours, theirs, np.ones(NUM_ENVS, np.int64))
    with pytest.raises(AttributeError, match="no_such_thing"):
        ours.get_attr("no_such_thing")
    with pytest.raises(IndexError):
        ours.get_attr("state", NUM_ENVS)
    assert ours.env_is_wrapped(VecMonitor, [0, 2]) == [False, False]


def as_array(value):
    """A state that one side has as tuple of floats is an array."""
    return np.array(value, np.float64)


def test_methods(make):
    ours, theirs = make("Taxi-v4")
    for envs in (ours, theirs):
        envs.seed(SEED)
        envs.reset()
    assert ours.env_method("encode", 1, 2, 3, 0) == theirs.env_method("encode", 1, 2, 3, 0)
    assert ours.env_method("encode", 4, 0, pass_loc=2, dest_idx=1, indices=[1, 2]) == [
        *theirs.env_method("encode", 4, 0, pass_loc=2, dest_idx=1, indices=[1, 2])
    ]
    assert same(ours.env_method("action_mask", 7, indices=3), theirs.env_method("action_mask", 7, indices=3))


@pytest.mark.parametrize("env_id", ["CartPole-v1", "LunarLander-v3"])
def test_images(make, env_id):
    ours, theirs = make(env_id, render_mode="rgb_array")
    for envs in (ours, theirs):
        envs.seed(SEED)
        envs.reset()
    assert_same_step(ours, theirs, np.ones(NUM_ENVS, np.int64))
    images = ours.get_images()
    assert len(images) == NUM_ENVS and images[0].std() > 0
    assert same(list(images), list(theirs.get_images()))
    assert same(ours.render(), theirs.render())


def test_without_render_mode_there_are_no_images(make):
    ours, theirs = make("CartPole-v1")
    ours.reset()
    assert ours.get_images() == [None] * NUM_ENVS
    with pytest.warns(UserWarning, match="rgb_array"):
        assert theirs.get_images() == [None] * NUM_ENVS


def test_monitored_returns(make):
    ours, theirs = (VecMonitor(envs) for envs in make("CartPole-v1"))
    for envs in (ours, theirs):
        envs.seed(SEED)
        envs.reset()
    episodes = 0
    for _ in range(60):
        actions = np.array([ours.action_space.sample() for _ in range(NUM_ENVS)])
        found, expected = ([info.get("episode") for info in envs.step(actions)[3]] for envs in (ours, theirs))
        for episode, other in zip(found, expected):
            assert (episode and (episode["r"], episode["l"])) == (other and (other["r"], other["l"]))
            episodes += episode is not None
    assert episodes > 5
