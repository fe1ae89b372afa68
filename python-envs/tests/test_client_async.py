"""The Python client: sub-environments that do not wait for each other."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from gymlink.client import RemoteAsyncVectorEnv, RemoteVectorEnv
from tests.reference import same
from tests.test_client import raises

COUNT, STEPS = 5, 40


def action(env, step):
    """What a sub-environment does in its step of a number."""
    return (3 * env + step) % 4


def synchronous(address, **options):
    """The rows of each sub-environment, by their step."""
    envs = RemoteVectorEnv("LunarLander-v3", COUNT, address=address, **options)
    observations, _ = envs.reset(seed=7)
    begun = np.float64(0), np.False_, np.False_
    rows = [[(observations[env], *begun)] for env in range(COUNT)]
    for step in range(STEPS):
        *gave, infos = envs.step(np.array([action(env, step) for env in range(COUNT)]))
        for env in range(COUNT):
            rows[env].append(tuple(column[env] for column in gave))
            if "final_obs" in infos and infos["_final_obs"][env]:
                rows[env].append(infos["final_obs"][env])
    envs.close()
    return rows


def asynchronous(address, batch_size=2, **options):
    """The same, as they were received."""
    envs = RemoteAsyncVectorEnv("LunarLander-v3", COUNT, batch_size, address=address, **options)
    envs.async_reset(seed=7)
    rows = [[] for _ in range(COUNT)]
    steps = [0] * COUNT
    while min(steps) < STEPS:
        *gave, infos = envs.recv()
        names = infos["env_id"].tolist()
        assert names == sorted(set(names)) and len(names) <= batch_size
        assert envs.last_transition().envs == names
        for row, env in enumerate(names):
            rows[env].append(tuple(column[row] for column in gave))
            if "final_obs" in infos and infos["_final_obs"][row]:
                rows[env].append(infos["final_obs"][row])
        envs.send(np.array([action(env, steps[env]) for env in names]), names)
        for env in names:
            steps[env] += 1
    envs.close()
    return rows


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"batch_size": 4}, {"max_wait_ms": 1}])
def test_each_plays_as_in_a_synchronous_environment(fixture_address, mode, options):
    shared = {"autoreset_mode": mode, "max_episode_steps": 15}
    expected = synchronous(fixture_address, **shared)
    for ours, theirs in zip(asynchronous(fixture_address, **shared, **options), expected):
        # Quick ones have stepped more often meanwhile.
        assert len(ours) >= STEPS
        assert all(map(same, ours, theirs))


def test_what_is_under_way_cannot_be_stepped_or_reset_again(fixture_address):
    envs = RemoteAsyncVectorEnv("CartPole-v1", 4, 2, address=fixture_address)
    with raises("INVALID_ARGUMENT"):
        envs.recv()
    envs.async_reset(seed=1)
    with raises("INVALID_ARGUMENT"):
        envs.async_reset()
    names = envs.recv()[-1]["env_id"]
    under_way = sorted({0, 1, 2, 3} - set(names.tolist()))
    for env_id, reason in [
        ([under_way[0]], "INVALID_ARGUMENT"),
        ([4], "INVALID_ENV_INDEX"),
        ([-1], "INVALID_ENV_INDEX"),
        (names[::-1], "INVALID_ENV_INDEX"),
        ([names[0], names[0]], "INVALID_ENV_INDEX"),
        ([], "INVALID_ARGUMENT"),
    ]:
        with raises(reason):
            envs.send(np.zeros(len(env_id), int), env_id)
    with raises("INVALID_ACTION"):
        envs.send([0.5, 0.5], names)
    # What only the server knows is raised by recv, after what was ready before it.
    envs.send([7, 7], names)
    assert envs.recv()[-1]["env_id"].tolist() == under_way
    with raises("INVALID_ACTION"):
        envs.recv()
    envs.send([0, 1], names)
    assert envs.recv()[-1]["env_id"].tolist() == names.tolist()
    envs.close()
    envs.close()
    with raises("SESSION_CLOSED"):
        envs.recv()


def test_a_failure_is_raised_by_recv_and_the_others_go_on(fixture_address):
    faults = [{}, {"where": "step", "fault": "raise"}, {}]
    envs = RemoteAsyncVectorEnv("Faulty-v0", 3, 1, address=fixture_address, num_workers=3, env_kwargs=faults)
    envs.async_reset()
    assert sorted(envs.recv()[-1]["env_id"][0] for _ in range(3)) == [0, 1, 2]
    envs.send([0], [1])
    with raises("ENVIRONMENT_RAISED", match="the arm broke"):
        envs.recv()
    envs.send([0, 0], [0, 2])
    assert sorted(envs.recv()[-1]["env_id"][0] for _ in range(2)) == [0, 2]
    envs.send([0], [1])
    with raises("RESET_NEEDED"):
        envs.recv()
    envs.async_reset(options={"reset_mask": np.array([False, True, False])})
    assert envs.recv()[-1]["env_id"].tolist() == [1]
    envs.close()


def test_frames_may_be_compressed(fixture_address):
    envs = RemoteAsyncVectorEnv("CarRacing-v3", 2, 1, address=fixture_address, compression="zstd", seed=3)
    plain = RemoteVectorEnv("CarRacing-v3", 2, address=fixture_address, seed=3)
    expected, _ = plain.reset()
    envs.async_reset()
    for _ in range(2):
        observations, *_, infos = envs.recv()
        assert same(observations[0], expected[infos["env_id"][0]])
    envs.close()
    plain.close()


@pytest.mark.parametrize("size", [0, 4, 5, -1])
def test_a_batch_has_fewer_than_all(fixture_address, size):
    with raises("INVALID_ARGUMENT"):
        RemoteAsyncVectorEnv("CartPole-v1", 4, size, address=fixture_address)
