"""The Python client: payloads in shared memory are those of messages."""

import zlib

import numpy as np
import pytest

from gymlink.client import GymlinkError, RemoteAsyncVectorEnv, RemoteVectorEnv
from gymlink.client import session as client_session
from gymlink.client.shared_memory import SharedMemory


def play(steps=45):
    """The checksums of frames, and whatever else some steps gave."""
    envs, seen = RemoteVectorEnv("Pixels-v0", 4, num_workers=2, seed=5), []
    seen.append(checked(envs.reset()[0]))
    for _ in range(steps):
        observations, *others, _ = envs.step(envs.action_space.sample())
        seen.append((checked(observations), *(array.tolist() for array in others)))
    envs.close()
    return seen


def checked(frames):
    """The checksums of frames."""
    sums = [zlib.crc32(frame.reshape(-1)[4:].tobytes()) for frame in frames]
    assert sums == [int.from_bytes(frame.reshape(-1)[:4].tobytes(), "little") for frame in frames]
    return sums


class Counted(SharedMemory):
    """Counts the payloads that were read."""

    payloads = 0

    def payload(self, place):
        """Counts one."""
        Counted.payloads += 1
        return super().payload(place)


def play_ready(steps=45):
    """The same of each sub-environment, in an asynchronous session."""
    envs = RemoteAsyncVectorEnv("Pixels-v0", 4, 2, num_workers=2, seed=5)
    tracks = [[] for _ in range(4)]
    envs.async_reset()
    while min(map(len, tracks)) < steps:
        observations, *others, infos = envs.recv()
        for env, *row in zip(infos["env_id"], checked(observations), *(array.tolist() for array in others)):
            tracks[env].append(row)
        envs.send(np.ones(len(observations), np.int64), infos["env_id"])
    envs.close()
    return [track[:steps] for track in tracks]


def test_asynchronous_frames_are_the_same_in_shared_memory_and_in_messages(fixture_address, monkeypatch):
    Counted.payloads = 0
    monkeypatch.setattr(client_session, "SharedMemory", Counted)
    shared = play_ready()
    assert Counted.payloads >= 4 * 45
    monkeypatch.setattr(client_session, "SharedMemory", lambda offer: SharedMemory({**offer, "path": "/nowhere"}))
    assert play_ready() == shared


def test_frames_are_the_same_in_shared_memory_and_in_messages(fixture_address, monkeypatch):
    Counted.payloads = 0
    monkeypatch.setattr(client_session, "SharedMemory", Counted)
    shared = play()
    assert Counted.payloads == 2 * len(shared)
    # As on another machine, where the file is not there.
    monkeypatch.setattr(client_session, "SharedMemory", lambda offer: SharedMemory({**offer, "path": "/nowhere"}))
    assert play() == shared


def test_a_slot_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(bytes(64 + 16))
    memory = SharedMemory({"path": str(path), "slot_bytes": 16, "slots": 2})
    assert memory.nonce == bytes(16)
    assert memory.payload({"length": 16}) == bytes(16)
    for place in ({"slot": 2, "length": 1}, {"length": 17}, {"slot": 1, "length": 16}):
        with pytest.raises(GymlinkError, match=r"slot|ends early"):
            memory.payload(place)
    memory.close()
    memory.close()
