"""Runs the scenarios with the Python client and writes the transcript.

python python_driver.py ADDRESS SCENARIOS TRANSCRIPT
"""

from __future__ import annotations

import json
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

from google.protobuf import json_format

import python_transcript as transcript
from python_actions import actions
from python_client import PROTOCOL, Client, GymlinkError, Session, StreamEndedError, Transition
from python_spaces import PayloadError, PayloadReader, encode, read
from python_stubs import session_pb2, space_pb2, value_pb2
from python_values import seed_to_proto, to_proto

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
    "lease_s",
)
_OPEN_ENUMS = ("autoreset_mode", "observation_mode", "failure_policy", "compression")


def _float(form: Any) -> float:
    return struct.unpack("<d", bytes.fromhex(form))[0] if isinstance(form, str) else float(form)


def _list(forms: list[Any]) -> Any:
    return value_pb2.ListValue(values=[value_message(form) for form in forms])


_VALUE_FORMS = {
    "none": lambda form: to_proto(None),
    "bool": to_proto,
    "int": lambda form: to_proto(int(form)),
    "float": lambda form: to_proto(_float(form)),
    "text": to_proto,
    "binary": lambda form: to_proto(bytes.fromhex(form)),
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
    fields["wrappers"] = [session_pb2.WrapperSpec(name=name) for name in step.get("wrappers", [])]
    plan = step.get("plan", [])
    fields["plan"] = [
        session_pb2.PlannedReset(env_index=one["env_index"], seed=seed_message(one["seed"])) for one in plan
    ]
    return session_pb2.OpenRequest(**fields)


def _reset(step: dict[str, Any]) -> Any:
    seeds = [session_pb2.EnvSeed(seed=seed_message(seed)) for seed in step.get("env_seeds", [])]
    return session_pb2.ResetRequest(
        env_indices=step.get("env_indices", []),
        seed=seed_message(step.get("seed")),
        env_seeds=seeds,
        options=map_message(step.get("options")),
        env_options=[map_message(one) for one in step.get("env_options", [])],
    )


def _step(step: dict[str, Any], session: Session) -> Any:
    indices = step.get("env_indices", [])
    if "actions_hex" in step:
        payload = bytes.fromhex(step["actions_hex"])
    else:
        opened = session.opened
        rows = indices or range(sum(run.count for run in opened.placements))
        payload = encode(opened.action_space, actions(opened.action_space, list(rows), step["t"]))
    return session_pb2.StepRequest(env_indices=indices, actions=payload)


def _render(step: dict[str, Any]) -> Any:
    encoding = f"FRAME_ENCODING_{step.get('encoding', 'UNSPECIFIED')}"
    fields = {"encoding": encoding, "width": step.get("width", 0)}
    return session_pb2.RenderRequest(env_indices=step.get("env_indices", []), **fields)


_REQUESTS = {
    "open": lambda step, session: {"open": _open(step)},
    "reset": lambda step, session: {"reset": _reset(step)},
    "step": lambda step, session: {"step": _step(step, session)},
    "render": lambda step, session: {"render": _render(step)},
    "ping": lambda step, session: {"ping": session_pb2.PingRequest()},
    "close": lambda step, session: {"close": session_pb2.CloseRequest()},
    "nothing": lambda step, session: {},
    "attach": lambda step, session: {
        "attach": session_pb2.AttachRequest(
            protocol=session_pb2.ProtocolVersion(major=1), session_id="none", epoch=1
        )
    },
    "shared_memory_proof": lambda step, session: {
        "shared_memory_proof": session_pb2.SharedMemoryProof(nonce=bytes(16))
    },
    "save_state": lambda step, session: {"save_state": session_pb2.SaveStateRequest()},
    "restore_state": lambda step, session: {
        "restore_state": session_pb2.RestoreStateRequest(env_indices=[0], state_ids=[1])
    },
    "drop_state": lambda step, session: {"drop_state": session_pb2.DropStateRequest(state_ids=[1])},
    "call": lambda step, session: {"call": session_pb2.CallRequest(name=step["name"])},
}


class Scenario:
    """One scenario while it runs, with the streams that it has begun."""

    def __init__(self, client: Client, capabilities: list[str]) -> None:
        """Begins without a stream."""
        self._client = client
        self._capabilities = capabilities
        self._streams: dict[str, Session] = {}

    def run(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Takes all steps, drops the streams, and gives a record of each step."""
        records: list[dict[str, Any]] = []
        try:
            for step in steps:
                records.append(self._record(step))
        except Exception as failure:
            traceback.print_exc()
            records.append({"failure": repr(failure)})
        finally:
            for session in self._streams.values():
                session.cancel()
        return records

    def _record(self, step: dict[str, Any]) -> dict[str, Any]:
        if step.get("lacking") in self._capabilities:
            return {"skipped": step["lacking"]}
        operation = getattr(self, f"_op_{step['op']}", None)
        if operation:
            return self._caught(lambda: operation(step))
        session = self._session(step)
        return self._caught(lambda: self._reply(session, self._send(session, step)))

    def _caught(self, action: Any) -> dict[str, Any]:
        try:
            return action()
        except GymlinkError as error:
            return transcript.error_json(error)
        except StreamEndedError as end:
            return transcript.end_json(end)
        except PayloadError:
            return {"payload_refused": True}

    def _session(self, step: dict[str, Any]) -> Session:
        name = step.get("stream", "a")
        if name not in self._streams:
            self._streams[name] = self._client.session()
        return self._streams[name]

    def _send(self, session: Session, step: dict[str, Any]) -> int:
        return session.send(step.get("seq"), **_REQUESTS[step["op"]](step, session))

    def _reply(self, session: Session, seq: int) -> dict[str, Any]:
        reply = session.receive(seq)
        if isinstance(reply, Transition):
            return transcript.transition_json(reply, session.opened.observation_space)
        kind = type(reply).__name__
        if kind == "OpenedResponse":
            session.opened = reply
            return transcript.opened_json(reply)
        return transcript.rendered_json(reply) if kind == "RenderedResponse" else {kind: {}}

    def _op_pipeline(self, step: dict[str, Any]) -> dict[str, Any]:
        session = self._session(step)
        requests = [request for request in step["requests"] if request["op"] != "half_close"]
        numbers = [self._send(session, request) for request in requests]
        if len(requests) < len(step["requests"]):
            session.half_close()
        replies = [self._caught(lambda n=number: self._reply(session, n)) for number in numbers]
        return {"replies": replies}

    def _op_steps(self, step: dict[str, Any]) -> dict[str, Any]:
        times = range(step["t"], step["t"] + step["count"])
        return {"replies": [self._record({**step, "op": "step", "t": t}) for t in times]}

    def _op_await_end(self, step: dict[str, Any]) -> dict[str, Any]:
        return transcript.end_json(self._session(step).await_end())

    def _op_layout(self, step: dict[str, Any]) -> dict[str, Any]:
        space = json_format.ParseDict(step["space"], space_pb2.Space())
        reader = PayloadReader(bytes.fromhex(step["payload"]))
        batch = read(space, step["rows"], reader)
        reader.finish()
        rows = [transcript.row_json(space, batch, i) for i in range(step["rows"])]
        return {"rows": rows, "payload": encode(space, batch).hex()}

    def _op_actions(self, step: dict[str, Any]) -> dict[str, Any]:
        space = json_format.ParseDict(step["space"], space_pb2.Space())
        return {"payload": encode(space, actions(space, step["env_indices"], step["t"])).hex()}

    def _op_half_close(self, step: dict[str, Any]) -> dict[str, Any]:
        self._session(step).half_close()
        return {"half_closed": {}}

    def _op_server(self, step: dict[str, Any]) -> dict[str, Any]:
        return transcript.server_json(self._client.server_info())

    def _op_list(self, step: dict[str, Any]) -> dict[str, Any]:
        listed = self._client.list(step.get("contains", "")).environments
        return {"environments": [transcript.environment_json(one) for one in listed]}

    def _op_describe(self, step: dict[str, Any]) -> dict[str, Any]:
        kwargs = map_message(step.get("kwargs"))
        return transcript.description_json(self._client.describe(step["env_id"], kwargs=kwargs))

    def _op_list_sessions(self, step: dict[str, Any]) -> dict[str, Any]:
        wanted = self._session(step).opened.session_id
        forms = [
            {"env_id": one.env_id, "num_envs": one.num_envs, "rows": one.rows}
            for one in self._client.list_sessions().sessions
            if one.session_id == wanted
        ]
        return {"sessions": forms}

    def _op_close_session(self, step: dict[str, Any]) -> dict[str, Any]:
        known = "session_id" not in step
        self._client.close_session(self._session(step).opened.session_id if known else step["session_id"])
        return {"session_closed": {}}


def main(address: str, scenarios: str, target: str) -> None:
    """Runs all scenarios against the server at `address`, or without address those that need none."""
    listed = json.loads(Path(scenarios).read_text(encoding="utf-8"))["scenarios"]
    with Client(address or "127.0.0.1:1") as client:
        server = transcript.server_json(client.server_info())["server"] if address else {}
        capabilities = server.get("capabilities", [])
        chosen = [one for one in listed if address or one.get("offline")]
        records = {one["name"]: Scenario(client, capabilities).run(one["steps"]) for one in chosen}
    Path(target).write_text(json.dumps(records), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
