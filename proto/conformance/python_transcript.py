"""What a client received, in the JSON form of scenarios.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from python_client import GymlinkError, StreamEndedError, Transition
from python_forms import float_json, value_json
from python_space_json import row_json, space_json
from python_stubs import service_pb2, session_pb2
from python_values import from_proto, map_from_proto, seed_from_proto

_ROW_KINDS = ("STEP", "RESET", "AUTORESET", "FAILED")


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
    compression = session_pb2.Compression.Name(opened.compression)
    form = {
        "has_session_id": opened.session_id != "",
        "observation_space": space_json(opened.observation_space),
        "action_space": space_json(opened.action_space),
        "observation_spaces": [space_json(one) for one in opened.observation_spaces],
        "metadata": value_json(map_from_proto(opened.metadata)),
        "environment": environment_json(opened.environment),
        "autoreset_mode": mode[len("AUTORESET_MODE_") :],
        "seed": str(seed_from_proto(opened.seed)) if opened.HasField("seed") else None,
        "placements": [{"first": run.first, "count": run.count} for run in opened.placements],
        "max_in_flight": opened.max_in_flight,
        "delivery_window": opened.delivery_window,
        "max_message_bytes": opened.max_message_bytes,
        "lease_s": opened.lease_s,
        "compression": compression[len("COMPRESSION_") :],
        "newest_frame_only": opened.newest_frame_only,
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


# Of the replies that tell something, by the name of their message.
REPLY_FORMS = {
    "OpenedResponse": opened_json,
    "RenderedResponse": rendered_json,
    "CalledResponse": lambda called: {
        "called": {"results": [value_json(from_proto(result)) for result in called.results]}
    },
    "StateExportedResponse": lambda exported: {"state_exported": {"count": len(exported.states)}},
}


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
