import struct

import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.actions import ActionReader
from tests.reference import pack
from tests.space_list import COMPOSITE_SPACES, GYMNASIUM, samples

BOX, DISCRETE = spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3)
GRAPH = spaces.Graph(BOX, DISCRETE)


def blocks(*parts):
    """Blocks of (struct code, numbers)."""
    packed = (struct.pack(f"<{len(numbers)}{code}", *numbers) for code, numbers in parts)
    return b"".join(block + bytes(-len(block) % 8) for block in packed)


def graph(nodes=(0, 2, 4), flags=(1, 1), edges=(0, 1, 2), values=(0, 2), links=(0, 1, 1, 0), node=0.5):
    """Two graphs of two nodes and an edge each, or what is said instead."""
    floats = [node] * (2 * nodes[-1])
    return blocks(("I", nodes), ("f", floats), ("B", flags), ("I", edges), ("q", values), ("i", links))


MALFORMED = {
    "offsets do not begin with 0": (spaces.Sequence(DISCRETE), 2, blocks(("I", (1, 1, 1)), ("q", (0,))), None, "do not rise"),
    "offsets decrease": (spaces.Sequence(DISCRETE), 3, blocks(("I", (0, 2, 1, 2)), ("q", (0, 0))), None, "do not rise"),
    "too few elements": (spaces.Sequence(DISCRETE), 2, blocks(("I", (0, 1, 3)), ("q", (0, 0))), None, "too few"),
    "too many elements": (spaces.Sequence(DISCRETE), 2, blocks(("I", (0, 1, 1)), ("q", (0, 0))), None, "take 24"),
    "countless elements": (spaces.Sequence(DISCRETE), 1, blocks(("I", (0, 0xFFFFFFFF))), None, "too few"),
    "countless elements of no bytes": (
        spaces.Sequence(spaces.Box(0, 1, (0,))),
        1,
        blocks(("I", (0, 0xFFFFFFFF))),
        None,
        "8 bytes are too few for the 4294967295 elements",
    ),
    "element out of range": (
        spaces.Sequence(DISCRETE),
        3,
        blocks(("I", (0, 1, 1, 4)), ("q", (0, 1, 3, 0))),
        2,
        "^element 1: 3 is not one of 0 to 2",
    ),
    "stacked element out of bounds": (
        spaces.Sequence(BOX, stack=True),
        2,
        blocks(("I", (0, 1, 2)), ("f", (0, 0, 0, 2))),
        1,
        r"^element 0: element \[1\] is 2.0, which is not within -1.0 to 1.0",
    ),
    "NaN": (spaces.Sequence(BOX), 2, blocks(("I", (0, 1, 2)), ("f", (0, 0, np.nan, 0))), 1, "is nan"),
    "row of an inner sequence": (
        spaces.Sequence(spaces.Sequence(DISCRETE)),
        2,
        blocks(("I", (0, 1, 3)), ("I", (0, 2, 2, 4)), ("q", (0, 0, 0, -1))),
        1,
        "^element 1: element 1: -1 is not one of",
    ),
    "node out of bounds": (GRAPH, 2, graph(node=7), 0, r"^node 0: element \[0\] is 7.0"),
    "edge out of range": (GRAPH, 2, graph(values=(0, 3)), 1, "^edge 0: 3 is not one of 0 to 2"),
    "edge to a node of another graph": (GRAPH, 2, graph(links=(0, 1, 2, 0)), 1, r"^edge 0: \[2, 0\] are not both nodes"),
    "edge to a negative node": (GRAPH, 2, graph(links=(0, -1, 1, 0)), 0, r"^edge 0: \[0, -1\] are not both nodes"),
    "edges of a graph without edges": (GRAPH, 2, graph(flags=(1, 0)), 1, "has no edges, but edges came"),
    "flag that is none": (GRAPH, 2, graph(flags=(1, 2)), 1, "is 2, not 0 or 1"),
    "edges without an edge space": (
        spaces.Graph(DISCRETE, None),
        1,
        blocks(("I", (0, 1)), ("q", (0,)), ("B", (1,)), ("I", (0, 1)), ("i", (0, 0))),
        0,
        "no edge space",
    ),
    "node offsets decrease": (GRAPH, 2, graph(nodes=(0, 5, 4)), None, "do not rise"),
    "edge offsets decrease": (GRAPH, 2, graph(edges=(0, 3, 2)), None, "do not rise"),
    "no edge links": (GRAPH, 2, graph(links=()), None, "too few"),
    "deep within": (
        spaces.Dict(a=spaces.Tuple((spaces.Sequence(DISCRETE),))),
        1,
        blocks(("I", (0, 1)), ("q", (9,))),
        0,
        r"^\['a'\]\[0\]: element 0: 9 is not one of",
    ),
}
if GYMNASIUM >= (1, 0):
    MALFORMED.update(
        {
            "variant out of range": (
                spaces.OneOf((DISCRETE, BOX)),
                2,
                blocks(("I", (0, 2)), ("q", (0,))),
                1,
                "chose variant 2 of a OneOf",
            ),
            "value of a variant": (
                spaces.OneOf((DISCRETE, BOX)),
                4,
                blocks(("I", (1, 0, 1, 0)), ("q", (0, 5)), ("f", (0, 0, 9, 0))),
                2,
                r"^variant 1: element \[0\] is 9.0",
            ),
            "variant in a sequence": (
                spaces.Sequence(spaces.OneOf((DISCRETE,))),
                2,
                blocks(("I", (0, 1, 3)), ("I", (0, 0, 1)), ("q", (0, 0))),
                1,
                "^element 1: it chose variant 1",
            ),
        }
    )


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_with_its_row(name):
    space, rows, data, row, says = MALFORMED[name]
    # Every worker checks all rows, also when it wants but one.
    for begin in range(rows):
        with pytest.raises(InvalidRow, match=says) as raised:
            ActionReader(space).read(data, rows, begin, begin + 1)
        assert raised.value.row == row


def test_graphs_as_they_are_tried_here_are_whole():
    first, second = ActionReader(GRAPH).read(graph(), 2, 0, 2)
    assert (first.edges.tolist(), first.edge_links.tolist()) == ([0], [[0, 1]])
    assert (second.edges.tolist(), second.edge_links.tolist()) == ([2], [[1, 0]])


@pytest.mark.parametrize("name", COMPOSITE_SPACES)
def test_every_truncation_is_refused(name):
    space = COMPOSITE_SPACES[name]
    data = pack(space, samples(space, 3))
    reader = ActionReader(space)
    for length in range(0, len(data), 8):
        with pytest.raises(InvalidRow):
            reader.read(data[:length], 3, 0, 3)


def test_composites_have_memory_of_their_own():
    data = bytearray(graph())
    first, second = ActionReader(GRAPH).read(data, 2, 0, 2)
    data[:] = bytes(b"\xff" * len(data))
    first.nodes[:], first.edges[:], first.edge_links[:] = 7, 7, 7
    assert (second.nodes == 0.5).all()
    assert (second.edges.tolist(), second.edge_links.tolist()) == ([2], [[1, 0]])
