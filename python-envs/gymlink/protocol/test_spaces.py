import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol import schema, wire
from gymlink.protocol.spaces import UnsupportedSpace, describe
from gymlink.protocol.values import from_tensor, numpy_dtype
from tests.space_list import ALL_SPACES


def bound(message, data):
    values = np.frombuffer(data, numpy_dtype(message["dtype"]))
    shape = tuple(message.get("shape", ()))
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)


def read_box(message):
    shape, dtype = tuple(message.get("shape", ())), numpy_dtype(message["dtype"]).type
    if 0 in shape:
        return spaces.Box(0, 1, shape, dtype)
    return spaces.Box(bound(message, message["low"]), bound(message, message["high"]), shape, dtype)


def read(message):
    """A Gymnasium space from a Space message, read as space.proto describes it."""
    ((kind, content),) = message.items()
    if kind == "box":
        return read_box(content)
    if kind == "discrete":
        return spaces.Discrete(content["n"], start=content.get("start", 0), dtype=numpy_dtype(content["dtype"]).type)
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
        return spaces.Dict([(entry["key"], read(entry["space"])) for entry in content["entries"]])
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
    if isinstance(space, spaces.Dict):
        assert list(again.spaces) == list(space.spaces)


def test_equal_bounds_are_sent_once():
    box = describe(spaces.Box(-1.0, 1.0, (100,)))["box"]
    assert (box["low"], box["high"]) == (np.float32(-1).tobytes(), np.float32(1).tobytes())


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
        spaces.OneOf([Custom()]),
        spaces.Dict({1: spaces.Discrete(2)}),
    ],
    ids=str,
)
def test_other_spaces_are_refused(space):
    with pytest.raises(UnsupportedSpace):
        describe(space)
