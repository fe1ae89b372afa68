"""What a family's manifest has workers do with observations outside of their space."""

import contextlib
import json

import numpy as np
import pytest

from tests.harness import FIXTURES, Failed, ServerEnd, arguments
from tests.test_worker import BOX, actions


@pytest.fixture
def worker_of(folder, tmp_path):
    """Starts a server whose family treats such observations in a way of its own, and gives a worker."""
    with contextlib.ExitStack() as ends:

        def start(mode):
            manifest = json.loads((FIXTURES / "family.json").read_text())
            path = tmp_path / "family.json"
            path.write_text(json.dumps({**manifest, "preload": ["tests.fixtures.environments"], "out_of_space": mode}))
            server = ServerEnd(folder, path).wait_ready()
            ends.callback(server.close)
            worker = server.fork()[1]
            ends.callback(worker.drop)
            worker.open("Faulty-v0", 2)
            worker.reset(BOX)
            worker.reset(BOX, env_indices=[1], options=arguments(where="step", fault="outside", at=1))
            return worker

        yield start


def test_an_observation_outside_its_space_is_refused_where_the_manifest_says_so(worker_of):
    worker = worker_of("refuse")
    worker.step(BOX, actions(0, 0))
    with pytest.raises(Failed) as raised:
        worker.step(BOX, actions(0, 0))
    assert raised.value.reason == "MALFORMED_REPLY"
    assert (raised.value.error["env_indices"], raised.value.error["advanced_env_indices"]) == ([1], [0, 1])
    assert raised.value.error["message"] == (
        "Sub-environment 1 of Faulty-v0 gave something that its spaces do not allow: its observation[1] is 2.5, but its "
        'space has -1.0 to 1.0 there. It passes with "out_of_space": "pass" in the manifest of its family. '
        "Reset the sub-environments."
    )
    with pytest.raises(Failed, match="reset it first"):
        worker.step(BOX, actions(0, 0))
    worker.reset(BOX, options=arguments(where=""))
    worker.step(BOX, actions(0, 0))


def test_an_observation_outside_its_space_is_told_once_and_passes_where_the_manifest_says_so(worker_of):
    worker = worker_of("warn")
    for _ in range(3):
        (part,) = worker.step(BOX, actions(0, 0))
    assert part["observations"].tolist() == [[0.5, 0.5], [0.5, 2.5]]
    assert part["observations"].dtype == np.float32
    worker.close()
    log = worker.rest_of_log()
    assert log.count("its observation[1] is 2.5, but its space has -1.0 to 1.0 there") == 1
    assert "gymlink: sub-environment 1 of Faulty-v0" in log
