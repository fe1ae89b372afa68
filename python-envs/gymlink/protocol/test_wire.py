import random
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from gymlink.protocol import schema, wire

PROTO = Path(__file__).parents[3] / "proto"
FILES = [str(path.relative_to(PROTO)) for path in sorted(PROTO.glob("gymlink/**/*.proto"))]
EDGES = {
    "varint": [1, 127, 128, 300, (1 << 31) - 1],
    "int64": [1, -1, (1 << 63) - 1, -(1 << 63)],
    "sint64": [1, -1, (1 << 63) - 1, -(1 << 63)],
    "bool": [True],
    "double": [1.5, -0.1, float("inf"), 5e-324],
    "string": ["a", "größer → 𝄞", "x" * 200],
    "bytes": [b"\0", bytes(range(256))],
}


def message_class(descriptor):
    """The class of a message; the function for it came with protobuf 4.22."""
    get = getattr(message_factory, "GetMessageClass", None)
    return message_factory.MessageFactory().GetPrototype(descriptor) if get is None else get(descriptor)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """The messages as protobuf's own runtime knows them, by name."""
    out = tmp_path_factory.mktemp("proto") / "gymlink.binpb"
    status = protoc.main(["protoc", f"-I{PROTO}", f"--descriptor_set_out={out}", "--include_imports", *FILES])
    assert status == 0
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    classes = {}
    for file in files.file:
        for message in file.message_type:
            descriptor = pool.FindMessageTypeByName(f"{file.package}.{message.name}")
            classes[message.name] = message_class(descriptor)
    return classes


def is_repeated(field):
    # Older runtimes have the label alone, newer ones no label.
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def kind_of(field):
    if field.message_type is not None:
        return field.message_type.name
    if field.enum_type is not None:
        return "varint"
    names = {field.TYPE_DOUBLE: "double", field.TYPE_UINT32: "varint", field.TYPE_UINT64: "varint"}
    names.update({field.TYPE_INT64: "int64", field.TYPE_SINT64: "sint64", field.TYPE_BOOL: "bool"})
    names.update({field.TYPE_STRING: "string", field.TYPE_BYTES: "bytes"})
    return names[field.type]


def test_tables_are_the_messages_of_the_proto_files(runtime):
    tables = {
        name: {field.number: (field.name, kind_of(field), is_repeated(field)) for field in message.DESCRIPTOR.fields}
        for name, message in runtime.items()
    }
    assert tables == schema.MESSAGES


def test_enum_values_are_those_of_the_proto_files(runtime):
    enums = {enum for message in runtime.values() for enum in message.DESCRIPTOR.file.enum_types_by_name.values()}
    values = {value.name: value.number for enum in enums for value in enum.values}
    assert len(values) > 80
    assert {name: getattr(schema, name) for name in values} == values


def oneofs(message):
    return [{field.name for field in oneof.fields} for oneof in message.DESCRIPTOR.oneofs]


def draw(rng, runtime, name, depth=0):
    """A random message without default values, which the runtime would not write."""
    fields = list(schema.MESSAGES[name].values())
    for group in oneofs(runtime[name]):
        chosen = rng.choice(sorted(group))
        fields = [field for field in fields if field[0] == chosen or field[0] not in group]
    message = {}
    for field, kind, repeated in fields:
        if kind in schema.MESSAGES and depth > 3:
            continue
        single = (
            (lambda k=kind: draw(rng, runtime, k, depth + 1)) if kind in schema.MESSAGES else lambda k=kind: rng.choice(EDGES[k])
        )
        if repeated:
            values = [single() for _ in range(rng.randrange(3))]
            if values:
                message[field] = values
        elif rng.random() < 0.8 or kind == "Value":
            message[field] = single()
    return message


def fill(message, fields):
    """Sets the fields of a message of the runtime."""
    message.SetInParent()
    for name, value in fields.items():
        if isinstance(value, dict):
            fill(getattr(message, name), value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    fill(getattr(message, name).add(), item)
                else:
                    getattr(message, name).append(item)
        else:
            setattr(message, name, value)
    return message


@pytest.mark.parametrize("name", sorted(schema.MESSAGES))
def test_codec_and_runtime_read_each_other(runtime, name):
    rng = random.Random(name)
    for _ in range(30):
        fields = draw(rng, runtime, name)
        theirs = fill(runtime[name](), fields)
        assert wire.decode(name, theirs.SerializeToString()) == fields
        assert runtime[name].FromString(wire.encode(name, fields)) == theirs


def test_default_values_that_are_set_in_a_oneof_travel(runtime):
    for fields in ({"boolean": False}, {"integer": 0}, {"real": 0.0}, {"text": ""}, {"binary": b""}, {"none": {}}):
        read = runtime["Value"].FromString(wire.encode("Value", fields))
        assert read.WhichOneof("kind") == next(iter(fields))
        assert wire.decode("Value", read.SerializeToString()) == fields


def test_optional_zero_travels(runtime):
    exited = runtime["Exited"].FromString(wire.encode("Exited", {"worker_id": 3, "exit_status": 0}))
    assert (exited.HasField("exit_status"), exited.HasField("signal")) == (True, False)


def test_unpacked_numbers_and_the_last_of_two_are_read():
    assert wire.decode("ResetRequest", bytes([0x08, 5, 0x0A, 2, 6, 7])) == {"env_indices": [5, 6, 7]}
    assert wire.decode("Fork", bytes([0x08, 5, 0x08, 9])) == {"worker_id": 9}


def test_unknown_fields_are_skipped():
    unknown = bytes([0x98, 0x06, 0x2A, 0xA1, 0x06, *range(8), 0xAD, 0x06, *range(4), 0xB2, 0x06, 2, 1, 2])
    assert wire.decode("Fork", unknown + wire.encode("Fork", {"worker_id": 7})) == {"worker_id": 7}


def test_an_encoded_message_may_stand_for_a_message():
    seed = wire.encode("Seed", {"magnitude": b"\x05"})
    assert wire.encode("EnvSeed", {"seed": seed}) == wire.encode("EnvSeed", {"seed": {"magnitude": b"\x05"}})


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("Fork", b"\x08", "does not end"),
        ("Fork", b"\x08" + b"\xff" * 10 + b"\x01", "more than 10 bytes"),
        ("Hello", b"\x0a\x05ab", "longer than its message"),
        ("Hello", b"\x0a\x02\xff\xfe", "not UTF-8"),
        ("Hello", b"\x08\x01", "wire type 0 instead of 2"),
        ("Hello", b"\x0b", "wire type 3"),
        ("Hello", b"\x02\x00", "number 0"),
        ("SessionSummary", b"\x21\0\0", "longer than its message"),
    ],
)
def test_bytes_that_are_no_message_are_refused(name, data, says):
    with pytest.raises(wire.WireError, match=says):
        wire.decode(name, data)


def test_nesting_has_an_end():
    data = b""
    for _ in range(60):
        data = wire.encode("Value", {"list": {"values": [data]}})
    with pytest.raises(wire.WireError, match="nested"):
        wire.decode("Value", data)


def test_negative_numbers_do_not_fit_unsigned_fields():
    with pytest.raises(wire.WireError, match="negative"):
        wire.encode("Fork", {"worker_id": -1})


def test_damaged_messages_raise_nothing_else(runtime):
    rng = random.Random(1)
    refused = 0
    for _ in range(3000):
        name = rng.choice(sorted(schema.MESSAGES))
        data = bytearray(wire.encode(name, draw(rng, runtime, name)))
        for _ in range(rng.randrange(1, 4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            wire.decode(name, bytes(data[: rng.randrange(len(data) + 1)]))
        except wire.WireError:
            refused += 1
    assert refused > 100


def test_the_greatest_numbers_travel(runtime):
    fields = {"env_index": (1 << 32) - 1}
    assert runtime["PlannedReset"].FromString(wire.encode("PlannedReset", fields)).env_index == (1 << 32) - 1
    fields = {"max_message_bytes": (1 << 64) - 1}
    theirs = runtime["ServerLimits"](**fields).SerializeToString()
    assert (wire.encode("ServerLimits", fields), wire.decode("ServerLimits", theirs)) == (theirs, fields)
