"""proto/fixtures beside the code that reads and writes layouts."""

import base64
import json

import numpy as np
import pytest
from gymnasium.spaces import GraphInstance

from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.layout_writer import layout_bytes
from gymlink.protocol.test_spaces import read
from gymlink.protocol.wire import decode
from gymlink.sidecar.actions import ActionReader
from tests.make_fixtures import files
from tests.reference import same, stacked

ENTRIES, COMPOSITES = (json.loads(path.read_text(encoding="utf-8")) for path in files())


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
    if kind == "sequence":
        elements = [value_of(space.feature_space, item) for item in content]
        return stacked(space.feature_space, elements) if space.stack else tuple(elements)
    if kind == "graph":
        return graph_of(space, content)
    if kind == "one_of":
        return np.int64(content["variant"]), value_of(space.spaces[content["variant"]], content["value"])
    return space.dtype.type(int(content)) if kind == "integer" else content


def graph_of(space, content):
    """A graph from its typed JSON."""
    nodes = stacked(space.node_space, [value_of(space.node_space, item) for item in content["nodes"]])
    if content["edges"] is None:
        return GraphInstance(nodes, None, None)
    edges = stacked(space.edge_space, [value_of(space.edge_space, item) for item in content["edges"]])
    return GraphInstance(nodes, edges, np.array(content["edge_links"], np.int32).reshape(-1, 2))


def test_the_files_are_fresh():
    for path, content in files().items():
        assert path.read_text(encoding="utf-8") == content, "run: python -m tests.make_fixtures"


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


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPOSITES], ids=[entry["name"] for entry in [*ENTRIES, *COMPOSITES]])
def test_values_and_bytes_belong_together(entry):
    space, payload = read(decode("Space", base64.b64decode(entry["space"]))), bytes.fromhex(entry["payload"])
    values, rows = [value_of(space, value) for value in entry["values"]], entry["rows"]
    assert layout_bytes(space, values) == payload
    if entry["contained"]:
        assert same(ActionReader(space).read(payload, rows, 0, rows), values)
    else:
        with pytest.raises(InvalidRow):
            ActionReader(space).read(payload, rows, 0, rows)
