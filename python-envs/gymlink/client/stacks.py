"""Stacks of frames, of which only the newest frame travels where the client has the others (session.proto, TransitionPart)."""

import math

import numpy as np
from gymnasium.spaces import Box

from gymlink.client.batches import Blocks
from gymlink.client.errors import malformed
from gymlink.protocol.layout import columns_bytes, padded

_UINT8, _UINT32 = np.dtype("u1"), np.dtype("<u4")


class Stacks:
    """The last stack of each sub-environment of a session.

    Args:
        space: Observation space of a sub-environment, whose observations are stacks.
        num_envs: Number of sub-environments.

    Raises:
        GymlinkError: MALFORMED_REPLY, if observations are no stacks.
    """

    def __init__(self, space, num_envs):
        if not isinstance(space, Box) or len(space.shape) < 2:
            raise malformed(f"{space} is no space of stacks")
        frames, frame_bytes = space.shape[0], math.prod(space.shape[1:]) * space.dtype.itemsize
        self._kept = np.zeros((num_envs, frames, frame_bytes), np.uint8)
        self._is_known = np.zeros(num_envs, bool)

    def whole(self, payload, rows):
        """A payload of so many rows with the frames that were left out of it.

        Raises:
            GymlinkError: MALFORMED_REPLY, if it breaks its layout.
        """
        columns = payload[: columns_bytes(rows)]
        envs = Blocks(columns).take(_UINT32, rows)
        if (envs >= len(self._kept)).any():
            raise malformed("a payload has rows of sub-environments that there are not")
        has_final = np.frombuffer(columns, _UINT8, rows, columns_bytes(rows) - padded(rows)) == 1
        ended = envs[has_final]
        blocks = Blocks(memoryview(payload)[len(columns) :])
        shifted = blocks.take(_UINT8, len(ended) + rows)
        frames, frame_bytes = self._kept.shape[1:]
        count = int(np.count_nonzero(shifted))
        newest = blocks.take(_UINT8, count * frame_bytes).reshape(count, frame_bytes)
        others = len(shifted) - count
        whole = blocks.take(_UINT8, others * frames * frame_bytes).reshape(others, frames, frame_bytes)
        blocks.end()
        finals, middle = self._advance(ended, shifted[: len(ended)], newest, whole)
        observations, _ = self._advance(envs, shifted[len(ended) :], *middle)
        return b"".join((columns, _block(observations), _block(finals)))

    def _advance(self, envs, shifted, newest, whole):
        """The stacks of sub-environments after those that are kept; and what they leave of the newest frames and whole stacks."""
        is_shifted = shifted == 1
        if (shifted > 1).any() or not self._is_known[envs[is_shifted]].all():
            raise malformed("a stack in a payload goes on from none")
        stacks, count = self._kept[envs], int(is_shifted.sum())
        stacks[is_shifted, :-1] = stacks[is_shifted, 1:]
        stacks[is_shifted, -1] = newest[:count]
        stacks[~is_shifted] = whole[: len(envs) - count]
        self._kept[envs], self._is_known[envs] = stacks, True
        return stacks, (newest[count:], whole[len(envs) - count :])


def _block(stacks):
    data = stacks.tobytes()
    return data.ljust(padded(len(data)), b"\0")
