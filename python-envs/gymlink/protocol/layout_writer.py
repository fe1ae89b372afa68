"""Writing a batch of observations as ``layout(space, n)`` of space.proto."""

from gymnasium import spaces

from gymlink.protocol.columns import ArrayColumn, BufferFull, TextColumn
from gymlink.protocol.composite_columns import GraphColumn, OneOfColumn, SequenceColumn
from gymlink.protocol.layout import InvalidRow, known_bytes, leaves
from gymlink.protocol.spaces import OneOf


class LayoutWriter:
    """Writes observations into a buffer that is used again and again.

    Args:
        space: The space of one observation.
        buffer: A writable buffer; its length is a multiple of 8.
    """

    def __init__(self, space, buffer):
        self._space, self._buffer = space, buffer
        self._layout = _Layout(space)

    def write(self, values, begin):
        """Writes ``layout(space, len(values))`` at `begin`, a multiple of 8.

        Returns:
            Where the layout ends.

        Raises:
            InvalidRow: A value does not fit: its structure, shape, or dtype (NumPy's casting rule "same_kind").
            BufferFull: The buffer is too short. It never is with ``known_bytes``, unless there is a Sequence, Graph or OneOf.
        """
        try:
            return self._layout.write(self._buffer, begin, values)
        except BufferFull:
            raise
        except Exception as error:
            raise self._first_invalid(values, error) from error

    def write_batch(self, batch, count, begin):
        """Writes ``layout(space, count)`` at `begin`, a multiple of 8, of a batch that Gymnasium stacked.

        Returns:
            Where the layout ends.

        Raises:
            InvalidRow: The batch does not fit.
            BufferFull: As `write`.
        """
        try:
            return self._layout.write_stacked(self._buffer, begin, [batch], [count])
        except BufferFull:
            raise
        except Exception as error:
            raise InvalidRow(f"{type(error).__name__}: {error}") from error

    def _first_invalid(self, values, error):
        """The error of the batch, with the row that is to blame."""
        for row, value in enumerate(values):
            try:
                layout_bytes(self._space, [value])
            except Exception as reason:
                return InvalidRow(f"{type(reason).__name__}: {reason}", row)
        return InvalidRow(f"{type(error).__name__}: {error}")


def layout_bytes(space, values):
    """``layout(space, len(values))`` in a buffer of its own; raises whatever is wrong with a value."""
    length = known_bytes(space, len(values))
    while True:
        buffer = bytearray(length)
        try:
            end = _Layout(space).write(buffer, 0, values)
        except BufferFull as full:
            length = 2 * full.needed
        else:
            return bytes(memoryview(buffer)[:end])


class _Layout:
    """The columns of a space's leaves, for one buffer."""

    def __init__(self, space):
        self._columns = [(path, _column(leaf)) for path, leaf in leaves(space)]

    def write(self, buffer, at, values):
        for path, column in self._columns:
            at = column.write(buffer, at, _picked(values, path))
        return at

    def counts(self, batches):
        """How many values each batch has that Gymnasium stacked."""
        if not self._columns:
            return [0] * len(batches)
        return [len(batch) for batch in _picked(batches, self._columns[0][0])]

    def write_stacked(self, buffer, at, batches, counts):
        """Writes the values of batches that Gymnasium stacked; leaves of a batch are batches of the leaves."""
        for path, column in self._columns:
            at = column.write_stacked(buffer, at, _picked(batches, path), counts)
        return at


def _picked(values, path):
    for key in path:
        values = [value[key] for value in values]
    return values


def _column(leaf):
    if isinstance(leaf, spaces.Text):
        return TextColumn(leaf)
    if isinstance(leaf, spaces.Sequence):
        return SequenceColumn(_Layout(leaf.feature_space), leaf.stack)
    if isinstance(leaf, spaces.Graph):
        return GraphColumn(_Layout(leaf.node_space), None if leaf.edge_space is None else _Layout(leaf.edge_space))
    if isinstance(leaf, OneOf):
        return OneOfColumn([_Layout(variant) for variant in leaf.spaces])
    return ArrayColumn.of(leaf)
