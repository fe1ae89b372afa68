"""The actions of the scenarios: the rule in scenarios.json, for a batch of any space that has one."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_spaces import box_bounds, discrete_range, element_type

_INTEGERS_OF_A_BOX = 256


def _numbers(rows: list[int], t: int, size: int) -> list[list[int]]:
    """Gives 7 i + 3 t + e for each row i and element e."""
    return [[7 * i + 3 * t + e for e in range(size)] for i in rows]


def _real(k: int, low: float, high: float) -> float:
    if np.isfinite(low) and np.isfinite(high):
        return high if k == 4 else low + (high - low) * k / 4
    if np.isfinite(low):
        return low + k
    return high - k if np.isfinite(high) else k - 2.0


def _box_element(number: int, low: Any, high: Any) -> Any:
    if isinstance(low, float):
        return _real(number % 5, low, high)
    low, high = int(low), int(high)
    return low + number % min(high - low + 1, _INTEGERS_OF_A_BOX)


def _box(space: Any, rows: list[int], t: int) -> np.ndarray:
    low, high = (bound.reshape(-1).tolist() for bound in box_bounds(space.box))
    values = [
        [_box_element(k, low[e], high[e]) for e, k in enumerate(row)] for row in _numbers(rows, t, len(low))
    ]
    dtype, shape = element_type(space)
    return np.array(values, dtype).reshape((len(rows), *shape))


def _discrete(space: Any, rows: list[int], t: int) -> np.ndarray:
    discrete = space.discrete
    numbers = [row[0] % discrete.n + discrete.start for row in _numbers(rows, t, 1)]
    return np.array(numbers, element_type(space)[0])


def _multi_discrete(space: Any, rows: list[int], t: int) -> np.ndarray:
    nvec, start = discrete_range(space.multi_discrete)
    numbers = np.array(_numbers(rows, t, nvec.size), np.int64).reshape((len(rows), *nvec.shape))
    return (numbers % nvec + start).astype(element_type(space)[0])


def _multi_binary(space: Any, rows: list[int], t: int) -> np.ndarray:
    shape = tuple(space.multi_binary.shape)
    numbers = np.array(_numbers(rows, t, int(np.prod(shape))), np.int64)
    return (numbers % 2).reshape((len(rows), *shape)).astype(np.int8)


def _text(space: Any, rows: list[int], t: int) -> list[str]:
    text = space.text
    lengths = min(text.max_length - text.min_length, 4) + 1
    sizes = [text.min_length + (7 * i + 3 * t) % lengths for i in rows]
    characters = text.characters
    return [
        "".join(characters[k % len(characters)] for k in _numbers([i], t, size)[0])
        for i, size in zip(rows, sizes)
    ]


def _dict(space: Any, rows: list[int], t: int) -> dict[str, Any]:
    return {entry.key: actions(entry.space, rows, t) for entry in space.dict.entries}


def _tuple(space: Any, rows: list[int], t: int) -> tuple[Any, ...]:
    return tuple(actions(element, rows, t) for element in space.tuple.spaces)


_RULES = {
    "box": _box,
    "discrete": _discrete,
    "multi_discrete": _multi_discrete,
    "multi_binary": _multi_binary,
    "text": _text,
    "dict": _dict,
    "tuple": _tuple,
}


def actions(space: Any, rows: list[int], t: int) -> Any:
    """Gives the actions of the sub-environments `rows` at time t."""
    return _RULES[space.WhichOneof("kind")](space, rows, t)
