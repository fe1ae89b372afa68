"""What makes a forked or started process a sidecar of its own: descriptors, signals, sockets, output, random numbers."""

import ctypes
import faulthandler
import os
import pathlib
import signal
import socket
import sys

import numpy as np

from gymlink.protocol import schema, wire
from gymlink.sidecar.frames import FrameSocket

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIGNALS = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def die_with_parent(parent):
    """Has the kernel kill this process when its parent ends (Linux only), even in the middle of a step.

    Args:
        parent: Process id of the parent; if that has ended already, this process leaves.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The signal is not sent for a parent that ended before it was asked for.
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans():
    """Has the kernel make this process the parent of descendants whose own parent has ended (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def thread_names():
    """The names of this process's threads; none where that cannot be told."""
    try:
        threads = os.listdir("/proc/self/task")
    except FileNotFoundError:
        return []
    return [name for thread in threads if (name := _thread_name(thread)) is not None]


def _thread_name(thread):
    try:
        # Cut off at 15 bytes, which may be in the middle of a character.
        return pathlib.Path("/proc/self/task", thread, "comm").read_text(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        # It has ended since.
        return None


# Descriptors that forks of this process are to close.
_held = set()


def hold(descriptor):
    """Has forks of this process close a descriptor of its own, and not those of its environments; returns it."""
    _held.add(descriptor)
    return descriptor


def let_go(descriptor):
    """Forgets a descriptor that is about to be closed; returns it."""
    _held.discard(descriptor)
    return descriptor


def close_held():
    """Closes, in a fork, what its parent held: otherwise those at the other ends would not see that the parent has ended."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


def close_inherited():
    """Closes every descriptor above stderr.

    A forked worker that kept a sibling's socket would hide from the server that the sibling died.
    """
    try:
        descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
    except FileNotFoundError:
        descriptors = list(range(3, os.sysconf("SC_OPEN_MAX")))
    for descriptor in descriptors:
        if descriptor > 2:
            try:
                os.close(descriptor)
            except OSError:
                # The listing's own descriptor, closed since.
                continue


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
    hello = {"token": os.environ["GYMLINK_TOKEN"], "role": role, "worker_id": worker_id, "pid": os.getpid()}
    FrameSocket(connection).write(schema.FRAME_TYPE_HELLO, 0, wire.encode("Hello", hello))
    return connection


def redirect_output(path, worker_id):
    """Sends stdout and stderr, also those of C code, to the server's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    with connect(path, schema.ROLE_LOG, worker_id) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - open for good
        setattr(sys, name, stream)
    # A crash in native code then says in the log where it was.
    faulthandler.enable(sys.stderr)


def become_worker(parent):
    """Cuts this process off from its parent's session, signal handlers and random numbers.

    Args:
        parent: Process id of the parent, with which this process dies.
    """
    os.setsid()
    die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    # Forks of one parent would otherwise all draw the same numbers; Python itself does this for `random`.
    np.random.seed()
