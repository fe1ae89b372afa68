"""Frames on a stream socket: a header of 16 bytes, then a body (worker.proto, "Frames")."""

import os
import socket
import struct
from time import monotonic_ns

HEADER = struct.Struct("<IHHQ")
_READ_BYTES = 1 << 16

_ALONE = 1
# If the last frame came within this time, and alone, the next one is waited for awake for at most as long: a core that went
# to sleep takes longer to wake, and then to run cold code, than a quick environment takes to step (docs/architecture.md).
_AWAKE_NS = 1_000_000


class FrameSocket:
    """Reads and writes frames on a connected, blocking stream socket.

    Args:
        connection: The socket; this object owns it.

    Attributes:
        slot: The slot of shared memory that the frame read last named, or None.
    """

    def __init__(self, connection):
        self._socket, self.slot = connection, None
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._begin = self._end = 0
        self._came_soon = self._came_alone = False

    def fileno(self):
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self):
        """Closes the socket."""
        self._socket.close()

    def read(self):
        """Waits for a frame.

        Returns:
            ``(frame type, seq, body)`` with a body of its own bytes, or None when the other end has closed.
        """
        if not self._fill(HEADER.size):
            return None
        length, kind, flags, seq = HEADER.unpack_from(self._buffer, self._begin)
        self._came_alone = flags & _ALONE
        self.slot = (flags >> 1) - 1 if flags > _ALONE else None
        if not self._fill(HEADER.size + length):
            return None
        begin = self._begin + HEADER.size
        self._begin = begin + length
        return kind, seq, bytes(self._buffer[begin : self._begin])

    def has_frame(self):
        """Whether a whole frame has been received already, so that `read` would not wait."""
        held = self._end - self._begin
        if held < HEADER.size:
            return False
        return held >= HEADER.size + HEADER.unpack_from(self._buffer, self._begin)[0]

    def _fill(self, count):
        """Receives until `count` bytes are held; False at the end of the stream."""
        if self._begin == self._end:
            self._begin = self._end = 0
        if self._begin + count > len(self._buffer):
            self._make_room(count)
        while self._end - self._begin < count:
            try:
                received = self._receive(self._buffer[self._end :])
            except ConnectionResetError:
                return False
            if received == 0:
                return False
            self._end += received
        return True

    def _receive(self, target):
        begin = monotonic_ns()
        is_awake = self._came_soon and self._came_alone
        received = self._receive_awake(target, begin + _AWAKE_NS) if is_awake else None
        if received is None:
            received = self._socket.recv_into(target)
        self._came_soon = monotonic_ns() - begin < _AWAKE_NS
        return received

    def _receive_awake(self, target, end):
        """Receives without sleeping, but lets other processes run; None when nothing came by `end`."""
        while monotonic_ns() < end:
            try:
                return self._socket.recv_into(target, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                os.sched_yield()
        return None

    def _make_room(self, count):
        held = bytes(self._buffer[self._begin : self._end])
        size = max(len(self._buffer), 1 << (count - 1).bit_length())
        self._buffer = memoryview(bytearray(size))
        self._buffer[: len(held)] = held
        self._begin, self._end = 0, len(held)

    def write(self, kind, seq, *parts):
        """Writes one frame whose body is the parts one after another."""
        length = sum(map(len, parts))
        pending = (HEADER.pack(length, kind, 0, seq), *parts)
        sent = self._socket.sendmsg(pending)
        if sent < HEADER.size + length:
            self._write_rest(pending, sent)

    def _write_rest(self, parts, sent):
        for part in parts:
            if sent < len(part):
                self._socket.sendall(memoryview(part)[sent:])
            sent = max(0, sent - len(part))
