"""Runs the scenarios with the Python client and writes the transcript.

python python_driver.py ADDRESS SCENARIOS TRANSCRIPT
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from google.protobuf import json_format

import python_transcript as transcript
from python_actions import actions
from python_client import Client, GymlinkError, Session, StreamEndedError, Transition
from python_requests import map_message, request
from python_space_json import row_json
from python_spaces import PayloadError, PayloadReader, encode, read
from python_stubs import space_pb2


class Scenario:
    """One scenario while it runs, with the streams that it has begun."""

    def __init__(self, client: Client, capabilities: list[str]) -> None:
        """Begins without a stream."""
        self._client = client
        self._capabilities = capabilities
        self._streams: dict[str, Session] = {}
        # By name: ids of saved states, or exported ones.
        self._kept: dict[str, list[Any]] = {}

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
        return self._caught(lambda: self._reply(session, self._send(session, step), step))

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
        return session.send(step.get("seq"), **request(step, session.opened, self._kept))

    def _reply(self, session: Session, seq: int, step: dict[str, Any]) -> dict[str, Any]:
        reply = session.receive(seq)
        if isinstance(reply, Transition):
            return transcript.transition_json(reply, session.opened.observation_space)
        kind = type(reply).__name__
        if kind == "OpenedResponse":
            session.opened = reply
        if kind == "StateSavedResponse":
            return self._saved(step, list(reply.state_ids))
        if kind == "StateExportedResponse":
            self._kept[step["as"]] = list(reply.states)
        return transcript.REPLY_FORMS[kind](reply) if kind in transcript.REPLY_FORMS else {kind: {}}

    def _saved(self, step: dict[str, Any], ids: list[int]) -> dict[str, Any]:
        """Keeps ids under the step's name, and tells how many there are and whether all differ."""
        self._kept[step["as"]] = ids
        return {"state_saved": {"count": len(ids), "different": len(set(ids)) == len(ids)}}

    def _op_pipeline(self, step: dict[str, Any]) -> dict[str, Any]:
        session = self._session(step)
        parts = [part for part in step["requests"] if part["op"] != "half_close"]
        numbers = [self._send(session, part) for part in parts]
        if len(parts) < len(step["requests"]):
            session.half_close()
        replies = [
            self._caught(lambda n=number, p=part: self._reply(session, n, p))
            for number, part in zip(numbers, parts)
        ]
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
        rows = [row_json(space, batch, i) for i in range(step["rows"])]
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
