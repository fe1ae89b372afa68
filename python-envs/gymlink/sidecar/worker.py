"""A worker: takes requests from its frame socket one after another, on its main thread."""

import gc
import os
import socket
import struct
import sys

from gymlink.sidecar import schema, wire
from gymlink.sidecar.errors import RequestError, as_request_error, error_message
from gymlink.sidecar.frames import FrameSocket
from gymlink.sidecar.spaces import UnsupportedSpace, describe
from gymlink.sidecar.sub_environments import SubEnvironments

_TRANSITION_HEAD = struct.Struct("<IIII")
_STEP_HEAD = struct.Struct("<II")


def connect(path, role, worker_id):
    """Connects to the server and says who this is.

    Args:
        path: The server's Unix socket.
        role: A ROLE of the schema.
        worker_id: Number of the worker; 0 for a parent.

    Returns:
        The socket, after its Hello.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    token = os.environ["GYMLINK_TOKEN"]
    hello = {"token": token, "role": role, "worker_id": worker_id, "pid": os.getpid()}
    FrameSocket(connection).write(schema.FRAME_TYPE_HELLO, 0, wire.encode("Hello", hello))
    return connection


def redirect_output(path, worker_id):
    """Sends stdout and stderr, also those of C code, to the server's log."""
    log = connect(path, schema.ROLE_LOG, worker_id)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)


def serve(path, worker_id, allowed_kwargs):
    """Serves one session's requests until the server closes the socket or asks to leave.

    Args:
        path: The server's Unix socket.
        worker_id: Number of this worker.
        allowed_kwargs: Constructor arguments that a client may set, by environment id.
    """
    redirect_output(path, worker_id)
    frames = FrameSocket(connect(path, schema.ROLE_WORKER, worker_id))
    Worker(frames, allowed_kwargs).run()


class Worker:
    """Answers each request with its reply or with an ERROR frame.

    Args:
        frames: The frame socket.
        allowed_kwargs: Constructor arguments that a client may set, by environment id.
    """

    def __init__(self, frames, allowed_kwargs):
        self._frames, self._allowed_kwargs = frames, allowed_kwargs
        self._envs = None
        self._env_id = ""

    def run(self):
        """Serves until the socket ends or CLOSE was answered."""
        while (frame := self._frames.read()) is not None:
            kind, seq, body = frame
            try:
                _HANDLERS[kind](self, seq, body)
            except Exception as error:
                self._refuse(seq, as_request_error(error, self._env_id))
            if kind == schema.FRAME_TYPE_CLOSE:
                return

    def _refuse(self, seq, error):
        if error.cause is not None:
            print(error_message(error, self._env_id)["exception"]["traceback"], file=sys.stderr)
        self._frames.write(schema.FRAME_TYPE_ERROR, seq, wire.encode("Error", error_message(error, self._env_id)))

    def _open(self, seq, body):
        message = wire.decode("OpenWorker", body)
        request = message["open"]
        self._env_id = request["env_id"]
        self._check_kwargs(request)
        first, count = message.get("first", 0), message["count"]
        self._envs = SubEnvironments(request, first, count, message.get("max_part_bytes", 0))
        try:
            opened = self._envs.describe(describe)
        except UnsupportedSpace as error:
            text = f"{self._env_id} cannot be served: {error}."
            raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, text) from error
        # What lives until the session ends need not be searched for garbage at every collection.
        gc.collect()
        gc.freeze()
        self._frames.write(schema.FRAME_TYPE_OPENED, seq, wire.encode("WorkerOpened", opened))

    def _check_kwargs(self, request):
        """The server checks this too; a worker does not rely on it."""
        allowed = self._allowed_kwargs.get(self._env_id, ())
        for entry in request.get("kwargs", {}).get("entries", ()):
            name = entry.get("key", {}).get("text")
            if name not in allowed:
                text = f"The argument {name!r} of {self._env_id} may not be set; allowed are: {', '.join(allowed) or 'none'}."
                raise RequestError(schema.ERROR_REASON_NOT_ALLOWED, text)

    def _reset(self, seq, body):
        self._send(seq, self._envs.reset(seq, wire.decode("ResetRequest", body)))

    def _step(self, seq, body):
        count, _ = _STEP_HEAD.unpack_from(body)
        begin = _STEP_HEAD.size
        indices = list(struct.unpack_from(f"<{count}I", body, begin)) if count else []
        actions = memoryview(body)[begin + (4 * count + 7 & ~7) :]
        self._send(seq, self._envs.step(seq, indices, actions))

    def _send(self, seq, transitions):
        for transition, more in transitions:
            payload, details = transition.payload(), transition.details()
            head = _TRANSITION_HEAD.pack(transition.rows, len(payload), len(details), more)
            self._frames.write(schema.FRAME_TYPE_TRANSITION, seq, head, payload, details)

    def _render(self, seq, body):
        renderings = self._envs.render(wire.decode("RenderRequest", body).get("env_indices", []))
        reply = wire.encode("RenderedResponse", {"renderings": renderings})
        self._frames.write(schema.FRAME_TYPE_RENDERED, seq, reply)

    def _close(self, seq, body):
        if self._envs is not None:
            self._envs.close()
        self._frames.write(schema.FRAME_TYPE_CLOSED, seq)


_HANDLERS = {
    schema.FRAME_TYPE_OPEN: Worker._open,
    schema.FRAME_TYPE_RESET: Worker._reset,
    schema.FRAME_TYPE_STEP: Worker._step,
    schema.FRAME_TYPE_RENDER: Worker._render,
    schema.FRAME_TYPE_CLOSE: Worker._close,
}

