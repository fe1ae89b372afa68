"""What a client received, in the JSON form of scenarios.json."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import numpy as np

from python_client import GymlinkError, StreamEndedError, Transition
from python_spaces import GraphBatch, OneOfBatch, SequenceBatch, element_type
from python_stubs import service_pb2, session_pb2
from python_values import Unsupported, from_proto, map_from_proto, seed_from_proto, tensor_to_array

_LONGEST_HEX = 4096
_ROW_KINDS = ("STEP", "RESET", "AUTORESET", "FAILED")


def array_json(array: Any) -> dict[str, Any]:
    """Gives an array as dtype, shape and bytes."""
    array = np.asarray(array)
    data = array.tobytes()
    form: dict[str, Any] = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if len(data) > _LONGEST_HEX:
        return {**form, "sha256": hashlib.sha256(data).hexdigest()}
    return {**form, "data": data.hex()}


def float_json(number: float) -> str:
    """Gives the bytes of a float64, little-endian."""
    return struct.pack("<d", number).hex()


_FORMS = (
    (Unsupported, lambda value: {"unsupported": value.python_type}),
    (np.ndarray, lambda value: {"array": array_json(value)}),
    (np.generic, lambda value: {"scalar": array_json(value)}),
    (bool, lambda value: {"bool": value}),
    (int, lambda value: {"int": str(value)}),
    (float, lambda value: {"float": float_json(value)}),
    (str, lambda value: {"text": value}),
    (bytes, lambda value: {"binary": value.hex()}),
    (list, lambda value: {"list": [value_json(one) for one in value]}),
    (tuple, lambda value: {"tuple": [value_json(one) for one in value]}),
    (dict, lambda value: {"map": [[value_json(k), value_json(v)] for k, v in value.items()]}),
    (type(None), lambda value: {"none": True}),
)


def value_json(value: Any) -> dict[str, Any]:
    """Gives a Python value with its exact type."""
    return next(form(value) for python_type, form in _FORMS if isinstance(value, python_type))


def _bound_json(data: bytes, item: int) -> str:
    """Gives one element where all are alike, otherwise all, or their digest."""
    if data == data[:item] * (len(data) // item):
        return data[:item].hex()
    return data.hex() if len(data) <= _LONGEST_HEX else hashlib.sha256(data).hexdigest()


def _box_json(box: Any, space: Any) -> dict[str, Any]:
    dtype, shape = element_type(space)
    low, high = (_bound_json(bound, dtype.itemsize) for bound in (box.low, box.high))
    return {"dtype": dtype.name, "shape": list(shape), "low": low, "high": high}


_SPACE_FORMS = {
    "box": _box_json,
    "discrete": lambda kind, space: {
        "n": str(kind.n),
        "start": str(kind.start),
        "dtype": element_type(space)[0].name,
    },
    "multi_discrete": lambda kind, space: {
        "nvec": array_json(tensor_to_array(kind.nvec)),
        "start": array_json(tensor_to_array(kind.start)),
        "dtype": element_type(space)[0].name,
    },
    "multi_binary": lambda kind, space: {"shape": list(kind.shape), "from_scalar": kind.from_scalar},
    "text": lambda kind, space: {
        "min_length": kind.min_length,
        "max_length": kind.max_length,
        "characters": kind.characters,
    },
    "dict": lambda kind, space: {"entries": [[e.key, space_json(e.space)] for e in kind.entries]},
    "tuple": lambda kind, space: {"spaces": [space_json(one) for one in kind.spaces]},
    "sequence": lambda kind, space: {"space": space_json(kind.space), "stacked": kind.stacked},
    "graph": lambda kind, space: {
        "node_space": space_json(kind.node_space),
        "edge_space": space_json(kind.edge_space) if kind.HasField("edge_space") else None,
    },
    "one_of": lambda kind, space: {"spaces": [space_json(one) for one in kind.spaces]},
}


def space_json(space: Any) -> dict[str, Any]:
    """Gives a space."""
    kind = space.WhichOneof("kind")
    return {"kind": kind, **_SPACE_FORMS[kind](getattr(space, kind), space)}


def _sequence_row(space: Any, batch: SequenceBatch, i: int) -> dict[str, Any]:
    elements = range(batch.offsets[i], batch.offsets[i + 1])
    return {"sequence": [row_json(space.sequence.space, batch.elements, j) for j in elements]}


def _graph_row(space: Any, batch: GraphBatch, i: int) -> dict[str, Any]:
    graph = space.graph
    nodes = range(batch.node_offsets[i], batch.node_offsets[i + 1])
    edges = range(batch.edge_offsets[i], batch.edge_offsets[i + 1])
    some, valued = batch.has_edges[i], batch.edges is not None
    form = {
        "nodes": [row_json(graph.node_space, batch.nodes, j) for j in nodes],
        "edges": [row_json(graph.edge_space, batch.edges, j) for j in edges] if some and valued else None,
        "edge_links": array_json(batch.edge_links[edges.start : edges.stop]) if some else None,
    }
    return {"graph": form}


def _one_of_row(space: Any, batch: OneOfBatch, i: int) -> dict[str, Any]:
    variant = int(batch.variants[i])
    place = int((batch.variants[:i] == variant).sum())
    return {"one_of": [variant, row_json(space.one_of.spaces[variant], batch.batches[variant], place)]}


def _dict_row(space: Any, batch: dict[str, Any], i: int) -> dict[str, Any]:
    return {"dict": [[e.key, row_json(e.space, batch[e.key], i)] for e in space.dict.entries]}


def _tuple_row(space: Any, batch: tuple[Any, ...], i: int) -> dict[str, Any]:
    return {"tuple": [row_json(one, values, i) for one, values in zip(space.tuple.spaces, batch)]}


_ROW_FORMS = {
    "text": lambda space, batch, i: {"text": batch[i]},
    "dict": _dict_row,
    "tuple": _tuple_row,
    "sequence": _sequence_row,
    "graph": _graph_row,
    "one_of": _one_of_row,
}


def row_json(space: Any, batch: Any, i: int) -> dict[str, Any]:
    """Gives row i of a batch of a space."""
    form = _ROW_FORMS.get(space.WhichOneof("kind"))
    return form(space, batch, i) if form else array_json(batch[i])


def _final_rows(part: Any, form: Any) -> list[Any]:
    """Gives `form(j)` of the j-th final row where a row has one, and None elsewhere."""
    places = np.cumsum(part.columns["has_final"]) - 1
    return [form(int(j)) if has else None for has, j in zip(part.columns["has_final"], places)]


def transition_json(transition: Transition, space: Any) -> dict[str, Any]:
    """Gives a transition."""
    parts = transition.parts
    rows = [(part, i) for part in parts for i in range(len(part.infos))]
    plain = ("env_index", "episode", "episode_step", "terminated", "truncated")
    form: dict[str, Any] = {name: transition.column(name).tolist() for name in plain}
    form["reward"] = [float_json(reward) for reward in transition.column("reward")]
    form["kind"] = [_ROW_KINDS[kind] for kind in transition.column("kind")]
    form["observation"] = [row_json(space, part.observation, i) for part, i in rows]
    form["info"] = [value_json(part.infos[i]) for part, i in rows]
    form["seed"] = [str(part.seeds[i]) if i in part.seeds else None for part, i in rows]
    form["final_observation"] = []
    form["final_info"] = []
    for part in parts:
        form["final_observation"] += _final_rows(
            part, lambda j, p=part: row_json(space, p.final_observation, j)
        )
        form["final_info"] += _final_rows(part, lambda j, p=part: value_json(p.final_infos[j]))
    wire = {
        "delivery": transition.delivery,
        "seq": [int(number) for number in transition.column("seq")],
        "parts": [len(part.infos) for part in parts],
        "messages": len(transition.message_sizes),
        "largest": max(transition.message_sizes),
    }
    return {"transition": form, "wire": wire}


def error_json(error: GymlinkError) -> dict[str, Any]:
    """Gives an error."""
    form: dict[str, Any] = {
        "reason": error.reason,
        "message": str(error),
        "env_id": error.env_id,
        "env_indices": error.env_indices,
        "advanced_env_indices": error.advanced_env_indices,
        "exception": error.exception and {"type": error.exception[0], "message": error.exception[1]},
        "suggestions": error.suggestions,
    }
    return {"error": form, **({"wire": {"status": error.status}} if error.status else {})}


def end_json(end: StreamEndedError) -> dict[str, Any]:
    """Gives the end of a stream."""
    return {"end": {"status": end.status, "reason": end.error and end.error.reason}}


def environment_json(summary: Any) -> dict[str, Any]:
    """Gives an EnvironmentSummary."""
    has_threshold = summary.HasField("reward_threshold")
    return {
        "id": summary.id,
        "family": summary.family,
        "max_episode_steps": summary.max_episode_steps,
        "reward_threshold": float_json(summary.reward_threshold) if has_threshold else None,
        "nondeterministic": summary.nondeterministic,
        "default_kwargs": value_json(map_from_proto(summary.default_kwargs)),
        "allowed_kwargs": list(summary.allowed_kwargs),
        "unavailable": summary.unavailable,
    }


def opened_json(opened: Any) -> dict[str, Any]:
    """Gives an OpenedResponse; its unguessable id only as whether there is one."""
    mode = session_pb2.AutoresetMode.Name(opened.autoreset_mode)
    form = {
        "has_session_id": opened.session_id != "",
        "observation_space": space_json(opened.observation_space),
        "action_space": space_json(opened.action_space),
        "metadata": value_json(map_from_proto(opened.metadata)),
        "environment": environment_json(opened.environment),
        "autoreset_mode": mode[len("AUTORESET_MODE_") :],
        "seed": str(seed_from_proto(opened.seed)) if opened.HasField("seed") else None,
        "placements": [{"first": run.first, "count": run.count} for run in opened.placements],
        "max_in_flight": opened.max_in_flight,
        "delivery_window": opened.delivery_window,
        "max_message_bytes": opened.max_message_bytes,
        "lease_s": opened.lease_s,
    }
    return {"opened": form}


def rendered_json(rendered: Any) -> dict[str, Any]:
    """Gives a RenderedResponse."""
    form = [
        {
            "env_index": one.env_index,
            "frames": [value_json(from_proto(frame)) for frame in one.frames],
            "is_list": one.is_list,
        }
        for one in rendered.renderings
    ]
    return {"rendered": form}


def server_json(info: Any) -> dict[str, Any]:
    """Gives a GetServerInfoResponse."""
    known = service_pb2.Capability.values()
    names = [service_pb2.Capability.Name(number) for number in info.capabilities if number in known]
    limits = info.limits
    form = {
        "version": info.version,
        "protocol": [info.protocol.major, info.protocol.minor],
        "capabilities": sorted(name[len("CAPABILITY_") :] for name in names),
        "limits": {
            "max_message_bytes": limits.max_message_bytes,
            "max_envs_per_session": limits.max_envs_per_session,
            "max_sessions": limits.max_sessions,
        },
    }
    return {"server": form}


def description_json(description: Any) -> dict[str, Any]:
    """Gives a DescribeEnvironmentResponse."""
    form = {
        "environment": environment_json(description.environment),
        "observation_space": space_json(description.observation_space),
        "action_space": space_json(description.action_space),
        "metadata": value_json(map_from_proto(description.metadata)),
        "documentation": description.documentation,
    }
    return {"description": form}
