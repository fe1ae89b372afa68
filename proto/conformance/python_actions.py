"""The actions of the scenarios: the rule of README.md, for a batch of any space."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_spaces import (
    GraphBatch,
    OneOfBatch,
    SequenceBatch,
    box_bounds,
    discrete_range,
    element_type,
)

_INTEGERS_OF_A_BOX = 256
_MOST_ELEMENTS = 3
_MOST_EXTRA_CHARACTERS = 4


def _numbers(rows: list[int], size: int) -> list[list[int]]:
    """Gives m + e for each row m and element e."""
    return [[m + e for e in range(size)] for m in rows]


def _real(k: int, low: float, high: float) -> float:
    if np.isfinite(low) and np.isfinite(high):
        return high if k == 4 else low + (high - low) * k / 4
    if np.isfinite(low):
        return low + k
    return high - k if np.isfinite(high) else k - 2.0


def _box_element(number: int, low: Any, high: Any) -> Any:
    if isinstance(low, float):
        return _real(number % 5, low, high)
    low, high = int(low), int(high)
    return low + number % min(high - low + 1, _INTEGERS_OF_A_BOX)


def _box(space: Any, rows: list[int]) -> np.ndarray:
    low, high = (bound.reshape(-1).tolist() for bound in box_bounds(space.box))
    values = [
        [_box_element(k, low[e], high[e]) for e, k in enumerate(row)] for row in _numbers(rows, len(low))
    ]
    dtype, shape = element_type(space)
    return np.array(values, dtype).reshape((len(rows), *shape))


def _discrete(space: Any, rows: list[int]) -> np.ndarray:
    discrete = space.discrete
    return np.array([m % discrete.n + discrete.start for m in rows], element_type(space)[0])


def _multi_discrete(space: Any, rows: list[int]) -> np.ndarray:
    nvec, start = discrete_range(space.multi_discrete)
    numbers = np.array(_numbers(rows, nvec.size), np.int64).reshape((len(rows), *nvec.shape))
    return (numbers % nvec + start).astype(element_type(space)[0])


def _multi_binary(space: Any, rows: list[int]) -> np.ndarray:
    shape = tuple(space.multi_binary.shape)
    numbers = np.array(_numbers(rows, int(np.prod(shape))), np.int64)
    return (numbers % 2).reshape((len(rows), *shape)).astype(np.int8)


def _text(space: Any, rows: list[int]) -> list[str]:
    text = space.text
    lengths = min(text.max_length - text.min_length, _MOST_EXTRA_CHARACTERS) + 1
    characters = text.characters
    return [
        "".join(characters[k % len(characters)] for k in range(m, m + text.min_length + m % lengths))
        for m in rows
    ]


def _dict(space: Any, rows: list[int]) -> dict[str, Any]:
    return {entry.key: values(entry.space, rows) for entry in space.dict.entries}


def _tuple(space: Any, rows: list[int]) -> tuple[Any, ...]:
    return tuple(values(element, rows) for element in space.tuple.spaces)


def _runs(space: Any, rows: list[int], sizes: list[int]) -> tuple[np.ndarray, Any]:
    """Gives offsets and elements of runs: element j of row m has the value of number m + j."""
    elements = [m + j for m, size in zip(rows, sizes) for j in range(size)]
    return np.cumsum([0, *sizes]), values(space, elements) if space else None


def _sequence(space: Any, rows: list[int]) -> SequenceBatch:
    return SequenceBatch(*_runs(space.sequence.space, rows, [m % (_MOST_ELEMENTS + 1) for m in rows]))


def _graph(space: Any, rows: list[int]) -> GraphBatch:
    graph = space.graph
    edge_space = graph.edge_space if graph.HasField("edge_space") else None
    counts = [m % _MOST_ELEMENTS + 1 for m in rows]
    has_edges = [bool(edge_space) and m % (_MOST_ELEMENTS + 1) != _MOST_ELEMENTS for m in rows]
    sizes = [m % (_MOST_ELEMENTS + 1) if has else 0 for m, has in zip(rows, has_edges)]
    links = [
        [(m + j) % count, (m + 2 * j) % count]
        for m, count, size in zip(rows, counts, sizes)
        for j in range(size)
    ]
    node_offsets, nodes = _runs(graph.node_space, rows, counts)
    edge_offsets, edges = _runs(edge_space, rows, sizes)
    edge_links = np.array(links, np.int32).reshape(-1, 2)
    return GraphBatch(node_offsets, nodes, np.array(has_edges), edge_offsets, edges, edge_links)


def _one_of(space: Any, rows: list[int]) -> OneOfBatch:
    spaces = space.one_of.spaces
    variants = [m % len(spaces) for m in rows]
    chosen = [[m for m, variant in zip(rows, variants) if variant == k] for k in range(len(spaces))]
    return OneOfBatch(np.array(variants), [values(one, own) for one, own in zip(spaces, chosen)])


_RULES = {
    "box": _box,
    "discrete": _discrete,
    "multi_discrete": _multi_discrete,
    "multi_binary": _multi_binary,
    "text": _text,
    "dict": _dict,
    "tuple": _tuple,
    "sequence": _sequence,
    "graph": _graph,
    "one_of": _one_of,
}


def values(space: Any, rows: list[int]) -> Any:
    """Gives a batch with the value of each number m."""
    return _RULES[space.WhichOneof("kind")](space, rows)


def actions(space: Any, rows: list[int], t: int) -> Any:
    """Gives the actions of the sub-environments `rows` at time t."""
    return values(space, [7 * i + 3 * t for i in rows])
