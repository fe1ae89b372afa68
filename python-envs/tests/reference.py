"""``layout(space, n)`` and TransitionPart as space.proto and session.proto say, element by element and without haste."""

import struct

import numpy as np
from gymnasium import spaces


def _padding(length):
    return bytes(-length % 8)


def _block(data):
    return data + _padding(len(data))


def pack(space, values):
    """The layout of some values, as bytes."""
    if isinstance(space, spaces.Dict):
        return b"".join(pack(entry, [value[key] for value in values]) for key, entry in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return b"".join(pack(entry, [value[k] for value in values]) for k, entry in enumerate(space.spaces))
    if isinstance(space, spaces.Text):
        encoded = [value.encode() for value in values]
        ends = [sum(map(len, encoded[:count])) for count in range(len(values) + 1)]
        return _block(struct.pack(f"<{len(ends)}I", *ends)) + _block(b"".join(encoded))
    dtype = np.dtype(space.dtype).newbyteorder("<")
    return _block(b"".join(np.asarray(value).astype(dtype).tobytes() for value in values))


class Reader:
    """Takes the blocks of a payload one after another."""

    def __init__(self, payload):
        self.payload, self.at = bytes(payload), 0

    def block(self, dtype, *shape):
        """The next block as array."""
        dtype = np.dtype(dtype).newbyteorder("<")
        count = int(np.prod(shape))
        array = np.frombuffer(self.payload, dtype, count, self.at).reshape(shape).copy()
        end = self.at + count * dtype.itemsize
        padding = self.payload[end : end + -end % 8]
        assert padding == _padding(end), "padding is not zero"
        self.at = end + len(padding)
        return array

    def batch(self, space, rows):
        """Values of a space in the form that gymnasium.vector gives a batch of observations."""
        if isinstance(space, spaces.Dict):
            return {key: self.batch(entry, rows) for key, entry in space.spaces.items()}
        if isinstance(space, spaces.Tuple):
            return tuple(self.batch(entry, rows) for entry in space.spaces)
        if isinstance(space, spaces.Text):
            ends = self.block(np.uint32, rows + 1)
            data = self.block(np.uint8, ends[-1]).tobytes()
            return tuple(data[begin:end].decode() for begin, end in zip(ends, ends[1:]))
        return self.block(space.dtype, rows, *(() if isinstance(space, spaces.Discrete) else space.shape))


COLUMNS = {
    "env_index": np.uint32,
    "episode": np.uint32,
    "episode_step": np.uint32,
    "seq": np.uint64,
    "reward": np.float64,
    "terminated": np.uint8,
    "truncated": np.uint8,
    "kind": np.uint8,
    "has_final": np.uint8,
}


def read_part(space, rows, payload):
    """A TransitionPart's payload as dict of columns, `observations` and `finals`."""
    reader = Reader(payload)
    part = {name: reader.block(dtype, rows) for name, dtype in COLUMNS.items()}
    part["observations"] = reader.batch(space, rows)
    finals = int(part["has_final"].sum())
    part["finals"] = reader.batch(space, finals) if finals else None
    assert reader.at == len(payload), "bytes are left over"
    return part


def row_of(space, batch, row):
    """One value of a batch."""
    if isinstance(space, spaces.Dict):
        return {key: row_of(entry, batch[key], row) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(row_of(entry, part, row) for entry, part in zip(space.spaces, batch))
    return batch[row]


def same(a, b):
    """Whether two values are equal in structure, types, dtypes and every bit but the sign of NaN."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        if a.dtype == object:
            return a.shape == b.shape and all(map(same, a.ravel(), b.ravel()))
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a == b or (a != a and b != b)
