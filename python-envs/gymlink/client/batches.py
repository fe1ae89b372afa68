"""``layout(space, n)`` of space.proto as batches of values, in the form that Gymnasium's vector environments give them.

A batch of Box, Discrete, MultiDiscrete or MultiBinary is one array, a batch of Dict or Tuple a dict or tuple of batches; of the
other spaces it is a list of values here, and a tuple in a `snapshot`.
"""

import math
from copy import deepcopy

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import create_empty_array

from gymlink.client.errors import malformed
from gymlink.protocol.layout import MOST_EMPTY_ELEMENTS, element, padded, takes_no_bytes
from gymlink.protocol.spaces import OneOf

_ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class Blocks:
    """Takes the blocks of a payload one after another.

    Args:
        payload: The bytes.
    """

    def __init__(self, payload):
        self._payload, self._at = payload, 0

    def take(self, dtype, count):
        """The next block as array, which must not be written to.

        Raises:
            GymlinkError: MALFORMED_REPLY, if the payload is too short.
        """
        begin, size = self._at, count * dtype.itemsize
        if begin + size > len(self._payload):
            raise malformed(f"a payload of {len(self._payload)} bytes is too short")
        self._at = begin + padded(size)
        # Of an empty rest, NumPy makes no array.
        return np.frombuffer(self._payload, dtype, count, begin) if size else np.empty(count, dtype)

    def offsets(self, rows, space=None):
        """The next block as the offsets of some rows with elements of a space, or of others that have bytes for sure."""
        offsets = self.take(_UINT32, rows + 1).tolist()
        if offsets[0] != 0 or any(a > b for a, b in zip(offsets, offsets[1:])):
            raise malformed("offsets in a payload do not ascend from 0")
        if offsets[-1] > MOST_EMPTY_ELEMENTS and space is not None and takes_no_bytes(space):
            raise malformed(f"a payload has {offsets[-1]} elements of no bytes, more than {MOST_EMPTY_ELEMENTS}")
        return offsets

    def end(self):
        """Raises GymlinkError MALFORMED_REPLY unless all bytes were taken."""
        if self._at != len(self._payload):
            raise malformed(f"a payload has {len(self._payload)} bytes instead of {self._at}")


_UINT8, _UINT32, _INT32 = np.dtype("u1"), np.dtype("<u4"), np.dtype("<i4")


def read(space, rows, blocks):
    """The batch of some rows; its arrays must not be written to."""
    if isinstance(space, _ARRAYS):
        return _read_array(space, rows, blocks)
    if isinstance(space, spaces.Dict):
        return {key: read(entry, rows, blocks) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple([read(entry, rows, blocks) for entry in space.spaces])
    for kind, reader in _LIST_READERS.items():
        if isinstance(space, kind):
            return reader(space, rows, blocks)
    raise TypeError(f"no values of {space}")


def _read_array(space, rows, blocks):
    dtype, shape = element(space)
    if dtype == np.bool_:
        values = blocks.take(_UINT8, rows * math.prod(shape))
        if values.size and values.max() > 1:
            raise malformed("a bool in a payload is neither 0 nor 1")
        values = values.view(np.bool_)
    else:
        values = blocks.take(dtype, rows * math.prod(shape))
    return values.reshape(rows, *shape)


def _read_texts(_space, rows, blocks):
    offsets = blocks.offsets(rows)
    data = blocks.take(_UINT8, offsets[-1]).tobytes()
    try:
        return [data[begin:end].decode() for begin, end in zip(offsets, offsets[1:])]
    except UnicodeDecodeError as error:
        raise malformed("a text in a payload is not UTF-8") from error


def _read_sequences(space, rows, blocks):
    offsets = blocks.offsets(rows, space.feature_space)
    elements = read(space.feature_space, offsets[-1], blocks)
    runs = [range(begin, end) for begin, end in zip(offsets, offsets[1:])]
    if space.stack:
        return [_section(space.feature_space, elements, run.start, run.stop) for run in runs]
    return [tuple([row(space.feature_space, elements, index) for index in run]) for run in runs]


def _section(space, batch, begin, end):
    """Rows begin … end - 1 of a batch, as stacked sequences and graphs have them."""
    if isinstance(space, spaces.Dict):
        return {key: _section(entry, batch[key], begin, end) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_section(entry, part, begin, end) for entry, part in zip(space.spaces, batch))
    return batch[begin:end].copy() if isinstance(space, _ARRAYS) else tuple(batch[begin:end])


def _read_graphs(space, rows, blocks):
    node_offsets = blocks.offsets(rows, space.node_space)
    nodes = read(space.node_space, node_offsets[-1], blocks)
    has_edges = blocks.take(_UINT8, rows)
    edge_offsets = blocks.offsets(rows, space.edge_space)
    edges = None if space.edge_space is None else read(space.edge_space, edge_offsets[-1], blocks)
    links = blocks.take(_INT32, 2 * edge_offsets[-1]).reshape(-1, 2)
    _check_graphs(np.diff(node_offsets), has_edges, np.diff(edge_offsets), links)
    graphs = []
    for index in range(rows):
        begin, end = edge_offsets[index : index + 2]
        graph_nodes = _section(space.node_space, nodes, *node_offsets[index : index + 2])
        graph_edges = None if edges is None or not has_edges[index] else _section(space.edge_space, edges, begin, end)
        graph_links = links[begin:end].copy() if has_edges[index] else None
        graphs.append(spaces.GraphInstance(graph_nodes, graph_edges, graph_links))
    return graphs


def _check_graphs(node_counts, has_edges, edge_counts, links):
    if (has_edges > 1).any() or edge_counts[has_edges == 0].any():
        raise malformed("whether a graph in a payload has edges is not 0 or 1, or it has some all the same")
    ends = np.repeat(node_counts, edge_counts)[:, None]
    if ((links < 0) | (links >= ends)).any():
        raise malformed("an edge of a graph in a payload links a node that is none of it")


def _read_variants(space, rows, blocks):
    chosen = blocks.take(_UINT32, rows).tolist()
    if any(variant >= len(space.spaces) for variant in chosen):
        raise malformed("a variant in a payload is not one of its space's")
    batches = [read(variant, chosen.count(k), blocks) for k, variant in enumerate(space.spaces)]
    seen = [0] * len(space.spaces)
    values = []
    for variant in chosen:
        values.append((np.int64(variant), row(space.spaces[variant], batches[variant], seen[variant])))
        seen[variant] += 1
    return values


_LIST_READERS = {
    spaces.Text: _read_texts,
    spaces.Sequence: _read_sequences,
    spaces.Graph: _read_graphs,
    OneOf: _read_variants,
}


def row(space, batch, index):
    """One value of a batch, in memory of its own."""
    if isinstance(space, spaces.Discrete):
        return batch[index]
    if isinstance(space, _ARRAYS):
        # The dots keep a value of shape () an array, as sample() gives it.
        return batch[index, ...].copy()
    if isinstance(space, spaces.Dict):
        return {key: row(entry, batch[key], index) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple([row(entry, part, index) for entry, part in zip(space.spaces, batch)])
    return batch[index]


def empty(space, rows):
    """A batch of zeros that `place` fills."""
    return _mutable(space, create_empty_array(space, rows, np.zeros))


def _mutable(space, batch):
    if isinstance(space, spaces.Dict):
        return {key: _mutable(entry, batch[key]) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_mutable(entry, part) for entry, part in zip(space.spaces, batch))
    return batch if isinstance(space, _ARRAYS) else list(batch)


def place(space, batch, indices, part):
    """Copies the rows of a part to some rows of a batch; `indices` is an array of them, ascending."""
    first, last = int(indices[0]), int(indices[-1])
    where = slice(first, last + 1) if last - first + 1 == len(indices) else indices
    _place(space, batch, where, indices, part)


def _place(space, batch, where, indices, part):
    if isinstance(space, _ARRAYS):
        batch[where] = part
    elif isinstance(space, spaces.Dict):
        for key, entry in space.spaces.items():
            _place(entry, batch[key], where, indices, part[key])
    elif isinstance(space, spaces.Tuple):
        for entry, own, other in zip(space.spaces, batch, part):
            _place(entry, own, where, indices, other)
    else:
        for index, value in zip(indices.tolist(), part):
            batch[index] = value


def joined(space, parts):
    """Batches one behind the other, as a copy for the user."""
    if isinstance(space, _ARRAYS):
        return np.concatenate(parts)
    if isinstance(space, spaces.Dict):
        return {key: joined(entry, [part[key] for part in parts]) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple([joined(entry, column) for entry, column in zip(space.spaces, zip(*parts))])
    return tuple([value for part in parts for value in part])


def snapshot(space, batch):
    """A copy of a batch for the user."""
    if isinstance(space, _ARRAYS):
        return batch.copy()
    if isinstance(space, spaces.Dict):
        return {key: snapshot(entry, batch[key]) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple([snapshot(entry, part) for entry, part in zip(space.spaces, batch)])
    return deepcopy(tuple(batch))
