"""Remote environments beside Gymnasium's own: same seeds, same actions, every bit of every result."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import tests.fixtures.environments  # noqa: F401 - registers them
from gymlink.client import RemoteEnv, RemoteVectorEnv
from tests.infos import plain
from tests.reference import same
from tests.space_list import SPACES
from tests.test_client_check_env import AVAILABLE

NUM_ENVS, SEED = 5, 321
# Id, limit of steps, steps to play.
CASES = [
    ("CartPole-v1", 0, 120),
    ("LunarLander-v3", 0, 220),
    ("Blackjack-v1", 0, 40),
    ("Taxi-v4", 13, 60),
    ("FrozenLake-v1", 0, 60),
    ("HalfCheetah-v5", 17, 60),
    ("Pendulum-v1", 21, 50),
    ("Told-v0", 0, 30),
]
# Every other environment of the default family, with an end of an episode.
CASES += [(env_id, 9, 22) for env_id in sorted(set(AVAILABLE) - {case[0] for case in CASES})]


def as_observation(space, observation):
    """An observation of a single environment as its space types it: the protocol's casts."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return space.dtype.type(observation)
    if isinstance(space, gymnasium.spaces.Tuple):
        return tuple(as_observation(entry, part) for entry, part in zip(space.spaces, observation))
    return np.asarray(observation, space.dtype)


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize(("env_id", "limit", "steps"), CASES)
@pytest.mark.parametrize("num_workers", [1, 2])
def test_vector_trajectories(fixture_address, env_id, limit, steps, mode, num_workers):
    limit_of = {"max_episode_steps": limit or None}
    theirs = SyncVectorEnv([lambda: gymnasium.make(env_id, **limit_of)] * NUM_ENVS, autoreset_mode=mode)
    ours = RemoteVectorEnv(env_id, NUM_ENVS, autoreset_mode=mode, num_workers=num_workers, **limit_of)
    assert ours.metadata["autoreset_mode"] is mode
    for name in ("observation_space", "action_space", "single_observation_space", "single_action_space"):
        assert getattr(ours, name) == getattr(theirs, name)

    def compare(our, their):
        assert same(plain_all(our), plain_all(their, theirs.single_observation_space))

    compare(ours.reset(seed=SEED), theirs.reset(seed=SEED))
    theirs.action_space.seed(SEED)
    ended_ever = np.zeros(NUM_ENVS, bool)
    for _ in range(steps):
        actions = theirs.action_space.sample()
        expected = theirs.step(actions)
        compare(ours.step(actions), expected)
        ended = expected[2] | expected[3]
        ended_ever |= ended
        if mode is AutoresetMode.DISABLED and ended.any():
            compare(ours.reset(options={"reset_mask": ended}), theirs.reset(options={"reset_mask": ended}))
    # Gymnasium cannot put the seed that Told tells into one array with None.
    seeds = [7, 3, 9, 4, 11] if env_id == "Told-v0" else [7, None, 9, None, 11]
    compare(ours.reset(seed=seeds), theirs.reset(seed=seeds))
    mask = np.array([True, False, False, True, False])
    compare(ours.reset(seed=seeds, options={"reset_mask": mask}), theirs.reset(seed=seeds, options={"reset_mask": mask.copy()}))
    assert ended_ever.any()
    ours.close()
    theirs.close()


def plain_all(results, space=None):
    """Results with infos that can be compared; with a space, final observations are typed as that says."""
    *others, infos = results
    if space is not None and "final_obs" in infos:
        finals = [None if value is None else as_observation(space, value) for value in infos["final_obs"]]
        infos = {**infos, "final_obs": finals}
    return (*others, plain(infos))


@pytest.mark.parametrize(("env_id", "limit", "steps"), CASES)
def test_single_trajectories(fixture_address, stream, env_id, limit, steps):
    limit_of = {"max_episode_steps": limit or None}
    theirs, ours = gymnasium.make(env_id, **limit_of), RemoteEnv(env_id, **limit_of)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    space = theirs.observation_space

    def compare(our, their):
        observation, *rest = their
        assert same(our[0], as_observation(space, observation))
        assert same(tuple(our[1:]), tuple(rest))

    compare(ours.reset(seed=SEED), theirs.reset(seed=SEED))
    theirs.action_space.seed(SEED)
    for _ in range(steps):
        action = theirs.action_space.sample()
        observation, reward, terminated, truncated, info = theirs.step(action)
        compare(ours.step(action), (observation, float(reward), bool(terminated), bool(truncated), info))
        if terminated or truncated:
            compare(ours.reset(), theirs.reset())
    ours.close()
    theirs.close()


@pytest.mark.parametrize("name", SPACES)
def test_values_of_a_space(fixture_address, name):
    theirs = SyncVectorEnv([lambda: gymnasium.make("Echo-v0", name=name, disable_env_checker=True)] * 3)
    ours, alone = RemoteVectorEnv("Echo-v0", 3, num_workers=2, name=name), RemoteEnv("Echo-v0", name=name)
    assert ours.single_observation_space == alone.observation_space == SPACES[name]
    assert same(plain_all(ours.reset(seed=1)), plain_all(theirs.reset(seed=1)))
    alone.reset(seed=1)
    theirs.action_space.seed(2)
    for _ in range(2):
        actions = theirs.action_space.sample()
        assert same(plain_all(ours.step(actions)), plain_all(theirs.step(actions)))
    alone.action_space.seed(3)
    action = alone.action_space.sample()
    echoed = alone.step(action)[0]
    assert same(echoed, action)
    assert alone.observation_space.contains(echoed)
    for env in (ours, alone, theirs):
        env.close()
