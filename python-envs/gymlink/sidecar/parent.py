"""A family's warm parent: imports once, then only forks, reaps and kills workers (worker.proto, "Processes")."""

import ctypes
import gc
import importlib
import json
import os
import random
import selectors
import signal
import subprocess
import sys

import numpy as np

from gymlink.sidecar import schema, wire
from gymlink.sidecar.catalogue import catalogue
from gymlink.sidecar.frames import FrameSocket
from gymlink.sidecar.worker import connect, serve

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent):
    """Has the kernel kill this process when its parent ends (Linux only), even in the middle of a step.

    Args:
        parent: Process id of the parent; if that has ended already, this process leaves.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def load_manifest(path):
    """Reads a family's manifest and imports what it names.

    Returns:
        The manifest.
    """
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    for name in manifest.get("preload", []):
        importlib.import_module(name)
    return manifest


class Parent:
    """Serves one server until its socket ends.

    Args:
        path: The server's Unix socket.
        manifest_path: The family's manifest.
    """

    def __init__(self, path, manifest_path):
        self._path, self._manifest_path = path, manifest_path
        self._workers = {}
        self._frames = FrameSocket(connect(path, schema.ROLE_PARENT, 0))
        self._manifest = load_manifest(manifest_path)
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self):
        """Forks, kills and reaps as the server asks; kills every worker when the server is gone."""
        self._frames.write(schema.FRAME_TYPE_CATALOGUE, 0, wire.encode("FamilyCatalogue", catalogue()))
        gc.collect()
        gc.freeze()
        with selectors.DefaultSelector() as selector:
            selector.register(self._frames, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while self._serve(selector):
                pass
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)

    def _serve(self, selector):
        """Handles what is ready; False when the server is gone."""
        for key, _ in selector.select():
            if key.fileobj == self._wake:
                os.read(self._wake, 4096)
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
                self._start(wire.decode("Fork", body)["worker_id"])
            elif kind == schema.FRAME_TYPE_KILL:
                self._kill(wire.decode("Kill", body))
            if not self._frames.has_frame():
                return True

    def _start(self, worker_id):
        if _thread_count() == 1:
            pid = os.fork()
            if pid == 0:
                self._become_worker(worker_id)
        else:
            print("gymlink: an import started a thread, so workers start cold instead of forked", flush=True)
            arguments = ["--socket", self._path, "--manifest", self._manifest_path, "--worker", str(worker_id)]
            pid = subprocess.Popen([sys.executable, "-m", "gymlink.sidecar", *arguments]).pid
        self._workers[pid] = worker_id

    def _become_worker(self, worker_id):
        """Turns a fresh fork into a worker; never returns."""
        status = 1
        try:
            parent = os.getppid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            # Descriptors of siblings and of the parent's own socket: the server would miss their end of file.
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            run_worker(self._path, worker_id, self._manifest, parent)
            status = 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _kill(self, message):
        for pid, worker_id in self._workers.items():
            if worker_id == message["worker_id"]:
                os.kill(pid, message["signal"])

    def _reap(self):
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            worker_id = self._workers.pop(pid, None)
            if worker_id is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            how = {"exit_status": code} if code >= 0 else {"signal": -code}
            body = wire.encode("Exited", {"worker_id": worker_id, **how})
            self._frames.write(schema.FRAME_TYPE_EXITED, 0, body)


def run_worker(path, worker_id, manifest, parent):
    """Runs a worker in this process: forked from the parent, or started cold."""
    os.setsid()
    die_with_parent(parent)
    # Forks of one parent would otherwise all draw the same numbers.
    random.seed()
    np.random.seed()
    serve(path, worker_id, manifest.get("kwargs", {}))


def _thread_count():
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        # Not Linux, where forking after imports of system libraries is not safe: start cold.
        return 0
