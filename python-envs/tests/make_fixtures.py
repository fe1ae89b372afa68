"""Writes proto/fixtures/layouts.json: values of every kind of space with the bytes that ``layout(space, n)`` gives for them.

``python -m tests.make_fixtures`` (in python-envs) writes the file. Its form is described in proto/fixtures/README.md.
"""

import base64
import json
from pathlib import Path

import numpy as np
from gymnasium import spaces

from gymlink.sidecar import wire
from gymlink.sidecar.spaces import describe
from tests.reference import pack
from tests.space_list import SPACES, samples

FILE = Path(__file__).parents[2] / "proto/fixtures/layouts.json"
ROWS = (1, 3)


def _number(value):
    """A number as JSON; what JSON or JavaScript's numbers cannot hold becomes text."""
    value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {np.inf: "Infinity", -np.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    return value


def typed(space, value):
    """A value of a space as JSON that tells its type."""
    if isinstance(space, spaces.Dict):
        return {"dict": {key: typed(entry, value[key]) for key, entry in space.spaces.items()}}
    if isinstance(space, spaces.Tuple):
        return {"tuple": [typed(element, item) for element, item in zip(space.spaces, value)]}
    if isinstance(space, spaces.Text):
        return {"text": value}
    if isinstance(space, spaces.Discrete):
        return {"integer": _number(np.asarray(value))}
    array = np.asarray(value, space.dtype)
    return {"array": {"dtype": array.dtype.name, "shape": list(array.shape), "data": [_number(item) for item in array.ravel()]}}


def entry(name, space, values, contained=True):
    """One entry of the file."""
    assert all(map(space.contains, values)) == contained
    return {
        "name": name,
        "space": base64.b64encode(wire.encode("Space", describe(space))).decode(),
        "rows": len(values),
        "contained": contained,
        "values": [typed(space, value) for value in values],
        "payload": pack(space, values).hex(),
    }


def _extremes(dtype):
    limits = np.finfo(dtype) if np.dtype(dtype).kind == "f" else np.iinfo(dtype)
    return np.array([limits.min, limits.max, limits.tiny if np.dtype(dtype).kind == "f" else 1], dtype)


def special_entries():
    """Values that sampling does not come to."""
    for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        space = SPACES[f"box, {dtype}, full range"]
        yield entry(f"extremes of {dtype}", space, [_extremes(dtype)])
    for dtype in ("float16", "float32", "float64"):
        space = spaces.Box(-np.inf, np.inf, (3,), np.dtype(dtype).type)
        infinite = np.array([np.inf, -np.inf, -0.0], dtype)
        yield entry(f"extremes of {dtype}", space, [_extremes(dtype), infinite])
        yield entry(f"NaN in {dtype}", space, [np.array([np.nan, 0.1, 1.0], dtype)], contained=False)
    yield entry("outside the bounds", spaces.Box(-1.0, 1.0, (2,)), [np.array([1.5, -2.0], np.float32)], contained=False)
    yield entry("texts of no and of all lengths", SPACES["text, possibly empty"], ["", "a", "", "bab"])


def fixtures():
    """All entries."""
    sampled = [entry(f"{name}, {rows} rows", space, samples(space, rows)) for name, space in SPACES.items() for rows in ROWS]
    return [*sampled, *special_entries()]


def text():
    """The file's content: one entry a line."""
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in fixtures())
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
