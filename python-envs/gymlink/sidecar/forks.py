"""Processes that keep a state: forks of a worker, for environments whose state cannot be copied otherwise.

A *snapshot* keeps one environment as it was, and listens on a Unix socket in the server's private folder. For every worker that
connects it forks a *copy* of itself, which runs the environment for that worker. A copy can fork a snapshot in turn.

Each has a lifeline, the reading end of a pipe that its worker made for it. When the other end is closed, by the worker or because
the worker has ended, the kernel kills the process, also in the middle of a step. (The signal of a parent's death would not do:
copies outlive the snapshot that they were forked from; the warm parent adopts those.)
"""

import contextlib
import fcntl
import gc
import os
import random
import signal
import socket
import sys
import traceback
import warnings
from functools import partial

from gymlink.protocol import wire
from gymlink.protocol.spaces import of_space
from gymlink.protocol.values import from_value, to_value
from gymlink.sidecar.attributes import sendable
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.errors import described
from gymlink.sidecar.frames import FrameSocket
from gymlink.sidecar.processes import close_held, thread_names
from gymlink.sidecar.recorder import pack_log
from gymlink.sidecar.wrapper_attributes import has_wrapper_attr, set_wrapper_attr

# Frame types of a copy's replies.
DONE, FAILED = 0, 1
# Threads that wait for work which never comes here, so that they hold no lock at a fork: pygame.font starts SDL's timer.
_IDLE_THREADS = {"SDLTimer"}
# For what a worker does next, once it has made a snapshot or connected to one.
_PATIENCE_S = 10


def encoded(value):
    """A value as bytes; what has no form becomes its class name."""
    return wire.encode("Value", to_value(value))


def decoded(data):
    """What `encoded` was given; an instance of a class of that name for what has no form."""
    return from_value(wire.decode("Value", data), _stand_in)


def _stand_in(python_type):
    module, _, name = python_type.rpartition(".")
    return type(name, (), {"__module__": module})()


def fork_snapshot(env, tier, path):
    """Forks a snapshot of this worker that keeps an environment and listens at a path.

    Raises:
        NotCopied: This process has threads, which a fork would lack, or the system allows no further process.
    """
    listener = _fork_listening(path)
    if listener is not None:
        _live(partial(_begin, env, tier, listener))


def _fork_listening(path):
    """Forks this process; returns in the new one the socket that listens at a path, else None."""
    listener = _listen(path)
    try:
        if _fork():
            return listener
    except BaseException:
        os.unlink(path)
        listener.close()
        raise
    listener.close()
    return None


def _listen(path):
    with contextlib.suppress(FileNotFoundError):
        # Of a process that had this one's number.
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    return listener


# Process numbers of this process's own forks that are to be reaped.
_forked = set()


def _fork():
    """Forks this process; returns True in the new one."""
    threads = [name for name in thread_names() if name not in _IDLE_THREADS]
    if not threads:
        raise NotCopied("its process cannot be forked on this system")
    if len(threads) > 1:
        raise NotCopied(f"its process has threads that a fork would lack ({', '.join(sorted(threads))})")
    _reap()
    # Python gives every fork other random numbers.
    numbers = random.getstate()
    with warnings.catch_warnings():
        # Of newer Pythons, about any thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            pid = os.fork()
        except OSError as error:
            raise NotCopied(f"the system allows no further process: {error}") from error
    if pid != 0:
        _forked.add(pid)
        return False
    _forked.clear()
    random.setstate(numbers)
    # Pages that no collection touches stay shared.
    gc.freeze()
    return True


def _reap():
    """Reaps the forks that have ended. Those that outlive this process are the warm parent's to reap."""
    for pid in tuple(_forked):
        try:
            has_ended = os.waitpid(pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            # The environment has reaped it.
            has_ended = True
        if has_ended:
            _forked.discard(pid)


def _live(role):
    """The life of a forked process: one role after another, so that a copy of a copy of a copy has no deep stack."""
    try:
        while role is not None:
            role = role()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: the worker's own cleanup is below on this stack.
        os._exit(0)


def _die_with(lifeline):
    """Has the kernel kill this process when the other end of a pipe is closed."""
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        # No signal is sent for an end that was closed before it was asked for.
        os.read(lifeline, 1)
        os._exit(0)


def _begin(env, tier, listener):
    """The role of a new snapshot: takes its lifeline, with which its own worker connects first."""
    close_held()
    listener.settimeout(_PATIENCE_S)
    try:
        connection, _ = listener.accept()
    except OSError:
        return None
    listener.settimeout(None)
    lifeline = _lifeline_of(connection)
    connection.close()
    if lifeline is None:
        return None
    _die_with(lifeline)
    return partial(_wait, env, tier, listener, lifeline)


def _wait(env, tier, listener, own_lifeline):
    """The role of a snapshot: waits for connections; in a copy that it has forked, returns that one's role."""
    while True:
        connection, _ = listener.accept()
        lifeline = _lifeline_of(connection)
        if lifeline is not None and _forked_for(connection):
            listener.close()
            os.close(own_lifeline)
            _die_with(lifeline)
            return partial(_serve, env, tier, FrameSocket(connection), lifeline)
        if lifeline is not None:
            os.close(lifeline)
        connection.close()


def _lifeline_of(connection):
    """The lifeline that a connection begins with; None when its worker has ended."""
    connection.settimeout(_PATIENCE_S)
    try:
        _, lifelines, _, _ = socket.recv_fds(connection, 1, 1)
    except OSError:
        return None
    connection.settimeout(None)
    return lifelines[0] if lifelines else None


def _forked_for(connection):
    try:
        return _fork()
    except (NotCopied, OSError) as error:
        with contextlib.suppress(OSError):
            FrameSocket(connection).write(FAILED, 0, encoded(described(error)))
        return False


def _serve(env, tier, frames, lifeline):
    """The role of a copy: does what its worker asks; in a snapshot that it has forked, returns that one's role."""
    frames.write(DONE, 0, encoded(None))
    while (frame := frames.read()) is not None:
        name, *arguments = decoded(frame[2])
        try:
            if name == "fork":
                result = listener = _fork_listening(*arguments)
                if listener is not None:
                    frames.close()
                    os.close(lifeline)
                    return partial(_begin, env, tier, listener)
            else:
                result = _OPERATIONS[name](env, tier, *arguments)
        except BaseException as error:
            frames.write(FAILED, 0, encoded(described(error)))
        else:
            frames.write(DONE, 0, encoded(result))
    return None


def _read(env, _tier, name):
    found = env.get_wrapper_attr(name)
    return (True, None) if callable(found) else (False, sendable(found))


_OPERATIONS = {
    "reset": lambda env, tier, seed, options: env.reset(seed=seed, options=options),
    "step": lambda env, tier, action: env.step(of_space(env.action_space, action)),
    "render": lambda env, tier: env.render(),
    "has": lambda env, tier, name: has_wrapper_attr(env, name),
    "read": _read,
    "set": lambda env, tier, name, value: set_wrapper_attr(env, name, value),
    "call": lambda env, tier, name, args, kwargs: sendable(env.get_wrapper_attr(name)(*args, **kwargs)),
    "plain": lambda env, tier: pack_log(tier.save(env)),
}
