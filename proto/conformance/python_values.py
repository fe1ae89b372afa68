"""Plain values of the protocol (value.proto) as Python values, and the infos of rows (session.proto)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from python_stubs import session_pb2, value_pb2

DTYPES = {
    value_pb2.DTYPE_BOOL: np.dtype("?"),
    value_pb2.DTYPE_INT8: np.dtype("i1"),
    value_pb2.DTYPE_INT16: np.dtype("<i2"),
    value_pb2.DTYPE_INT32: np.dtype("<i4"),
    value_pb2.DTYPE_INT64: np.dtype("<i8"),
    value_pb2.DTYPE_UINT8: np.dtype("u1"),
    value_pb2.DTYPE_UINT16: np.dtype("<u2"),
    value_pb2.DTYPE_UINT32: np.dtype("<u4"),
    value_pb2.DTYPE_UINT64: np.dtype("<u8"),
    value_pb2.DTYPE_FLOAT16: np.dtype("<f2"),
    value_pb2.DTYPE_FLOAT32: np.dtype("<f4"),
    value_pb2.DTYPE_FLOAT64: np.dtype("<f8"),
}
_DTYPE_NUMBERS = {dtype: number for number, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Unsupported:
    """Stands for a Python object that cannot travel.

    Attributes:
        python_type: Qualified name of its class.
    """

    python_type: str


def tensor_to_array(tensor: Any) -> np.ndarray:
    """Gives the array of a Tensor."""
    return np.frombuffer(tensor.data, DTYPES[tensor.dtype]).reshape(tuple(tensor.shape)).copy()


def array_to_tensor(array: Any) -> Any:
    """Makes the Tensor of an array or a NumPy scalar."""
    array = np.asarray(array)
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
    number = _DTYPE_NUMBERS[little.dtype]
    return value_pb2.Tensor(dtype=number, shape=list(array.shape), data=little.tobytes())


def seed_to_proto(seed: int | None) -> Any:
    """Makes a Seed message; None stays None (a field left unset)."""
    if seed is None:
        return None
    return value_pb2.Seed(magnitude=seed.to_bytes((seed.bit_length() + 7) // 8, "little"))


def seed_from_proto(seed: Any) -> int:
    """Gives the number of a Seed message."""
    return int.from_bytes(seed.magnitude, "little")


def map_from_proto(message: Any) -> dict[Any, Any]:
    """Gives the dict of a MapValue."""
    return {from_proto(entry.key): from_proto(entry.value) for entry in message.entries}


def map_to_proto(mapping: dict[Any, Any] | None) -> Any:
    """Makes a MapValue; None stays None (a field left unset)."""
    if mapping is None:
        return None
    entries = [value_pb2.MapEntry(key=to_proto(k), value=to_proto(v)) for k, v in mapping.items()]
    return value_pb2.MapValue(entries=entries)


def _integer_from_proto(message: Any) -> int:
    size = int.from_bytes(message.magnitude, "little")
    return -size if message.negative else size


_FROM_PROTO = {
    "none": lambda field: None,
    "big_integer": _integer_from_proto,
    "scalar": lambda field: tensor_to_array(field)[()],
    "array": tensor_to_array,
    "list": lambda field: [from_proto(value) for value in field.values],
    "tuple": lambda field: tuple(from_proto(value) for value in field.values),
    "map": map_from_proto,
    "unsupported": lambda field: Unsupported(field.python_type),
}


def from_proto(message: Any) -> Any:
    """Gives the Python value of a Value message, of the type that it had in the environment."""
    kind = message.WhichOneof("kind")
    field = getattr(message, kind)
    return _FROM_PROTO[kind](field) if kind in _FROM_PROTO else field


def _integer_to_proto(value: int) -> Any:
    if -(2**63) <= value < 2**63:
        return value_pb2.Value(integer=value)
    size = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "little")
    return value_pb2.Value(big_integer=value_pb2.BigInteger(negative=value < 0, magnitude=size))


def _list_to_proto(values: Any) -> Any:
    return value_pb2.ListValue(values=[to_proto(value) for value in values])


# In this order: np.float64 is a float, and bool is an int.
_TO_PROTO = (
    (np.ndarray, lambda value: value_pb2.Value(array=array_to_tensor(value))),
    (np.generic, lambda value: value_pb2.Value(scalar=array_to_tensor(value))),
    (bool, lambda value: value_pb2.Value(boolean=value)),
    (int, _integer_to_proto),
    (float, lambda value: value_pb2.Value(real=value)),
    (str, lambda value: value_pb2.Value(text=value)),
    (bytes, lambda value: value_pb2.Value(binary=value)),
    (list, lambda value: value_pb2.Value(list=_list_to_proto(value))),
    (tuple, lambda value: value_pb2.Value(tuple=_list_to_proto(value))),
    (dict, lambda value: value_pb2.Value(map=map_to_proto(value))),
    (type(None), lambda value: value_pb2.Value(none=value_pb2.NoneValue())),
)


def to_proto(value: Any) -> Any:
    """Makes the Value message of a Python value.

    Raises:
        TypeError: The protocol has no form for such a value.
    """
    for python_type, convert in _TO_PROTO:
        if isinstance(value, python_type):
            return convert(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot travel")


def _column_values(column: Any) -> list[Any]:
    array = tensor_to_array(column.values)
    if column.type == session_pb2.INFO_TYPE_ARRAY:
        return [np.array(value) for value in array]
    if column.type == session_pb2.INFO_TYPE_SCALAR:
        return list(array)
    return array.tolist()


def infos_from_proto(infos: Any, rows: int) -> list[dict[Any, Any]]:
    """Gives the info of each of the rows to which an Infos message belongs."""
    result: list[dict[Any, Any]] = [{} for _ in range(rows)]
    for entry in infos.entries:
        owners = [row for row in range(rows) if not entry.present or entry.present[row]]
        column = entry.WhichOneof("values") == "column"
        values = _column_values(entry.column) if column else map(from_proto, entry.trees.values)
        key = from_proto(entry.key)
        for row, value in zip(owners, values):
            result[row][key] = value
    return result
