"""Forms of proto/conformance/README.md as the values and spaces of `gymlink.client`, and back."""

import struct

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array
from python_forms import array_json, bound_json

from gymlink.protocol.spaces import OneOf

_ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
_FROM_FORMS = {
    "none": lambda form: None,
    "bool": bool,
    "int": int,
    "float": lambda form: struct.unpack("<d", bytes.fromhex(form))[0] if isinstance(form, str) else float(form),
    "text": str,
    "binary": bytes.fromhex,
    "scalar": lambda form: _array(form)[()],
    "array": lambda form: _array(form),
    "list": lambda form: [value_of(item) for item in form],
    "tuple": lambda form: tuple(value_of(item) for item in form),
    "map": lambda form: map_of(form),
}


class Unsayable(Exception):
    """What the library's interface cannot say."""


def value_of(form):
    """A value of its form."""
    ((kind, content),) = form.items()
    if kind not in _FROM_FORMS:
        raise Unsayable(kind)
    return _FROM_FORMS[kind](content)


def map_of(form):
    """A dict of an object with text keys, or of pairs."""
    pairs = form if isinstance(form, list) else [({"text": key}, item) for key, item in form.items()]
    made = {value_of(key): value_of(item) for key, item in pairs}
    if len(made) < len(pairs):
        raise Unsayable(form)
    return made


def names_of(form):
    """A dict with text keys, for names of arguments and options."""
    made = map_of(form)
    if not all(isinstance(key, str) for key in made):
        raise Unsayable(form)
    return made


def seed_of(form):
    """A seed of its form; None for none."""
    if isinstance(form, dict):
        return int.from_bytes(bytes.fromhex(form["hex"]), "little")
    return None if form is None else int(form)


def _array(form):
    return np.frombuffer(bytes.fromhex(form["data"]), form["dtype"]).reshape(form["shape"])


def space_json(space):
    """A space."""
    for kind, (name, form) in _SPACE_FORMS.items():
        if isinstance(space, kind):
            return {"kind": name, **form(space)}
    raise TypeError(f"no form of {space}")


def _box_json(space):
    low, high = (bound_json(bound.tobytes(), space.dtype.itemsize) for bound in (space.low, space.high))
    return {"dtype": space.dtype.name, "shape": list(space.shape), "low": low, "high": high}


def _multi_discrete_json(space):
    ranges = {name: array_json(getattr(space, name).astype(np.int64)) for name in ("nvec", "start")}
    return {**ranges, "dtype": space.dtype.name}


_SPACE_FORMS = {
    spaces.Box: ("box", _box_json),
    spaces.Discrete: (
        "discrete",
        lambda space: {"n": str(space.n), "start": str(space.start), "dtype": space.dtype.name},
    ),
    spaces.MultiDiscrete: ("multi_discrete", _multi_discrete_json),
    spaces.MultiBinary: (
        "multi_binary",
        lambda space: {"shape": list(space.shape), "from_scalar": isinstance(space.n, int)},
    ),
    spaces.Text: (
        "text",
        lambda space: {
            "min_length": space.min_length,
            "max_length": space.max_length,
            "characters": "".join(space.character_list),
        },
    ),
    spaces.Dict: ("dict", lambda space: {"entries": [[key, space_json(entry)] for key, entry in space.spaces.items()]}),
    spaces.Tuple: ("tuple", lambda space: {"spaces": [space_json(entry) for entry in space.spaces]}),
    spaces.Sequence: ("sequence", lambda space: {"space": space_json(space.feature_space), "stacked": space.stack}),
    spaces.Graph: (
        "graph",
        lambda space: {
            "node_space": space_json(space.node_space),
            "edge_space": None if space.edge_space is None else space_json(space.edge_space),
        },
    ),
    OneOf: ("one_of", lambda space: {"spaces": [space_json(variant) for variant in space.spaces]}),
}


def rows_of(space, batch):
    """The rows of a batch."""
    if isinstance(space, spaces.Dict):
        columns = [rows_of(entry, batch[key]) for key, entry in space.spaces.items()]
        return [dict(zip(space.spaces, row)) for row in zip(*columns)]
    if isinstance(space, spaces.Tuple):
        return list(zip(*[rows_of(entry, part) for entry, part in zip(space.spaces, batch)]))
    return [batch[index, ...] for index in range(len(batch))] if isinstance(space, _ARRAYS) else list(batch)


def row_json(space, value):
    """One value of a space."""
    if isinstance(space, _ARRAYS):
        return array_json(value)
    if isinstance(space, spaces.Text):
        return {"text": value}
    if isinstance(space, spaces.Dict):
        return {"dict": [[key, row_json(entry, value[key])] for key, entry in space.spaces.items()]}
    if isinstance(space, spaces.Tuple):
        return {"tuple": [row_json(entry, part) for entry, part in zip(space.spaces, value, strict=True)]}
    if isinstance(space, spaces.Sequence):
        elements = rows_of(space.feature_space, value) if space.stack else value
        return {"sequence": [row_json(space.feature_space, element) for element in elements]}
    if isinstance(space, spaces.Graph):
        return {"graph": _graph_json(space, value)}
    variant, chosen = value
    return {"one_of": [int(variant), row_json(space.spaces[variant], chosen)]}


def _graph_json(space, graph):
    has_edges = graph.edges is not None
    return {
        "nodes": [row_json(space.node_space, node) for node in rows_of(space.node_space, graph.nodes)],
        "edges": [row_json(space.edge_space, edge) for edge in rows_of(space.edge_space, graph.edges)] if has_edges else None,
        "edge_links": None if graph.edge_links is None else array_json(graph.edge_links),
    }


def actions_of(space, num_envs, t):
    """The actions at time t, as a batch."""
    return _batch(space, [_action(space, 7 * env + 3 * t) for env in range(num_envs)])


def _batch(space, rows):
    empty = create_empty_array(space, len(rows))
    return concatenate(space, rows, empty) if rows else empty


def _action(space, m):
    for kind, rule in _RULES.items():
        if isinstance(space, kind):
            return rule(space, m)
    raise TypeError(f"no rule for {space}")


def _box(space, m):
    low, high = space.low.reshape(-1).tolist(), space.high.reshape(-1).tolist()
    elements = [_box_element(m + e, *bounds) for e, bounds in enumerate(zip(low, high))]
    return np.array(elements, space.dtype).reshape(space.shape)


def _box_element(k, low, high):
    if not isinstance(low, float):
        return int(low) + k % min(int(high) - int(low) + 1, 256)
    j = k % 5
    if np.isfinite(low) and np.isfinite(high):
        return high if j == 4 else low + (high - low) * j / 4
    if np.isfinite(low):
        return low + j
    return high - j if np.isfinite(high) else j - 2.0


def _numbers(space, m):
    return m + np.arange(np.prod(space.shape, dtype=int)).reshape(space.shape)


def _text(space, m):
    size = space.min_length + m % (min(space.max_length - space.min_length, 4) + 1)
    return "".join(space.character_list[(m + e) % len(space.character_list)] for e in range(size))


def _sequence(space, m):
    elements = [_action(space.feature_space, m + j) for j in range(m % 4)]
    return _batch(space.feature_space, elements) if space.stack else tuple(elements)


def _graph(space, m):
    nodes, size = 1 + m % 3, m % 4
    made = _batch(space.node_space, [_action(space.node_space, m + j) for j in range(nodes)])
    if space.edge_space is None or size == 3:
        return spaces.GraphInstance(made, None, None)
    edges = _batch(space.edge_space, [_action(space.edge_space, m + j) for j in range(size)])
    links = [[(m + j) % nodes, (m + 2 * j) % nodes] for j in range(size)]
    return spaces.GraphInstance(made, edges, np.array(links, np.int32).reshape(-1, 2))


_RULES = {
    spaces.Box: _box,
    spaces.Discrete: lambda space, m: space.start + space.dtype.type(m % int(space.n)),
    spaces.MultiDiscrete: lambda space, m: (space.start + _numbers(space, m) % space.nvec).astype(space.dtype),
    spaces.MultiBinary: lambda space, m: (_numbers(space, m) % 2).astype(np.int8),
    spaces.Text: _text,
    spaces.Dict: lambda space, m: {key: _action(entry, m) for key, entry in space.spaces.items()},
    spaces.Tuple: lambda space, m: tuple(_action(entry, m) for entry in space.spaces),
    spaces.Sequence: _sequence,
    spaces.Graph: _graph,
    OneOf: lambda space, m: (m % len(space.spaces), _action(space.spaces[m % len(space.spaces)], m)),
}


def actions_from_payload(space, num_envs, payload):
    """The actions of a payload that is one block of numbers of the right length."""
    size = num_envs * int(np.prod(space.shape or (), dtype=int)) * space.dtype.itemsize if isinstance(space, _ARRAYS) else None
    if size is None or len(payload) != size + -size % 8:
        raise Unsayable("actions")
    return np.frombuffer(payload, space.dtype, size // space.dtype.itemsize).reshape(num_envs, *space.shape)
