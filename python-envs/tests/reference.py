"""``layout(space, n)`` and TransitionPart as space.proto and session.proto say, element by element and without haste."""

import struct
from itertools import chain

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array

from gymlink.protocol.spaces import OneOf


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
        return _offsets(encoded) + _block(b"".join(encoded))
    if isinstance(space, spaces.Sequence):
        rows = [elements_of(space, value) for value in values]
        return _offsets(rows) + pack(space.feature_space, [*chain(*rows)])
    if isinstance(space, spaces.Graph):
        return _pack_graphs(space, values)
    if isinstance(space, OneOf):
        chosen = [[value for variant, value in values if variant == k] for k in range(len(space.spaces))]
        variants = _block(struct.pack(f"<{len(values)}I", *[variant for variant, _ in values]))
        return variants + b"".join(map(pack, space.spaces, chosen))
    dtype = np.dtype(space.dtype).newbyteorder("<")
    return _block(b"".join(np.asarray(value).astype(dtype).tobytes() for value in values))


def _offsets(rows):
    ends = [sum(map(len, rows[:count])) for count in range(len(rows) + 1)]
    return _block(struct.pack(f"<{len(ends)}I", *ends))


def _pack_graphs(space, graphs):
    nodes = [unstacked(space.node_space, graph.nodes) for graph in graphs]
    has_edges = [graph.edge_links is not None for graph in graphs]
    links = [graph.edge_links.tolist() if has else [] for graph, has in zip(graphs, has_edges)]
    payload = _offsets(nodes) + pack(space.node_space, [*chain(*nodes)]) + _block(bytes(has_edges)) + _offsets(links)
    if space.edge_space is not None:
        edges = [unstacked(space.edge_space, graph.edges) if has else [] for graph, has in zip(graphs, has_edges)]
        payload += pack(space.edge_space, [*chain(*edges)])
    return payload + _block(np.array([*chain(*links)], "<i4").tobytes())


def elements_of(space, value):
    """The elements of a value of a Sequence space."""
    return unstacked(space.feature_space, value) if space.stack else list(value)


def unstacked(space, batch):
    """The values in what Gymnasium stacks of them."""
    if isinstance(space, spaces.Dict):
        columns = {key: unstacked(entry, batch[key]) for key, entry in space.spaces.items()}
        return [dict(zip(columns, items)) for items in zip(*columns.values())]
    if isinstance(space, spaces.Tuple):
        return list(zip(*map(unstacked, space.spaces, batch)))
    if isinstance(space, (spaces.Box, spaces.MultiBinary, spaces.MultiDiscrete)):
        return [batch[k, ...] for k in range(len(batch))]
    return list(batch)


def stacked(space, elements):
    """Values as Gymnasium stacks them."""
    empty = create_empty_array(space, len(elements))
    return concatenate(space, elements, empty) if elements else empty


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
        if isinstance(space, spaces.Sequence):
            return self._sequences(space.feature_space, rows, space.stack)
        if isinstance(space, spaces.Graph):
            return self._graphs(space, rows)
        if isinstance(space, OneOf):
            chosen = self.block(np.uint32, rows).tolist()
            values = [iter(self._rows(variant, chosen.count(k))) for k, variant in enumerate(space.spaces)]
            return tuple((np.int64(k), next(values[k])) for k in chosen)
        return self.block(space.dtype, rows, *(() if isinstance(space, spaces.Discrete) else space.shape))

    def _rows(self, space, count):
        batch = self.batch(space, count)
        return [row_of(space, batch, row) for row in range(count)]

    def _sequences(self, space, rows, stack):
        ends = self.block(np.uint32, rows + 1)
        elements = self._rows(space, int(ends[-1]))
        return tuple((stacked if stack else _untouched)(space, tuple(elements[a:b])) for a, b in zip(ends, ends[1:]))

    def _graphs(self, space, rows):
        nodes = self._sequences(space.node_space, rows, stack=True)
        has_edges = self.block(np.uint8, rows)
        ends = self.block(np.uint32, rows + 1)
        edges = [] if space.edge_space is None else self._rows(space.edge_space, int(ends[-1]))
        links = self.block(np.int32, int(ends[-1]), 2)
        return tuple(
            spaces.GraphInstance(nodes[row], stacked(space.edge_space, edges[a:b]), links[a:b])
            if has_edges[row]
            else spaces.GraphInstance(nodes[row], None, None)
            for row, (a, b) in enumerate(zip(ends, ends[1:]))
        )


def _untouched(_space, elements):
    return elements


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
    # The dots keep a value of shape () an array, as sample() gives it.
    return batch[row, ...] if isinstance(space, spaces.Box) else batch[row]


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
