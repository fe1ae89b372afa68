"""Infos of a batch as gymlink.v1.Infos: columns where all values of a key are typed alike, trees elsewhere."""

import struct
from functools import lru_cache

import numpy as np

from gymlink.protocol import schema, wire
from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.values import dtype_number, to_value


def encode_infos(infos, unsupported):
    """Encodes the infos of some rows.

    Args:
        infos: One dict a row.
        unsupported: A set that takes the class names of what has no form on the wire.

    Returns:
        A serialized gymlink.v1.Infos; empty when all infos are empty.

    Raises:
        InvalidRow: An info is not a dict.
    """
    if not any(infos):
        return b""
    columns = {}
    for row, info in enumerate(infos):
        if not isinstance(info, dict):
            raise InvalidRow(f"its info is of type {type(info).__name__}, not a dict", row)
        for key, value in info.items():
            column = columns.get(key)
            if column is None:
                columns[key] = [row], [value]
            else:
                column[0].append(row)
                column[1].append(value)
    return b"".join([_entry(key, rows, values, len(infos), unsupported) for key, (rows, values) in columns.items()])


class VectorInfos:
    """Infos of some rows in the form of Gymnasium's vector environments: an array a key, beside it ``_key``, where it is present.

    Args:
        values: The dict.
        count: Number of rows.
    """

    def __init__(self, values, count):
        self.values, self.count = values, count

    def take(self, index):
        """Those of some rows: a slice, or an array of row numbers."""
        count = len(range(self.count)[index]) if isinstance(index, slice) else len(index)
        return VectorInfos({key: _some(value, index) for key, value in self.values.items()}, count)


def _some(value, index):
    if isinstance(value, dict):
        return {key: _some(item, index) for key, item in value.items()}
    return np.asarray(value)[index]


def encode_vector_infos(infos, unsupported):
    """Encodes VectorInfos as `encode_infos` does; arrays of numbers without looking at rows."""
    return b"".join([_vector_entry(key, value, infos, unsupported) for key, value in _entries(infos.values)])


def _entries(values):
    """The keys of vector infos that are no masks of another, with their values."""
    return [(key, value) for key, value in values.items() if not (str(key).startswith("_") and key[1:] in values)]


def _vector_entry(key, value, infos, unsupported):
    mask = np.asarray(infos.values.get(f"_{key}", True))
    is_partial = not mask.all()
    if is_partial and not mask.any():
        return b""
    number = dtype_number(value.dtype) if isinstance(value, np.ndarray) else None
    if number is None:
        rows = np.flatnonzero(mask).tolist() if is_partial else list(range(infos.count))
        return _entry(key, rows, [_of_row(value, row) for row in rows], infos.count, unsupported)
    present, values = (mask.astype(np.uint8).tobytes(), value[mask]) if is_partial else (b"", value)
    data = values.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
    info_type = schema.INFO_TYPE_SCALAR if value.ndim == 1 else schema.INFO_TYPE_ARRAY
    return _head(key, type(key), present, info_type, number, values.shape, len(data)) + data


def _of_row(value, row):
    """What one row has of a value of vector infos."""
    if not isinstance(value, dict):
        return value[row]
    entries = [(key, item) for key, item in _entries(value) if f"_{key}" not in value or value[f"_{key}"][row]]
    return {key: _of_row(item, row) for key, item in entries}


def vector_infos_encoder(info_filter):
    """What encodes the VectorInfos that an InfoFilter lets pass."""
    keys = frozenset(info_filter.get("keys", ()))
    if info_filter.get("none"):
        return lambda infos, unsupported: b""
    if not keys:
        return encode_vector_infos

    def encode(infos, unsupported):
        masks = {f"_{key}" for key in keys}
        kept = {key: value for key, value in infos.values.items() if key in keys or key in masks}
        return encode_vector_infos(VectorInfos(kept, infos.count), unsupported)

    return encode


def infos_encoder(info_filter):
    """What encodes the infos that an InfoFilter lets pass: `encode_infos`, or a function like it."""
    keys = frozenset(info_filter.get("keys", ()))
    if info_filter.get("none"):
        return lambda infos, unsupported: b""
    if not keys:
        return encode_infos
    return lambda infos, unsupported: encode_infos([_only(keys, info) for info in infos], unsupported)


def _only(keys, info):
    # What is no dict is named by encode_infos.
    return {key: value for key, value in info.items() if key in keys} if isinstance(info, dict) else info


def _entry(key, rows, values, count, unsupported):
    """A serialized Infos with one entry; put one after another, they are one Infos with all of them."""
    present = b""
    if len(rows) < count:
        mask = bytearray(count)
        for row in rows:
            mask[row] = 1
        present = bytes(mask)
    kind = type(values[0])
    if all([type(value) is kind for value in values]):
        pack = _PACKERS.get(kind) or (_pack_scalars if issubclass(kind, np.generic) else None)
        packed = pack and pack(values)
        if packed:
            info_type, dtype, shape, data = packed
            return _head(key, type(key), present, info_type, dtype, (len(values), *shape), len(data)) + data
    trees = {"values": [to_value(value, unsupported) for value in values]}
    return _encode_entry(key, present, unsupported, trees=trees)


def _encode_entry(key, present, unsupported, **values):
    mask = {"present": present} if present else {}
    return wire.encode("Infos", {"entries": [{"key": to_value(key, unsupported), **mask, **values}]})


# The type beside the key keeps 1 and True apart, which are equal.
@lru_cache(maxsize=1024)
def _head(key, _key_type, present, info_type, dtype, shape, size):
    """An entry up to its data, which come last: the same at every step, so it is kept."""
    tensor = {"dtype": dtype, "shape": shape, "data": bytes(size)}
    column = {"type": info_type, "values": tensor}
    entry = _encode_entry(key, present, None, column=column)
    return entry[: len(entry) - size]


def _pack_integers(values):
    try:
        data = struct.pack(f"<{len(values)}q", *values)
    except struct.error:
        return None
    return schema.INFO_TYPE_INT, schema.DTYPE_INT64, (), data


def _pack_float64(info_type):
    return lambda values: (info_type, schema.DTYPE_FLOAT64, (), struct.pack(f"<{len(values)}d", *values))


def _pack_scalars(values):
    dtype = values[0].dtype
    number = dtype_number(dtype)
    if number is None:
        return None
    data = np.array(values, dtype.newbyteorder("<")).tobytes()
    return schema.INFO_TYPE_SCALAR, number, (), data


def _pack_arrays(values):
    dtype, shape = values[0].dtype, values[0].shape
    number = dtype_number(dtype)
    if number is None or any(value.dtype != dtype or value.shape != shape for value in values):
        return None
    data = np.stack(values).astype(dtype.newbyteorder("<"), copy=False).tobytes()
    return schema.INFO_TYPE_ARRAY, number, shape, data


_PACKERS = {
    int: _pack_integers,
    bool: lambda values: (schema.INFO_TYPE_BOOL, schema.DTYPE_BOOL, (), bytes(values)),
    float: _pack_float64(schema.INFO_TYPE_FLOAT),
    np.float64: _pack_float64(schema.INFO_TYPE_SCALAR),
    np.ndarray: _pack_arrays,
}
