"""Gymnasium's spaces as gymlink.v1.Space."""

import numpy as np
from gymnasium import spaces

from gymlink.protocol.values import dtype_number, tensor


class UnsupportedSpace(TypeError):
    """Raised for a space that this sidecar cannot serve."""


def _dtype(space):
    number = dtype_number(space.dtype)
    if number is None:
        raise UnsupportedSpace(f"a {type(space).__name__} space of dtype {space.dtype} has no form on the wire")
    return number


def _bound(array):
    """A bound's bytes: one element where all are equal."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.size > 1 and (flat == flat[0]).all():
        flat = flat[:1]
    return flat.astype(flat.dtype.newbyteorder("<")).tobytes()


def _box(space):
    message = {"dtype": _dtype(space), "shape": space.shape, "low": _bound(space.low), "high": _bound(space.high)}
    for name, bounded in (("unbounded_below", space.bounded_below), ("unbounded_above", space.bounded_above)):
        if space.dtype.kind == "i" and not np.all(bounded):
            message[name] = _bound(~bounded)
    return {"box": message}


def _discrete(space):
    return {"discrete": {"n": _int64(space.n), "start": _int64(space.start), "dtype": _dtype(space)}}


def _int64(value):
    """A NumPy integer as int64 with the same bits."""
    return int(np.asarray(value).astype(np.int64))


def start_of(space):
    """`start` of a MultiDiscrete space, which it has from Gymnasium 1.0 on."""
    return getattr(space, "start", np.zeros_like(space.nvec))


def _multi_discrete(space):
    nvec, start = (tensor(np.asarray(array).astype(np.int64)) for array in (space.nvec, start_of(space)))
    return {"multi_discrete": {"nvec": nvec, "start": start, "dtype": _dtype(space)}}


def _multi_binary(space):
    return {"multi_binary": {"shape": space.shape, "from_scalar": isinstance(space.n, (int, np.integer))}}


def _text(space):
    lengths = {"min_length": int(space.min_length), "max_length": int(space.max_length)}
    return {"text": {**lengths, "characters": "".join(space.character_list)}}


def _dict(space):
    for key in space.spaces:
        if not isinstance(key, str):
            raise UnsupportedSpace(f"the key {key!r} of a Dict space is not a text")
    entries = [{"key": key, "space": describe(entry)} for key, entry in space.spaces.items()]
    # Before Gymnasium had `sort_keys` it always sorted.
    return {"dict": {"entries": entries, **({} if getattr(space, "sort_keys", True) else {"unsorted": True})}}


def _tuple(space):
    return {"tuple": {"spaces": [describe(element) for element in space.spaces]}}


def _sequence(space):
    return {"sequence": {"space": describe(space.feature_space), "stacked": bool(space.stack)}}


def _graph(space):
    edges = {} if space.edge_space is None else {"edge_space": describe(space.edge_space)}
    return {"graph": {"node_space": describe(space.node_space), **edges}}


def _one_of(space):
    return {"one_of": {"spaces": [describe(variant) for variant in space.spaces]}}


class _Missing:
    """Stands for OneOf before Gymnasium 1.0: no space is one."""


OneOf = getattr(spaces, "OneOf", _Missing)


# In this order: a subclass counts as the first of these that it is.
_TABLE = {
    spaces.Box: _box,
    spaces.Discrete: _discrete,
    spaces.MultiDiscrete: _multi_discrete,
    spaces.MultiBinary: _multi_binary,
    spaces.Text: _text,
    spaces.Dict: _dict,
    spaces.Tuple: _tuple,
    spaces.Sequence: _sequence,
    spaces.Graph: _graph,
    OneOf: _one_of,
}


def describe(space):
    """A space as message.

    Raises:
        UnsupportedSpace: It is none of the kinds in the table, or holds one that is not.
    """
    for kind, convert in _TABLE.items():
        if isinstance(space, kind):
            return convert(space)
    name = f"{type(space).__module__}:{type(space).__qualname__}"
    remedy = 'a rule under "spaces" in the manifest of its family can name the standard space that it behaves as'
    raise UnsupportedSpace(f"{name} is none of Gymnasium's kinds of spaces; {remedy}")


def of_space(space, value):
    """A value of a space that travelled as a Value, where graphs are tuples; what does not fit the space stays as it is."""
    if isinstance(space, spaces.Graph):
        return spaces.GraphInstance(*value) if type(value) is tuple and len(value) == 3 else value
    if isinstance(space, spaces.Dict) and isinstance(value, dict):
        return {key: of_space(space.spaces.get(key), item) for key, item in value.items()}
    if isinstance(space, OneOf) and isinstance(value, tuple) and len(value) == 2 and value[0] in range(len(space.spaces)):
        return value[0], of_space(space.spaces[value[0]], value[1])
    if not isinstance(value, tuple):
        return value
    if isinstance(space, spaces.Tuple) and len(value) == len(space.spaces):
        return tuple(map(of_space, space.spaces, value))
    if isinstance(space, spaces.Sequence) and not space.stack:
        return tuple(of_space(space.feature_space, item) for item in value)
    return value
