"""The Python client: stacks of which only the newest frame travels are those of Gymnasium."""

import functools

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation

from gymlink.client import GymlinkError, RemoteAsyncVectorEnv, RemoteEnv, RemoteVectorEnv
from gymlink.client import session as client_session
from gymlink.client.stacks import Stacks
from gymlink.protocol.layout import columns_bytes, padded
from tests.reference import same
from tests.test_client import raises

STACKED = {"wrappers": [("FrameStackObservation", {"stack_size": 4})], "newest_frame_only": True}


@pytest.fixture
def received(fixture_address, monkeypatch):
    """Lengths of the payloads that sessions receive, as short as they were sent, and whole."""
    lengths = []

    class Counted(Stacks):
        def whole(self, payload, rows):
            whole = super().whole(payload, rows)
            lengths.append((len(payload), len(whole)))
            return whole

    monkeypatch.setattr(client_session, "Stacks", Counted)
    return lengths


def compare(ours, theirs, steps):
    """Plays the same in two vector environments; returns the fewest episodes that one has ended."""
    assert same(ours.reset(seed=7)[0], theirs.reset(seed=7)[0])
    theirs.action_space.seed(7)
    ended = np.zeros(theirs.num_envs, int)
    for _ in range(steps):
        actions = theirs.action_space.sample()
        (*ours_gave, our_info), (*theirs_gave, their_info) = ours.step(actions), theirs.step(actions)
        assert all(map(same, ours_gave, theirs_gave))
        if "final_obs" in their_info:
            assert all(map(same, our_info["final_obs"], their_info["final_obs"]))
        mask = theirs_gave[2] | theirs_gave[3]
        ended += mask
        if theirs.metadata["autoreset_mode"] is AutoresetMode.DISABLED and mask.any():
            assert same(*(envs.reset(options={"reset_mask": mask})[0] for envs in (ours, theirs)))
    ours.close()
    theirs.close()
    return ended.min()


def stacked(env_id, **options):
    """An environment of Gymnasium's with stacked observations."""
    return FrameStackObservation(gymnasium.make(env_id, **options), 4)


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_frames_are_those_of_gymnasium(received, mode, compression):
    make = functools.partial(stacked, "CarRacing-v3", max_episode_steps=6)
    options = {"autoreset_mode": mode, "max_episode_steps": 6, "compression": compression, **STACKED}
    ours = RemoteVectorEnv("CarRacing-v3", 3, num_workers=2, **options)
    assert compare(ours, SyncVectorEnv([make] * 3, autoreset_mode=mode), 20) >= 2
    sent, whole = np.sum(received, axis=0)
    assert sent < 0.6 * whole


@pytest.mark.parametrize("mode", AutoresetMode)
def test_vectors_are_those_of_gymnasium(received, mode):
    theirs = SyncVectorEnv([lambda: stacked("CartPole-v1")] * 3, autoreset_mode=mode)
    ours = RemoteVectorEnv("CartPole-v1", 3, num_workers=2, autoreset_mode=mode, **STACKED)
    assert compare(ours, theirs, 400) >= 5
    assert len(received) > 2 * 400


def test_a_state_is_restored_with_its_stack(received):
    env = RemoteEnv("CartPole-v1", **STACKED)
    env.reset(seed=7)
    for action in (0, 1, 1):
        env.step(action)
    state = env.save_state()
    expected = [env.step(action)[0] for action in (1, 0, 1)]
    env.reset(seed=8)
    env.step(0)
    env.restore_state(state)
    assert all(same(env.step(action)[0], observation) for action, observation in zip((1, 0, 1), expected))
    env.close()


def test_an_asynchronous_session_gives_the_same(received):
    expected, _ = (synchronous := RemoteVectorEnv("CartPole-v1", 3, **STACKED)).reset(seed=7)
    steps = [expected, *(synchronous.step(np.array([0, 1, 0]))[0] for _ in range(6))]
    synchronous.close()
    envs = RemoteAsyncVectorEnv("CartPole-v1", 3, 2, **STACKED)
    envs.async_reset(seed=7)
    taken = [0] * 3
    while min(taken) < 6:
        observations, *_, infos = envs.recv()
        names = infos["env_id"].tolist()
        for row, env in enumerate(names):
            if taken[env] <= 6:
                assert same(observations[row], steps[taken[env]][env])
            taken[env] += 1
        envs.send(np.array([env % 2 for env in names]), names)
    envs.close()


def test_rows_that_a_failed_request_lost_are_not_missed(received):
    faults = [{}, {"where": "reset", "fault": "raise"}]
    envs = RemoteVectorEnv("Faulty-v0", 2, num_workers=2, env_kwargs=faults, **STACKED)
    with raises("ENVIRONMENT_RAISED"):
        envs.reset()
    # The worker of the first has sent this very stack before.
    assert same(envs.reset(options={"where": ""})[0], np.zeros((2, 4, 2), np.float32))
    observations = envs.step(np.zeros(2, int))[0]
    assert same(observations[:, -1], np.full((2, 2), 0.5, np.float32)) and not observations[:, :-1].any()
    envs.close()


def test_a_broken_payload_ends_the_session(fixture_address, monkeypatch):
    env = RemoteEnv("CartPole-v1", **STACKED)
    env.reset(seed=7)
    whole = Stacks.whole
    monkeypatch.setattr(Stacks, "whole", lambda stacks, payload, rows: whole(stacks, payload[:-8], rows))
    for _ in range(2):
        with raises("MALFORMED_REPLY"):
            env.step(0)
    env.close()


def test_what_is_no_stack_is_refused(fixture_address):
    with raises("MALFORMED_REQUEST", match=r"observations of CartPole-v1 are of Box\(.*\(4,\), float32\)"):
        RemoteEnv("CartPole-v1", newest_frame_only=True)


def payload(envs, *blocks, ended=()):
    """A payload of sub-environments, behind whose columns are these blocks."""
    rows = len(envs)
    columns = bytearray(columns_bytes(rows))
    columns[: 4 * rows] = np.array(envs, "<u4").tobytes()
    for row in ended:
        columns[len(columns) - padded(rows) + row] = 1
    return bytes(columns) + b"".join(bytes(block).ljust(padded(len(block)), b"\0") for block in blocks)


def test_a_broken_payload_is_refused():
    def begun():
        stacks = Stacks(Box(0, 255, (3, 2), np.uint8), 3)
        stacks.whole(payload([0, 1], [0, 0], range(12)), 2)
        return stacks

    whole = begun().whole(payload([1], [1, 0], [12, 13], range(20, 26), ended=[0]), 1)
    assert whole == payload([1], range(20, 26), range(8, 14), ended=[0])
    for broken, rows in (
        (payload([2], [1], [7, 8]), 1),
        (payload([3], [1], [7, 8]), 1),
        (payload([0], [2], [7, 8]), 1),
        (payload([0], [1]), 1),
        (payload([0], [0]), 1),
        (payload([0], [1], [7, 8], [9]), 1),
        (payload([0], [1], [7, 8]), 1_000_000),
        (b"", 1),
    ):
        with pytest.raises(GymlinkError) as raised:
            begun().whole(broken, rows)
        assert raised.value.reason == "MALFORMED_REPLY"
    for space in (Box(0, 1, (4,)), Discrete(3)):
        with raises("MALFORMED_REPLY"):
            Stacks(space, 1)
