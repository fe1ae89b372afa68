"""Python values as gymlink.v1.Value and back."""

import math

import numpy as np

from gymlink.protocol import schema

_DTYPES = {
    "bool": schema.DTYPE_BOOL,
    "int8": schema.DTYPE_INT8,
    "int16": schema.DTYPE_INT16,
    "int32": schema.DTYPE_INT32,
    "int64": schema.DTYPE_INT64,
    "uint8": schema.DTYPE_UINT8,
    "uint16": schema.DTYPE_UINT16,
    "uint32": schema.DTYPE_UINT32,
    "uint64": schema.DTYPE_UINT64,
    "float16": schema.DTYPE_FLOAT16,
    "float32": schema.DTYPE_FLOAT32,
    "float64": schema.DTYPE_FLOAT64,
}
_NAMES = {number: name for name, number in _DTYPES.items()}

# Messages nest at most 40 levels deep (session.proto); a Value of an info is on level 5.
_FIRST_LEVEL = 5
_LAST_LEVEL = 40


class InvalidValue(ValueError):
    """Raised when a Value on the wire is not valid."""


def dtype_number(dtype):
    """The Dtype of a NumPy dtype; None where the wire has none for it."""
    return _DTYPES.get(np.dtype(dtype).name)


def numpy_dtype(number):
    """The little-endian NumPy dtype of a Dtype."""
    if number not in _NAMES:
        raise InvalidValue(f"there is no Dtype {number}")
    return np.dtype(_NAMES[number]).newbyteorder("<")


def tensor(array):
    """A NumPy array or scalar as Tensor."""
    array = np.asarray(array)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {"dtype": _DTYPES[array.dtype.name], "shape": array.shape, "data": little.tobytes()}


def from_tensor(message):
    """A Tensor as a writable NumPy array."""
    dtype, shape = numpy_dtype(message.get("dtype", 0)), tuple(message.get("shape", ()))
    data = message.get("data", b"")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise InvalidValue(f"a tensor of dtype {dtype.name} and shape {shape} has {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def magnitude(value):
    """The bytes of an unsigned integer: little-endian, without trailing zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


class _Writer:
    """Turns one value into Value messages; collects the class names of what has no form."""

    def __init__(self, unsupported):
        self._unsupported = unsupported
        # Containers that are being written: one that holds itself twice would otherwise double at every level.
        self._within = set()

    def value(self, value, level):
        # NumPy's scalars come first: np.float64 is a float too, np.str_ a str.
        if isinstance(value, (np.generic, np.ndarray)):
            return self._numpy(value)
        for kind, write in _WRITERS.items():
            if isinstance(value, kind):
                return write(self, value, level)
        return self.without_form(value)

    def sequence(self, kind, value, level):
        # An element is two levels down, a Tensor in it three.
        if value and (level + 3 > _LAST_LEVEL or id(value) in self._within):
            return self.without_form(value)
        self._within.add(id(value))
        values = [self.value(item, level + 2) for item in value]
        self._within.discard(id(value))
        return {kind: {"values": values}}

    def map(self, value, level):
        if (value and (level + 4 > _LAST_LEVEL or id(value) in self._within)) or not all(map(_is_key, value)):
            return self.without_form(value)
        self._within.add(id(value))
        entries = [{"key": self.value(key, level + 3), "value": self.value(item, level + 3)} for key, item in value.items()]
        self._within.discard(id(value))
        return {"map": {"entries": entries}}

    def text(self, value, _level):
        try:
            value.encode()
        except UnicodeEncodeError:
            return self.without_form(value)
        return {"text": str(value)}

    def _numpy(self, value):
        # A masked array would lose its mask.
        if dtype_number(value.dtype) is None or isinstance(value, np.ma.MaskedArray):
            return self.without_form(value)
        return {"array" if isinstance(value, np.ndarray) else "scalar": tensor(value)}

    def without_form(self, value):
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if self._unsupported is not None:
            self._unsupported.add(name)
        return {"unsupported": {"python_type": name}}


def _is_key(value):
    if isinstance(value, tuple):
        return all(map(_is_key, value))
    return value is None or (isinstance(value, (bool, int, float, str, bytes)) and not isinstance(value, np.generic))


def _integer(_writer, value, _level):
    value = int(value)
    if -(1 << 63) <= value < 1 << 63:
        return {"integer": value}
    return {"big_integer": {"negative": value < 0, "magnitude": magnitude(abs(value))}}


# A subclass (an IntEnum, a namedtuple, an OrderedDict) travels as the first of these that it is.
_WRITERS = {
    type(None): lambda writer, value, level: {"none": {}},
    bool: lambda writer, value, level: {"boolean": value},
    int: _integer,
    float: lambda writer, value, level: {"real": value},
    str: _Writer.text,
    bytes: lambda writer, value, level: {"binary": bytes(value)},
    list: lambda writer, value, level: writer.sequence("list", value, level),
    tuple: lambda writer, value, level: writer.sequence("tuple", value, level),
    dict: _Writer.map,
}


def to_value(value, unsupported=None):
    """Any Python object as Value.

    Args:
        value: The object.
        unsupported: A set that takes the class names of what has no form and became an UnsupportedValue.

    Returns:
        The message.
    """
    writer = _Writer(unsupported)
    try:
        return writer.value(value, _FIRST_LEVEL)
    except Exception:
        # A class of one's own whose methods raise, for example a dict that looks its items up later.
        return writer.without_form(value)


def _from_map(message, unsupported):
    result = {}
    for entry in message.get("entries", ()):
        key = from_value(entry.get("key", {}))
        if not _is_key(key):
            raise InvalidValue(f"{key!r} cannot be the key of a map")
        if key in result:
            raise InvalidValue(f"the key {key!r} appears twice in a map")
        result[key] = from_value(entry.get("value", {}), unsupported)
    return result


def _from_big_integer(message, _unsupported):
    value = int.from_bytes(message.get("magnitude", b""), "little")
    return -value if message.get("negative") else value


def _from_scalar(message, _unsupported):
    if message.get("shape"):
        raise InvalidValue("a scalar has a shape")
    return from_tensor(message)[()]


def _from_unsupported(message, unsupported):
    if unsupported is None:
        raise InvalidValue("a Value is `unsupported`")
    return unsupported(message.get("python_type", ""))


def _elements(message, unsupported):
    return [from_value(item, unsupported) for item in message.get("values", ())]


_READERS = {
    "none": lambda message, unsupported: None,
    "big_integer": _from_big_integer,
    "scalar": _from_scalar,
    "array": lambda message, unsupported: from_tensor(message),
    "list": _elements,
    "tuple": lambda message, unsupported: tuple(_elements(message, unsupported)),
    "map": _from_map,
    "unsupported": _from_unsupported,
}


def from_value(message, unsupported=None):
    """A Value as a Python object.

    Args:
        message: The message.
        unsupported: Makes the stand-in for an UnsupportedValue of its class name; None refuses such a value.

    Raises:
        InvalidValue: None or several of its kinds are set, or one is not valid.
    """
    if len(message) != 1:
        raise InvalidValue("a Value must have exactly one kind")
    ((kind, content),) = message.items()
    reader = _READERS.get(kind)
    return content if reader is None else reader(content, unsupported)


def text_map(message):
    """A MapValue with text keys as dict: constructor arguments, reset options.

    Raises:
        InvalidValue: A key is no text, or a value is not valid.
    """
    result = _from_map(message, None)
    for key in result:
        if not isinstance(key, str):
            raise InvalidValue(f"the key {key!r} must be a text")
    return result
