"""Random nested spaces: values travel without loss, and nothing but values of the space is taken from bytes."""

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from gymlink.protocol import wire
from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.layout_writer import layout_bytes
from gymlink.protocol.spaces import describe
from gymlink.protocol.test_spaces import read
from gymlink.sidecar.actions import ActionReader
from tests.reference import Reader, pack, row_of, same
from tests.space_list import samples

INTEGERS = st.sampled_from(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
FLOATS = st.sampled_from(["float16", "float32", "float64"])
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
# Hypothesis takes most of the time, to make up spaces.
pytestmark = pytest.mark.timeout(300)
MANY = settings(max_examples=2000, deadline=None, derandomize=True, database=None)
SOME = settings(MANY, max_examples=300)


@st.composite
def boxes(draw, kinds="fibo"):
    """Box spaces of every dtype, with bounds that are open, one-sided, or for each element."""
    shape, kind = draw(SHAPES), draw(st.sampled_from(kinds))
    if kind == "b":
        return spaces.Box(0, 1, shape, np.bool_)
    if kind == "o":
        low, high = draw(st.sampled_from([(-np.inf, 5), (-5, np.inf), (-np.inf, np.inf)]))
        return spaces.Box(low, high, shape, np.dtype(draw(st.sampled_from(["int8", "int16", "int32", "int64"]))).type)
    if kind == "i":
        limits = np.iinfo(draw(INTEGERS))
        # Gymnasium cannot sample up to the greatest int64.
        numbers = st.integers(max(limits.min, -(1 << 62)), min(limits.max, 1 << 62))
        low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2)))
        return spaces.Box(low, high, shape, limits.dtype.type)
    dtype = np.dtype(draw(FLOATS)).type
    low = np.full(shape, draw(st.sampled_from([-np.inf, -2.0, 0.0])))
    high = np.full(shape, draw(st.sampled_from([0.0, 3.0, np.inf])))
    if low.size and draw(st.booleans()):
        low.flat[0], high.flat[-1] = -np.inf, 5.0
    return spaces.Box(low.astype(dtype), high.astype(dtype), shape, dtype)


WIDE = [
    (2**40, -3, np.int64),
    (2**62 + 3, -(2**61), np.int64),
    (2**63 - 1, 1, np.int64),
    (3, 2**53 - 1, np.int64),
    (5, 2**32 - 5, np.uint32),
    (2**64 - 1, 0, np.uint64),
    (2, 2**64 - 2, np.uint64),
]


@st.composite
def discretes(draw):
    """Discrete spaces, also beyond 32 bits."""
    if draw(st.integers(0, 3)) == 0:
        n, start, dtype = draw(st.sampled_from(WIDE))
        return spaces.Discrete(n, start=start, dtype=dtype)
    limits = np.iinfo(draw(INTEGERS))
    start = draw(st.integers(max(limits.min, -50), 50))
    n = draw(st.integers(1, min(int(limits.max) - start, 40)))
    return spaces.Discrete(n, start=start, dtype=limits.dtype.type)


@st.composite
def multi_discretes(draw):
    """MultiDiscrete spaces of one axis or two, also beyond 32 bits."""
    if draw(st.integers(0, 3)) == 0:
        n, start, dtype = draw(st.sampled_from(WIDE))
        # To flatten values Gymnasium adds up the counts, in 64 bits.
        counts = np.array([min(n, 2**62), 2], dtype)
        return spaces.MultiDiscrete(counts, dtype, start=np.array([start, 0], dtype))
    nvec = np.array(draw(st.lists(st.integers(1, 30), min_size=1, max_size=4)))
    start = np.array(draw(st.lists(st.integers(-9, 9), min_size=len(nvec), max_size=len(nvec))))
    if draw(st.booleans()):
        nvec, start = nvec[None], start[None]
    return spaces.MultiDiscrete(nvec, np.dtype(draw(st.sampled_from(["int8", "int32", "int64"]))).type, start=start)


TEXTS = st.builds(
    lambda least, more, characters: spaces.Text(least + more, min_length=least, charset=characters),
    st.integers(0, 2),
    st.integers(1, 4),
    st.sampled_from(["ab", "aé→𝄞", "\n\\x"]),
)
MULTI_BINARY = st.one_of(st.integers(1, 9), st.lists(st.integers(1, 3), min_size=1, max_size=2)).map(spaces.MultiBinary)
LEAVES = st.one_of(boxes(), discretes(), multi_discretes(), MULTI_BINARY, TEXTS)
# Without open integers: Gymnasium draws nodes and edges from a batch, in which they are closed, which fails up to 2**63.
ELEMENTS = st.one_of(boxes("fib"), discretes())
GRAPHS = st.builds(spaces.Graph, ELEMENTS, st.none() | ELEMENTS)


def nested(inner):
    """Spaces that hold others."""
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            lambda parts, sort_keys: spaces.Dict(parts, sort_keys=sort_keys),
            st.dictionaries(st.sampled_from(["a", "é", "with space", "0", "ﬀ", "𝄞"]), inner, min_size=1),
            st.booleans(),
        ),
        several.map(spaces.Tuple),
        several.map(spaces.OneOf),
        st.builds(lambda space, stack: spaces.Sequence(space, stack=stack), inner, st.booleans()),
    )


SPACES = st.recursive(LEAVES | GRAPHS, nested, max_leaves=6)
SEEDS, ROWS = st.integers(0, 1000), st.integers(1, 4)


@MANY
@given(SPACES, SEEDS, ROWS)
def test_values_travel_without_loss(space, seed, rows):
    values = samples(space, rows, seed)
    payload = layout_bytes(space, values)
    assert payload == pack(space, values)
    actions = ActionReader(space).read(payload, rows, 0, rows)
    assert same(arrays(actions), arrays(values))
    assert same(ActionReader(space).read(payload, rows, rows - 1, rows), actions[-1:])


def arrays(value):
    """A value whose single numbers are arrays: Gymnasium samples 0-dimensional Boxes of integers as numbers, others as arrays."""
    if isinstance(value, dict):
        return {key: arrays(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [arrays(item) for item in value]
    return value if value is None or isinstance(value, str) else np.asarray(value)


@SOME
@given(SPACES)
def test_spaces_travel_whole(space):
    message = wire.encode("Space", describe(space))
    assert wire.encode("Space", describe(read(wire.decode("Space", message)))) == message


@SOME
@given(SPACES, SEEDS, ROWS)
def test_batches_are_what_the_specification_reads(space, seed, rows):
    values = samples(space, rows, seed)
    reader = Reader(layout_bytes(space, values))
    batch = reader.batch(space, rows)
    assert reader.at == len(reader.payload)
    assert same(arrays([row_of(space, batch, row) for row in range(rows)]), arrays(values))


@MANY
@given(SPACES, SEEDS, ROWS, st.data())
def test_what_is_taken_from_broken_bytes_is_of_the_space(space, seed, rows, data):
    payload = bytearray(layout_bytes(space, samples(space, rows, seed)))
    reader = ActionReader(space)
    change = data.draw(st.sampled_from(["cut", "more", "bytes"]))
    if change == "cut" and payload:
        payload = payload[: data.draw(st.integers(0, len(payload) - 1))]
    elif change == "more":
        payload += bytes(8)
    elif payload:
        for _ in range(data.draw(st.integers(1, 4))):
            payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        taken = reader.read(payload, rows, 0, rows)
    except InvalidRow as error:
        assert error.row is None or 0 <= error.row < rows
        assert str(error)
        return
    assert change == "bytes" or not payload
    again = layout_bytes(space, taken)
    assert len(again) == len(payload)
    assert same(reader.read(again, rows, 0, rows), taken)
