"""How the blocks of Sequence, Graph and OneOf leaves are written into a buffer."""

import operator
import struct
from itertools import chain

import numpy as np
from gymnasium.spaces import GraphInstance

from gymlink.protocol.columns import ArrayColumn, ItemColumn, write_block, write_offsets


class SequenceColumn(ItemColumn):
    """Offsets and the elements.

    Args:
        elements: Layout of the elements' space.
        stacked: Whether a value is what Gymnasium stacks of its elements, rather than a tuple.
    """

    def __init__(self, elements, stacked):
        self._elements, self._stacked = elements, stacked

    def write(self, buffer, at, values):
        """Writes sequences."""
        if self._stacked:
            counts = self._elements.counts(values)
            return self._elements.write_stacked(buffer, write_offsets(buffer, at, counts), values, counts)
        for value in values:
            if not isinstance(value, (tuple, list)):
                raise TypeError(f"a value is of type {type(value).__name__}, its Sequence space has tuples")
        at = write_offsets(buffer, at, [*map(len, values)])
        return self._elements.write(buffer, at, [*chain.from_iterable(values)])


class GraphColumn(ItemColumn):
    """Nodes, edges and edge links.

    Args:
        nodes: Layout of the node space.
        edges: Layout of the edge space, or None.
    """

    def __init__(self, nodes, edges):
        self._nodes, self._edges = nodes, edges
        self._links = ArrayColumn(np.dtype("<i4"), (2,))

    def write(self, buffer, at, values):
        """Writes graphs."""
        for value in values:
            if not isinstance(value, GraphInstance):
                raise TypeError(f"a value is of type {type(value).__name__}, its Graph space has GraphInstance")
        nodes = [graph.nodes for graph in values]
        node_counts = self._nodes.counts(nodes)
        links = [self._links_of(graph, count) for graph, count in zip(values, node_counts)]
        at = self._nodes.write_stacked(buffer, write_offsets(buffer, at, node_counts), nodes, node_counts)
        at = write_block(buffer, at, bytes([one is not None for one in links]))
        at = write_offsets(buffer, at, [0 if one is None else len(one) for one in links])
        present = [one for one in links if one is not None]
        counts = [*map(len, present)]
        if self._edges is not None:
            at = self._edges.write_stacked(buffer, at, [graph.edges for graph in values if graph.edges is not None], counts)
        return self._links.write_stacked(buffer, at, present, counts)

    def _links_of(self, graph, nodes):
        """The checked edge links of a graph, or None."""
        if (graph.edges is not None) != (graph.edge_links is not None and self._edges is not None):
            raise ValueError("edges and edge_links of a graph do not belong together")
        if graph.edge_links is None:
            return None
        links = np.asarray(graph.edge_links)
        if links.dtype.kind not in "iu" or links.shape[1:] != (2,):
            raise ValueError(f"edge_links has dtype {links.dtype} and shape {links.shape}, not integers in pairs")
        if links.size and (links.min() < 0 or links.max() >= nodes):
            raise ValueError(f"edge_links name nodes {links.min()} to {links.max()} of a graph with {nodes} nodes")
        return links.astype(np.int32, copy=False)


class OneOfColumn(ItemColumn):
    """Chosen variants, and the values of each.

    Args:
        variants: Layout of each variant.
    """

    def __init__(self, variants):
        self._variants = variants

    def write(self, buffer, at, values):
        """Writes values with the index of their variant."""
        chosen, by_variant = [], [[] for _ in self._variants]
        for value in values:
            if not isinstance(value, tuple) or len(value) != 2:
                raise TypeError(f"a value is {value!r}, its OneOf space has pairs of index and value")
            variant = operator.index(value[0])
            if not 0 <= variant < len(by_variant):
                raise ValueError(f"a value chose variant {variant} of a OneOf space with {len(by_variant)}")
            chosen.append(variant)
            by_variant[variant].append(value[1])
        at = write_block(buffer, at, struct.pack(f"<{len(chosen)}I", *chosen))
        for layout, items in zip(self._variants, by_variant):
            at = layout.write(buffer, at, items)
        return at
