"""A small protobuf codec: messages are dicts, their shapes are the tables of ``schema.py``.

The protobuf runtime is not used, because code generated for one of its versions does not import with others, and families
pin them. Every key of a dict is written, also with a default value, which is how a oneof tells what is set; a field that is
absent on the wire is absent in the dict. Unknown fields are skipped. See
https://protobuf.dev/programming-guides/encoding/.
"""

import struct

from gymlink.protocol.schema import MESSAGES

_DOUBLE = struct.Struct("<d")
_MAX_DEPTH = 100
_WIRE_TYPES = {"varint": 0, "int64": 0, "sint64": 0, "bool": 0, "double": 1}


class WireError(ValueError):
    """Raised when bytes are not a message of the expected kind, or a dict cannot become one."""


def _varint(value):
    if value < 0:
        raise WireError(f"{value} is negative in an unsigned field")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _sized(data):
    return _varint(len(data)) + data


def _message_bytes(name):
    # A message may be given encoded already: infos are encoded ahead, with cached pieces.
    return lambda value: _sized(value if isinstance(value, bytes) else encode(name, value))


_CONTENT = {
    "varint": _varint,
    "bool": lambda value: b"\x01" if value else b"\x00",
    "int64": lambda value: _varint(value & 0xFFFFFFFFFFFFFFFF),
    "sint64": lambda value: _varint((value << 1) ^ (value >> 63)),
    "double": _DOUBLE.pack,
    "string": lambda value: _sized(value.encode()),
    "bytes": _sized,
}


def _single(tag, content):
    return lambda value: tag + content(value)


def _repeated(tag, content):
    return lambda values: b"".join([tag + content(value) for value in values])


def _packed(tag, content):
    return lambda values: tag + _sized(b"".join([content(value) for value in values])) if len(values) else b""


def _writer(number, kind, repeated):
    content = _CONTENT.get(kind) or _message_bytes(kind)
    wire_type = _WIRE_TYPES.get(kind, 2)
    if repeated and wire_type == 0:
        return _packed(_varint(number << 3 | 2), content)
    return (_repeated if repeated else _single)(_varint(number << 3 | wire_type), content)


_WRITERS = {
    name: {field: _writer(number, kind, repeated) for number, (field, kind, repeated) in table.items()}
    for name, table in MESSAGES.items()
}


def encode(name, message):
    """Encodes a message.

    Args:
        name: Message name, a key of ``MESSAGES``.
        message: Dict from field name to value; messages are dicts (or bytes, encoded already), repeated fields are sequences.

    Returns:
        The bytes.

    Raises:
        WireError: A negative number in an unsigned field.
    """
    writers = _WRITERS[name]
    return b"".join([writers[field](value) for field, value in message.items()])


def _read_varint(data, at):
    if at < len(data) and data[at] < 0x80:
        # Nearly all are that short.
        return data[at], at + 1
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise WireError("a varint does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise WireError("a varint has more than 10 bytes")


def _read_raw(data, at, wire_type):
    """One field's raw value, an int for a varint and else a memoryview, and where the next field begins."""
    if wire_type == 0:
        return _read_varint(data, at)
    if wire_type == 2:
        length, at = _read_varint(data, at)
    elif wire_type in (1, 5):
        length = 8 if wire_type == 1 else 4
    else:
        raise WireError(f"wire type {wire_type} is not supported")
    if at + length > len(data):
        raise WireError("a field is longer than its message")
    return data[at : at + length], at + length


def _text(raw, _depth):
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise WireError("a string is not UTF-8") from error


_READERS = {
    "varint": lambda raw, _depth: raw,
    "bool": lambda raw, _depth: raw != 0,
    "int64": lambda raw, _depth: raw - (1 << 64) if raw >> 63 else raw,
    "sint64": lambda raw, _depth: (raw >> 1) ^ -(raw & 1),
    "double": lambda raw, _depth: _DOUBLE.unpack(raw)[0],
    "string": _text,
    "bytes": lambda raw, _depth: bytes(raw),
}


def _read_message(name):
    return lambda raw, depth: _decode(name, raw, depth + 1)


_FIELDS = {
    name: {
        number: (field, _READERS.get(kind) or _read_message(kind), _WIRE_TYPES.get(kind, 2), repeated)
        for number, (field, kind, repeated) in table.items()
    }
    for name, table in MESSAGES.items()
}


def _unpack(reader, raw):
    at = 0
    while at < len(raw):
        value, at = _read_varint(raw, at)
        yield reader(value, 0)


def _decode(name, data, depth):
    if depth > _MAX_DEPTH:
        raise WireError(f"messages are nested more than {_MAX_DEPTH} deep")
    fields, message, at = _FIELDS[name], {}, 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise WireError("a field has number 0")
        raw, at = _read_raw(data, at, wire_type)
        if number not in fields:
            continue
        field, reader, expected, repeated = fields[number]
        if repeated and expected == 0 and wire_type == 2:
            message.setdefault(field, []).extend(_unpack(reader, raw))
        elif wire_type != expected:
            raise WireError(f"the field {field} of {name} has wire type {wire_type} instead of {expected}")
        elif repeated:
            message.setdefault(field, []).append(reader(raw, depth))
        else:
            message[field] = reader(raw, depth)
    return message


def decode(name, data):
    """Decodes a message.

    Args:
        name: Message name, a key of ``MESSAGES``.
        data: Its bytes.

    Returns:
        Dict of the fields that are present; of a field that appears twice the last one.

    Raises:
        WireError: The bytes are not such a message.
    """
    return _decode(name, memoryview(data), 0)
