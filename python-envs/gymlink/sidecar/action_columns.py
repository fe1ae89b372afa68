"""One leaf of an action space: its blocks, read and checked."""

import math
import struct

import numpy as np

from gymlink.protocol.layout import MOST_EMPTY_ELEMENTS, InvalidRow, element, padded
from gymlink.protocol.spaces import start_of


def _check_length(data, end):
    if end > len(data):
        raise InvalidRow(f"{len(data)} bytes are too few, at least {end} are needed")


def take_block(data, at, dtype, count):
    """A block and where the next one begins."""
    size = count * dtype.itemsize
    _check_length(data, at + size)
    return at + padded(size), np.frombuffer(data, dtype, count, at)


def take_offsets(data, at, rows, kind, are_empty=False):
    """Offsets of rows, checked, and where the next block begins; `are_empty` tells that elements have no bytes."""
    at, block = take_block(data, at, np.dtype("<u4"), rows + 1)
    offsets = block.tolist()
    if offsets[0] != 0 or any(a > b for a, b in zip(offsets, offsets[1:])):
        raise InvalidRow(f"the offsets of its {kind} space do not rise from 0")
    if offsets[-1] > (MOST_EMPTY_ELEMENTS if are_empty else len(data)):
        raise InvalidRow(f"{len(data)} bytes are too few for the {offsets[-1]} elements of its {kind} space")
    return at, offsets


class ItemColumn:
    """A leaf whose values Gymnasium stacks into a tuple of them."""

    def take(self, data, at, rows):
        """Takes the blocks of some rows; returns where the next one begins, and what `check` takes."""
        raise NotImplementedError

    def check(self, taken, begin, end):
        """Checks all rows; returns the values of rows begin … end - 1."""
        raise NotImplementedError

    def stacked(self, taken, bounds):
        """Checks all rows; returns the values between each two bounds, stacked."""
        items, first = self.check(taken, bounds[0], bounds[-1]), bounds[0]
        return [tuple(items[a - first : b - first]) for a, b in zip(bounds, bounds[1:])]


# Codes of `struct` for integers by their bytes; capital letters are unsigned.
_INTEGER_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


class DiscreteColumn:
    """One number a row. Read without NumPy, whose calls take longer for the few rows of a batch."""

    def __init__(self, space):
        self._type, self._bytes = space.dtype.type, space.dtype.itemsize
        code = _INTEGER_CODES[self._bytes]
        self._code = code if space.dtype.kind == "i" else code.upper()
        self._low, self._high = int(space.start), int(space.start) + int(space.n) - 1

    def take(self, data, at, rows):
        """Takes the block of some rows."""
        size = rows * self._bytes
        _check_length(data, at + size)
        return at + padded(size), struct.unpack_from(f"<{rows}{self._code}", data, at)

    def check(self, values, begin, end):
        """Checks all rows; returns the values of rows begin … end - 1."""
        self._check(values)
        return list(map(self._type, values[begin:end]))

    def stacked(self, values, bounds):
        """Checks all rows; returns one array of values between each two bounds."""
        self._check(values)
        return [np.array(values[a:b], self._type) for a, b in zip(bounds, bounds[1:])]

    def _check(self, values):
        if values and (min(values) < self._low or max(values) > self._high):
            row = next(row for row, value in enumerate(values) if not self._low <= value <= self._high)
            raise InvalidRow(f"{values[row]} is not one of {self._low} to {self._high}, the values of its Discrete space", row)


class ArrayColumn:
    """Arrays whose elements have bounds of their own."""

    def __init__(self, space, low, high, advice=""):
        self._dtype, self._shape = element(space)
        self._count = math.prod(self._shape)
        self._low, self._high, self._advice = low, high, advice

    def take(self, data, at, rows):
        """Takes the block of some rows."""
        at, values = take_block(data, at, self._dtype, rows * self._count)
        return at, values.reshape(rows, *self._shape)

    def check(self, values, begin, end):
        """Checks all rows; returns the values of rows begin … end - 1."""
        self._check(values)
        own = values[begin:end].copy()
        # The dots keep a value of shape () an array, as sample() gives it.
        return [own[row, ...] for row in range(end - begin)]

    def stacked(self, values, bounds):
        """Checks all rows; returns one array of values between each two bounds."""
        self._check(values)
        return [values[a:b].copy() for a, b in zip(bounds, bounds[1:])]

    def _check(self, values):
        # NaN compares false with both.
        valid = (values >= self._low) & (values <= self._high)
        if not valid.all():
            raise self._invalid(values, valid)

    def _invalid(self, values, valid):
        row, *place = (int(axis[0]) for axis in np.nonzero(~valid))
        low, high = (np.broadcast_to(bound, self._shape)[tuple(place)] for bound in (self._low, self._high))
        where = f"element {place} is " if place else ""
        return InvalidRow(f"{where}{values[(row, *place)]}, which is not within {low} to {high}{self._advice}", row)


class BoolColumn(ArrayColumn):
    """Booleans: a byte other than 0 and 1 must not become a NumPy bool."""

    def __init__(self, space):
        super().__init__(space, space.low.view(np.uint8), space.high.view(np.uint8))
        self._dtype = np.dtype(np.uint8)

    def check(self, values, begin, end):
        """Checks all rows; returns the values of rows begin … end - 1."""
        return [row.view(np.bool_) for row in super().check(values, begin, end)]

    def stacked(self, values, bounds):
        """Checks all rows; returns one array of values between each two bounds."""
        return [batch.view(np.bool_) for batch in super().stacked(values, bounds)]


def box_column(space):
    """The column of a Box space."""
    if space.dtype == np.bool_:
        return BoolColumn(space)
    return ArrayColumn(space, space.low, space.high, " (bounds of its Box space; clip actions before sending them)")


def multi_discrete_column(space):
    """The column of a MultiDiscrete space."""
    wide = np.uint64 if space.dtype == np.uint64 else np.int64
    start = np.asarray(start_of(space), wide)
    return ArrayColumn(space, start, start + (space.nvec.astype(wide) - wide(1)))


class TextColumn(ItemColumn):
    """Offsets and UTF-8."""

    def __init__(self, space):
        self._space = space

    def take(self, data, at, rows):
        """Takes the block of some rows."""
        at, offsets = take_offsets(data, at, rows, "Text")
        at, block = take_block(data, at, np.dtype("u1"), offsets[-1])
        encoded = block.tobytes()
        return at, [encoded[a:b] for a, b in zip(offsets, offsets[1:])]

    def check(self, taken, begin, end):
        """Checks all rows; returns the values of rows begin … end - 1."""
        return [self._text(value, row) for row, value in enumerate(taken)][begin:end]

    def _text(self, data, row):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise InvalidRow("its text is not UTF-8", row) from None
        if not self._space.contains(text):
            space = self._space
            wanted = f"{space.min_length} to {space.max_length} of the characters {space.characters!r}"
            raise InvalidRow(f"{text!r} is not a text of {wanted}", row)
        return text
