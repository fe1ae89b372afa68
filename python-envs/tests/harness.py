"""The server's end of the worker protocol: listens, starts a real warm parent, and talks to it and to its workers."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from gymlink.protocol import schema, wire
from gymlink.protocol.values import from_value, magnitude, to_value
from gymlink.sidecar.frames import FrameSocket
from tests.infos import decode_details
from tests.reference import read_part

FIXTURES = Path(__file__).parent / "fixtures"
PYTHON_ENVS = Path(__file__).parents[1]
PATIENCE_S = 20


def seed(value):
    """A Seed message."""
    return {"magnitude": magnitude(value)}


def arguments(**values):
    """A MapValue message of constructor arguments or reset options."""
    return to_value(values)["map"]


def until(condition, what):
    """Waits for a condition, and fails in words."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.01)


def is_alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def below(pid):
    """The living processes that descend from one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    found = {pid}
    while len(grown := found | {child for child, parent in parents.items() if parent in found}) > len(found):
        found = grown
    return found - {pid}


class Failed(Exception):
    """An ERROR frame; `error` is its message with every field, `reason` the name of its reason."""

    def __init__(self, error):
        super().__init__(error.get("message", ""))
        self.error = {"env_indices": [], "advanced_env_indices": [], "suggestions": [], **error}
        names = [name for name in vars(schema) if name.startswith("ERROR_REASON_")]
        self.reason = next(name for name in names if getattr(schema, name) == error["reason"])[len("ERROR_REASON_") :]


class WorkerEnd:
    """The server's end of one worker: frames and log."""

    def __init__(self, connection, log, pid):
        self.frames, self._log, self.pid = FrameSocket(connection), log, pid
        self._seq = 0

    def request(self, kind, *body):
        """Sends a request without waiting for its reply; returns its seq."""
        self._seq += 1
        self.frames.write(kind, self._seq, *body)
        return self._seq

    def reply(self, wanted):
        """The body of the next frame, which must be of a type; raises Failed for ERROR."""
        frame = self.frames.read()
        assert frame is not None, "the worker closed its socket"
        kind, seq, body = frame
        assert seq == self._seq
        if kind == schema.FRAME_TYPE_ERROR:
            raise Failed(wire.decode("Error", body))
        assert kind == wanted
        return body

    def open(self, env_id, num_envs=1, first=0, count=None, mode=schema.AUTORESET_MODE_NEXT_STEP, max_part_bytes=0, **fields):
        """Opens sub-environments; returns WorkerOpened."""
        count = num_envs if count is None else count
        opening = {"env_id": env_id, "num_envs": num_envs, "autoreset_mode": mode, **fields}
        message = {"open": opening, "first": first, "count": count, "max_part_bytes": max_part_bytes}
        self.request(schema.FRAME_TYPE_OPEN, wire.encode("OpenWorker", message))
        return wire.decode("WorkerOpened", self.reply(schema.FRAME_TYPE_OPENED))

    def reset(self, space, **fields):
        """Resets; returns the parts."""
        self.request(schema.FRAME_TYPE_RESET, wire.encode("ResetRequest", fields))
        return self.transition(space)

    def send_step(self, actions, env_indices=()):
        """Sends a Step without waiting for its reply."""
        indices = struct.pack(f"<II{len(env_indices)}I", len(env_indices), 0, *env_indices)
        self.request(schema.FRAME_TYPE_STEP, indices + bytes(-len(indices) % 8), actions)

    def step(self, space, actions, env_indices=()):
        """Steps; returns the parts."""
        self.send_step(actions, env_indices)
        return self.transition(space)

    def transition(self, space):
        """The parts of a Transition: columns, observations, finals, infos, final_infos and seeds of each."""
        parts, more = [], 1
        while more:
            body = self.reply(schema.FRAME_TYPE_TRANSITION)
            rows, payload_bytes, details_bytes, more = struct.unpack_from("<IIII", body)
            assert len(body) == 16 + payload_bytes + details_bytes
            part = read_part(space, rows, body[16 : 16 + payload_bytes])
            assert (part["seq"] == self._seq).all()
            finals = int(part["has_final"].sum())
            details = decode_details(body[16 + payload_bytes :], rows, finals)
            part["infos"], part["final_infos"], part["seeds"] = details
            parts.append(part)
        return parts

    def render(self, **fields):
        """Renders; returns the Renderings."""
        self.request(schema.FRAME_TYPE_RENDER, wire.encode("RenderRequest", fields))
        return wire.decode("RenderedResponse", self.reply(schema.FRAME_TYPE_RENDERED))["renderings"]

    def call(self, name, **fields):
        """Reads, sets or calls an attribute; returns the results."""
        self.request(schema.FRAME_TYPE_CALL, wire.encode("CallRequest", {"name": name, **fields}))
        results = wire.decode("CalledResponse", self.reply(schema.FRAME_TYPE_CALLED)).get("results", ())
        return [from_value(result) for result in results]

    def save(self, *state_ids, env_indices=(0,), forks_left=8):
        """Saves states under ids; returns StatesHeld."""
        message = {"env_indices": env_indices, "state_ids": state_ids, "forks_left": forks_left}
        self.request(schema.FRAME_TYPE_SAVE_STATES, wire.encode("SaveStates", message))
        return wire.decode("StatesHeld", self.reply(schema.FRAME_TYPE_STATES_HELD))

    def restore(self, space, *state_ids, env_indices=(0,)):
        """Restores; returns the parts."""
        message = {"env_indices": env_indices, "state_ids": state_ids}
        self.request(schema.FRAME_TYPE_RESTORE_STATES, wire.encode("RestoreStateRequest", message))
        return self.transition(space)

    def drop_states(self, *state_ids):
        """Has it forget states."""
        self.request(schema.FRAME_TYPE_DROP_STATES, wire.encode("DropStateRequest", {"state_ids": state_ids}))
        self.reply(schema.FRAME_TYPE_STATES_HELD)

    def export(self, *state_ids, within_session=False):
        """The portable forms of states."""
        message = {"state_ids": state_ids, "within_session": within_session}
        self.request(schema.FRAME_TYPE_EXPORT_STATES, wire.encode("ExportStates", message))
        return wire.decode("StateExportedResponse", self.reply(schema.FRAME_TYPE_STATES_EXPORTED))["states"]

    def import_states(self, states, *state_ids, within_session=False):
        """Takes states in under ids; returns StatesHeld."""
        message = {"state_ids": state_ids, "states": states, "within_session": within_session}
        self.request(schema.FRAME_TYPE_IMPORT_STATES, wire.encode("ImportStates", message))
        return wire.decode("StatesHeld", self.reply(schema.FRAME_TYPE_STATES_HELD))

    def close(self):
        """Has the worker leave."""
        self.request(schema.FRAME_TYPE_CLOSE)
        self.reply(schema.FRAME_TYPE_CLOSED)

    def drop(self):
        """Closes this end."""
        self.frames.close()

    def read_log_until(self, text):
        """Waits until the worker has printed something."""
        data = b""
        while text.encode() not in data:
            chunk = self._log.recv(65536)
            assert chunk, f"the log ended without {text!r}"
            data += chunk

    def rest_of_log(self):
        """What the worker printed, up to its end."""
        data = b""
        while chunk := self._log.recv(65536):
            data += chunk
        return data.decode()


class ServerEnd:
    """A server without clients.

    Args:
        folder: A folder for its socket, with a short path.
        manifest: Name of a manifest in the fixtures, or the path of another one.
    """

    def __init__(self, folder, manifest="family.json"):
        self._path = os.path.join(folder, "w.sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen()
        self._listener.settimeout(PATIENCE_S)
        self._last_id = 0
        self._waiting = {}
        self.exited = {}
        self.output = open(os.path.join(folder, "output"), "w+")  # noqa: SIM115 - closed in close()
        self.process = self._spawn(manifest)
        self._parent = FrameSocket(self._accept(schema.ROLE_PARENT, 0)[0])
        self.catalogue = None

    def _spawn(self, manifest):
        environment = {**os.environ, "GYMLINK_TOKEN": "secret", "PYTHONPATH": str(PYTHON_ENVS), "PYTHONHASHSEED": "0"}
        environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", SDL_VIDEODRIVER="dummy")
        arguments = ["-m", "gymlink.sidecar", "--socket", self._path, "--manifest", str(FIXTURES / manifest)]
        return subprocess.Popen(
            [sys.executable, *arguments], env=environment, start_new_session=True, stdout=self.output, stderr=self.output
        )

    def wait_ready(self):
        """Waits for the catalogue; returns this."""
        kind, seq, body = self._parent.read()
        assert (kind, seq) == (schema.FRAME_TYPE_CATALOGUE, 0)
        self.catalogue = wire.decode("FamilyCatalogue", body)
        return self

    def _accept(self, role, worker_id):
        """The connection with that Hello, and the process id in it; others are kept for later."""
        while (role, worker_id) not in self._waiting:
            connection, _ = self._listener.accept()
            connection.settimeout(PATIENCE_S)
            header = connection.recv(16, socket.MSG_WAITALL)
            length, kind, zero, seq = struct.unpack("<IHHQ", header)
            hello = wire.decode("Hello", connection.recv(length, socket.MSG_WAITALL))
            assert (kind, zero, seq, hello["token"]) == (schema.FRAME_TYPE_HELLO, 0, 0, "secret")
            self._waiting[hello["role"], hello.get("worker_id", 0)] = connection, hello["pid"]
        return self._waiting.pop((role, worker_id))

    def fork(self):
        """Orders a worker and waits for it; returns ``(its number, WorkerEnd)``."""
        self._last_id += 1
        self._parent.write(schema.FRAME_TYPE_FORK, 0, wire.encode("Fork", {"worker_id": self._last_id}))
        log, _ = self._accept(schema.ROLE_LOG, self._last_id)
        connection, pid = self._accept(schema.ROLE_WORKER, self._last_id)
        return self._last_id, WorkerEnd(connection, log, pid)

    def kill(self, worker_id, signal):
        """Orders a signal."""
        self._parent.write(schema.FRAME_TYPE_KILL, 0, wire.encode("Kill", {"worker_id": worker_id, "signal": signal}))

    def wait_exited(self, worker_id):
        """The Exited message of a worker."""
        while worker_id not in self.exited:
            kind, _, body = self._parent.read()
            assert kind == schema.FRAME_TYPE_EXITED
            message = wire.decode("Exited", body)
            self.exited[message["worker_id"]] = message
        return self.exited[worker_id]

    def drop(self):
        """Closes the socket, as the end of the server does."""
        self._listener.close()
        self._parent.close()
        for connection, _ in self._waiting.values():
            connection.close()

    def close(self):
        """Drops the sidecars and waits until the parent has left; returns its exit status."""
        self.drop()
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.output.close()
