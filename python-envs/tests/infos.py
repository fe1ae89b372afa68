"""Infos from the wire back into one dict a row, and in the form that gymnasium.vector gives them."""

import numpy as np
from gymnasium.vector import VectorEnv

from gymlink.protocol import schema, wire
from gymlink.protocol.values import from_tensor, from_value

_PYTHON = {schema.INFO_TYPE_INT: int, schema.INFO_TYPE_FLOAT: float, schema.INFO_TYPE_BOOL: bool}


def _column(column):
    values = from_tensor(column["values"])
    if column["type"] in _PYTHON:
        return [_PYTHON[column["type"]](value) for value in values]
    if column["type"] == schema.INFO_TYPE_SCALAR:
        return list(values)
    return [values[row, ...] for row in range(len(values))]


def rows_of(message, count):
    """One info a row of an Infos message (None: all are empty)."""
    infos = [{} for _ in range(count)]
    for entry in (message or {}).get("entries", ()):
        key, present = from_value(entry["key"]), entry.get("present") or bytes([1]) * count
        values = _column(entry["column"]) if "column" in entry else [from_value(value) for value in entry["trees"]["values"]]
        with_key = [row for row in range(count) if present[row]]
        assert len(with_key) == len(values)
        for row, value in zip(with_key, values):
            infos[row][key] = value
    return infos


def decode_details(details, rows, finals):
    """``(infos, final infos, seeds by row)`` of serialized TransitionDetails."""
    message = wire.decode("TransitionDetails", details)
    seeds = {
        item.get("row", 0): int.from_bytes(item["seed"].get("magnitude", b""), "little") for item in message.get("seeds", ())
    }
    return rows_of(message.get("infos"), rows), rows_of(message.get("final_infos"), finals), seeds


def vector_form(rows, num_envs):
    """Infos as a vector environment gives them.

    Args:
        rows: ``(sub-environment, final observation and final info or None, info)``, ascending.
        num_envs: Number of sub-environments.
    """
    envs, infos = VectorEnv(), {}
    envs.num_envs = num_envs
    for env, final, info in rows:
        if final is not None:
            infos = envs._add_info(infos, {"final_obs": final[0], "final_info": final[1]}, env)
        infos = envs._add_info(infos, info, env)
    return infos


def plain(infos):
    """Arrays of objects as lists, so that they can be compared."""
    if isinstance(infos, dict):
        return {key: plain(value) for key, value in infos.items()}
    if isinstance(infos, np.ndarray) and infos.dtype == object:
        return [plain(value) for value in infos]
    return infos
