"""Fixtures of the tests of whole processes."""

import importlib
import shutil
import tempfile

import pytest

from tests.harness import FIXTURES, ServerEnd
from tests.serving import GymlinkServer


@pytest.fixture(scope="session")
def server():
    """A server with the family of the fixtures; its parent is shared, each test has workers of its own."""
    folder = tempfile.mkdtemp(prefix="gl-")
    end = ServerEnd(folder).wait_ready()
    yield end
    end.close()
    shutil.rmtree(folder)


@pytest.fixture
def folder():
    """A folder with a short path, for sockets."""
    path = tempfile.mkdtemp(prefix="gl-")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def own_server(folder):
    """A server of the test's own, which it may end."""
    server = ServerEnd(folder).wait_ready()
    yield server
    server.close()


@pytest.fixture
def worker(server):
    """A fresh worker."""
    worker_id, end = server.fork()
    yield end
    end.drop()
    server.kill(worker_id, 9)
    server.wait_exited(worker_id)


@pytest.fixture
def workers(server):
    """Makes fresh workers."""
    made = []

    def make():
        made.append(server.fork())
        return made[-1][1]

    yield make
    for worker_id, end in made:
        end.drop()
        server.kill(worker_id, 9)
        server.wait_exited(worker_id)


@pytest.fixture(scope="session")
def gymlink_server():
    """A `gymlink serve` with the default family."""
    server = GymlinkServer()
    yield server
    assert server.close() == 0


@pytest.fixture(scope="session")
def fixture_server():
    """A server of the environments of the fixtures, which are Gymnasium's and some more."""
    server = GymlinkServer(FIXTURES)
    yield server
    assert server.close() == 0


@pytest.fixture
def address(gymlink_server, monkeypatch):
    """Has the default family's server be the default one."""
    monkeypatch.setenv("GYMLINK_ADDRESS", gymlink_server.address)
    return gymlink_server.address


@pytest.fixture
def fixture_address(fixture_server, monkeypatch):
    """Has the fixtures' server be the default one."""
    monkeypatch.setenv("GYMLINK_ADDRESS", fixture_server.address)
    return fixture_server.address


@pytest.fixture
def received(monkeypatch):
    """Has sessions of the Python client be as on another machine; gives the compressed parts that they receive."""
    # Some Pythons of the matrix have a Gymnasium that is too old for the client.
    client_session = importlib.import_module("gymlink.client.session")
    decompressor = importlib.import_module("gymlink.client.compression").decompressor
    shared = importlib.import_module("gymlink.client.shared_memory").SharedMemory
    parts = []

    def counted(request):
        whole = decompressor(request)
        return lambda part: (parts.append(part), whole(part))[1]

    monkeypatch.setattr(client_session, "SharedMemory", lambda offer: shared({**offer, "path": "/nowhere"}))
    monkeypatch.setattr(client_session, "decompressor", counted)
    return parts


@pytest.fixture(params=["session socket", "gRPC"])
def stream(request, monkeypatch):
    """How sessions of the Python client travel; over gRPC as if the server were on another machine."""
    if request.param == "gRPC":
        streams = importlib.import_module("gymlink.client.streams")
        monkeypatch.setattr(streams, "SocketStream", lambda path, address: streams.socket.create_connection(("127.0.0.1", 1)))
    return request.param
