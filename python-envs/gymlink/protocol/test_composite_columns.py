import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import GraphInstance

from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.layout_writer import LayoutWriter, layout_bytes
from tests.reference import pack
from tests.space_list import GYMNASIUM, samples

BOX, DISCRETE = spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3)
STACKED = spaces.Sequence(spaces.Dict(a=BOX, b=DISCRETE), stack=True)
TEXTS = spaces.Sequence(spaces.Dict(a=BOX, b=spaces.Text(3)), stack=True)
GRAPH = spaces.Graph(BOX, DISCRETE)
NODES, LINKS = np.zeros((3, 2), np.float32), np.array([[0, 2], [1, 1]], np.int32)


CAST = [
    (spaces.Sequence(DISCRETE), [1, 2], (np.int64(1), np.int64(2))),
    (spaces.Sequence(BOX), ([0.5, 1],), (np.array([0.5, 1], np.float32),)),
    (spaces.Sequence(BOX, stack=True), np.full((2, 2), 0.5), np.full((2, 2), 0.5, np.float32)),
    (spaces.Sequence(BOX, stack=True), [[1, 2], [3, 4]], np.array([[1, 2], [3, 4]], np.float32)),
    (GRAPH, GraphInstance(NODES, [1, 2], LINKS.astype(np.int64)), GraphInstance(NODES, np.array([1, 2]), LINKS)),
]
UNFIT = [
    (spaces.Sequence(DISCRETE), None, "NoneType"),
    (spaces.Sequence(DISCRETE), 1, "its Sequence space has tuples"),
    (spaces.Sequence(spaces.Text(3)), "abc", "of type str, its Sequence space has tuples"),
    (spaces.Sequence(DISCRETE), (1, 1.5), "Cannot cast"),
    (spaces.Sequence(BOX), (NODES,), r"shape \(3, 2\), its space \(2,\)"),
    (spaces.Sequence(BOX, stack=True), np.zeros((2, 3), np.float32), "stacked values have shape"),
    (spaces.Sequence(BOX, stack=True), np.float32(1), "len"),
    (STACKED, {"a": NODES, "b": np.array([0, 1])}, "stacked values have shape"),
    (STACKED, {"a": NODES}, "KeyError"),
    (TEXTS, {"a": NODES, "b": ("x",)}, "have lengths"),
    (GRAPH, (NODES, None, None), "its Graph space has GraphInstance"),
    (GRAPH, GraphInstance(None, None, None), "len"),
    (GRAPH, GraphInstance(NODES, np.array([1, 2]), None), "do not belong together"),
    (GRAPH, GraphInstance(NODES, None, LINKS), "do not belong together"),
    (GRAPH, GraphInstance(NODES, np.array([1]), LINKS), "stacked values have shape"),
    (GRAPH, GraphInstance(NODES, np.array([1, 2]), LINKS + 1), "name nodes 1 to 3 of a graph with 3 nodes"),
    (GRAPH, GraphInstance(NODES, np.array([1, 2]), LINKS - 1), "name nodes -1 to 1"),
    (GRAPH, GraphInstance(NODES, np.array([1, 2]), LINKS * 1.0), "not integers in pairs"),
    (GRAPH, GraphInstance(NODES, np.array([1, 2]), LINKS[0]), "not integers in pairs"),
    (spaces.Graph(BOX, None), GraphInstance(NODES, np.array([1, 2]), LINKS), "do not belong together"),
]
if GYMNASIUM >= (1, 0):
    ONE_OF = spaces.OneOf((DISCRETE, BOX))
    CAST.append((ONE_OF, (0, 2), (np.int64(0), np.int64(2))))
    UNFIT += [
        (ONE_OF, 1, "pairs of index and value"),
        (ONE_OF, (2, 1), "chose variant 2 of a OneOf space with 2"),
        (ONE_OF, (-1, 1), "chose variant -1"),
        (ONE_OF, (0.0, 1), "TypeError"),
        (ONE_OF, (1, np.int64(1)), "its space"),
    ]


@pytest.mark.parametrize(("space", "value", "written"), CAST, ids=repr)
def test_values_are_cast_within_a_kind(space, value, written):
    assert layout_bytes(space, [value, value]) == pack(space, [written, written])


@pytest.mark.parametrize(("space", "value", "says"), UNFIT)
def test_values_that_do_not_fit_are_named_by_row(space, value, says):
    good = samples(space, 3)
    with pytest.raises(InvalidRow, match=says) as raised:
        LayoutWriter(space, bytearray(1 << 16)).write([good[0], good[1], value, good[2]], 0)
    assert raised.value.row == 2


def test_a_graph_without_edge_space_may_have_links():
    space = spaces.Graph(DISCRETE, None)
    graph = GraphInstance(np.array([0, 1, 2]), None, LINKS)
    assert layout_bytes(space, [graph]) == pack(space, [graph])
