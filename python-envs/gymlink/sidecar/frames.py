"""Frames on a stream socket: a header of 16 bytes, then a body (worker.proto, "Frames")."""

import struct

HEADER = struct.Struct("<IHHQ")
_READ_BYTES = 1 << 16


class FrameSocket:
    """Reads and writes frames on a connected, blocking stream socket.

    Args:
        connection: The socket; this object owns it.
    """

    def __init__(self, connection):
        self._socket = connection
        self._buffer = bytearray(_READ_BYTES)
        self._begin = self._end = 0

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
        length, kind, _, seq = HEADER.unpack_from(self._buffer, self._begin)
        if not self._fill(HEADER.size + length):
            return None
        begin = self._begin + HEADER.size
        self._begin = begin + length
        return kind, seq, bytes(memoryview(self._buffer)[begin : self._begin])

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
                received = self._socket.recv_into(memoryview(self._buffer)[self._end :])
            except ConnectionResetError:
                return False
            if received == 0:
                return False
            self._end += received
        return True

    def _make_room(self, count):
        held = self._buffer[self._begin : self._end]
        size = max(len(self._buffer), 1 << (count - 1).bit_length())
        self._buffer = bytearray(size)
        self._buffer[: len(held)] = held
        self._begin, self._end = 0, len(held)

    def write(self, kind, seq, *parts):
        """Writes one frame whose body is the parts one after another."""
        length = sum(map(len, parts))
        pending = [memoryview(part) for part in (HEADER.pack(length, kind, 0, seq), *parts)]
        missing = HEADER.size + length
        while True:
            sent = self._socket.sendmsg(pending)
            missing -= sent
            if missing == 0:
                return
            pending = _without(pending, sent)


def _without(views, count):
    """The views without their first `count` bytes."""
    rest = []
    for view in views:
        if count < len(view):
            rest.append(view[count:])
        count = max(0, count - len(view))
    return rest
