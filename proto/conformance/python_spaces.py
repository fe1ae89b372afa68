"""Bytes of a batch of values of a space: `layout(space, n)` of space.proto, read into and written from NumPy.

A batch is columnar: an array `[n, ...]` for Box, Discrete, MultiDiscrete and MultiBinary; a list of str for
Text; a dict of batches for Dict; a tuple of batches for Tuple; and the dataclasses below for the other kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from python_values import DTYPES, tensor_to_array

_ALIGNMENT = 8


class PayloadError(Exception):
    """A payload that does not have the layout of its space."""


@dataclass
class SequenceBatch:
    """Row i has the elements offsets[i] to offsets[i + 1]."""

    offsets: np.ndarray
    elements: Any


@dataclass
class GraphBatch:
    """Row i has the nodes and edges between its offsets; `has_edges` tells no edges from None."""

    node_offsets: np.ndarray
    nodes: Any
    has_edges: np.ndarray
    edge_offsets: np.ndarray
    edges: Any
    edge_links: np.ndarray


@dataclass
class OneOfBatch:
    """Row i chose `variants[i]`; `batches[k]` has, in row order, the values of the rows that chose k."""

    variants: np.ndarray
    batches: list[Any]


class PayloadReader:
    """Takes one block after another from a payload."""

    def __init__(self, payload: bytes) -> None:
        """Begins at the start of `payload`."""
        self._payload = payload
        self._at = 0

    def block(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """Gives a copy of the next block."""
        count = int(np.prod(shape, dtype=np.int64))
        self._at += -self._at % _ALIGNMENT
        end = self._at + count * dtype.itemsize
        if end > len(self._payload):
            raise PayloadError(f"a block ends at {end}, the payload at {len(self._payload)}")
        array = np.frombuffer(self._payload[self._at : end], dtype).reshape(shape)
        self._at = end
        return array.copy()

    def offsets(self, rows: int) -> np.ndarray:
        """Gives the next block as the offsets of `rows` rows."""
        offsets = self.block(np.dtype("<u4"), (rows + 1,))
        if offsets[0] != 0 or np.any(np.diff(offsets.astype(np.int64)) < 0):
            raise PayloadError("offsets do not begin with 0, or decrease")
        return offsets

    def finish(self) -> None:
        """Checks that nothing is left but the padding."""
        if self._at + -self._at % _ALIGNMENT != len(self._payload):
            raise PayloadError(f"the last block ends at {self._at} of {len(self._payload)} bytes")


class PayloadWriter:
    """Puts one block after another into a payload."""

    def __init__(self) -> None:
        """Begins an empty payload."""
        self._payload = bytearray()

    def block(self, array: Any, dtype: Any) -> None:
        """Appends an array as a block."""
        self._payload += np.ascontiguousarray(array, dtype=dtype).tobytes()
        self._payload += bytes(-len(self._payload) % _ALIGNMENT)

    def finish(self) -> bytes:
        """Gives the payload."""
        return bytes(self._payload)


def element_type(space: Any) -> tuple[np.dtype, tuple[int, ...]]:
    """Gives dtype and shape of one value of a Box, Discrete, MultiDiscrete or MultiBinary space."""
    kind = space.WhichOneof("kind")
    if kind == "box":
        return DTYPES[space.box.dtype], tuple(space.box.shape)
    if kind == "discrete":
        return DTYPES[space.discrete.dtype], ()
    if kind == "multi_discrete":
        return DTYPES[space.multi_discrete.dtype], tuple(space.multi_discrete.nvec.shape)
    return np.dtype("i1"), tuple(space.multi_binary.shape)


def box_bounds(box: Any) -> tuple[np.ndarray, np.ndarray]:
    """Gives lower and upper bounds of a Box, each of the shape of a value."""
    shape = tuple(box.shape)
    dtype = DTYPES[box.dtype]
    low, high = (np.frombuffer(data, dtype) for data in (box.low, box.high))
    size = int(np.prod(shape, dtype=np.int64))
    return tuple(np.broadcast_to(b, (size,)).reshape(shape) for b in (low, high))  # type: ignore[return-value]


def discrete_range(multi: Any) -> tuple[np.ndarray, np.ndarray]:
    """Gives numbers of values and smallest values of a MultiDiscrete."""
    return tensor_to_array(multi.nvec), tensor_to_array(multi.start)


def _read_array(space: Any, rows: int, reader: PayloadReader) -> np.ndarray:
    dtype, shape = element_type(space)
    return reader.block(dtype, (rows, *shape))


def _read_text(space: Any, rows: int, reader: PayloadReader) -> list[str]:
    offsets = reader.offsets(rows)
    data = reader.block(np.dtype("u1"), (int(offsets[-1]),)).tobytes()
    return [data[begin:end].decode("utf-8") for begin, end in zip(offsets[:-1], offsets[1:])]


def _read_dict(space: Any, rows: int, reader: PayloadReader) -> dict[str, Any]:
    return {entry.key: read(entry.space, rows, reader) for entry in space.dict.entries}


def _read_tuple(space: Any, rows: int, reader: PayloadReader) -> tuple[Any, ...]:
    return tuple(read(element, rows, reader) for element in space.tuple.spaces)


def _read_sequence(space: Any, rows: int, reader: PayloadReader) -> SequenceBatch:
    offsets = reader.offsets(rows)
    return SequenceBatch(offsets, read(space.sequence.space, int(offsets[-1]), reader))


def _read_graph(space: Any, rows: int, reader: PayloadReader) -> GraphBatch:
    graph = space.graph
    node_offsets = reader.offsets(rows)
    nodes = read(graph.node_space, int(node_offsets[-1]), reader)
    has_edges = reader.block(np.dtype("u1"), (rows,))
    edge_offsets = reader.offsets(rows)
    count = int(edge_offsets[-1])
    edges = read(graph.edge_space, count, reader) if graph.HasField("edge_space") else None
    links = reader.block(np.dtype("<i4"), (count, 2))
    return GraphBatch(node_offsets, nodes, has_edges, edge_offsets, edges, links)


def _read_one_of(space: Any, rows: int, reader: PayloadReader) -> OneOfBatch:
    variants = reader.block(np.dtype("<u4"), (rows,))
    if np.any(variants >= len(space.one_of.spaces)):
        raise PayloadError("a variant that the space does not have")
    counts = np.bincount(variants, minlength=len(space.one_of.spaces))
    batches = [read(one, int(count), reader) for one, count in zip(space.one_of.spaces, counts)]
    return OneOfBatch(variants, batches)


_READERS = {
    "text": _read_text,
    "dict": _read_dict,
    "tuple": _read_tuple,
    "sequence": _read_sequence,
    "graph": _read_graph,
    "one_of": _read_one_of,
}


def read(space: Any, rows: int, reader: PayloadReader) -> Any:
    """Reads `layout(space, rows)`."""
    return _READERS.get(space.WhichOneof("kind"), _read_array)(space, rows, reader)


def _write_text(space: Any, batch: list[str], writer: PayloadWriter) -> None:
    encoded = [text.encode("utf-8") for text in batch]
    writer.block(np.cumsum([0, *map(len, encoded)]), "<u4")
    writer.block(np.frombuffer(b"".join(encoded), np.uint8), "u1")


def _write_dict(space: Any, batch: dict[str, Any], writer: PayloadWriter) -> None:
    for entry in space.dict.entries:
        write(entry.space, batch[entry.key], writer)


def _write_tuple(space: Any, batch: tuple[Any, ...], writer: PayloadWriter) -> None:
    for element, values in zip(space.tuple.spaces, batch):
        write(element, values, writer)


def _write_sequence(space: Any, batch: SequenceBatch, writer: PayloadWriter) -> None:
    writer.block(batch.offsets, "<u4")
    write(space.sequence.space, batch.elements, writer)


def _write_graph(space: Any, batch: GraphBatch, writer: PayloadWriter) -> None:
    writer.block(batch.node_offsets, "<u4")
    write(space.graph.node_space, batch.nodes, writer)
    writer.block(batch.has_edges, "u1")
    writer.block(batch.edge_offsets, "<u4")
    if space.graph.HasField("edge_space"):
        write(space.graph.edge_space, batch.edges, writer)
    writer.block(batch.edge_links, "<i4")


def _write_one_of(space: Any, batch: OneOfBatch, writer: PayloadWriter) -> None:
    writer.block(batch.variants, "<u4")
    for one, values in zip(space.one_of.spaces, batch.batches):
        write(one, values, writer)


def _write_array(space: Any, batch: np.ndarray, writer: PayloadWriter) -> None:
    writer.block(batch, element_type(space)[0])


_WRITERS = {
    "text": _write_text,
    "dict": _write_dict,
    "tuple": _write_tuple,
    "sequence": _write_sequence,
    "graph": _write_graph,
    "one_of": _write_one_of,
}


def write(space: Any, batch: Any, writer: PayloadWriter) -> None:
    """Writes `layout(space, rows)` of a batch."""
    _WRITERS.get(space.WhichOneof("kind"), _write_array)(space, batch, writer)


def encode(space: Any, batch: Any) -> bytes:
    """Gives the payload that has nothing but `layout(space, rows)` of a batch, as `StepRequest.actions`."""
    writer = PayloadWriter()
    write(space, batch, writer)
    return writer.finish()
