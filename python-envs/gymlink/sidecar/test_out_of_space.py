import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import Box, Dict, Discrete, Graph, GraphInstance, MultiBinary, MultiDiscrete, Sequence, Text, Tuple

from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.out_of_space import watch_for
from gymlink.sidecar.transition import Rows
from tests.space_list import ALL_SPACES, GYMNASIUM, samples


def rows_of(observations, finals=()):
    """Rows of the sub-environments from 10 on; the last ones have final observations."""
    rows = Rows(len(observations))
    rows.env_index = [10 + row for row in range(rows.count)]
    rows.observations, rows.finals = list(observations), list(finals)
    for row in range(rows.count - len(finals), rows.count):
        rows.has_final[row] = 1
    return rows


def watch(space, mode="refuse", count=3):
    return watch_for({"out_of_space": mode}, "X-v0", [space] * count, 10)


@pytest.mark.parametrize("name", ALL_SPACES)
def test_samples_of_every_space_are_inside(name):
    space = ALL_SPACES[name]
    watch(space).look_at(rows_of(samples(space, 3), samples(space, 2, seed=1)))


BOX = Box(np.array([-1.0, -np.inf]), np.array([1.0, np.inf]), dtype=np.float32)
IMAGE = Box(0, 9, (2, 2), np.uint8)
GRAPH = Graph(Box(-1.0, 1.0, (2,)), Discrete(3))
ZEROS, LINKS = np.zeros((2, 2), np.float32), np.zeros((1, 2), np.int32)
OUTSIDE = {
    "above": (BOX, np.array([1.5, 0.0], np.float32), "[0] is 1.5, but its space has -1.0 to 1.0 there"),
    "below": (BOX, np.array([-1.5, 0.0]), "[0] is -1.5, but its space has -1.0 to 1.0 there"),
    "not a number": (BOX, np.array([np.nan, 0.0]), "[0] is nan, but its space has -1.0 to 1.0 there"),
    "bounded below": (Box(0.0, np.inf, ()), np.nan, " is nan, but its space has 0.0 to inf there"),
    "pixel": (IMAGE, np.array([[0, 9], [10, 0]]), "[1, 0] is 10, but its space has 0 to 9 there"),
    "would wrap": (Box(-5, 5, (1,), np.int8), np.array([257]), "[0] is 257, but its space has -5 to 5 there"),
    "bool": (Box(np.array([0, 1]), 1, dtype=np.bool_), np.array([True, False]), "[1] is False, but its space has True to True"),
    "discrete": (Discrete(3, start=-1), 2, " is 2, but its space has -1 to 1 there"),
    "multi-discrete": (MultiDiscrete([3, 4], start=[0, 5]), np.array([2, 9]), "[1] is 9, but its space has 5 to 8 there"),
    "multi-binary": (MultiBinary(2), np.array([1, 2], np.int8), "[1] is 2, but its space has 0 to 1 there"),
    "length": (Text(3), "abcd", " is 'abcd' of 4 characters, but its space has 1 to 3 characters"),
    "character": (Text(3, charset="ab"), "abc", " is 'abc', but its space has no character 'c'"),
    "nested": (Dict(a=Tuple([Discrete(2), IMAGE])), {"a": (1, np.full((2, 2), 11))}, "['a'][1][0, 0] is 11, but"),
    "sequence": (Sequence(Discrete(2)), (0, 1, 2), "[2] is 2, but its space has 0 to 1 there"),
    "sequence, stacked": (Sequence(BOX, stack=True), np.array([[0.0, 0.0], [2.0, 0.0]]), "[1, 0] is 2.0, but"),
    "nodes": (GRAPH, GraphInstance(ZEROS + 2, np.zeros(1, int), LINKS), ".nodes[0, 0] is 2.0, but"),
    "edges": (GRAPH, GraphInstance(ZEROS, np.array([3]), LINKS), ".edges[0] is 3, but its space has 0 to 2 there"),
}
if GYMNASIUM >= (1, 0):
    one_of = spaces.OneOf([Text(2), Discrete(2)])
    OUTSIDE["one of"] = (one_of, (1, 2), "[1] is 2, but its space has 0 to 1 there")
if GYMNASIUM >= (1, 2):
    OUTSIDE["discrete, 64 bits"] = (Discrete(1, start=2**64 - 1, dtype=np.uint64), np.uint64(5), " is 5, but its space has 1844")


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_outside_is_refused_with_its_place_and_bounds(name):
    space, value, says = OUTSIDE[name]
    inside = samples(space, 1)[0]
    with pytest.raises(InvalidRow) as raised:
        watch(space).look_at(rows_of([inside, value, inside]))
    assert raised.value.row == 1
    assert str(raised.value).startswith(f"its observation{says}")
    assert '"out_of_space": "pass" in the manifest of its family' in str(raised.value)


def test_final_observations_are_looked_at():
    with pytest.raises(InvalidRow, match="is 7, but") as raised:
        watch(Discrete(5)).look_at(rows_of([0, 0, 0], [0, 7]))
    assert raised.value.row == 2


@pytest.mark.parametrize("value", [np.array([0.0, np.nan]), np.array([1.0, np.inf]), np.array([0.0, -1e9])])
def test_without_bounds_every_number_is_inside(value):
    watch(BOX).look_at(rows_of([value]))


def test_numbers_are_compared_as_they_travel():
    space = Box(0.0, 0.1, (1,), np.float32)
    watch(space).look_at(rows_of([np.array([0.1 + 1e-12])]))
    watch(Box(0.0, 0.7, (1,), np.float32)).look_at(rows_of([np.array([0.7])]))


@pytest.mark.parametrize("value", [None, "text", np.zeros((3, 7)), {"a": 1}])
def test_values_of_another_form_are_left_to_the_encoding(value):
    watch(Dict(a=BOX)).look_at(rows_of([value]))


def test_each_sub_environment_has_its_own_bounds():
    own = watch_for({"out_of_space": "refuse"}, "X-v0", [Discrete(2), Discrete(5)], 10)
    own.look_at(rows_of([1, 4]))
    with pytest.raises(InvalidRow, match="is 4, but its space has 0 to 1 there"):
        own.look_at(rows_of([4, 4]))


def test_a_warning_is_told_once(capsys):
    warning = watch(Discrete(5), "warn")
    for _ in range(3):
        warning.look_at(rows_of([0, 9, 9]))
    told = capsys.readouterr().out
    assert told == "gymlink: sub-environment 11 of X-v0: its observation is 9, but its space has 0 to 4 there; told only once\n"


@pytest.mark.parametrize("manifest", [{}, {"out_of_space": "pass"}])
def test_nothing_is_looked_at_unless_asked(manifest):
    assert watch_for(manifest, "X-v0", [Discrete(5)], 0) is None
