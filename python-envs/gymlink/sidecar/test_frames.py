import socket
import struct
import threading

import pytest

from gymlink.sidecar.frames import HEADER, FrameSocket


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    for end in (near, far):
        end.settimeout(10)
    yield FrameSocket(near), far
    near.close()
    far.close()


def frame(kind, seq, body=b"", flags=0):
    return HEADER.pack(len(body), kind, flags, seq) + body


def test_a_frame_is_a_header_and_its_parts(ends):
    frames, far = ends
    frames.write(6, 1 << 40, b"abc", bytearray(b"de"), memoryview(b"f"))
    assert far.recv(100) == struct.pack("<IHHQ", 6, 6, 0, 1 << 40) + b"abcdef"


def test_a_frame_that_comes_late_after_quick_ones_is_read(ends):
    frames, far = ends
    for seq in range(3):
        far.sendall(frame(1, seq, flags=1))
        assert frames.read() == (1, seq, b"")
    late = threading.Timer(0.05, far.sendall, [frame(2, 3, b"late")])
    late.start()
    assert frames.read() == (2, 3, b"late")
    late.join()


def test_the_end_of_the_stream_is_noticed_after_quick_frames(ends):
    frames, far = ends
    for seq in range(2):
        far.sendall(frame(1, seq, flags=1))
        frames.read()
    far.close()
    assert frames.read() is None


def test_frames_are_read_one_by_one(ends):
    frames, far = ends
    far.sendall(frame(1, 1, b"one") + frame(2, 2) + frame(3, 3, b"three")[:-2])
    assert frames.read() == (1, 1, b"one")
    assert frames.has_frame()
    assert frames.read() == (2, 2, b"")
    assert not frames.has_frame()
    far.sendall(b"ee")
    assert frames.read() == (3, 3, b"three")


def test_the_end_of_the_stream_is_told(ends):
    frames, far = ends
    far.sendall(frame(1, 1))
    far.close()
    assert frames.read() == (1, 1, b"")
    assert frames.read() is None


@pytest.mark.parametrize("whole", [8, 20])
def test_an_end_within_a_frame_is_an_end(ends, whole):
    frames, far = ends
    far.sendall(frame(1, 1, b"body")[:whole][:-1])
    far.close()
    assert frames.read() is None


def test_large_frames_pass_both_ways(ends):
    frames, far = ends
    body = bytes(range(256)) * 20_000
    sent = frame(9, 5, b"small") + frame(7, 6, body) + frame(8, 7, b"behind")
    sender = threading.Thread(target=far.sendall, args=(sent,))
    sender.start()
    assert [frames.read() for _ in range(3)] == [(9, 5, b"small"), (7, 6, body), (8, 7, b"behind")]
    sender.join()
    other = FrameSocket(far)
    writer = threading.Thread(target=frames.write, args=(7, 6, body[:100], memoryview(body)[100:], b"", b"end"))
    writer.start()
    assert other.read() == (7, 6, body + b"end")
    writer.join()
