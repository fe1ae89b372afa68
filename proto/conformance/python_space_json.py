"""Spaces, and rows of batches of their values, in the JSON form of scenarios.json."""

from __future__ import annotations

from typing import Any

from python_forms import array_json, bound_json
from python_spaces import GraphBatch, OneOfBatch, SequenceBatch, element_type
from python_values import tensor_to_array


def _box_json(box: Any, space: Any) -> dict[str, Any]:
    dtype, shape = element_type(space)
    low, high = (bound_json(bound, dtype.itemsize) for bound in (box.low, box.high))
    unbounded = {"unbounded_below": box.unbounded_below.hex(), "unbounded_above": box.unbounded_above.hex()}
    given = {name: flags for name, flags in unbounded.items() if flags}
    return {"dtype": dtype.name, "shape": list(shape), "low": low, "high": high, **given}


_SPACE_FORMS = {
    "box": _box_json,
    "discrete": lambda kind, space: {
        "n": str(kind.n),
        "start": str(kind.start),
        "dtype": element_type(space)[0].name,
    },
    "multi_discrete": lambda kind, space: {
        "nvec": array_json(tensor_to_array(kind.nvec)),
        "start": array_json(tensor_to_array(kind.start)),
        "dtype": element_type(space)[0].name,
    },
    "multi_binary": lambda kind, space: {"shape": list(kind.shape), "from_scalar": kind.from_scalar},
    "text": lambda kind, space: {
        "min_length": kind.min_length,
        "max_length": kind.max_length,
        "characters": kind.characters,
    },
    "dict": lambda kind, space: {
        "entries": [[e.key, space_json(e.space)] for e in kind.entries],
        **({"unsorted": True} if kind.unsorted else {}),
    },
    "tuple": lambda kind, space: {"spaces": [space_json(one) for one in kind.spaces]},
    "sequence": lambda kind, space: {"space": space_json(kind.space), "stacked": kind.stacked},
    "graph": lambda kind, space: {
        "node_space": space_json(kind.node_space),
        "edge_space": space_json(kind.edge_space) if kind.HasField("edge_space") else None,
    },
    "one_of": lambda kind, space: {"spaces": [space_json(one) for one in kind.spaces]},
}


def space_json(space: Any) -> dict[str, Any]:
    """Gives a space."""
    kind = space.WhichOneof("kind")
    return {"kind": kind, **_SPACE_FORMS[kind](getattr(space, kind), space)}


def _sequence_row(space: Any, batch: SequenceBatch, i: int) -> dict[str, Any]:
    elements = range(batch.offsets[i], batch.offsets[i + 1])
    return {"sequence": [row_json(space.sequence.space, batch.elements, j) for j in elements]}


def _graph_row(space: Any, batch: GraphBatch, i: int) -> dict[str, Any]:
    graph = space.graph
    nodes = range(batch.node_offsets[i], batch.node_offsets[i + 1])
    edges = range(batch.edge_offsets[i], batch.edge_offsets[i + 1])
    some, valued = batch.has_edges[i], batch.edges is not None
    form = {
        "nodes": [row_json(graph.node_space, batch.nodes, j) for j in nodes],
        "edges": [row_json(graph.edge_space, batch.edges, j) for j in edges] if some and valued else None,
        "edge_links": array_json(batch.edge_links[edges.start : edges.stop]) if some else None,
    }
    return {"graph": form}


def _one_of_row(space: Any, batch: OneOfBatch, i: int) -> dict[str, Any]:
    variant = int(batch.variants[i])
    place = int((batch.variants[:i] == variant).sum())
    return {"one_of": [variant, row_json(space.one_of.spaces[variant], batch.batches[variant], place)]}


def _dict_row(space: Any, batch: dict[str, Any], i: int) -> dict[str, Any]:
    return {"dict": [[e.key, row_json(e.space, batch[e.key], i)] for e in space.dict.entries]}


def _tuple_row(space: Any, batch: tuple[Any, ...], i: int) -> dict[str, Any]:
    return {"tuple": [row_json(one, values, i) for one, values in zip(space.tuple.spaces, batch)]}


_ROW_FORMS = {
    "text": lambda space, batch, i: {"text": batch[i]},
    "dict": _dict_row,
    "tuple": _tuple_row,
    "sequence": _sequence_row,
    "graph": _graph_row,
    "one_of": _one_of_row,
}


def row_json(space: Any, batch: Any, i: int) -> dict[str, Any]:
    """Gives row i of a batch of a space."""
    form = _ROW_FORMS.get(space.WhichOneof("kind"))
    return form(space, batch, i) if form else array_json(batch[i])
