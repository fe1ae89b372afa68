"""Values in the JSON form of scenarios.json."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import numpy as np

_LONGEST_HEX = 4096


def array_json(array: Any) -> dict[str, Any]:
    """Gives an array as dtype, shape and bytes."""
    array = np.asarray(array)
    data = array.tobytes()
    form: dict[str, Any] = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if len(data) > _LONGEST_HEX:
        return {**form, "sha256": hashlib.sha256(data).hexdigest()}
    return {**form, "data": data.hex()}


def float_json(number: float) -> str:
    """Gives the bytes of a float64, little-endian."""
    return struct.pack("<d", number).hex()


_FORMS = (
    (np.ndarray, lambda value: {"array": array_json(value)}),
    (np.generic, lambda value: {"scalar": array_json(value)}),
    (bool, lambda value: {"bool": value}),
    (int, lambda value: {"int": str(value)}),
    (float, lambda value: {"float": float_json(value)}),
    (str, lambda value: {"text": value}),
    (bytes, lambda value: {"binary": value.hex()}),
    (list, lambda value: {"list": [value_json(one) for one in value]}),
    (tuple, lambda value: {"tuple": [value_json(one) for one in value]}),
    (dict, lambda value: {"map": [[value_json(k), value_json(v)] for k, v in value.items()]}),
    (type(None), lambda value: {"none": True}),
)


def value_json(value: Any) -> dict[str, Any]:
    """Gives a Python value with its exact type.

    What stands for a value that could not travel has its class as `python_type`.
    """
    if hasattr(value, "python_type"):
        return {"unsupported": value.python_type}
    return next(form(value) for python_type, form in _FORMS if isinstance(value, python_type))


def bound_json(data: bytes, item: int) -> str:
    """Gives one element of a bound where all are alike, otherwise all, or their digest."""
    if data == data[:item] * (len(data) // item):
        return data[:item].hex()
    return data.hex() if len(data) <= _LONGEST_HEX else hashlib.sha256(data).hexdigest()
