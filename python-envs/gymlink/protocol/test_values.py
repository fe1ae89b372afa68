import collections
import enum
import math

import numpy as np
import pytest

from gymlink.protocol import schema, wire
from gymlink.protocol.values import InvalidValue, from_value, text_map, to_value
from tests.reference import same

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]


def travel(value):
    return from_value(wire.decode("Value", wire.encode("Value", to_value(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        (1 << 63) - 1,
        -(1 << 63),
        1 << 63,
        -(1 << 63) - 1,
        1 << 200,
        -(1 << 127),
        0.0,
        -0.0,
        math.nan,
        -math.inf,
        0.1,
        "",
        "größer → 𝄞",
        b"",
        b"\0\xff",
        [],
        [1, 1.0, True, None, "1", b"1"],
        (),
        ((1, [2, (3,)]),),
        {},
        {"a": 1, 2: "b", 2.5: None, False: [], b"c": (), None: {}, (1, "x"): {"deep": {"deeper": np.arange(3)}}},
        np.zeros((2, 0, 3), np.float32),
        np.array(5, np.int16),
        np.arange(6, dtype=np.uint64).reshape(2, 3)[:, ::2],
    ],
    ids=repr,
)
def test_values_travel_without_loss(value):
    got = travel(value)
    assert same(got, value)
    if isinstance(value, float):
        assert math.copysign(1, got) == math.copysign(1, value)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalars_and_arrays_of_each_dtype_travel(dtype):
    array = np.array([[0, 1], [1, 0]]).astype(dtype)
    assert same(travel(array), array)
    assert same(travel(array[0, 1]), array[0, 1])
    assert travel(array).flags.writeable


def test_order_of_a_map_is_kept():
    assert list(travel({"z": 1, "a": 2, "m": 3})) == ["z", "a", "m"]


def test_big_endian_arrays_travel_by_value():
    assert same(travel(np.array([1.5, 2.5], ">f4")), np.array([1.5, 2.5], np.float32))


class Colour(enum.IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (Colour.RED, 3),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.namedtuple("Point", "x y")(1, 2), (1, 2)),
    ],
)
def test_subclasses_travel_as_what_they_are(value, base):
    assert same(travel(value), base)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (collections.deque([1]), "collections.deque"),
        (1 + 2j, "builtins.complex"),
        ({1, 2}, "builtins.set"),
        (np.array([None]), "numpy.ndarray"),
        (np.str_("a"), "numpy.str_"),
        (np.datetime64("2020-01-01"), "numpy.datetime64"),
        (np.ma.masked_array([1, 2], [0, 1]), f"{np.ma.MaskedArray.__module__}.MaskedArray"),
        ("\ud800", "builtins.str"),
        ({Colour: 1}, "builtins.dict"),
        ({np.int64(1): 1}, "builtins.dict"),
    ],
    ids=repr,
)
def test_what_has_no_form_says_so(value, name):
    missed = set()
    assert to_value([value], missed) == {"list": {"values": [{"unsupported": {"python_type": name}}]}}
    assert missed == {name}


def levels(message):
    """Messages within one another."""
    inner = [item for value in message.values() for item in (value if isinstance(value, list) else [value])]
    return 1 + max((levels(item) for item in inner if isinstance(item, dict)), default=0)


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"k": value}, lambda value: ([{"k": value}],)])
def test_messages_nest_at_most_40_levels(wrap):
    value = np.zeros(1)
    for _ in range(50):
        value = wrap(value)
    missed = set()
    entry = {"key": {"text": "k"}, "trees": {"values": [to_value(value, missed)]}}
    assert 36 <= levels({"infos": {"entries": [entry]}}) <= 40
    assert missed


@pytest.mark.parametrize("inner", [lambda value: value, lambda value: [value], lambda value: {"k": value}])
def test_a_list_that_holds_itself_ends(inner):
    value = []
    for _ in range(9):
        value.append(inner(value))
    missed = set()
    assert len(to_value(value, missed)["list"]["values"]) == 9
    assert missed == {"builtins.list"}


def test_what_is_held_twice_travels_twice():
    shared, shared_map = [1], {"a": 1}
    value = [shared, shared, {"x": shared, "y": shared_map, "z": shared_map}]
    assert same(travel(value), value)


class Late(dict):
    def items(self):
        raise RuntimeError("its connection is closed")


def test_an_object_whose_methods_raise_has_no_form():
    missed = set()
    assert to_value(Late(a=1), missed) == {"unsupported": {"python_type": f"{__name__}.Late"}}
    assert missed == {f"{__name__}.Late"}


SCALAR = {"dtype": schema.DTYPE_INT32, "data": b"\1\0\0\0"}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({}, "exactly one kind"),
        ({"integer": 1, "real": 1.0}, "exactly one kind"),
        ({"unsupported": {"python_type": "x"}}, "a Value is `unsupported`"),
        ({"array": {"dtype": schema.DTYPE_INT32, "shape": [2], "data": bytes(7)}}, "has 7 bytes"),
        ({"array": {"dtype": schema.DTYPE_INT32, "shape": [1 << 40, 1 << 40], "data": b""}}, "has 0 bytes"),
        ({"array": {"dtype": 99, "data": b""}}, "no Dtype 99"),
        ({"scalar": {**SCALAR, "shape": [1]}}, "a scalar has a shape"),
        ({"map": {"entries": [{"key": {"list": {}}, "value": {"none": {}}}]}}, "cannot be the key"),
        ({"map": {"entries": [{"key": {"scalar": SCALAR}, "value": {"none": {}}}]}}, "cannot be the key"),
        ({"map": {"entries": [{"key": {"integer": 1}, "value": {"none": {}}}] * 2}}, "appears twice"),
        ({"map": {"entries": [{"key": {"integer": 1}}]}}, "exactly one kind"),
    ],
)
def test_invalid_values_are_refused(message, says):
    with pytest.raises(InvalidValue, match=says):
        from_value(message)


def test_arguments_have_text_keys():
    entries = [{"key": {"text": "a"}, "value": {"integer": 1}}]
    assert text_map({"entries": entries}) == {"a": 1}
    with pytest.raises(InvalidValue, match="must be a text"):
        text_map({"entries": [{"key": {"integer": 1}, "value": {"integer": 1}}]})
