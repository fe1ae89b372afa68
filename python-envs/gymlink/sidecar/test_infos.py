import numpy as np
import pytest

from gymlink.protocol import schema, wire
from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.infos import encode_infos, infos_encoder
from tests.infos import rows_of
from tests.reference import same


def travel(infos, missed=None):
    message = wire.decode("Infos", encode_infos(infos, set() if missed is None else missed))
    return message, rows_of(message, len(infos))


CASES = {
    "floats": ([{"x": 0.5}, {"x": -0.0}], schema.INFO_TYPE_FLOAT),
    "integers": ([{"x": 1}, {"x": -(1 << 63)}], schema.INFO_TYPE_INT),
    "bools": ([{"x": True}, {"x": False}], schema.INFO_TYPE_BOOL),
    "float64 scalars": ([{"x": np.float64(0.5)}, {"x": np.float64(np.nan)}], schema.INFO_TYPE_SCALAR),
    "float32 scalars": ([{"x": np.float32(0.5)}], schema.INFO_TYPE_SCALAR),
    "uint64 scalars": ([{"x": np.uint64((1 << 64) - 1)}], schema.INFO_TYPE_SCALAR),
    "bool scalars": ([{"x": np.True_}, {"x": np.False_}], schema.INFO_TYPE_SCALAR),
    "float16 scalars": ([{"x": np.float16(0.1)}], schema.INFO_TYPE_SCALAR),
    "arrays": ([{"x": np.arange(6, dtype=np.int16).reshape(2, 3)}] * 3, schema.INFO_TYPE_ARRAY),
    "arrays without axes": ([{"x": np.array(1.5)}] * 2, schema.INFO_TYPE_ARRAY),
    "arrays without elements": ([{"x": np.zeros((0, 2))}] * 2, schema.INFO_TYPE_ARRAY),
    "strided arrays": ([{"x": np.arange(9).reshape(3, 3).T}] * 2, schema.INFO_TYPE_ARRAY),
    "reversed arrays": ([{"x": np.arange(6.0).reshape(3, 2)[::-1]}] * 2, schema.INFO_TYPE_ARRAY),
    "read-only arrays": ([{"x": np.broadcast_to(np.float32(2), (2, 3))}] * 2, schema.INFO_TYPE_ARRAY),
    "arrays of a single row": ([{}, {"x": np.arange(4)[::-2]}], schema.INFO_TYPE_ARRAY),
    "some rows": ([{}, {"x": 1.5}, {}, {"x": 2.5}], schema.INFO_TYPE_FLOAT),
    "two types": ([{"x": 1}, {"x": 1.5}], None),
    "int and bool": ([{"x": 1}, {"x": True}], None),
    "two dtypes": ([{"x": np.float32(1)}, {"x": np.float64(1)}], None),
    "two shapes": ([{"x": np.zeros(2)}, {"x": np.zeros(3)}], None),
    "two array dtypes": ([{"x": np.zeros(2)}, {"x": np.zeros(2, int)}], None),
    "great integers": ([{"x": 1 << 70}, {"x": 1}], None),
    "texts": ([{"x": "a"}, {"x": ""}], None),
    "nested": ([{"x": {"y": [1, (2.0, None)]}}, {"x": {}}], None),
    "none": ([{"x": None}], None),
}


@pytest.mark.parametrize("name", CASES)
def test_infos_travel_without_loss(name):
    infos, column = CASES[name]
    for _ in range(2):  # heads of columns are kept between calls
        message, again = travel(infos)
        assert same(again, infos)
        (entry,) = message["entries"]
        assert entry.get("column", {}).get("type") == column


def test_big_endian_columns_travel_by_value():
    _, again = travel([{"x": np.array([1, 2], ">i4")}] * 2)
    assert same(again[1]["x"], np.array([1, 2], np.int32))


def test_arrays_of_two_byte_orders_travel_by_value():
    _, again = travel([{"x": np.array([1, 2], ">i4")}, {"x": np.array([3, 4], "<i4")}])
    assert same([info["x"] for info in again], [np.array([1, 2], np.int32), np.array([3, 4], np.int32)])


def test_empty_infos_take_no_bytes():
    assert encode_infos([{}, {}, {}], set()) == b""


def test_keys_come_in_the_order_first_seen():
    message, again = travel([{"b": 1.0}, {"a": 1.0, "b": 2.0}, {"c": 1.0}])
    assert [entry["key"] for entry in message["entries"]] == [{"text": "b"}, {"text": "a"}, {"text": "c"}]
    assert [entry.get("present") for entry in message["entries"]] == [bytes([1, 1, 0]), bytes([0, 1, 0]), bytes([0, 0, 1])]
    assert same(again, [{"b": 1.0}, {"a": 1.0, "b": 2.0}, {"c": 1.0}])


def test_keys_of_other_types_are_kept_apart():
    assert same(travel([{1: 0.5}])[1], [{1: 0.5}])
    assert same(travel([{True: 0.5}])[1], [{True: 0.5}])
    assert same(travel([{1.0: 0.5}])[1], [{1.0: 0.5}])
    assert same(travel([{("a", 2): 0.5}])[1], [{("a", 2): 0.5}])


def test_what_cannot_travel_is_reported():
    missed = set()
    message = wire.decode("Infos", encode_infos([{"x": object(), "y": 1}], missed))
    assert missed == {"builtins.object"}
    assert message["entries"][0]["trees"]["values"] == [{"unsupported": {"python_type": "builtins.object"}}]


@pytest.mark.parametrize("info", [[1], "text", 3])
def test_an_info_that_is_no_dict_is_named(info):
    with pytest.raises(InvalidRow, match="not a dict") as raised:
        encode_infos([{}, info], set())
    assert raised.value.row == 1


def test_a_filter_lets_its_keys_pass():
    infos = [{"b": 1.0, "c": 2.0}, {"a": {"b": 1}, 1: 3.0}, {}]
    encode = infos_encoder({"keys": ["a", "b", "z"]})
    message = wire.decode("Infos", encode(infos, set()))
    assert same(rows_of(message, 3), [{"b": 1.0}, {"a": {"b": 1}}, {}])
    assert encode([{"c": 1.0}, {}], set()) == b""
    missed = set()
    encode([{"a": 1.0, "c": object()}], missed)
    assert missed == set()
    with pytest.raises(InvalidRow, match="not a dict"):
        encode([[1]], set())


def test_a_filter_may_let_nothing_pass_or_everything():
    infos = [{"a": 1.0}]
    assert infos_encoder({"none": True, "keys": ["a"]})(infos, set()) == b""
    assert infos_encoder({}) is encode_infos
    assert infos_encoder({"keys": [], "none": False}) is encode_infos
