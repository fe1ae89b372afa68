"""How the blocks of one leaf of a space are written into a buffer."""

import math
import struct
from itertools import accumulate, chain

import numpy as np

from gymlink.protocol.layout import element, max_text_bytes, padded

_MAX_CACHED_VIEWS = 64


class BufferFull(Exception):
    """Raised when a block ends behind the end of the buffer, which must have at least `needed` bytes."""

    def __init__(self, needed):
        super().__init__(f"at least {needed} bytes are needed")
        self.needed = needed


def _pad(buffer, end):
    """Zeros what an earlier, longer block may have left between `end` and the next block."""
    following = padded(end)
    if following != end:
        buffer[end:following] = bytes(following - end)
    return following


def write_block(buffer, at, data):
    """Writes the bytes of a block; returns where the next one begins."""
    end = at + len(data)
    if padded(end) > len(buffer):
        raise BufferFull(padded(end))
    buffer[at:end] = data
    return _pad(buffer, end)


def write_offsets(buffer, at, counts):
    """Writes offsets of rows with so many elements each; returns where the next block begins."""
    return write_block(buffer, at, struct.pack(f"<{len(counts) + 1}I", 0, *accumulate(counts)))


class ArrayColumn:
    """The block of a leaf whose values are arrays or numbers.

    Args:
        dtype: Little-endian dtype of the elements.
        shape: Shape of a value.
    """

    def __init__(self, dtype, shape):
        self._dtype, self._shape = dtype, shape
        self._row_bytes = self._dtype.itemsize * math.prod(self._shape)
        self._views = {}

    @classmethod
    def of(cls, space):
        """The column of a space."""
        return cls(*element(space))

    def write(self, buffer, at, values):
        """Writes a block of values."""
        if not values:
            return at
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

    def write_stacked(self, buffer, at, batches, counts):
        """Writes a block of the values in some arrays."""
        batches = [np.asarray(batch) for batch in batches]
        total = sum(counts)
        for batch, count in zip(batches, counts):
            if batch.shape != (count, *self._shape):
                raise ValueError(f"stacked values have shape {batch.shape}, their space ({count}, *{self._shape})")
        if total == 0:
            return at
        view = self._view(buffer, at, total).reshape(total, *self._shape)
        np.concatenate(batches, out=view, casting="same_kind")
        return _pad(buffer, at + total * self._row_bytes)

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
            end = padded(at + rows * self._row_bytes)
            if end > len(buffer):
                raise BufferFull(end)
            if len(self._views) == _MAX_CACHED_VIEWS:
                self._views.clear()
            count = rows * math.prod(self._shape)
            flat = np.frombuffer(buffer, self._dtype, count, at) if count else np.empty(0, self._dtype)
            first, *rest = self._shape or (1,)
            view = self._views[at, rows] = flat.reshape(rows * first, *rest)
        return view


class ItemColumn:
    """The blocks of a leaf whose values Gymnasium stacks into a tuple of them."""

    def write(self, buffer, at, values):
        """Writes the blocks of values; returns where the next block begins."""
        raise NotImplementedError

    def write_stacked(self, buffer, at, batches, counts):
        """Writes the blocks of the values in some tuples."""
        if [len(batch) for batch in batches] != counts:
            raise ValueError(f"stacked values have lengths {[len(batch) for batch in batches]} where others have {counts}")
        return self.write(buffer, at, [*chain.from_iterable(batches)])


class TextColumn(ItemColumn):
    """The two blocks of a Text leaf."""

    def __init__(self, space):
        self._max_length, self._max_bytes = int(space.max_length), max_text_bytes(space)

    def write(self, buffer, at, values):
        """Writes offsets and UTF-8."""
        encoded = [self._encode(value) for value in values]
        return write_block(buffer, write_offsets(buffer, at, [*map(len, encoded)]), b"".join(encoded))

    def _encode(self, value):
        if not isinstance(value, str):
            raise TypeError(f"a value is of type {type(value).__name__}, its space Text")
        encoded = value.encode()
        if len(value) > self._max_length or len(encoded) > self._max_bytes:
            raise ValueError(f"a value has {len(value)} characters, its space at most {self._max_length}")
        return encoded
