"""A family's warm parent: imports once, then only forks, reaps and kills workers (worker.proto, "Processes")."""

import gc
import importlib
import json
import os
import selectors
import signal
import sys
import traceback

from gymlink.protocol import schema, wire
from gymlink.sidecar.catalogue import catalogue
from gymlink.sidecar.frames import FrameSocket
from gymlink.sidecar.processes import adopt_orphans, become_worker, close_inherited, connect, thread_names
from gymlink.sidecar.registering import register_environments
from gymlink.sidecar.snapshots import remove_sockets
from gymlink.sidecar.surroundings import check_libraries, choose_variables
from gymlink.sidecar.worker import serve


def load_manifest(path):
    """Reads a family's manifest and prepares this process for it: registers its environments and imports its "preload" modules.

    Returns:
        The manifest.

    Raises:
        MissingLibrary: The machine lacks a library that the family needs.
    """
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    prepare(manifest)
    return manifest


def prepare(manifest):
    """Prepares this process for a family's environments. Raises MissingLibrary, and what its modules raise."""
    choose_variables(manifest)
    check_libraries(manifest)
    register_environments(manifest)
    for name in manifest.get("preload", []):
        importlib.import_module(name)


class Parent:
    """Serves one server until its socket ends.

    Args:
        path: The server's Unix socket.
        manifest_path: The family's manifest.
    """

    def __init__(self, path, manifest_path):
        self._path, self._manifest_path = path, manifest_path
        self._worker_ids = {}
        self._frames = FrameSocket(connect(path, schema.ROLE_PARENT, 0))
        self._manifest = load_manifest(manifest_path)
        # A signal makes its wakeup descriptor readable: select() then returns, and the child is reaped outside any handler.
        self._wakeups, self._wake = os.pipe()
        os.set_blocking(self._wakeups, False)
        os.set_blocking(self._wake, False)

    def run(self):
        """Forks, kills and reaps as the server asks; kills every worker when the server is gone."""
        told = wire.encode("FamilyCatalogue", catalogue(self._manifest))
        # The processes that keep states (forks.py).
        adopt_orphans()
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            self._frames.write(schema.FRAME_TYPE_CATALOGUE, 0, told)
            with selectors.DefaultSelector() as selector:
                selector.register(self._frames, selectors.EVENT_READ)
                selector.register(self._wakeups, selectors.EVENT_READ)
                while self._serve(selector):
                    pass
        except (BrokenPipeError, ConnectionResetError):
            # The server went away while it was being told something.
            pass
        finally:
            for pid in self._worker_ids:
                os.kill(pid, signal.SIGKILL)

    def _serve(self, selector):
        """Handles what is ready; False when the server is gone."""
        for key, _ in selector.select():
            if key.fileobj == self._wakeups:
                os.read(self._wakeups, 4096)
                self._reap()
            elif not self._take_frames():
                return False
        return True

    def _take_frames(self):
        while True:
            frame = self._frames.read()
            if frame is None:
                return False
            kind, _, body = frame
            if kind == schema.FRAME_TYPE_FORK:
                self._start(wire.decode("Fork", body).get("worker_id", 0))
            elif kind == schema.FRAME_TYPE_KILL:
                self._kill(wire.decode("Kill", body))
            if not self._frames.has_frame():
                return True

    def _start(self, worker_id):
        threads = len(thread_names())
        is_warm = threads == 1 and self._manifest.get("start") != "cold"
        self._worker_ids[self._fork(worker_id) if is_warm else self._start_cold(worker_id, threads)] = worker_id

    def _fork(self, worker_id):
        parent = os.getpid()
        # Frozen objects are not touched by the children's collections, so their pages stay shared.
        gc.collect()
        gc.freeze()
        pid = os.fork()
        if pid != 0:
            return pid
        status = 1
        try:
            close_inherited()
            become_worker(parent)
            serve(self._path, worker_id, self._manifest)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: the parent's own cleanup is below on this stack.
            os._exit(status)

    def _start_cold(self, worker_id, threads):
        if self._manifest.get("start") != "cold":
            what = f"has {threads} threads" if threads else "cannot be forked safely on this system"
            print(f"gymlink: the warm parent {what}; worker {worker_id} starts cold", flush=True)
        options = ["--socket", self._path, "--manifest", self._manifest_path]
        worker = ["--worker", str(worker_id), "--parent", str(os.getpid())]
        arguments = [sys.executable, "-m", "gymlink.sidecar", *options, *worker]
        return os.posix_spawn(sys.executable, arguments, os.environ)

    def _kill(self, message):
        for pid, worker_id in self._worker_ids.items():
            if worker_id == message.get("worker_id", 0):
                os.kill(pid, message.get("signal", signal.SIGKILL))

    def _reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker_id = self._worker_ids.pop(pid, None)
            if worker_id is None:
                continue
            remove_sockets(os.path.dirname(self._path), pid)
            code = os.waitstatus_to_exitcode(status)
            how = {"exit_status": code} if code >= 0 else {"signal": -code}
            exited = wire.encode("Exited", {"worker_id": worker_id, **how})
            self._frames.write(schema.FRAME_TYPE_EXITED, 0, exited)
