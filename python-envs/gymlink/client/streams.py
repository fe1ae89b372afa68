"""The streams that carry a session: over gRPC, or over the session socket of a server on this machine (session.proto)."""

import contextlib
import queue
import select
import socket
import struct
import threading
import time

import grpc

from gymlink.client.errors import failure, from_message
from gymlink.protocol import wire

_SERVICE = "/gymlink.v1.EnvironmentService"
_ERROR_KEY = "gymlink-error-bin"
_TICK_S = 0.25
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 60_000),
    # A step that was sent twice would be taken twice.
    ("grpc.enable_retries", 0),
    # gRPC would send what goes to localhost through http_proxy, too.
    ("grpc.enable_http_proxy", 0),
    # Otherwise a connection outlives its channel, and a server that was started anew is met with the old one's back-off.
    ("grpc.use_local_subchannel_pool", 1),
)
_LENGTH = struct.Struct("<I")
_READ_BYTES = 1 << 16


def open_stream(address, timeout_s):
    """Opens a stream for one session: over the session socket where the server is on this machine, else over gRPC.

    Args:
        address: ``HOST:PORT`` or ``unix:PATH``.
        timeout_s: Seconds within which the server must answer.

    Raises:
        GymlinkError: CONNECTION_FAILED or DEADLINE_EXCEEDED.
    """
    channel = grpc.insecure_channel(address, _OPTIONS)
    try:
        info = channel.unary_unary(f"{_SERVICE}/GetServerInfo")(b"", timeout=timeout_s, wait_for_ready=False)
        offer = wire.decode("GetServerInfoResponse", info).get("session_socket", {})
        # Through a proxy or a tunnel, sessions go as the rest does.
        if "path" in offer and offer.get("port", 0) == _port(address):
            with contextlib.suppress(OSError):
                stream = SocketStream(offer["path"], address)
                channel.close()
                return stream
    except grpc.RpcError as error:
        channel.close()
        raise _named(error, address, timeout_s, is_first=True) from error
    except BaseException:
        channel.close()
        raise
    return GrpcStream(channel, address)


def _port(address):
    last = address.rpartition(":")[2]
    return 0 if address.startswith("unix:") else int(last) if last.isdigit() else None


class GrpcStream:
    """A stream over gRPC.

    Args:
        channel: The channel; this object owns it.
        address: Its address, for error messages.
    """

    def __init__(self, channel, address):
        self._channel, self._address = channel, address
        self._outgoing = queue.SimpleQueue()
        # Without serializers, messages are bytes: no protobuf runtime is needed.
        self._call = channel.stream_stream(f"{_SERVICE}/Session")(iter(self._outgoing.get, None))
        self._is_first, self._expired = True, False
        self._deadline, self._over = float("inf"), threading.Event()
        threading.Thread(target=self._watch, name="gymlink-deadline", daemon=True).start()

    def write(self, data, _timeout_s):
        """Sends a message."""
        self._outgoing.put(data)

    def read(self, timeout_s):
        """The next message.

        Raises:
            GymlinkError: DEADLINE_EXCEEDED; CONNECTION_FAILED; or why the server ended the stream.
        """
        self._deadline = time.monotonic() + timeout_s
        try:
            message = next(self._call)
        except StopIteration:
            raise failure("CONNECTION_FAILED", "The server ended the session. Make the environment again.") from None
        except grpc.RpcError as error:
            if self._expired:
                raise _late(self._address, timeout_s) from error
            raise _named(error, self._address, timeout_s, self._is_first) from error
        finally:
            self._deadline = float("inf")
        self._is_first = False
        return message

    def close(self):
        """Ends the stream."""
        self._over.set()
        self._outgoing.put(None)
        self._call.cancel()
        self._channel.close()

    def _watch(self):
        """Ends the stream when a deadline has passed: gRPC has one for a whole stream, but none for a message."""
        while not self._over.wait(_TICK_S):
            if time.monotonic() > self._deadline:
                self._expired = True
                self._call.cancel()


class SocketStream:
    """A stream over the session socket.

    Args:
        path: The socket.
        address: The server's address, for error messages.

    Raises:
        OSError: It cannot be reached from here.
    """

    def __init__(self, path, address):
        self._address = address
        self._received = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def write(self, data, timeout_s):
        """Sends a message. While the server takes none, because its replies were not read, those are received.

        Raises:
            GymlinkError: DEADLINE_EXCEEDED.
        """
        deadline, pending = time.monotonic() + timeout_s, memoryview(_LENGTH.pack(len(data)) + data)
        # Of a connection that has ended, reading tells why.
        with contextlib.suppress(ConnectionError):
            while pending:
                try:
                    pending = pending[self._socket.send(pending) :]
                except BlockingIOError:
                    self._wait(deadline, timeout_s, for_room=True)
                    with contextlib.suppress(BlockingIOError):
                        self._receive()

    def read(self, timeout_s):
        """The next message.

        Raises:
            GymlinkError: DEADLINE_EXCEEDED or CONNECTION_FAILED.
        """
        deadline = time.monotonic() + timeout_s
        try:
            head = self._take(_LENGTH.size, deadline, timeout_s)
            return self._take(_LENGTH.unpack(head)[0], deadline, timeout_s)
        except ConnectionError as error:
            raise _lost(self._address, error) from error

    def close(self):
        """Ends the stream."""
        self._socket.close()

    def _take(self, count, deadline, timeout_s):
        """The next bytes, so many."""
        while len(self._received) < min(count, _READ_BYTES):
            try:
                self._receive()
            except BlockingIOError:
                self._wait(deadline, timeout_s)
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken if len(taken) == count else self._take_rest(taken, count, deadline, timeout_s)

    def _take_rest(self, begun, count, deadline, timeout_s):
        """The same where they are many: received right where they will lie."""
        taken = bytearray(count)
        taken[: len(begun)] = begun
        view, filled = memoryview(taken), len(begun)
        while filled < count:
            try:
                received = self._socket.recv_into(view[filled:])
            except BlockingIOError:
                self._wait(deadline, timeout_s)
                continue
            if received == 0:
                raise ConnectionError("it was closed")
            filled += received
        return taken

    def _receive(self):
        received = self._socket.recv(_READ_BYTES)
        if not received:
            raise ConnectionError("it was closed")
        self._received += received

    def _wait(self, deadline, timeout_s, for_room=False):
        """Waits until something has come, or may be sent."""
        events = select.POLLIN | (select.POLLOUT if for_room else 0)
        poll = select.poll()
        poll.register(self._socket, events)
        if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise _late(self._address, timeout_s)


def _lost(address, why):
    message = f"The connection to the server at {address} was lost ({why}). Make the environment again."
    return failure("CONNECTION_FAILED", message)


def _late(address, timeout_s):
    message = f"The server at {address} did not answer within {timeout_s:g} s. Make the environment again."
    return failure("DEADLINE_EXCEEDED", message)


def _named(error, address, timeout_s, is_first):
    """The exception for what gRPC raised."""
    for key, value in error.trailing_metadata() or ():
        if key == _ERROR_KEY:
            return from_message(wire.decode("Error", value))
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return _late(address, timeout_s)
    if is_first:
        advice = "Start it with `gymlink serve`, or give another address."
        return failure("CONNECTION_FAILED", f"No gymlink server answers at {address} ({error.details()}). {advice}")
    return _lost(address, f"{error.code().name}: {error.details()}")
