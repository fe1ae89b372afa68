"""Fixtures of the tests of whole processes."""

import shutil
import tempfile

import pytest

from tests.harness import ServerEnd


@pytest.fixture(scope="session")
def server():
    """A server with the family of the fixtures; its parent is shared, each test has workers of its own."""
    folder = tempfile.mkdtemp(prefix="gl-")
    end = ServerEnd(folder).wait_ready()
    yield end
    end.close()
    shutil.rmtree(folder)


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
