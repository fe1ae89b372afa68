"""The Python client: saved states."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import AlreadyPendingCallError
from gymnasium.vector import SyncVectorEnv

from gymlink.client import RemoteEnv, RemoteVectorEnv
from tests.test_client import raises


@pytest.mark.parametrize("env_id", ["CartPole-v1", "FrozenLake-v1", "LunarLander-v3", "HalfCheetah-v5"])
def test_a_restored_environment_does_the_same_again(address, env_id):
    with RemoteEnv(env_id, seed=3, max_episode_steps=30) as env:
        env.action_space.seed(1)
        env.reset()
        play(env, [env.action_space.sample() for _ in range(3)])
        state, actions = env.save_state(), [env.action_space.sample() for _ in range(40)]
        first = play(env, actions)
        assert any(step[2] or step[3] for step in first), "no episode ended"
        observation, info = env.restore_state(state)
        assert env.observation_space.contains(observation) and isinstance(info, dict)
        assert same(play(env, actions), first)
        env.drop_state(state)
        with raises("STATE_NOT_FOUND"):
            env.restore_state(state)
        assert env.save_state() != state


def play(env, actions):
    """The steps that some actions give; an episode that ended is reset."""
    steps = []
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2] or steps[-1][3]:
            steps.append((*env.reset(), False, False, {}))
    return steps


def same(left, right):
    """Whether steps are equal to the bit."""
    return all(np.array_equal(a[0], b[0]) and a[1:] == b[1:] for a, b in zip(left, right, strict=True))


def test_states_of_chosen_sub_environments(address):
    envs = RemoteVectorEnv("CartPole-v1", 4, num_workers=2, seed=1)
    observations = envs.reset()[0]
    one, three = envs.save_state([1, 3])
    before = envs.step([0, 1, 0, 1])[0]
    kept, _ = envs.restore_state([three, one], env_indices=np.array([0, 3]))
    assert (kept == [observations[3], before[1], before[2], observations[1]]).all()
    details = envs.last_transition()
    assert (details.envs, details.kinds, details.episode_steps) == ([0, 3], ["reset", "reset"], [0, 0])
    forked, _ = envs.restore_state(one)
    assert (forked == observations[1]).all()
    stepped = envs.step([1, 1, 1, 1])[0]
    assert (stepped == before[1]).all()
    envs.close()


def test_fork(address):
    envs = RemoteVectorEnv("CartPole-v1", 4, num_workers=2, seed=1)
    envs.reset()
    before = envs.step([0, 1, 0, 1])[0]
    forked, _ = envs.fork(1, [0, 3])
    assert (forked == before[[1, 1, 2, 1]]).all()
    after = envs.step([1, 1, 0, 1])[0]
    assert (after[0] == after[1]).all() and (after[3] == after[1]).all()
    for targets, reason in (([], "INVALID_ARGUMENT"), ([4], "INVALID_ENV_INDEX"), ([3, 0], "INVALID_ENV_INDEX")):
        with raises(reason):
            envs.fork(1, targets)
    with raises("INVALID_ENV_INDEX"):
        envs.fork(4, [0])
    # Nothing was left behind.
    with raises("STATE_NOT_FOUND"):
        envs.restore_state(1)
    envs.close()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_vector_infos_of_a_restored_state(address, mode):
    options = {"max_episode_steps": 3, "autoreset_mode": mode}
    envs = RemoteVectorEnv("Taxi-v4", 2, seed=1, **options)
    envs.reset()
    for _ in range(3):
        observations, _, _, truncations, infos = envs.step([0, 1])
    assert truncations.all()
    states = envs.save_state()
    restored, restored_infos = envs.restore_state(states)
    assert (restored == observations).all()
    assert (restored_infos["action_mask"] == infos["action_mask"]).all()
    if mode == "Disabled":
        with raises("RESET_NEEDED"):
            envs.step([0, 0])
    else:
        envs.step([0, 0])
        assert envs.last_transition().kinds == [{"NextStep": "autoreset", "SameStep": "step"}[mode]] * 2
    envs.close()


def test_exported_states_go_on_elsewhere(address):
    envs = RemoteVectorEnv("FrozenLake-v1", 2, seed=5)
    local = SyncVectorEnv([lambda: gymnasium.make("FrozenLake-v1")] * 2)
    envs.reset(), local.reset(seed=5)
    envs.step([1, 2]), local.step([1, 2])
    exported = envs.export_state(envs.save_state())
    assert [type(state) for state in exported] == [bytes, bytes]
    envs.close()
    other = RemoteVectorEnv("FrozenLake-v1", 2)
    other.restore_state(other.import_state(exported))
    for actions in ([2, 2], [1, 0], [2, 3]):
        assert (other.step(actions)[0] == local.step(actions)[0]).all()
    other.close()
    with RemoteEnv("FrozenLake-v1") as env:
        env.restore_state(env.import_state(exported[0]))
        again = env.import_state(env.export_state(env.save_state()))
        assert env.restore_state(again)[0] == env.restore_state(env.save_state())[0]


def test_states_that_are_refused(address):
    envs = RemoteVectorEnv("CartPole-v1", 2, env_kwargs=[{"sutton_barto_reward": True}, {}])
    with raises("RESET_NEEDED"):
        envs.save_state()
    envs.reset(seed=1)
    first, second = envs.save_state()
    expected = envs.step([0, 1])
    envs.restore_state([first, second])
    for state_ids, env_indices, reason in (
        ([first], None, "MALFORMED_REQUEST"),
        ([], None, "MALFORMED_REQUEST"),
        ([first, 99], None, "STATE_NOT_FOUND"),
        ([second, first], None, "STATE_MISMATCH"),
        ([first, second], [1, 0], "INVALID_ENV_INDEX"),
        (first, [2], "INVALID_ENV_INDEX"),
        (first, [], "INVALID_ARGUMENT"),
        (-1, None, "INVALID_ARGUMENT"),
    ):
        with raises(reason):
            envs.restore_state(state_ids, env_indices)
    for call in (envs.drop_state, envs.export_state):
        with raises("STATE_NOT_FOUND"):
            call([first, 99])
        with pytest.raises(TypeError):
            call(["a"])
    with raises("MALFORMED_REQUEST"):
        envs.import_state([b"no state"])
    with raises("INVALID_ARGUMENT"):
        envs.import_state(["no state"])
    with RemoteEnv("FrozenLake-v1") as lake, raises("STATE_MISMATCH"):
        lake.import_state(envs.export_state([first])[0])
    found = envs.step([0, 1])
    assert (found[0] == expected[0]).all() and (found[1] == expected[1]).all()
    envs.close()


def test_states_while_a_step_is_pending(address):
    envs = RemoteVectorEnv("CartPole-v1", 2)
    envs.reset(seed=1)
    states = envs.save_state()
    envs.step_async([0, 1])
    for call in (
        envs.save_state,
        lambda: envs.restore_state(states),
        lambda: envs.drop_state(states),
        lambda: envs.export_state(states),
        lambda: envs.import_state([]),
    ):
        with pytest.raises(AlreadyPendingCallError):
            call()
    envs.step_wait()
    envs.close()


def test_environments_whose_states_cannot_be_saved(fixture_address):
    with RemoteEnv("Reused-v0") as env:
        env.reset()
        with raises("UNIMPLEMENTED"):
            env.save_state()
