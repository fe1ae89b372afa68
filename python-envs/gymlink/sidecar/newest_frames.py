"""Stacks of frames, of which only the newest frame travels where the client has the others (session.proto, TransitionPart)."""

import math

import numpy as np
from gymnasium.spaces import Box

from gymlink.protocol import schema
from gymlink.protocol.layout import columns_bytes, padded
from gymlink.sidecar.errors import RequestError


class NewestFrames:
    """Shortens the payloads of a worker.

    Args:
        env_id: Id of the environment, for messages.
        space: Observation space of a sub-environment.
        first: First sub-environment of the worker.
        count: How many it has.

    Raises:
        RequestError: MALFORMED_REQUEST, where observations are no stacks.
    """

    def __init__(self, env_id, space, first, count):
        if not isinstance(space, Box) or len(space.shape) < 2 or space.shape[0] < 2:
            message = (
                "newest_frame_only is for stacks of two or more frames along the first axis of a Box, but observations of "
                f"{env_id} are of {space}. Open the session without it, or with the wrapper FrameStackObservation outermost."
            )
            raise RequestError(schema.ERROR_REASON_MALFORMED_REQUEST, message)
        frames, frame_bytes = space.shape[0], math.prod(space.shape[1:]) * space.dtype.itemsize
        self._first = first
        # As bytes: as numbers, NaN is not equal to itself, and -0.0 is equal to 0.0.
        self._kept = np.zeros((count, frames, frame_bytes), np.uint8)

    def shorten(self, payload, rows):
        """A payload of so many rows without the frames that the client has, as bytes of its own."""
        data, columns = np.frombuffer(payload, np.uint8), columns_bytes(rows)
        own = (data[: 4 * rows].view("<u4") - self._first).tolist()
        kind, has_final = (data[columns - back * padded(rows) :][:rows].tolist() for back in (2, 1))
        ended = [i for i, has in zip(own, has_final) if has]
        observations, finals = self._stacks(data[columns:], rows, len(ended))
        shifted, newest, whole = bytearray(padded(len(ended) + rows)), [], []
        # A reset is always whole: rows before it may have been lost with the failure of their request.
        may_shift = [True] * len(ended) + [each != schema.ROW_KIND_RESET for each in kind]
        for at, (i, stack) in enumerate(zip([*ended, *own], [*finals, *observations])):
            kept = self._kept[i]
            if may_shift[at] and np.array_equal(kept[1:], stack[:-1]):
                shifted[at] = 1
                newest.append(stack[-1])
            else:
                whole.append(stack)
            kept[...] = stack
        return b"".join((memoryview(payload)[:columns], shifted, *_block(newest), *_block(whole)))

    def _stacks(self, data, rows, finals):
        """The blocks of observations and of final ones, as stacks of frames of bytes."""
        frames, frame_bytes = self._kept.shape[1:]
        begin = padded(rows * frames * frame_bytes)
        blocks = ((data, rows), (data[begin:], finals))
        return [block[: count * frames * frame_bytes].reshape(count, frames, frame_bytes) for block, count in blocks]


def _block(arrays):
    length = sum(array.nbytes for array in arrays)
    return (*arrays, bytes(padded(length) - length))
