"""The Python client: compressed frames of Atari are those of plain Python, which plays in the family's own interpreter."""

import base64
import json
import os
import subprocess

import numpy as np
import pytest

from gymlink.client import RemoteEnv, RemoteVectorEnv
from tests.plain_json import plain
from tests.serving import ROOT, GymlinkServer

ATARI = ROOT / "python-envs/families/atari"
STEPS, SEED = 100, 7


@pytest.fixture(scope="module", autouse=True)
def server():
    """A server of the family, which is the default one."""
    server = GymlinkServer(ATARI)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GYMLINK_ADDRESS", server.address)
        yield server
    assert server.close() == 0


@pytest.fixture
def played():
    """A function that has plain Python play a case of family_oracle.py, and gives its lines."""
    build = ["node", ROOT / "dist/cli.js", "family", "build", ATARI]
    told = subprocess.run(build, stdout=subprocess.PIPE, check=True, text=True, timeout=300).stdout
    python = told.strip().rpartition(": ")[2]

    def play(case):
        command = [python, ROOT / "python-envs/tests/family_oracle.py", "ale_py"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        given = json.dumps({"steps": STEPS, "seed": SEED, **case})
        done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, text=True, timeout=100, env=environment)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines.pop() == {"end": True}
        return lines

    return play


def array(told):
    """An array that plain_json.py has written."""
    return np.frombuffer(base64.b64decode(told["data"]), told["dtype"]).reshape(told["shape"])


def assert_compressed(received):
    assert len(received) > STEPS
    assert all(len(part["payload"]) < part["uncompressed_bytes"] / 10 for part in received)


@pytest.mark.timeout(300)
def test_frames_of_a_game(played, received):
    env = RemoteEnv("ALE/Pong-v5", compression="zstd")
    assert env.observation_space.shape == (210, 160, 3)
    for number, line in enumerate(played({"id": "ALE/Pong-v5"})):
        if line["op"] == "reset":
            observation, info = env.reset(seed=None if number else SEED)
            gave = {"observation": observation, "info": info}
        else:
            names = ("observation", "reward", "terminated", "truncated", "info")
            gave = dict(zip(names, env.step(line["action"])))
        for name, value in gave.items():
            assert plain(value) == line[name], (number, name)
    env.close()
    assert_compressed(received)


@pytest.mark.timeout(300)
def test_frames_of_a_vector_environment(played, received):
    # Episodes of 30 steps.
    kwargs = {"max_num_frames_per_episode": 120, "repeat_action_probability": 0.25}
    entry = {"api": "vector", "constructor": "ale_py.vector_env:AtariVectorEnv", "kwargs": {"game": "pong", **kwargs}}
    envs = RemoteVectorEnv("AtariVectorEnv/Pong-v5", 3, compression="zstd", **kwargs)
    assert envs.single_observation_space.shape == (4, 84, 84)
    ends = 0
    for number, line in enumerate(played({"id": "AtariVectorEnv", "num_envs": 3, "mode": "NextStep", "entry": entry})):
        if line["op"] == "reset":
            gave = {"observations": envs.reset(seed=SEED)[0]}
        else:
            names = ("observations", "rewards", "terminations", "truncations")
            gave = dict(zip(names, envs.step(array(line["actions"]))))
            ends += int(np.sum(gave["truncations"]))
        for name, value in gave.items():
            assert plain(value) == line[name], (number, name)
    envs.close()
    assert ends > 3
    assert_compressed(received)
