"""``layout(space, n)`` of space.proto: observations into blocks of bytes, blocks of bytes into checked actions."""

import numpy as np
from gymnasium import spaces


class InvalidLayout(ValueError):
    """Raised when a value does not fit its space; `row` is the row concerned, or None for all."""

    def __init__(self, message, row=None):
        super().__init__(message)
        self.row = row


def padded(length):
    """The next multiple of 8."""
    return (length + 7) & ~7


def is_fixed(space):
    """Whether every value of the space has the same number of bytes."""
    if isinstance(space, spaces.Dict):
        return all(map(is_fixed, space.spaces.values()))
    if isinstance(space, spaces.Tuple):
        return all(map(is_fixed, space.spaces))
    return not isinstance(space, spaces.Text)


def _element(space):
    """Little-endian dtype and shape of one value of a leaf space."""
    shape = () if isinstance(space, spaces.Discrete) else space.shape
    return np.dtype(space.dtype).newbyteorder("<"), shape


def row_bytes(space):
    """Bytes of one value of a fixed space, without padding."""
    if isinstance(space, spaces.Dict):
        return sum(map(row_bytes, space.spaces.values()))
    if isinstance(space, spaces.Tuple):
        return sum(map(row_bytes, space.spaces))
    dtype, shape = _element(space)
    return dtype.itemsize * int(np.prod(shape, dtype=np.int64))


def batch_bytes(space, rows):
    """Bytes of ``layout(space, rows)`` of a fixed space."""
    if isinstance(space, spaces.Dict):
        return sum(batch_bytes(entry, rows) for entry in space.spaces.values())
    if isinstance(space, spaces.Tuple):
        return sum(batch_bytes(entry, rows) for entry in space.spaces)
    return padded(row_bytes(space) * rows)


def _leaf_writer(space, rows, buffer, offset):
    dtype, shape = _element(space)
    count = rows * int(np.prod(shape, dtype=np.int64))
    view = np.frombuffer(buffer, dtype, count, offset).reshape(rows, *shape)

    def write(row, value):
        if type(value) is not np.ndarray:
            value = np.asarray(value)
        if value.shape != shape:
            raise InvalidLayout(f"an observation has shape {value.shape}, its space {shape}", row)
        if value.dtype == dtype:
            view[row] = value
        else:
            np.copyto(view[row : row + 1], value, casting="same_kind")

    return write, padded(count * dtype.itemsize)


def _nested_writer(items, rows, buffer, offset):
    writers, used = [], 0
    for key, entry in items:
        write, size = writer(entry, rows, buffer, offset + used)
        writers.append((key, write))
        used += size

    def write_all(row, value):
        for key, write in writers:
            write(row, value[key])

    return write_all, used


def writer(space, rows, buffer, offset):
    """Prepares writing ``layout(space, rows)`` of a fixed space into a buffer.

    Args:
        space: The space.
        rows: Number of rows.
        buffer: A writable buffer.
        offset: Where in it the first block begins, a multiple of 8.

    Returns:
        ``(write, size)``: ``write(row, value)`` puts one value in its place and raises InvalidLayout or TypeError for one
        that does not fit; size is the number of bytes.
    """
    if isinstance(space, spaces.Dict):
        return _nested_writer(space.spaces.items(), rows, buffer, offset)
    if isinstance(space, spaces.Tuple):
        return _nested_writer(enumerate(space.spaces), rows, buffer, offset)
    return _leaf_writer(space, rows, buffer, offset)


def _pad(data):
    return data + bytes(padded(len(data)) - len(data))


def _pack_text(values):
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)]).astype("<u4")
    return _pad(offsets.tobytes()) + _pad(b"".join(encoded))


def pack(space, values):
    """``layout(space, len(values))`` of any supported space, as bytes."""
    if isinstance(space, spaces.Dict):
        return b"".join(pack(entry, [value[key] for value in values]) for key, entry in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return b"".join(pack(entry, [value[i] for value in values]) for i, entry in enumerate(space.spaces))
    if isinstance(space, spaces.Text):
        return _pack_text(values)
    buffer = bytearray(batch_bytes(space, len(values)))
    write, _ = _leaf_writer(space, len(values), buffer, 0)
    for row, value in enumerate(values):
        write(row, value)
    return bytes(buffer)


class _Blocks:
    """Takes blocks off a payload, one after another."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, dtype, count):
        begin, size = self.at, count * dtype.itemsize
        if begin + size > len(self.data):
            raise InvalidLayout(f"{len(self.data)} bytes are too few")
        self.at = begin + padded(size)
        return np.frombuffer(self.data, dtype, count, begin)


def _check(valid, values, row_shape, wanted):
    """Raises for the first row that has an element which is not valid."""
    if valid.all():
        return
    bad = np.flatnonzero(~valid.reshape(len(values), -1).all(axis=1))[0]
    value = values[bad] if row_shape == () or values[bad].size <= 8 else values[bad][~valid[bad]][:1]
    raise InvalidLayout(f"{np.array2string(np.asarray(value), separator=', ')} is not {wanted}", int(bad))


def _box_range(space):
    low, high = space.low.min(initial=np.inf), space.high.max(initial=-np.inf)
    return f"within {low} to {high} of its Box space (clip actions before sending them)"


def _read_leaf(space, rows, blocks):
    dtype, shape = _element(space)
    values = blocks.take(dtype, rows * int(np.prod(shape, dtype=np.int64))).reshape(rows, *shape).copy()
    if isinstance(space, spaces.Box):
        if space.dtype != np.bool_:
            _check((values >= space.low) & (values <= space.high), values, shape, _box_range(space))
    elif isinstance(space, spaces.Discrete):
        last = space.start + space.n - 1
        wanted = f"one of {space.start} to {last}, the values of its Discrete space"
        _check((values >= space.start) & (values <= last), values, shape, wanted)
    elif isinstance(space, spaces.MultiDiscrete):
        start = getattr(space, "start", 0)
        last = start + space.nvec - 1
        _check((values >= start) & (values <= last), values, shape, f"within {start} to {last}")
    else:
        _check((values == 0) | (values == 1), values, shape, "zeros and ones")
    return list(values)


def _read_text(space, rows, blocks):
    offsets = blocks.take(np.dtype("<u4"), rows + 1).astype(np.int64)
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise InvalidLayout("the offsets of a Text do not increase from 0")
    data = blocks.take(np.dtype("u1"), int(offsets[-1])).tobytes()
    return [_text_row(space, row, data[offsets[row] : offsets[row + 1]]) for row in range(rows)]


def _text_row(space, row, data):
    try:
        value = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidLayout("a Text is not UTF-8", row) from error
    if not space.contains(value):
        raise InvalidLayout(f"{value!r} is not in {space}", row)
    return value


def _read(space, rows, blocks):
    if isinstance(space, spaces.Dict):
        columns = {key: _read(entry, rows, blocks) for key, entry in space.spaces.items()}
        return [{key: column[row] for key, column in columns.items()} for row in range(rows)]
    if isinstance(space, spaces.Tuple):
        columns = [_read(entry, rows, blocks) for entry in space.spaces]
        return [tuple(column[row] for column in columns) for row in range(rows)]
    if isinstance(space, spaces.Text):
        return _read_text(space, rows, blocks)
    return _read_leaf(space, rows, blocks)


def unpack(space, rows, data):
    """Reads and checks ``layout(space, rows)``.

    Returns:
        A list of rows, each a value of the space in memory of its own.

    Raises:
        InvalidLayout: The length is wrong, or a value is outside the space.
    """
    blocks = _Blocks(data)
    values = _read(space, rows, blocks)
    if blocks.at != len(data):
        raise InvalidLayout(f"{len(data)} bytes, but {rows} actions of {space} have {blocks.at}")
    return values
