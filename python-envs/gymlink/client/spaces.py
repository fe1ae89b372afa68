"""gymlink.v1.Space as Gymnasium's spaces."""

import math
from collections import OrderedDict

import numpy as np
from gymnasium import spaces

from gymlink.client.errors import malformed
from gymlink.protocol.values import from_tensor, numpy_dtype


def from_message(message):
    """The space that a message describes.

    Raises:
        GymlinkError: MALFORMED_REPLY.
    """
    if len(message) != 1:
        raise malformed("a space has no kind, or one that this client does not know")
    ((kind, content),) = message.items()
    try:
        return _READERS[kind](content)
    except (ValueError, AssertionError, TypeError) as error:
        raise malformed(f"a {kind} space is not valid: {error}") from error


def _box(message):
    dtype, shape = numpy_dtype(message.get("dtype", 0)), tuple(message.get("shape", ()))
    low, high = (_bound(message.get(name, b""), dtype, shape) for name in ("low", "high"))
    box = spaces.Box(low, high, shape, dtype.type)
    # Not by infinite bounds: an array that has them is of floats, which do not hold all of int64.
    if dtype.kind == "i":
        box.bounded_below = _bounded(message.get("unbounded_below", b"\0"), shape)
        box.bounded_above = _bounded(message.get("unbounded_above", b"\0"), shape)
    return box


def _bound(data, dtype, shape):
    values = np.frombuffer(data, dtype)
    count = math.prod(shape)
    if count == 0:
        return np.zeros(shape, dtype)
    if values.size not in (1, count):
        raise ValueError(f"a bound has {values.size} elements for the shape {shape}")
    return np.full(shape, values[0], dtype) if values.size == 1 else values.reshape(shape).copy()


def _bounded(unbounded, shape):
    return _bound(unbounded, np.dtype(np.uint8), shape) == 0


def _discrete(message):
    dtype = numpy_dtype(message.get("dtype", 0))
    n, start = (_integer(message.get(name, 0), dtype) for name in ("n", "start"))
    # Not as an argument where it need not be: before Gymnasium 1.2 there is none.
    other = {} if dtype == np.int64 else {"dtype": dtype.type}
    return spaces.Discrete(n, start=start, **other)


def _integer(value, dtype):
    return value % (1 << 64) if dtype == np.uint64 else value


def _multi_discrete(message):
    dtype = numpy_dtype(message.get("dtype", 0)).type
    nvec, start = (from_tensor(message.get(name, {})) for name in ("nvec", "start"))
    return spaces.MultiDiscrete(nvec, dtype=dtype, start=start)


def _multi_binary(message):
    shape = tuple(message.get("shape", ()))
    return spaces.MultiBinary(shape[0] if message.get("from_scalar") else shape)


def _text(message):
    lengths = {"min_length": message.get("min_length", 0), "max_length": message.get("max_length", 0)}
    return spaces.Text(**lengths, charset=message.get("characters", ""))


def _dict(message):
    entries = message.get("entries", ())
    # Gymnasium sorts the keys of a plain dict.
    space = spaces.Dict(OrderedDict((entry.get("key", ""), from_message(entry.get("space", {}))) for entry in entries))
    # Not as an argument: older versions of Gymnasium do not take it.
    space.sort_keys = not message.get("unsorted", False)
    return space


def _elements(message):
    return [from_message(space) for space in message.get("spaces", ())]


def _graph(message):
    edge = message.get("edge_space")
    return spaces.Graph(from_message(message.get("node_space", {})), edge and from_message(edge))


_READERS = {
    "box": _box,
    "discrete": _discrete,
    "multi_discrete": _multi_discrete,
    "multi_binary": _multi_binary,
    "text": _text,
    "dict": _dict,
    "tuple": lambda message: spaces.Tuple(_elements(message)),
    "sequence": lambda message: spaces.Sequence(from_message(message.get("space", {})), stack=message.get("stacked", False)),
    "graph": _graph,
    "one_of": lambda message: spaces.OneOf(_elements(message)),
}
