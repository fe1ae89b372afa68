"""Actions as ``layout(action space, n)`` of space.proto."""

import numpy as np
from gymnasium import spaces

from gymlink.client.errors import GymlinkError, invalid_action
from gymlink.protocol.layout import element, padded
from gymlink.protocol.layout_writer import layout_bytes

_ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def encode_action(space, action):
    """One action as bytes.

    Raises:
        GymlinkError: INVALID_ACTION, if its structure, shape or type does not fit. Whether it is within the space is checked by
            the server.
    """
    return _encode(space, action, None, "")


def encode_actions(space, actions, rows):
    """A batch of actions, in the form that ``action_space.sample()`` of a vector environment has, as bytes.

    Raises:
        GymlinkError: INVALID_ACTION, as for `encode_action`.
    """
    return _encode(space, actions, rows, "")


def _encode(space, value, rows, place):
    try:
        if isinstance(space, spaces.Dict):
            return b"".join([_encode(entry, value[key], rows, f"{place}[{key!r}]") for key, entry in space.spaces.items()])
        if isinstance(space, spaces.Tuple):
            if len(value) != len(space.spaces):
                raise ValueError(f"{len(value)} elements came for {len(space.spaces)}")
            parts = enumerate(zip(space.spaces, value))
            return b"".join([_encode(entry, part, rows, f"{place}[{k}]") for k, (entry, part) in parts])
        return _encode_array(space, value, rows) if isinstance(space, _ARRAYS) else _encode_rows(space, value, rows)
    except GymlinkError:
        raise
    except Exception as error:
        where = f" at {place}" if place else ""
        message = f"The action{where} does not fit {space}: {error}. Nothing was stepped."
        raise invalid_action(message, error) from error


def _encode_array(space, value, rows):
    dtype, shape = element(space)
    given = np.asarray(value)
    expected = shape if rows is None else (rows, *shape)
    if rows is not None and given.ndim == 0:
        raise TypeError("it is no batch")
    if given.shape != expected:
        raise ValueError(f"it has shape {given.shape}, not {expected}")
    if given.dtype.kind in "iu" and dtype.kind in "iu":
        data = given.astype(dtype, copy=False)
        if data.dtype != given.dtype and not (data == given).all():
            raise ValueError(f"a number is outside the range of {dtype.name}")
    else:
        data = given.astype(dtype, casting="same_kind", copy=False)
    encoded = data.tobytes()
    return encoded + bytes(padded(len(encoded)) - len(encoded))


def _encode_rows(space, value, rows):
    values = [value] if rows is None else list(value)
    if rows is not None and len(values) != rows:
        raise ValueError(f"{len(values)} values came for {rows} sub-environments")
    try:
        return layout_bytes(space, values)
    except Exception as error:
        row = "" if rows is None else _first_invalid(space, values)
        raise ValueError(f"{row}{type(error).__name__}: {error}") from error


def _first_invalid(space, values):
    for row, value in enumerate(values):
        try:
            layout_bytes(space, [value])
        except Exception:
            return f"sub-environment {row}: "
    return ""
