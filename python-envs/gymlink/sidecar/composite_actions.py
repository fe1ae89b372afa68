"""Actions of Sequence, Graph and OneOf spaces, read from bytes and checked."""

from bisect import bisect_left, bisect_right

import numpy as np
from gymnasium.spaces import GraphInstance

from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.action_columns import ItemColumn, take_block, take_offsets


class _Faults:
    """Gathers what is wrong in the elements of rows, to name the first row."""

    def __init__(self):
        self.errors = []

    def check(self, place, offsets, check, *args):
        """The result of a check of elements, or nothing; `place` names an element, `offsets` tell which row has which."""
        try:
            return check(*args)
        except InvalidRow as error:
            self.errors.append(_located(error, place, offsets))
            return []

    def raise_first(self):
        """Raises the error of the first row that has one."""
        if self.errors:
            raise min(self.errors, key=lambda error: error.row)


def _located(error, place, offsets):
    """The error of an element as that of its row."""
    row = bisect_right(offsets, error.row) - 1
    return InvalidRow(f"{place} {error.row - offsets[row]}: {error}", row)


class SequenceColumn(ItemColumn):
    """Offsets and the elements.

    Args:
        elements: Reader of the elements.
        stacked: Whether a value is what Gymnasium stacks of its elements, rather than a tuple.
    """

    def __init__(self, elements, stacked):
        self._elements, self._stacked = elements, stacked

    def take(self, data, at, rows):
        """Takes the blocks of sequences."""
        at, offsets = take_offsets(data, at, rows, "Sequence", self._elements.is_empty)
        at, elements = take_elements(self._elements, data, at, "element", offsets)
        return at, (offsets, elements)

    def check(self, taken, begin, end):
        """Checks all rows, and makes sequences of some."""
        offsets, elements = taken
        wanted = offsets[begin : end + 1]
        try:
            if self._stacked:
                return self._elements.stacked(elements, wanted)
            items = self._elements.check(elements, wanted[0], wanted[-1])
        except InvalidRow as error:
            raise _located(error, "element", offsets) from error
        return [tuple(items[a - wanted[0] : b - wanted[0]]) for a, b in zip(wanted, wanted[1:])]


def take_elements(reader, data, at, place, offsets):
    """Takes the blocks of elements; what is wrong is said of their row."""
    try:
        return reader.take(data, at, offsets[-1])
    except InvalidRow as error:
        if error.row is None:
            raise
        raise _located(error, place, offsets) from error


class GraphColumn(ItemColumn):
    """Nodes, edges and edge links.

    Args:
        nodes: Reader of nodes.
        edges: Reader of edges, or None.
    """

    def __init__(self, nodes, edges):
        self._nodes, self._edges = nodes, edges

    def take(self, data, at, rows):
        """Takes the blocks of graphs."""
        at, node_offsets = take_offsets(data, at, rows, "Graph", self._nodes.is_empty)
        at, nodes = take_elements(self._nodes, data, at, "node", node_offsets)
        at, has_edges = take_block(data, at, np.dtype("u1"), rows)
        at, edge_offsets = take_offsets(data, at, rows, "Graph", self._edges is not None and self._edges.is_empty)
        edges = None
        if self._edges is not None:
            at, edges = take_elements(self._edges, data, at, "edge", edge_offsets)
        at, links = take_block(data, at, np.dtype("<i4"), 2 * edge_offsets[-1])
        return at, (node_offsets, nodes, has_edges.tolist(), edge_offsets, edges, links.reshape(-1, 2))

    def check(self, taken, begin, end):
        """Checks all rows, and makes graphs of some."""
        node_offsets, nodes, has_edges, edge_offsets, edges, links = taken
        faults = _Faults()
        nodes = faults.check("node", node_offsets, self._nodes.stacked, nodes, node_offsets[begin : end + 1])
        wanted = edge_offsets[begin : end + 1]
        if self._edges is not None:
            edges = faults.check("edge", edge_offsets, self._edges.stacked, edges, wanted)
        self._check_flags(faults, has_edges, edge_offsets)
        faults.check("edge", edge_offsets, _check_links, links, np.diff(node_offsets), np.diff(edge_offsets))
        faults.raise_first()
        if edges is None:
            return [GraphInstance(row_nodes, None, None) for row_nodes in nodes]
        own = zip(nodes, edges, has_edges[begin:end], wanted, wanted[1:])
        return [
            GraphInstance(row_nodes, row_edges, links[a:b].astype(np.int32)) if has else GraphInstance(row_nodes, None, None)
            for row_nodes, row_edges, has, a, b in own
        ]

    def _check_flags(self, faults, has_edges, edge_offsets):
        for row, has in enumerate(has_edges):
            if has > 1:
                faults.errors.append(InvalidRow(f"whether its graph has edges is {has}, not 0 or 1", row))
            elif has and self._edges is None:
                faults.errors.append(InvalidRow("its graph has edges, but its Graph space has no edge space", row))
            elif not has and edge_offsets[row] != edge_offsets[row + 1]:
                faults.errors.append(InvalidRow("its graph has no edges, but edges came", row))


def _check_links(links, node_counts, edge_counts):
    """Raises InvalidRow with the number of the first edge that does not lie within its graph."""
    nodes = np.repeat(node_counts, edge_counts)[:, None]
    valid = ((links >= 0) & (links < nodes)).all(axis=1)
    if not valid.all():
        edge = int(np.argmin(valid))
        raise InvalidRow(f"{links[edge].tolist()} are not both nodes of a graph with {nodes[edge, 0]} nodes", edge)


class OneOfColumn(ItemColumn):
    """Chosen variants, and the values of each.

    Args:
        variants: Reader of each variant.
    """

    def __init__(self, variants):
        self._variants = variants

    def take(self, data, at, rows):
        """Takes the blocks of values."""
        at, block = take_block(data, at, np.dtype("<u4"), rows)
        chosen = block.tolist()
        rows_of = [[] for _ in self._variants]
        for row, variant in enumerate(chosen):
            if variant >= len(rows_of):
                raise InvalidRow(f"it chose variant {variant} of a OneOf space with {len(rows_of)}", row)
            rows_of[variant].append(row)
        taken = []
        for variant, own in zip(self._variants, rows_of):
            try:
                at, values = variant.take(data, at, len(own))
            except InvalidRow as error:
                raise InvalidRow(str(error), None if error.row is None else own[error.row]) from error
            taken.append(values)
        return at, (chosen, rows_of, taken)

    def check(self, taken, begin, end):
        """Checks all rows, and makes pairs of index and value of some."""
        chosen, rows_of, values_of = taken
        errors, wanted = [], []
        for k, (variant, own, values) in enumerate(zip(self._variants, rows_of, values_of)):
            try:
                wanted.append(iter(variant.check(values, bisect_left(own, begin), bisect_left(own, end))))
            except InvalidRow as error:
                errors.append(InvalidRow(f"variant {k}: {error}", own[error.row]))
        if errors:
            raise min(errors, key=lambda error: error.row)
        return [(np.int64(k), next(wanted[k])) for k in chosen[begin:end]]
