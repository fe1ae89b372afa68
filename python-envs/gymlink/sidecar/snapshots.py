"""What a worker holds of the processes that keep states and run copies of environments (forks.py)."""

import contextlib
import glob
import itertools
import os
import socket

from gymlink.protocol.spaces import of_space
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.errors import Relayed
from gymlink.sidecar.forks import FAILED, decoded, encoded, fork_snapshot
from gymlink.sidecar.frames import FrameSocket
from gymlink.sidecar.processes import hold, let_go
from gymlink.sidecar.recorder import unpack_log


def _path(folder, pid, number):
    # No longer than the name of the server's own socket, so that every folder that can hold that can hold this.
    return os.path.join(folder, f"{pid:x}-{number}")


def remove_sockets(folder, pid):
    """Removes what the snapshots of a worker that has ended listened on: one that was killed could not."""
    for path in glob.glob(_path(glob.escape(folder), pid, "*")):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


class Snapshots:
    """Makes the snapshots of one worker.

    Args:
        folder: The server's private folder, in which they listen.
    """

    def __init__(self, folder):
        self._folder, self._numbers = folder, itertools.count()

    def take(self, env, tier):
        """A Snapshot of an environment, which may be a Copy.

        Raises:
            NotCopied: Its process cannot be forked.
        """
        path = _path(self._folder, os.getpid(), f"{next(self._numbers):x}")
        if isinstance(env, Copy):
            env.fork(path)
        else:
            fork_snapshot(env, tier, path)
        connection, lifeline = _connect(path)
        connection.close()
        return Snapshot(path, hold(lifeline))


class Snapshot:
    """A state that a process keeps.

    Args:
        path: Where the process listens.
        lifeline: What keeps it alive, in the worker that saved the state; None in others.
    """

    def __init__(self, path, lifeline=None):
        self.path, self._lifeline = path, lifeline

    def drop(self):
        """Ends the process, if it is this worker's."""
        if self._lifeline is not None:
            os.close(let_go(self._lifeline))
            self._lifeline = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)

    def copy(self, observation_space=None):
        """A Copy that goes on from this state; without its observation space it cannot be reset or stepped.

        Raises:
            NotCopied: The process has ended, or cannot be forked.
        """
        try:
            connection, lifeline = _connect(self.path)
        except OSError as error:
            raise NotCopied(f"the process that keeps it has ended, or cannot be reached: {error}") from error
        copied = Copy(FrameSocket(connection), lifeline, observation_space)
        try:
            copied.begin()
        except Exception as error:
            copied.close()
            raise NotCopied(f"the process that keeps it cannot be forked: {error}") from error
        return copied

    def plain(self):
        """The state as plain data.

        Raises:
            NotCopied: It has no such form.
        """
        copied = self.copy()
        try:
            return copied.plain()
        finally:
            copied.close()


def _connect(path):
    """Connects to a snapshot: the connection, and what keeps alive the process at its other end."""
    with contextlib.ExitStack() as opened:
        connection = opened.enter_context(socket.socket(socket.AF_UNIX))
        connection.connect(path)
        reading, lifeline = os.pipe()
        opened.callback(os.close, lifeline)
        try:
            socket.send_fds(connection, [b"\0"], [reading])
        finally:
            os.close(reading)
        opened.pop_all()
    return connection, lifeline


class CopyEnded(Exception):
    """Raised when the process of a Copy has ended by itself, or was killed for memory."""


class Copy:
    """An environment that runs in a process of its own, with what sub-environments need of gymnasium.Env.

    Args:
        frames: Its frame socket.
        lifeline: What keeps it alive.
        observation_space: Its observation space.
    """

    def __init__(self, frames, lifeline, observation_space):
        self._frames, self._lifeline, self._space = frames, hold(lifeline), observation_space
        hold(frames.fileno())

    def begin(self):
        """Waits until it runs."""
        self._receive()

    def reset(self, *, seed=None, options=None):
        """As gymnasium.Env.reset."""
        observation, info = self._ask("reset", seed, options)
        return of_space(self._space, observation), info

    def step(self, action):
        """As gymnasium.Env.step."""
        observation, *others = self._ask("step", action)
        return of_space(self._space, observation), *others

    def render(self):
        """As gymnasium.Env.render."""
        return self._ask("render")

    def close(self):
        """Ends the process."""
        let_go(self._frames.fileno())
        self._frames.close()
        os.close(let_go(self._lifeline))

    def has_wrapper_attr(self, name):
        """As gymnasium.Env.has_wrapper_attr."""
        return self._ask("has", name)

    def get_wrapper_attr(self, name):
        """As gymnasium.Env.get_wrapper_attr; a method takes and gives what can travel."""
        is_method, value = self._ask("read", name)
        return (lambda *args, **kwargs: self._ask("call", name, args, kwargs)) if is_method else value

    def set_wrapper_attr(self, name, value):
        """As gymnasium.Env.set_wrapper_attr."""
        return self._ask("set", name, value)

    def fork(self, path):
        """Has it fork a snapshot that listens at a path; raises NotCopied."""
        with _not_copied():
            self._ask("fork", path)

    def plain(self):
        """Its state as plain data; raises NotCopied."""
        with _not_copied():
            return unpack_log(self._ask("plain"))

    def _ask(self, *question):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._frames.write(0, 0, encoded(question))
        return self._receive()

    def _receive(self):
        frame = self._frames.read()
        if frame is None:
            raise CopyEnded("the process that runs it has ended: restore a state into it, or open another session")
        kind, _, body = frame
        if kind == FAILED:
            raise Relayed(decoded(body))
        return decoded(body)


@contextlib.contextmanager
def _not_copied():
    try:
        yield
    except Relayed as error:
        if error.described["type"].endswith(".NotCopied"):
            raise NotCopied(error.described["message"]) from error
        raise
