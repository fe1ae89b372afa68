"""proto/fixtures/layouts.json beside the code that reads and writes layouts."""

import base64
import json

import numpy as np
import pytest

from gymlink.sidecar.actions import ActionReader
from gymlink.sidecar.layout import InvalidRow, LayoutWriter, max_bytes
from gymlink.sidecar.test_spaces import read
from gymlink.sidecar.wire import decode
from tests.make_fixtures import FILE, text
from tests.reference import same

ENTRIES = json.loads(FILE.read_text(encoding="utf-8"))


def value_of(space, message):
    """A value from its typed JSON."""
    ((kind, content),) = message.items()
    if kind == "dict":
        return {key: value_of(space[key], item) for key, item in content.items()}
    if kind == "tuple":
        return tuple(value_of(element, item) for element, item in zip(space, content))
    if kind == "array":
        dtype = np.dtype(content["dtype"])
        numbers = [int(item) if dtype.kind in "iu" else float(item) for item in content["data"]]
        return np.array(numbers, dtype).reshape(content["shape"])
    return space.dtype.type(int(content)) if kind == "integer" else content


def test_the_file_is_fresh():
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m tests.make_fixtures"


def test_the_file_has_every_kind_and_dtype():
    spaces = [decode("Space", base64.b64decode(entry["space"])) for entry in ENTRIES]
    assert {kind for space in spaces for kind in space} == {
        "box",
        "discrete",
        "multi_discrete",
        "multi_binary",
        "text",
        "dict",
        "tuple",
    }
    assert {space["box"]["dtype"] for space in spaces if "box" in space} == set(range(1, 13))


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def test_values_and_bytes_belong_together(entry):
    space, payload = read(decode("Space", base64.b64decode(entry["space"]))), bytes.fromhex(entry["payload"])
    values, rows = [value_of(space, value) for value in entry["values"]], entry["rows"]
    buffer = bytearray(max_bytes(space, rows))
    end = LayoutWriter(space, buffer).write(values, 0)
    assert bytes(buffer[:end]) == payload
    if entry["contained"]:
        assert same(ActionReader(space).read(payload, rows, 0, rows), values)
    else:
        with pytest.raises(InvalidRow):
            ActionReader(space).read(payload, rows, 0, rows)
