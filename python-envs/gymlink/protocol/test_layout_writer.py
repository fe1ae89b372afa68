import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol.columns import BufferFull
from gymlink.protocol.layout import InvalidRow, known_bytes
from gymlink.protocol.layout_writer import LayoutWriter, layout_bytes
from tests.reference import pack
from tests.space_list import ALL_SPACES, COMPOSITE_SPACES, SPACES, samples


def write(space, values, begin=0):
    """The layout of some values, written into a buffer full of rubbish."""
    buffer = bytearray(b"\xee" * (begin + known_bytes(space, len(values)) + (1 << 16)))
    end = LayoutWriter(space, buffer).write(values, begin)
    assert buffer[end:] == b"\xee" * (len(buffer) - end), "written behind the end"
    return bytes(buffer[begin:end])


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("name", ALL_SPACES)
def test_layout_is_that_of_the_specification(name, rows):
    space = ALL_SPACES[name]
    values = samples(space, rows)
    assert write(space, values, begin=16) == layout_bytes(space, values) == pack(space, values)


@pytest.mark.parametrize("name", SPACES)
def test_the_greatest_length_is_known(name):
    space = SPACES[name]
    assert all(len(pack(space, samples(space, rows))) <= known_bytes(space, rows) for rows in (1, 2, 7))


@pytest.mark.parametrize("name", COMPOSITE_SPACES)
def test_a_buffer_that_is_too_short_is_never_written_over(name):
    space = COMPOSITE_SPACES[name]
    values = samples(space, 5)
    wanted = pack(space, values)
    for length in range(0, len(wanted), 8):
        buffer = bytearray(length)
        with pytest.raises(BufferFull) as raised:
            LayoutWriter(space, buffer).write(values, 0)
        assert length < raised.value.needed <= len(wanted)
        assert len(buffer) == length


def test_a_buffer_that_is_used_again_has_clean_padding():
    space = spaces.Dict(a=spaces.Box(0, 255, (3,), np.uint8), b=spaces.Text(9, charset="ab"))
    buffer = bytearray(known_bytes(space, 8))
    writer = LayoutWriter(space, buffer)
    for rows in (8, 1, 5, 1, 8, 3):
        values = samples(space, rows, seed=rows)
        end = writer.write(values, 0)
        assert bytes(buffer[:end]) == pack(space, values)


@pytest.mark.parametrize(
    ("space", "value", "written"),
    [
        (spaces.Box(-9, 9, (2,), np.float32), np.array([1.5, 2.5]), np.array([1.5, 2.5], np.float32)),
        (spaces.Box(-9, 9, (2,), np.float32), [1, 2], np.array([1, 2], np.float32)),
        (spaces.Box(-9, 9, (2,), np.float32), np.array([np.nan, np.inf]), np.array([np.nan, np.inf], np.float32)),
        (spaces.Box(-9, 9, (), np.float32), 1.5, np.float32(1.5)),
        (spaces.Discrete(5), 3, np.int64(3)),
        (spaces.Discrete(5), np.int32(3), np.int64(3)),
        (spaces.Discrete(5), np.array(3), np.int64(3)),
        (spaces.MultiBinary(2), np.array([True, False]), np.array([1, 0], np.int8)),
        (
            spaces.Box(0, 255, (2, 2), np.uint8),
            np.arange(4, dtype=np.uint8).reshape(2, 2).T,
            np.array([[0, 2], [1, 3]], np.uint8),
        ),
    ],
    ids=repr,
)
def test_values_are_cast_like_numpy_does_within_a_kind(space, value, written):
    assert write(space, [value, value]) == pack(space, [written, written])


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


FORMS = {
    "reversed": lambda array: array[::-1].copy()[::-1],
    "reversed along every axis": lambda array: np.flip(np.flip(array).copy()),
    "in Fortran's order": np.asfortranarray,
    "every other element": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "broadcast": lambda array: np.broadcast_to(array.flat[0], array.shape),
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "read-only": read_only,
    "unaligned": lambda array: np.frombuffer(b"x" + array.tobytes(), array.dtype, offset=1).reshape(array.shape),
    "of a subclass": lambda array: array.view(type("Own", (np.ndarray,), {})),
}
ARRAY_SPACES = {
    "box": spaces.Box(-9.0, 9.0, (3, 2), np.float64),
    "image": spaces.Box(0, 255, (4, 4, 3), np.uint8),
    "multi-discrete": spaces.MultiDiscrete([7, 8, 9]),
    "multi-binary": spaces.MultiBinary([2, 3]),
    "sequence, stacked": spaces.Sequence(spaces.Box(-9, 9, (2,), np.int16), stack=True),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ARRAY_SPACES)
def test_arrays_travel_however_they_lie_in_memory(name, form):
    space = ARRAY_SPACES[name]
    plain = next(value for value in samples(space, 20) if np.size(value))
    value = FORMS[form](plain)
    assert write(space, [value, plain, value]) == pack(space, [np.array(value), plain, np.array(value)])


@pytest.mark.parametrize("form", FORMS)
def test_graphs_travel_however_their_arrays_lie_in_memory(form):
    space, change = spaces.Graph(spaces.Box(-9.0, 9.0, (3,)), spaces.Discrete(5)), FORMS[form]
    parts = np.arange(12, dtype=np.float32).reshape(4, 3) - 6, np.array([4, 2]), np.array([[0, 1], [3, 2]], np.int32)
    value = spaces.GraphInstance(*map(change, parts))
    plain = spaces.GraphInstance(*(np.array(part, part.dtype.newbyteorder("=")) for part in value))
    assert write(space, [value]) == pack(space, [plain])


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (spaces.Box(-9, 9, (2,), np.float32), np.zeros(3, np.float32)),
        (spaces.Box(-9, 9, (2,), np.float32), np.zeros((1, 2), np.float32)),
        (spaces.Box(-9, 9, (2,), np.float32), np.float32(1)),
        (spaces.Box(-9, 9, (2,), np.float32), None),
        (spaces.Box(-9, 9, (2,), np.float32), "ab"),
        (spaces.Box(0, 255, (2,), np.uint8), np.array([0.0, 1.0])),
        (spaces.Box(0, 255, (2,), np.uint8), np.array([0, 300])),
        (spaces.Discrete(5), 1.0),
        (spaces.Discrete(5), [1]),
        (spaces.Discrete(5), None),
        (spaces.Text(3, charset="a"), "aaaa"),
        (spaces.Text(3, charset="a"), "→→"),
        (spaces.Text(3, charset="a"), b"a"),
        (spaces.Dict(a=spaces.Discrete(2)), {"b": 1}),
        (spaces.Dict(a=spaces.Discrete(2)), 1),
        (spaces.Tuple([spaces.Discrete(2), spaces.Discrete(2)]), (1,)),
    ],
    ids=repr,
)
def test_values_that_do_not_fit_are_named_by_row(space, value):
    good = samples(space, 3)
    with pytest.raises(InvalidRow) as raised:
        write(space, [good[0], good[1], value, good[2]])
    assert raised.value.row == 2


def test_rows_whose_lengths_make_up_for_each_other_are_noticed():
    with pytest.raises(InvalidRow) as raised:
        write(spaces.Box(0, 1, (2,)), [np.zeros(3, np.float32), np.zeros(1, np.float32)])
    assert raised.value.row == 0
