"""Infos of a batch as gymlink.v1.Infos: columns where all values of a key are typed alike, trees elsewhere."""

import numpy as np

from gymlink.sidecar import schema
from gymlink.sidecar.values import dtype_number, tensor, to_value

_INT64_LIMIT = 1 << 63


def _column_type(values):
    """The InfoType and dtype of a column that can hold all values, or None."""
    kind = type(values[0])
    if any(type(value) is not kind for value in values):
        return None
    if kind is float:
        return schema.INFO_TYPE_FLOAT, np.float64
    if kind is bool:
        return schema.INFO_TYPE_BOOL, np.bool_
    if kind is int:
        fits = all(-_INT64_LIMIT <= value < _INT64_LIMIT for value in values)
        return (schema.INFO_TYPE_INT, np.int64) if fits else None
    if issubclass(kind, np.generic):
        return (schema.INFO_TYPE_SCALAR, values[0].dtype) if dtype_number(values[0].dtype) else None
    if kind is np.ndarray:
        return _array_type(values)
    return None


def _array_type(values):
    dtype, shape = values[0].dtype, values[0].shape
    alike = all(value.dtype == dtype and value.shape == shape for value in values)
    return (schema.INFO_TYPE_ARRAY, dtype) if alike and dtype_number(dtype) else None


def _entry(key, rows):
    values = [row[key] for row in rows if key in row]
    entry = {"key": to_value(key)}
    if len(values) < len(rows):
        entry["present"] = bytes(key in row for row in rows)
    column = _column_type(values)
    if column is None:
        entry["trees"] = {"values": [to_value(value) for value in values]}
    else:
        entry["column"] = {"type": column[0], "values": tensor(np.array(values, column[1]))}
    return entry


def describe_infos(rows):
    """The infos of some rows as message.

    Args:
        rows: One dict a row.

    Returns:
        A gymlink.v1.Infos, or None when all infos are empty.
    """
    if not any(rows):
        return None
    keys = dict.fromkeys(key for row in rows for key in row)
    return {"entries": [_entry(key, rows) for key in keys]}
