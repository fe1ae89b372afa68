"""The Python client: compressed observations are those of Gymnasium."""

import sys

import gymnasium
import numpy as np
import pytest
import zstandard
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from gymlink.client import GymlinkError, RemoteEnv, RemoteVectorEnv
from gymlink.client.compression import decompressor
from gymlink.protocol import schema
from gymlink.protocol.layout import columns_bytes
from tests.reference import same


@pytest.mark.parametrize("mode", AutoresetMode)
def test_frames_are_those_of_gymnasium(fixture_address, received, mode):
    theirs = SyncVectorEnv([lambda: gymnasium.make("CarRacing-v3", max_episode_steps=5)] * 3, autoreset_mode=mode)
    ours = RemoteVectorEnv("CarRacing-v3", 3, num_workers=2, autoreset_mode=mode, max_episode_steps=5, compression="zstd")
    assert same(ours.reset(seed=7)[0], theirs.reset(seed=7)[0])
    theirs.action_space.seed(7)
    for _ in range(5 if mode is AutoresetMode.DISABLED else 13):
        actions = theirs.action_space.sample()
        (*ours_gave, our_info), (*theirs_gave, their_info) = ours.step(actions), theirs.step(actions)
        assert all(map(same, ours_gave, theirs_gave))
        if "final_obs" in their_info:
            assert all(map(same, our_info["final_obs"], their_info["final_obs"]))
    assert all(len(part["payload"]) < part["uncompressed_bytes"] / 3 for part in received)
    assert len(received) >= 2 * 6
    ours.close()
    theirs.close()


def test_what_compression_would_not_make_smaller_comes_as_it_is(fixture_address, received):
    for env_id in ("Pixels-v0", "CartPole-v1"):
        with_it, without = (RemoteEnv(env_id, seed=5, compression=name) for name in ("zstd", None))
        assert same(with_it.reset()[0], without.reset()[0])
        with_it.close()
        without.close()
    assert received == []


def test_a_compression_that_there_is_not_is_refused(fixture_address):
    with pytest.raises(GymlinkError, match="no compression 'lz4'; there is zstd") as raised:
        RemoteEnv("CartPole-v1", compression="lz4")
    assert raised.value.reason == "INVALID_ARGUMENT"


def test_a_missing_package_is_named(fixture_address, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(GymlinkError, match="compression needs the Python package zstandard") as raised:
        RemoteEnv("CartPole-v1", compression="zstd")
    assert raised.value.reason == "INVALID_ARGUMENT"
    RemoteEnv("CartPole-v1").close()


def test_a_broken_payload_is_refused():
    whole = decompressor({"compression": schema.COMPRESSION_ZSTD, "max_message_bytes": 10_000})
    columns, frames = bytes(range(columns_bytes(2))), np.arange(2000, dtype=np.uint8).tobytes()
    frame = zstandard.ZstdCompressor().compress(frames)

    total = len(columns) + len(frames)

    def part(frame, length=total):
        return {"rows": 2, "payload": columns + frame, "uncompressed_bytes": length}

    assert whole(part(frame)) == columns + frames
    large = zstandard.ZstdCompressor().compress(bytes(20_000))
    for broken in (
        part(frame[:-5]),
        part(frame[:6] + bytes(len(frame) - 6)),
        part(b""),
        part(bytes(50)),
        part(frame, len(columns) + 1999),
        part(frame, len(columns)),
        part(large, len(columns) + 20_000),
        {"rows": 2, "payload": b"", "uncompressed_bytes": 100},
    ):
        with pytest.raises(GymlinkError, match="compressed") as raised:
            whole(broken)
        assert raised.value.reason == "MALFORMED_REPLY"
