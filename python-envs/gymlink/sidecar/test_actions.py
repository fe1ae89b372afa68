import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.actions import ActionReader
from tests.reference import pack, same
from tests.space_list import ALL_SPACES, GYMNASIUM, samples


@pytest.mark.parametrize("name", ALL_SPACES)
def test_actions_come_as_the_space_samples_them(name):
    space = ALL_SPACES[name]
    values = samples(space, 5)
    actions = ActionReader(space).read(pack(space, values), 5, 1, 4)
    assert len(actions) == 3
    assert all(map(same, actions, values[1:4]))


def test_actions_have_memory_of_their_own():
    space = spaces.Box(-1.0, 1.0, (2,))
    data = bytearray(pack(space, [np.zeros(2, np.float32)] * 2))
    first, second = ActionReader(space).read(data, 2, 0, 2)
    data[:] = bytes(b"\xff" * len(data))
    first[0] = 7
    assert (first.tolist(), second.tolist()) == ([7.0, 0.0], [0.0, 0.0])


def floats(*values):
    return np.array(values, np.float32)


INVALID = [
    (spaces.Discrete(4, start=-1), np.int64(3), "3 is not one of -1 to 2"),
    (spaces.Discrete(4, start=-1), np.int64(-2), "-2 is not one of -1 to 2"),
    (spaces.Box(-1.0, 1.0, (2,)), floats(0, 1.5), r"element \[1\] is 1.5, which is not within -1.0 to 1.0"),
    (spaces.Box(-1.0, 1.0, (2,)), floats(0, 1.5), "clip actions before sending them"),
    (spaces.Box(-1.0, 1.0, (2,)), floats(np.nan, 0), r"element \[0\] is nan"),
    (spaces.Box(-np.inf, np.inf, (2,)), floats(0, np.nan), r"element \[1\] is nan"),
    (spaces.Box(np.array([0.0, -5.0]), np.array([1.0, 5.0]), dtype=np.float64), np.array([0.5, -6.0]), "not within -5.0 to 5.0"),
    (spaces.Box(-1.0, 1.0, (), np.float64), np.float64(2), "^2.0, which is not within -1.0 to 1.0"),
    (spaces.Box(0, 9, (2, 2), np.int64), np.array([[0, 1], [10, 2]]), r"element \[1, 0\] is 10"),
    (spaces.Box(0, 1, (2,), np.bool_), np.array([1, 2], np.uint8), r"element \[1\] is 2"),
    (spaces.Box(np.array([0, 0]), np.array([0, 1]), dtype=np.bool_), np.array([1, 1], np.uint8), r"element \[0\] is 1"),
    (spaces.MultiDiscrete([2, 3], start=[0, 5]), np.array([1, 4]), r"element \[1\] is 4, which is not within 5 to 7"),
    (spaces.MultiBinary(3), np.array([0, 1, 2], np.int8), r"element \[2\] is 2, which is not within 0 to 1"),
    (spaces.MultiBinary(3), np.array([0, -1, 1], np.int8), r"element \[1\] is -1"),
    (spaces.Text(3, charset="ab"), "abc", "'abc' is not a text of 1 to 3 of the characters 'ab'"),
    (spaces.Text(3, charset="ab"), "abab", "'abab' is not a text"),
    (spaces.Text(3, charset="ab"), "", "'' is not a text"),
]
if GYMNASIUM >= (1, 2):
    INVALID.append((spaces.Discrete(200, start=50, dtype=np.uint8), np.uint8(250), "250 is not one of 50 to 249"))


def raw(space, values):
    """The layout of values that need not be of the space."""
    if isinstance(space, spaces.Text):
        return pack(space, values)
    data = b"".join(np.asarray(value).tobytes() for value in values)
    return data + bytes(-len(data) % 8)


@pytest.mark.parametrize(("space", "value", "says"), INVALID, ids=[f"{space} {says}" for space, _, says in INVALID])
def test_values_outside_the_space_are_named(space, value, says):
    good = samples(space, 3)
    # The row may belong to another worker: every worker checks all rows.
    with pytest.raises(InvalidRow, match=says) as raised:
        ActionReader(space).read(raw(space, [good[0], value, value, good[1]]), 4, 3, 4)
    assert raised.value.row == 1


@pytest.mark.parametrize("name", ALL_SPACES)
def test_a_wrong_length_is_refused(name):
    space = ALL_SPACES[name]
    data = pack(space, samples(space, 3))
    for wrong in (data + bytes(8), data[:-1], data[:-8], b""):
        if wrong == data:
            continue
        with pytest.raises(InvalidRow) as raised:
            ActionReader(space).read(wrong, 3, 0, 3)
        assert raised.value.row is None


def test_what_is_in_the_padding_is_ignored():
    space = spaces.MultiBinary(3)
    data = pack(space, samples(space, 1))
    assert same(ActionReader(space).read(data[:3] + b"\xff" * 5, 1, 0, 1), ActionReader(space).read(data, 1, 0, 1))


def test_the_first_bad_row_over_all_leaves_is_named():
    space = spaces.Dict(a=spaces.Discrete(2), b=spaces.Tuple([spaces.Discrete(3)]))
    rows = [{"a": np.int64(0), "b": (np.int64(2),)} for _ in range(4)]
    rows[3]["a"], rows[2]["b"] = np.int64(9), (np.int64(7),)
    with pytest.raises(InvalidRow, match=r"^\['b'\]\[0\]: 7 is not one of 0 to 2") as raised:
        ActionReader(space).read(pack(space, rows), 4, 0, 4)
    assert raised.value.row == 2


@pytest.mark.parametrize("offsets", [[1, 2], [0, 2, 1], [0, 1, 99]])
def test_bad_offsets_are_refused(offsets):
    rows = len(offsets) - 1
    data = np.array(offsets, np.uint32).tobytes()
    data += bytes(-len(data) % 8) + b"ab" + bytes(6)
    with pytest.raises(InvalidRow) as raised:
        ActionReader(spaces.Text(9, charset="ab")).read(data, rows, 0, rows)
    assert raised.value.row is None


def test_text_that_is_not_utf8_is_refused():
    data = np.array([0, 1, 2], np.uint32).tobytes() + bytes(4) + b"a\xff" + bytes(6)
    with pytest.raises(InvalidRow, match="UTF-8") as raised:
        ActionReader(spaces.Text(9, charset="ab")).read(data, 2, 0, 1)
    assert raised.value.row == 1
