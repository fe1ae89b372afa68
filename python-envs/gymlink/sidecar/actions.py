"""Bytes of a Step into actions that were checked (session.proto, StepRequest.actions)."""

from gymnasium import spaces

from gymlink.protocol.layout import InvalidRow, leaves, takes_no_bytes
from gymlink.protocol.spaces import OneOf
from gymlink.sidecar.action_columns import ArrayColumn, DiscreteColumn, TextColumn, box_column, multi_discrete_column
from gymlink.sidecar.composite_actions import GraphColumn, OneOfColumn, SequenceColumn


class ActionReader:
    """Reads ``layout(action space, n)`` and checks every value of it.

    Args:
        space: The action space of one sub-environment.
    """

    def __init__(self, space):
        self._space, self._reader = space, _Reader(space)

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
        return self._reader.check(self._take(data, rows), begin, end)

    def read_batch(self, data, rows, begin, end):
        """As `read`, but makes one batch of the wanted rows, stacked as Gymnasium does."""
        return self._reader.stacked(self._take(data, rows), [begin, end])[0]

    def _take(self, data, rows):
        at, taken = self._reader.take(data, 0, rows)
        if at != len(data):
            raise InvalidRow(f"{len(data)} bytes came, but {rows} actions of {self._space} take {at}")
        return taken


class _Reader:
    """The columns of a space's leaves.

    Attributes:
        is_empty: Whether values have no bytes.
    """

    def __init__(self, space):
        self._space, self._is_leaf = space, not isinstance(space, (spaces.Dict, spaces.Tuple))
        self.is_empty = takes_no_bytes(space)
        self._columns = [(_place(path), _column(leaf)) for path, leaf in leaves(space)]

    def take(self, data, at, rows):
        """Takes the blocks of some rows; returns where the next one begins, and what was taken."""
        taken = []
        for place, column in self._columns:
            try:
                at, values = column.take(data, at, rows)
            except InvalidRow as error:
                raise _placed(place, error) from error
            taken.append(values)
        return at, taken

    def check(self, taken, begin, end):
        """Checks all rows; returns the values of rows begin … end - 1."""
        columns = self._checked(taken, lambda column, values: column.check(values, begin, end))
        return columns[0] if self._is_leaf else self._joined(columns, end - begin)

    def stacked(self, taken, bounds):
        """Checks all rows; returns the values between each two bounds, stacked as Gymnasium does."""
        columns = self._checked(taken, lambda column, values: column.stacked(values, bounds))
        return columns[0] if self._is_leaf else self._joined(columns, len(bounds) - 1)

    def _checked(self, taken, check):
        columns, invalid = [], []
        for (place, column), values in zip(self._columns, taken):
            try:
                columns.append(check(column, values))
            except InvalidRow as error:
                invalid.append(_placed(place, error))
        if invalid:
            raise min(invalid, key=lambda error: error.row)
        return columns

    def _joined(self, columns, count):
        """Values of a Dict or Tuple space, from those of its leaves."""
        return [_nested(self._space, iter([column[row] for column in columns])) for row in range(count)]


def _place(path):
    return "".join(f"[{key!r}]" for key in path) + (": " if path else "")


def _placed(place, error):
    return InvalidRow(f"{place}{error}", error.row)


def _nested(space, leaf_values):
    """One action of a Dict or Tuple space, from its leaves in order."""
    if isinstance(space, spaces.Dict):
        return {key: _nested(entry, leaf_values) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_nested(element, leaf_values) for element in space.spaces)
    return next(leaf_values)


def _column(leaf):
    for kind, column in _COLUMNS.items():
        if isinstance(leaf, kind):
            return column(leaf)
    raise TypeError(f"no actions of {leaf}")


_COLUMNS = {
    spaces.Box: box_column,
    spaces.Discrete: DiscreteColumn,
    spaces.MultiDiscrete: multi_discrete_column,
    spaces.MultiBinary: lambda space: ArrayColumn(space, 0, 1),
    spaces.Text: TextColumn,
    spaces.Sequence: lambda space: SequenceColumn(_Reader(space.feature_space), space.stack),
    spaces.Graph: lambda space: GraphColumn(
        _Reader(space.node_space), None if space.edge_space is None else _Reader(space.edge_space)
    ),
    OneOf: lambda space: OneOfColumn([_Reader(variant) for variant in space.spaces]),
}
