"""Bytes of a Step into actions that were checked (session.proto, StepRequest.actions)."""

import math
import struct

import numpy as np
from gymnasium import spaces

from gymlink.sidecar.layout import InvalidRow, element, leaves, padded
from gymlink.sidecar.spaces import start_of


class ActionReader:
    """Reads ``layout(action space, n)`` and checks every value of it.

    Args:
        space: The action space of one sub-environment.
    """

    def __init__(self, space):
        self._space = space
        self._columns = [(_place(path), _column(leaf)) for path, leaf in leaves(space)]

    def read(self, data, rows, begin, end):
        """Checks all rows and makes actions of some.

        Args:
            data: The bytes.
            rows: How many rows they must have.
            begin: First row wanted.
            end: Row behind the last one wanted.

        Returns:
            One action a wanted row, in memory of its own, of the types that ``space.sample()`` has.

        Raises:
            InvalidRow: The length is wrong, or a value is outside the space.
        """
        at, columns, invalid = 0, [], []
        for place, column in self._columns:
            try:
                at, values = column.take(data, at, rows)
                columns.append(column.check(values, begin, end))
            except InvalidRow as error:
                if error.row is None:
                    raise
                invalid.append(InvalidRow(f"{place}{error}", error.row))
        if at != len(data):
            raise InvalidRow(f"{len(data)} bytes came, but {rows} actions of {self._space} take {at}")
        if invalid:
            raise min(invalid, key=lambda error: error.row)
        if not isinstance(self._space, (spaces.Dict, spaces.Tuple)):
            return columns[0]
        return [_nested(self._space, iter([column[row] for column in columns])) for row in range(end - begin)]


def _place(path):
    return "".join(f"[{key!r}]" for key in path) + (": " if path else "")


def _nested(space, leaf_values):
    """One action of a Dict or Tuple space, from its leaves in order."""
    if isinstance(space, spaces.Dict):
        return {key: _nested(entry, leaf_values) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_nested(element, leaf_values) for element in space.spaces)
    return next(leaf_values)


def _check_length(data, end):
    if end > len(data):
        raise InvalidRow(f"{len(data)} bytes are too few, at least {end} are needed")


def _take(data, at, dtype, count):
    """A block and where the next one begins."""
    size = count * dtype.itemsize
    _check_length(data, at + size)
    return at + padded(size), np.frombuffer(data, dtype, count, at)


def _column(leaf):
    for kind, column in _COLUMNS.items():
        if isinstance(leaf, kind):
            return column(leaf)
    raise TypeError(f"no actions of {leaf}")


# Codes of `struct` for integers by their bytes; capital letters are unsigned.
_INTEGER_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


class _DiscreteColumn:
    """One number a row. Read without NumPy, whose calls take longer for the few rows of a batch."""

    def __init__(self, space):
        self._type, self._bytes = space.dtype.type, space.dtype.itemsize
        code = _INTEGER_CODES[self._bytes]
        self._code = code if space.dtype.kind == "i" else code.upper()
        self._low, self._high = int(space.start), int(space.start) + int(space.n) - 1

    def take(self, data, at, rows):
        size = rows * self._bytes
        _check_length(data, at + size)
        return at + padded(size), struct.unpack_from(f"<{rows}{self._code}", data, at)

    def check(self, values, begin, end):
        if min(values) < self._low or max(values) > self._high:
            row = next(row for row, value in enumerate(values) if not self._low <= value <= self._high)
            raise InvalidRow(f"{values[row]} is not one of {self._low} to {self._high}, the values of its Discrete space", row)
        return list(map(self._type, values[begin:end]))


class _ArrayColumn:
    """Arrays whose elements have bounds of their own."""

    def __init__(self, space, low, high, advice=""):
        self._dtype, self._shape = element(space)
        self._count = math.prod(self._shape)
        self._low, self._high, self._advice = low, high, advice

    def take(self, data, at, rows):
        at, values = _take(data, at, self._dtype, rows * self._count)
        return at, values.reshape(rows, *self._shape)

    def check(self, values, begin, end):
        # NaN compares false with both.
        valid = (values >= self._low) & (values <= self._high)
        if not valid.all():
            raise self._invalid(values, valid)
        own = values[begin:end].copy()
        # The dots keep a value of shape () an array, as sample() gives it.
        return [own[row, ...] for row in range(end - begin)]

    def _invalid(self, values, valid):
        row, *place = (int(axis[0]) for axis in np.nonzero(~valid))
        low, high = (np.broadcast_to(bound, self._shape)[tuple(place)] for bound in (self._low, self._high))
        where = f"element {place} is " if place else ""
        return InvalidRow(f"{where}{values[(row, *place)]}, which is not within {low} to {high}{self._advice}", row)


class _BoolColumn(_ArrayColumn):
    """Booleans: a byte other than 0 and 1 must not become a NumPy bool."""

    def __init__(self, space):
        super().__init__(space, space.low.view(np.uint8), space.high.view(np.uint8))
        self._dtype = np.dtype(np.uint8)

    def check(self, values, begin, end):
        return [row.view(np.bool_) for row in super().check(values, begin, end)]


def _box(space):
    if space.dtype == np.bool_:
        return _BoolColumn(space)
    return _ArrayColumn(space, space.low, space.high, " (bounds of its Box space; clip actions before sending them)")


def _multi_discrete(space):
    start = np.asarray(start_of(space), np.int64)
    return _ArrayColumn(space, start, start + space.nvec.astype(np.int64) - 1)


class _TextColumn:
    """Offsets and UTF-8."""

    def __init__(self, space):
        self._space = space

    def take(self, data, at, rows):
        at, block = _take(data, at, np.dtype("<u4"), rows + 1)
        offsets = block.tolist()
        if offsets[0] != 0 or any(a > b for a, b in zip(offsets, offsets[1:])):
            raise InvalidRow("the offsets of its Text space do not rise from 0")
        at, block = _take(data, at, np.dtype("u1"), offsets[-1])
        encoded = block.tobytes()
        return at, [encoded[a:b] for a, b in zip(offsets, offsets[1:])]

    def check(self, values, begin, end):
        return [self._text(value, row) for row, value in enumerate(values)][begin:end]

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


_COLUMNS = {
    spaces.Box: _box,
    spaces.Discrete: _DiscreteColumn,
    spaces.MultiDiscrete: _multi_discrete,
    spaces.MultiBinary: lambda space: _ArrayColumn(space, 0, 1),
    spaces.Text: _TextColumn,
}
