"""``layout(space, n)`` of space.proto: where the blocks of a batch are, and how observations are written into them."""

import math
import struct
from itertools import accumulate

import numpy as np
from gymnasium import spaces

_MAX_CACHED_VIEWS = 64


class InvalidRow(ValueError):
    """Raised when a value does not fit its space; `row` is the row concerned, or None for all."""

    def __init__(self, message, row=None):
        super().__init__(message)
        self.row = row


def padded(length):
    """The next multiple of 8."""
    return (length + 7) & ~7


def leaves(space, path=()):
    """The spaces that have blocks of their own, in the order of the layout.

    Returns:
        A list of ``(path, space)``; the path has the keys that lead from a value of the whole space to the leaf's.
    """
    if isinstance(space, spaces.Dict):
        items = space.spaces.items()
    elif isinstance(space, spaces.Tuple):
        items = enumerate(space.spaces)
    else:
        return [(path, space)]
    return [leaf for key, entry in items for leaf in leaves(entry, (*path, key))]


def element(space):
    """Little-endian dtype and shape of one value of a leaf space other than Text."""
    shape = () if isinstance(space, spaces.Discrete) else tuple(space.shape)
    return np.dtype(space.dtype).newbyteorder("<"), shape


def max_text_bytes(space):
    """Most bytes that one value of a Text space takes as UTF-8."""
    return int(space.max_length) * max((len(character.encode()) for character in space.character_list), default=0)


def max_bytes(space, rows):
    """Most bytes of ``layout(space, rows)``."""
    total = 0
    for _, leaf in leaves(space):
        if isinstance(leaf, spaces.Text):
            total += padded(4 * (rows + 1)) + padded(max_text_bytes(leaf) * rows)
        else:
            dtype, shape = element(leaf)
            total += padded(dtype.itemsize * math.prod(shape) * rows)
    return total


class LayoutWriter:
    """Writes observations into a buffer that is used again and again.

    Args:
        space: The space of one observation.
        buffer: A writable buffer, large enough for whatever is written.
    """

    def __init__(self, space, buffer):
        self._space, self._buffer = space, buffer
        self._columns = [(path, _column(leaf)) for path, leaf in leaves(space)]

    def write(self, values, begin):
        """Writes ``layout(space, len(values))`` at `begin`, a multiple of 8.

        Returns:
            Where the layout ends.

        Raises:
            InvalidRow: A value does not fit: its structure, shape, or dtype (NumPy's casting rule "same_kind").
        """
        try:
            return self._write(values, begin)
        except Exception as error:
            raise self._first_invalid(values, error) from error

    def _write(self, values, at):
        for path, column in self._columns:
            leaf_values = values
            for key in path:
                leaf_values = [value[key] for value in leaf_values]
            at = column.write(self._buffer, at, leaf_values)
        return at

    def _first_invalid(self, values, error):
        """The error of the batch, with the row that is to blame."""
        alone = LayoutWriter(self._space, bytearray(max_bytes(self._space, 1)))
        for row, value in enumerate(values):
            try:
                alone._write([value], 0)
            except Exception as reason:
                return InvalidRow(f"{type(reason).__name__}: {reason}", row)
        return InvalidRow(f"{type(error).__name__}: {error}")


def _column(leaf):
    return _TextColumn(leaf) if isinstance(leaf, spaces.Text) else _ArrayColumn(leaf)


def _pad(buffer, end):
    """Zeros what an earlier, longer block may have left between `end` and the next block."""
    following = padded(end)
    if following != end:
        buffer[end:following] = bytes(following - end)
    return following


class _ArrayColumn:
    """The block of a leaf whose values are arrays or numbers."""

    def __init__(self, space):
        self._dtype, self._shape = element(space)
        self._row_bytes = self._dtype.itemsize * math.prod(self._shape)
        self._views = {}

    def write(self, buffer, at, values):
        view = self._view(buffer, at, len(values))
        if self._shape:
            # np.stack would do the same, with several calls a row.
            np.concatenate(self._checked(values), out=view, casting="same_kind")
        else:
            batch = np.array(values)
            if batch.shape != view.shape:
                raise ValueError(f"a value has shape {batch.shape[1:]}, its space ()")
            np.copyto(view, batch, casting="same_kind")
        return _pad(buffer, at + len(values) * self._row_bytes)

    def _checked(self, values):
        shape = self._shape
        try:
            fit = all([value.shape == shape for value in values])
        except AttributeError:
            values = [np.asarray(value) for value in values]
            fit = all([value.shape == shape for value in values])
        if not fit:
            given = next(value.shape for value in values if value.shape != shape)
            raise ValueError(f"a value has shape {given}, its space {shape}")
        return values

    def _view(self, buffer, at, rows):
        """The block as array, rows joined along the first axis of a value."""
        view = self._views.get((at, rows))
        if view is None:
            if len(self._views) == _MAX_CACHED_VIEWS:
                self._views.clear()
            count = rows * math.prod(self._shape)
            flat = np.frombuffer(buffer, self._dtype, count, at) if count else np.empty(0, self._dtype)
            first, *rest = self._shape or (1,)
            view = self._views[at, rows] = flat.reshape(rows * first, *rest)
        return view


class _TextColumn:
    """The two blocks of a Text leaf."""

    def __init__(self, space):
        self._max_length, self._max_bytes = int(space.max_length), max_text_bytes(space)

    def write(self, buffer, at, values):
        encoded = [self._encode(value) for value in values]
        count = len(values) + 1
        struct.pack_into(f"<{count}I", buffer, at, 0, *accumulate(map(len, encoded)))
        begin = _pad(buffer, at + 4 * count)
        text = b"".join(encoded)
        buffer[begin : begin + len(text)] = text
        return _pad(buffer, begin + len(text))

    def _encode(self, value):
        if not isinstance(value, str):
            raise TypeError(f"a value is of type {type(value).__name__}, its space Text")
        encoded = value.encode()
        if len(value) > self._max_length or len(encoded) > self._max_bytes:
            raise ValueError(f"a value has {len(value)} characters, its space at most {self._max_length}")
        return encoded
