"""A worker: takes requests from its frame socket one after another, on its main thread."""

import gc
import os
import struct
import sys

from gymlink.protocol import schema, wire
from gymlink.protocol.layout import columns_bytes
from gymlink.sidecar.attributes import AllowList, decode_call
from gymlink.sidecar.compression import compressor
from gymlink.sidecar.errors import as_request_error, error_message, formatted, malformed
from gymlink.sidecar.frames import FrameSocket
from gymlink.sidecar.newest_frames import NewestFrames
from gymlink.sidecar.processes import connect, hold, redirect_output
from gymlink.sidecar.requests import decode_render, decode_reset, decode_step
from gymlink.sidecar.saved_states import SavedStates
from gymlink.sidecar.shared_memory import SharedMemory
from gymlink.sidecar.sub_environments import SubEnvironments
from gymlink.sidecar.transition import COMPRESSED, MORE, SHARED
from gymlink.sidecar.vectorised import VectorisedEnvironments, is_vectorised

_TRANSITION_HEAD, _UNCOMPRESSED_BYTES = struct.Struct("<IIII"), struct.Struct("<Q")


def serve(path, worker_id, manifest):
    """Serves one session's requests until the server closes the socket or asks to leave.

    Args:
        path: The server's Unix socket.
        worker_id: Number of this worker.
        manifest: The family's manifest.
    """
    redirect_output(path, worker_id)
    Worker(FrameSocket(connect(path, schema.ROLE_WORKER, worker_id)), manifest, os.path.dirname(path)).run()


class Worker:
    """Answers each request with its reply or with an ERROR frame.

    Args:
        frames: The frame socket.
        manifest: The family's manifest.
        folder: The server's private folder.
    """

    def __init__(self, frames, manifest, folder):
        self._frames, self._manifest, self._folder = frames, manifest, folder
        hold(frames.fileno())
        self._env_id, self._made, self._compress, self._newest = "", None, None, None
        self._states = SavedStates()

    def run(self):
        """Serves until the socket ends or CLOSE was answered."""
        try:
            while self._serve():
                pass
        except (BrokenPipeError, ConnectionResetError):
            # The server went away while it was being answered.
            pass
        self._states.clear()
        if self._made is not None:
            self._made.close()

    def _serve(self):
        """Answers one request; False when it was the last."""
        frame = self._frames.read()
        if frame is None:
            return False
        kind, seq, body = frame
        try:
            handle = _HANDLERS.get(kind)
            if handle is None:
                raise malformed(f"A worker takes no frames of type {kind}.")
            handle(self, seq, body)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            self._refuse(seq, as_request_error(error, seq))
        return kind != schema.FRAME_TYPE_CLOSE

    def _refuse(self, seq, error):
        if error.cause is not None:
            print(f"gymlink: request {seq} failed: {error}\n{formatted(error.cause)}", file=sys.stderr)
        self._frames.write(schema.FRAME_TYPE_ERROR, seq, wire.encode("Error", error_message(error, self._env_id)))

    def _envs(self):
        if self._made is None:
            raise malformed("A worker takes requests only after OPEN.")
        return self._made

    def _open(self, seq, body):
        if self._made is not None:
            raise malformed("A worker is opened once.")
        message = wire.decode("OpenWorker", body)
        request = message.get("open", {})
        self._env_id = request.get("env_id", "")
        self._compress = compressor(request.get("compression", 0), self._env_id)
        if is_vectorised(self._env_id):
            self._made = VectorisedEnvironments(message, self._manifest)
        else:
            self._made = SubEnvironments(message, self._manifest, self._folder)
        if request.get("newest_frame_only"):
            space, first, count = self._made.observation_space, message.get("first", 0), message.get("count", 0)
            self._newest = NewestFrames(self._env_id, space, first, count)
        # What lives until the session ends need not be searched for garbage at every collection.
        gc.collect()
        gc.freeze()
        self._frames.write(schema.FRAME_TYPE_OPENED, seq, wire.encode("WorkerOpened", self._made.describe()))

    def _reset(self, seq, body):
        envs = self._envs()
        selection, seeds, options = decode_reset(body, envs.sieve)
        if isinstance(envs, SubEnvironments) and envs.is_asynchronous:
            self._send_each(seq, envs, selection, envs.reset_each(selection, seeds, options))
        else:
            self._send(seq, envs, selection, envs.reset(selection, seeds, options), self._frames.slot)

    def _step(self, seq, body):
        envs = self._envs()
        env_indices, actions = decode_step(body)
        selection = envs.sieve.select(env_indices)
        if isinstance(envs, SubEnvironments) and envs.is_asynchronous:
            self._send_each(seq, envs, selection, envs.step_each(selection, actions))
        else:
            self._send(seq, envs, selection, envs.step(selection, actions), self._frames.slot)

    def _send_each(self, seq, envs, selection, each):
        slot, last = self._frames.slot, len(selection.own) - 1
        for place, (one, rows) in enumerate(each):
            self._send(seq, envs, one, rows, None if slot is None else slot + place, MORE if place < last else 0)

    def _send(self, seq, envs, selection, rows, slot, more=0):
        def send(count, payload, details, flags):
            flags |= more
            if self._newest is not None:
                payload = memoryview(self._newest.shorten(payload, count))
            columns = columns_bytes(count)
            compressed = self._compress(payload[columns:]) if self._compress else None
            if compressed is not None:
                head = _TRANSITION_HEAD.pack(count, columns + len(compressed), len(details), flags | COMPRESSED)
                shown = (_UNCOMPRESSED_BYTES.pack(len(payload)), payload[:columns], compressed)
            else:
                head = _TRANSITION_HEAD.pack(count, len(payload), len(details), flags)
                shown = (payload[:columns] if flags & SHARED else payload,)
            self._frames.write(schema.FRAME_TYPE_TRANSITION, seq, head, *shown, details)

        envs.write(seq, selection, rows, send, slot)

    def _share_memory(self, seq, body):
        # On one machine bytes cost less than their compression.
        self._compress = None
        message = wire.decode("ShareMemory", body)
        self._envs().share(SharedMemory(message["path"], message["slot_bytes"]))
        self._frames.write(schema.FRAME_TYPE_MEMORY_SHARED, seq)

    def _render(self, seq, body):
        envs = self._envs()
        renderings = envs.render(*decode_render(body, envs.sieve))
        self._frames.write(schema.FRAME_TYPE_RENDERED, seq, wire.encode("RenderedResponse", {"renderings": renderings}))

    def _call(self, seq, body):
        envs = self._envs()
        call = decode_call(body, envs.sieve)
        AllowList(self._manifest, self._env_id).check(call)
        self._frames.write(schema.FRAME_TYPE_CALLED, seq, wire.encode("CalledResponse", {"results": envs.call(call)}))

    def _save_states(self, seq, body):
        envs, message = self._envs(), wire.decode("SaveStates", body)
        selection = envs.sieve.select(message["env_indices"])
        ids = message["state_ids"][selection.begin : selection.end]
        self._hold(seq, ids, envs.keeper.save(selection, message.get("forks_left", 0)))

    def _import_states(self, seq, body):
        message = wire.decode("ImportStates", body)
        states = self._envs().keeper.import_states(message.get("states", ()), message.get("within_session", False))
        self._hold(seq, message.get("state_ids", ()), states)

    def _hold(self, seq, ids, states):
        held = self._states.add(ids, states)
        self._frames.write(schema.FRAME_TYPE_STATES_HELD, seq, wire.encode("StatesHeld", held))

    def _restore_states(self, seq, body):
        envs, message = self._envs(), wire.decode("RestoreStateRequest", body)
        selection = envs.sieve.select(message.get("env_indices", ()))
        own = [self._states.get(number) for number in message["state_ids"][selection.begin : selection.end]]
        self._send(seq, envs, selection, envs.keeper.restore(selection, own), self._frames.slot)

    def _drop_states(self, seq, body):
        self._states.drop(wire.decode("DropStateRequest", body).get("state_ids", ()))
        self._hold(seq, (), ())

    def _export_states(self, seq, body):
        message = wire.decode("ExportStates", body)
        own = [self._states.get(number) for number in message["state_ids"]]
        states = self._envs().keeper.export(own, message.get("within_session", False))
        self._frames.write(schema.FRAME_TYPE_STATES_EXPORTED, seq, wire.encode("StateExportedResponse", {"states": states}))

    def _close(self, seq, body):
        if self._made is not None:
            self._made.close()
            self._made = None
        self._frames.write(schema.FRAME_TYPE_CLOSED, seq)


_HANDLERS = {
    schema.FRAME_TYPE_OPEN: Worker._open,
    schema.FRAME_TYPE_RESET: Worker._reset,
    schema.FRAME_TYPE_STEP: Worker._step,
    schema.FRAME_TYPE_RENDER: Worker._render,
    schema.FRAME_TYPE_CALL: Worker._call,
    schema.FRAME_TYPE_SAVE_STATES: Worker._save_states,
    schema.FRAME_TYPE_RESTORE_STATES: Worker._restore_states,
    schema.FRAME_TYPE_DROP_STATES: Worker._drop_states,
    schema.FRAME_TYPE_EXPORT_STATES: Worker._export_states,
    schema.FRAME_TYPE_IMPORT_STATES: Worker._import_states,
    schema.FRAME_TYPE_SHARE_MEMORY: Worker._share_memory,
    schema.FRAME_TYPE_CLOSE: Worker._close,
}
