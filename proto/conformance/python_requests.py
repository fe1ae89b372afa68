"""The requests of the scenarios' steps, as messages; README.md has the forms."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from python_actions import actions
from python_client import PROTOCOL
from python_spaces import encode
from python_stubs import session_pb2, value_pb2
from python_values import array_to_tensor, seed_to_proto, to_proto

_PLAIN_OPEN_FIELDS = (
    "env_id",
    "num_envs",
    "render_mode",
    "max_episode_steps",
    "num_workers",
    "max_message_bytes",
    "batch_size",
    "max_wait_us",
    "shared_memory",
    "newest_frame_only",
    "lease_s",
)
_OPEN_ENUMS = ("autoreset_mode", "observation_mode", "failure_policy", "compression")


def _float(form: Any) -> float:
    return struct.unpack("<d", bytes.fromhex(form))[0] if isinstance(form, str) else float(form)


def _tensor(form: dict[str, Any]) -> Any:
    data = np.frombuffer(bytes.fromhex(form["data"]), np.dtype(form["dtype"]).newbyteorder("<"))
    return array_to_tensor(data.reshape(form["shape"]))


def _list(forms: list[Any]) -> Any:
    return value_pb2.ListValue(values=[value_message(form) for form in forms])


_VALUE_FORMS = {
    "none": lambda form: to_proto(None),
    "bool": to_proto,
    "int": lambda form: to_proto(int(form)),
    "float": lambda form: to_proto(_float(form)),
    "text": to_proto,
    "binary": lambda form: to_proto(bytes.fromhex(form)),
    "scalar": lambda form: value_pb2.Value(scalar=_tensor(form)),
    "array": lambda form: value_pb2.Value(array=_tensor(form)),
    "list": lambda form: value_pb2.Value(list=_list(form)),
    "tuple": lambda form: value_pb2.Value(tuple=_list(form)),
    "map": lambda form: value_pb2.Value(map=map_message(form)),
    "unsupported": lambda form: value_pb2.Value(unsupported=value_pb2.UnsupportedValue(python_type=form)),
    "unset": lambda form: value_pb2.Value(),
}


def value_message(form: dict[str, Any]) -> Any:
    """Makes a Value of its JSON form."""
    ((kind, content),) = form.items()
    return _VALUE_FORMS[kind](content)


def map_message(form: Any) -> Any:
    """Makes a MapValue of an object (with text keys) or a list of pairs; None stays None."""
    if form is None:
        return None
    pairs = form if isinstance(form, list) else [[{"text": key}, one] for key, one in form.items()]
    entries = [value_pb2.MapEntry(key=value_message(k), value=value_message(v)) for k, v in pairs]
    return value_pb2.MapValue(entries=entries)


def seed_message(form: Any) -> Any:
    """Makes a Seed of a number, its digits, or `{"hex": bytes}`; None stays None."""
    if isinstance(form, dict):
        return value_pb2.Seed(magnitude=bytes.fromhex(form["hex"]))
    return seed_to_proto(None if form is None else int(form))


def _open(step: dict[str, Any]) -> Any:
    fields = {name: step[name] for name in _PLAIN_OPEN_FIELDS if name in step}
    for name in _OPEN_ENUMS:
        if name in step:
            fields[name] = f"{name.upper()}_{step[name]}"
    version = step.get("protocol", PROTOCOL)
    if version is not None:
        fields["protocol"] = session_pb2.ProtocolVersion(major=version[0], minor=version[1])
    if "info_filter" in step:
        fields["info_filter"] = session_pb2.InfoFilter(**step["info_filter"])
    for name in ("kwargs", "seed"):
        fields[name] = (map_message if name == "kwargs" else seed_message)(step.get(name))
    fields["env_kwargs"] = [map_message(one) for one in step.get("env_kwargs", [])]
    fields["wrappers"] = [_wrapper(one) for one in step.get("wrappers", [])]
    fields["plan"] = [_planned_reset(one) for one in step.get("plan", [])]
    return session_pb2.OpenRequest(**fields)


def _wrapper(form: Any) -> Any:
    if isinstance(form, str):
        return session_pb2.WrapperSpec(name=form)
    return session_pb2.WrapperSpec(name=form["name"], kwargs=map_message(form["kwargs"]))


def _planned_reset(form: dict[str, Any]) -> Any:
    return session_pb2.PlannedReset(
        env_index=form["env_index"],
        seed=seed_message(form.get("seed")),
        options=map_message(form.get("options")),
    )


def _reset(step: dict[str, Any]) -> Any:
    seeds = [session_pb2.EnvSeed(seed=seed_message(seed)) for seed in step.get("env_seeds", [])]
    return session_pb2.ResetRequest(
        env_indices=step.get("env_indices", []),
        seed=seed_message(step.get("seed")),
        env_seeds=seeds,
        options=map_message(step.get("options")),
        env_options=[map_message(one) for one in step.get("env_options", [])],
    )


def _step(step: dict[str, Any], opened: Any) -> Any:
    indices = step.get("env_indices", [])
    if "actions_hex" in step:
        payload = bytes.fromhex(step["actions_hex"])
    else:
        rows = indices or range(sum(run.count for run in opened.placements))
        payload = encode(opened.action_space, actions(opened.action_space, list(rows), step["t"]))
    return session_pb2.StepRequest(env_indices=indices, actions=payload)


def _render(step: dict[str, Any]) -> Any:
    encoding = f"FRAME_ENCODING_{step.get('encoding', 'UNSPECIFIED')}"
    fields = {"encoding": encoding, "width": step.get("width", 0)}
    return session_pb2.RenderRequest(env_indices=step.get("env_indices", []), **fields)


def _call(step: dict[str, Any]) -> Any:
    return session_pb2.CallRequest(
        env_indices=step.get("env_indices", []),
        name=step["name"],
        args=_list(step["args"]) if "args" in step else None,
        kwargs=map_message(step.get("kwargs")),
        set_values=[value_message(form) for form in step.get("set", [])],
    )


def _kept(step: dict[str, Any], kept: dict[str, list[Any]]) -> list[Any]:
    """Gives the states that a step names: `NAME.PLACE` of what was kept, an id, or bytes in hex."""
    found = []
    for form in step["states"]:
        if isinstance(form, str):
            name, place = form.split(".")
            found.append(kept[name][int(place)])
        else:
            found.append(bytes.fromhex(form["hex"]) if isinstance(form, dict) else form)
    return found


# Of the step, the OpenedResponse of its session, and what the scenario has kept of saved states.
_REQUESTS = {
    "open": lambda step, opened, kept: _open(step),
    "reset": lambda step, opened, kept: _reset(step),
    "step": lambda step, opened, kept: _step(step, opened),
    "render": lambda step, opened, kept: _render(step),
    "ping": lambda step, opened, kept: session_pb2.PingRequest(),
    "close": lambda step, opened, kept: session_pb2.CloseRequest(),
    "attach": lambda step, opened, kept: session_pb2.AttachRequest(
        protocol=session_pb2.ProtocolVersion(major=1), session_id="none", epoch=1
    ),
    "shared_memory_proof": lambda step, opened, kept: session_pb2.SharedMemoryProof(nonce=bytes(16)),
    "save_state": lambda step, opened, kept: session_pb2.SaveStateRequest(
        env_indices=step.get("env_indices", [])
    ),
    "restore_state": lambda step, opened, kept: session_pb2.RestoreStateRequest(
        env_indices=step.get("env_indices", []), state_ids=_kept(step, kept)
    ),
    "drop_state": lambda step, opened, kept: session_pb2.DropStateRequest(state_ids=_kept(step, kept)),
    "export_state": lambda step, opened, kept: session_pb2.ExportStateRequest(state_ids=_kept(step, kept)),
    "import_state": lambda step, opened, kept: session_pb2.ImportStateRequest(states=_kept(step, kept)),
    "call": lambda step, opened, kept: _call(step),
}


def request(step: dict[str, Any], opened: Any, kept: dict[str, list[Any]]) -> dict[str, Any]:
    """Makes the request of a step: the field of SessionRequest that is set, or none for `nothing`."""
    operation = step["op"]
    return {} if operation == "nothing" else {operation: _REQUESTS[operation](step, opened, kept)}
