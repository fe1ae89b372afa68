import importlib

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol import schema, wire
from gymlink.protocol.spaces import OneOf, UnsupportedSpace, describe
from gymlink.protocol.values import from_tensor, numpy_dtype
from tests.space_list import ALL_SPACES, GYMNASIUM

# The client needs a newer Gymnasium than the sidecar.
from_message = importlib.import_module("gymlink.client.spaces").from_message if GYMNASIUM >= (1, 1) else None


def bound(message, data):
    values = np.frombuffer(data, numpy_dtype(message["dtype"]))
    shape = tuple(message.get("shape", ()))
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)


def read_box(message):
    shape, dtype = tuple(message.get("shape", ())), numpy_dtype(message["dtype"]).type
    if 0 in shape:
        return spaces.Box(0, 1, shape, dtype)
    box = spaces.Box(bound(message, message["low"]), bound(message, message["high"]), shape, dtype)
    for name in ("below", "above"):
        unbounded = message.get(f"unbounded_{name}")
        if unbounded:
            flags = np.frombuffer(unbounded, np.bool_)
            setattr(box, f"bounded_{name}", ~(np.full(shape, flags[0]) if flags.size == 1 else flags.reshape(shape)))
    return box


def unsigned(number, dtype):
    return number % (1 << 64) if dtype == np.uint64 else number


def read(message):
    """A Gymnasium space from a Space message, read as space.proto describes it."""
    ((kind, content),) = message.items()
    if kind == "box":
        return read_box(content)
    if kind == "discrete":
        dtype = numpy_dtype(content["dtype"])
        # Before Gymnasium 1.2 there is no other dtype than int64, and no argument for it.
        other = {} if dtype == np.int64 else {"dtype": dtype.type}
        return spaces.Discrete(unsigned(content["n"], dtype), start=unsigned(content.get("start", 0), dtype), **other)
    if kind == "multi_discrete":
        nvec, start = from_tensor(content["nvec"]), from_tensor(content["start"])
        return spaces.MultiDiscrete(nvec, numpy_dtype(content["dtype"]).type, start=start)
    if kind == "multi_binary":
        shape = content.get("shape", [])
        return spaces.MultiBinary(shape[0] if content.get("from_scalar") else shape)
    if kind == "text":
        length = content["max_length"]
        return spaces.Text(length, min_length=content.get("min_length", 0), charset=content["characters"])
    if kind == "dict":
        entries = [(entry["key"], read(entry["space"])) for entry in content["entries"]]
        return spaces.Dict(entries, **({"sort_keys": False} if content.get("unsorted") else {}))
    if kind == "sequence":
        return spaces.Sequence(read(content["space"]), stack=content.get("stacked", False))
    if kind == "graph":
        return spaces.Graph(read(content["node_space"]), read(content["edge_space"]) if "edge_space" in content else None)
    several = [read(element) for element in content.get("spaces", [])]
    return spaces.OneOf(several) if kind == "one_of" else spaces.Tuple(several)


@pytest.mark.parametrize("space", ALL_SPACES.values(), ids=ALL_SPACES)
def test_spaces_travel_whole(space):
    message = wire.decode("Space", wire.encode("Space", describe(space)))
    again = read(message)
    assert again == space
    if from_message is not None:
        assert same(from_message(message), space)


def same(one, other):
    """Whether two spaces are equal also in what Gymnasium's equality leaves out."""
    if one != other or type(one) is not type(other):
        return False
    if isinstance(one, spaces.Box):
        return all(
            np.array_equal(getattr(one, name), getattr(other, name))
            for name in ("low", "high", "bounded_below", "bounded_above")
            # Bounds of no elements are of any kind.
            if one.low.size
        )
    if isinstance(one, spaces.Dict):
        return (
            list(one.spaces) == list(other.spaces)
            and getattr(one, "sort_keys", True) == getattr(other, "sort_keys", True)
            and all_same(one, other)
        )
    if isinstance(one, (spaces.Tuple, OneOf)):
        return all(map(same, one.spaces, other.spaces))
    if isinstance(one, spaces.Sequence):
        return same(one.feature_space, other.feature_space)
    if isinstance(one, spaces.Graph):
        return same(one.node_space, other.node_space) and (one.edge_space is None or same(one.edge_space, other.edge_space))
    return True


def all_same(one, other):
    return all(same(one[key], other[key]) for key in one.spaces)


def test_equal_bounds_are_sent_once():
    box = describe(spaces.Box(-1.0, 1.0, (100,)))["box"]
    assert (box["low"], box["high"]) == (np.float32(-1).tobytes(), np.float32(1).tobytes())


def test_integers_without_bounds_are_told_from_those_with_the_limits_of_their_dtype():
    limits = np.iinfo(np.int32)
    closed = describe(spaces.Box(limits.min, limits.max, (2,), np.int32))["box"]
    opened = describe(spaces.Box(-np.inf, np.array([3.0, np.inf]), dtype=np.int32))["box"]
    assert closed["low"] == np.int32(limits.min).tobytes()
    # Gymnasium 0.29 puts other numbers there.
    assert opened["low"] == closed["low"] or GYMNASIUM < (1, 0)
    assert "unbounded_below" not in closed and "unbounded_above" not in closed
    assert (opened["unbounded_below"], opened["unbounded_above"]) == (b"\1", b"\0\1")


@pytest.mark.skipif(GYMNASIUM < (1, 2), reason="spaces.Discrete has no dtype yet")
def test_unsigned_64_bit_integers_have_their_bits():
    space = spaces.Discrete(3, start=2**63, dtype=np.uint64)
    assert describe(space) == {"discrete": {"n": 3, "start": -(2**63), "dtype": schema.DTYPE_UINT64}}
    assert from_message(wire.decode("Space", wire.encode("Space", describe(space)))) == space


def test_multi_binary_tells_number_and_shape_apart():
    assert describe(spaces.MultiBinary(4)) == {"multi_binary": {"shape": (4,), "from_scalar": True}}
    assert describe(spaces.MultiBinary([4])) == {"multi_binary": {"shape": (4,), "from_scalar": False}}


def test_discrete_is_as_written():
    assert describe(spaces.Discrete(3, start=-1)) == {"discrete": {"n": 3, "start": -1, "dtype": schema.DTYPE_INT64}}


class Custom(gymnasium.Space):
    pass


@pytest.mark.parametrize(
    "space",
    [
        Custom(),
        spaces.Dict(a=spaces.Tuple([spaces.Sequence(Custom())])),
        spaces.Dict({1: spaces.Discrete(2)}),
        *([spaces.OneOf([Custom()])] if GYMNASIUM >= (1, 0) else []),
    ],
    ids=str,
)
def test_other_spaces_are_refused(space):
    with pytest.raises(UnsupportedSpace):
        describe(space)
