"""Writes the files of proto/fixtures: values of every kind of space with the bytes that ``layout(space, n)`` gives for them.

``python -m tests.make_fixtures`` (in python-envs) writes the files. Their form is described in proto/fixtures/README.md.
"""

import base64
import json
from pathlib import Path

import numpy as np
from gymnasium import spaces

from gymlink.protocol import wire
from gymlink.protocol.spaces import OneOf, describe
from tests.reference import elements_of, pack, unstacked
from tests.space_list import COMPOSITE_SPACES, SPACES, samples

FOLDER = Path(__file__).parents[2] / "proto/fixtures"
ROWS = (1, 3)


def _number(value):
    """A number as JSON; what JSON or JavaScript's numbers cannot hold becomes text."""
    value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {np.inf: "Infinity", -np.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    return value


def typed(space, value):
    """A value of a space as JSON that tells its type."""
    if isinstance(space, spaces.Dict):
        return {"dict": {key: typed(entry, value[key]) for key, entry in space.spaces.items()}}
    if isinstance(space, spaces.Tuple):
        return {"tuple": [typed(element, item) for element, item in zip(space.spaces, value)]}
    if isinstance(space, spaces.Text):
        return {"text": value}
    if isinstance(space, spaces.Sequence):
        return {"sequence": [typed(space.feature_space, element) for element in elements_of(space, value)]}
    if isinstance(space, spaces.Graph):
        return {"graph": _typed_graph(space, value)}
    if isinstance(space, OneOf):
        variant, chosen = value
        return {"one_of": {"variant": int(variant), "value": typed(space.spaces[variant], chosen)}}
    if isinstance(space, spaces.Discrete):
        return {"integer": _number(np.asarray(value))}
    array = np.asarray(value, space.dtype)
    return {"array": {"dtype": array.dtype.name, "shape": list(array.shape), "data": [_number(item) for item in array.ravel()]}}


def _typed_graph(space, graph):
    nodes = [typed(space.node_space, node) for node in unstacked(space.node_space, graph.nodes)]
    edges = None if graph.edges is None else [typed(space.edge_space, edge) for edge in unstacked(space.edge_space, graph.edges)]
    links = None if graph.edge_links is None else graph.edge_links.tolist()
    return {"nodes": nodes, "edges": edges, "edge_links": links}


def entry(name, space, values, contained=True):
    """One entry of the file."""
    assert all(map(space.contains, values)) == contained or _is_beyond_contains(space)
    return {
        "name": name,
        "space": base64.b64encode(wire.encode("Space", describe(space))).decode(),
        "rows": len(values),
        "contained": contained,
        "values": [typed(space, value) for value in values],
        "payload": pack(space, values).hex(),
    }


def _is_beyond_contains(space):
    """Whether Gymnasium's own check fails for values that it samples: it cannot iterate over what is stacked of these."""
    return isinstance(space, spaces.Sequence) and space.stack and not isinstance(space.feature_space, _ARRAYS)


_ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiBinary, spaces.MultiDiscrete)


def _extremes(dtype):
    limits = np.finfo(dtype) if np.dtype(dtype).kind == "f" else np.iinfo(dtype)
    return np.array([limits.min, limits.max, limits.tiny if np.dtype(dtype).kind == "f" else 1], dtype)


def special_entries():
    """Values that sampling does not come to."""
    for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        space = SPACES[f"box, {dtype}, full range"]
        yield entry(f"extremes of {dtype}", space, [_extremes(dtype)])
    for dtype in ("float16", "float32", "float64"):
        space = spaces.Box(-np.inf, np.inf, (3,), np.dtype(dtype).type)
        infinite = np.array([np.inf, -np.inf, -0.0], dtype)
        yield entry(f"extremes of {dtype}", space, [_extremes(dtype), infinite])
        yield entry(f"NaN in {dtype}", space, [np.array([np.nan, 0.1, 1.0], dtype)], contained=False)
    yield entry("outside the bounds", spaces.Box(-1.0, 1.0, (2,)), [np.array([1.5, -2.0], np.float32)], contained=False)
    yield entry("texts of no and of all lengths", SPACES["text, possibly empty"], ["", "a", "", "bab"])


def special_composites():
    """Values of Sequence, Graph and OneOf spaces that sampling does not come to."""
    discrete, box = spaces.Discrete(5), spaces.Box(-1.0, 1.0, (2,))
    yield entry("empty sequences", spaces.Sequence(discrete), [(), (), (np.int64(1),), ()])
    stacked = [np.zeros((0, 2), np.float32), np.ones((1, 2), np.float32), np.zeros((0, 2), np.float32)]
    yield entry("empty sequences, stacked", spaces.Sequence(box, stack=True), stacked)
    yield entry("empty sequences of dict, stacked", spaces.Sequence(spaces.Dict(a=box), stack=True), [{"a": stacked[0]}] * 2)
    bad = (np.array([0, 2], np.float32),)
    yield entry("outside the bounds within a sequence", spaces.Sequence(box), [(), bad], contained=False)
    nodes, links = np.zeros((2, 2), np.float32), np.array([[0, 1], [1, 1], [1, 0]], np.int32)
    none = spaces.GraphInstance(nodes, None, None)
    without = [spaces.GraphInstance(nodes, np.zeros(0, np.int64), links[:0]), none]
    with_edges = spaces.GraphInstance(nodes, np.array([4, 0, 2]), links)
    yield entry("graphs with no edges and without edges", spaces.Graph(box, discrete), [*without, with_edges, none])
    empty = spaces.GraphInstance(nodes[:0], None, None)
    yield entry("graphs without nodes", spaces.Graph(box, discrete), [empty, with_edges, empty])
    one_of = spaces.OneOf((discrete, box, spaces.Text(3)))
    yield entry("one variant in all rows", one_of, [(np.int64(1), np.zeros(2, np.float32))] * 3)
    yield entry("outside the bounds within a variant", one_of, [(np.int64(0), np.int64(5))], contained=False)


def _sampled(all_spaces):
    return [entry(f"{name}, {rows} rows", space, samples(space, rows)) for name, space in all_spaces.items() for rows in ROWS]


def _lines(entries):
    """A file's content: one entry a line."""
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in entries)
    return f"[\n{lines}\n]\n"


def files():
    """The content of each file, by its path."""
    return {
        FOLDER / "layouts.json": _lines([*_sampled(SPACES), *special_entries()]),
        FOLDER / "composite-layouts.json": _lines([*_sampled(COMPOSITE_SPACES), *special_composites()]),
    }


if __name__ == "__main__":
    for path, content in files().items():
        path.write_text(content, encoding="utf-8")
