"""The Python client's streams over a session socket, whose other end is played by the test."""

import socket
import struct
import threading
import time

import pytest

from gymlink.client import GymlinkError
from gymlink.client.streams import SocketStream

MANY = 4 << 20


@pytest.fixture
def ends(folder):
    """A stream, and the server's end of it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s.sock")
        listener.listen()
        stream = SocketStream(f"{folder}/s.sock", "the address")
        server, _ = listener.accept()
    yield stream, server
    stream.close()
    server.close()


def framed(message):
    return struct.pack("<I", len(message)) + message


def received(server, count):
    data = b""
    while len(data) < count:
        data += server.recv(count - len(data))
    return data


def test_messages_that_come_together_or_in_pieces(ends):
    stream, server = ends
    messages = [b"", b"a", bytes(range(256)) * 300, b"b" * 5, b"c" * (1 << 16)]
    server.sendall(framed(messages[0]) + framed(messages[1]))
    assert [bytes(stream.read(5.0)) for _ in range(2)] == messages[:2]
    data = b"".join(map(framed, messages))

    def send():
        for begin in range(0, len(data), 997):
            server.sendall(data[begin : begin + 997])

    thread = threading.Thread(target=send)
    thread.start()
    assert [bytes(stream.read(5.0)) for _ in messages] == messages
    thread.join()


def test_a_server_that_reads_only_when_it_was_read(ends):
    stream, server = ends
    heard = []

    def serve():
        server.sendall(framed(b"r" * MANY))
        heard.append(received(server, 4 + MANY))

    thread = threading.Thread(target=serve)
    thread.start()
    stream.write(b"w" * MANY, 20.0)
    assert bytes(stream.read(20.0)) == b"r" * MANY
    thread.join()
    assert heard == [framed(b"w" * MANY)]


def test_what_was_sent_before_the_end_is_read_first(ends):
    stream, server = ends
    server.sendall(framed(b"why"))
    server.close()
    stream.write(b"a question", 5.0)
    assert bytes(stream.read(5.0)) == b"why"
    with pytest.raises(GymlinkError, match="the address was lost") as failed:
        stream.read(5.0)
    assert failed.value.reason == "CONNECTION_FAILED"


@pytest.mark.parametrize("sent", [b"\x05\x00", framed(b"12345")[:-1], framed(b"1" * MANY)[:-1]])
def test_an_end_within_a_message(ends, sent):
    stream, server = ends

    def send():
        server.sendall(sent)
        server.close()

    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(GymlinkError, match=r"lost \(it was closed\)"):
        stream.read(10.0)
    thread.join()


@pytest.mark.parametrize("sent", [b"", framed(b"12345")[:-1], framed(b"1" * (1 << 17))[: 1 << 16]])
def test_a_message_that_does_not_come(ends, sent):
    stream, server = ends
    server.sendall(sent)
    began = time.monotonic()
    with pytest.raises(GymlinkError, match=r"did not answer within 0\.2 s") as failed:
        stream.read(0.2)
    assert failed.value.reason == "DEADLINE_EXCEEDED"
    assert time.monotonic() - began < 10


def test_a_server_that_does_not_read(ends):
    stream, _ = ends
    with pytest.raises(GymlinkError, match=r"did not answer within 0\.2 s"):
        stream.write(b"w" * MANY, 0.2)
