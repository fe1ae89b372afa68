"""The warm parent and its workers as processes: forks, ends, and what is left when the server is gone."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from gymlink.sidecar.processes import thread_names
from tests.harness import PYTHON_ENVS, ServerEnd, arguments, is_alive, until

BOX = Box(-1.0, 1.0, (2,))
NOTHING = np.zeros(1, np.int64).tobytes()
HANG = arguments(where="step", fault="hang", at=0)


def hang(worker):
    """Has a worker hang in the middle of a step, and waits until it does."""
    worker.open("Faulty-v0", 1)
    worker.reset(BOX, options=HANG)
    worker.send_step(NOTHING)
    worker.read_log_until("hanging")
    assert is_alive(worker.pid)


def test_the_catalogue_is_gymnasiums_registry(server):
    catalogue = server.catalogue
    listed = {item["id"]: item for item in catalogue["environments"]}
    assert catalogue["gymnasium_version"] == gymnasium.__version__
    assert catalogue["numpy_version"] == np.__version__
    assert catalogue["python_version"] == ".".join(map(str, sys.version_info[:3]))
    # Other tests have registered environments of their own in this process, and those of gymlink.client.
    own = {env_id for env_id in gymnasium.registry if not env_id.startswith(("tests", "gymlink/"))}
    assert own <= set(listed)
    lander = listed["LunarLander-v3"]
    assert (lander["max_episode_steps"], lander["reward_threshold"], lander["unavailable"]) == (1000, 200.0, "")
    kwargs = listed["FrozenLake8x8-v1"]["default_kwargs"]["entries"]
    assert kwargs == [{"key": {"text": "map_name"}, "value": {"text": "8x8"}}]
    assert listed["Blackjack-v1"]["max_episode_steps"] == 0
    assert "reward_threshold" not in listed["Blackjack-v1"]


def test_the_catalogue_says_what_cannot_be_made_and_why(server):
    why = {item["id"]: item["unavailable"] for item in server.catalogue["environments"]}
    assert why["Elsewhere-v0"] == "The Python package no_such_package is not installed in its family."
    assert why["Refusing-v0"] == "Refusing-v0 has moved to another package"
    assert why["phys2d/CartPole-v1"] == "The Python package jax is not installed in its family."
    assert "gymnasium-robotics" in why["HalfCheetah-v2"]
    assert "mujoco<3" in why["Pusher-v4"]
    assert "shimmy" in why["GymV21Environment-v0"]
    assert "NoSuchClass" in why["Broken-v0"]
    vectorised = [item["id"] for item in server.catalogue["environments"] if item.get("vectorised")]
    assert vectorised == ["Vectorised-v0"]
    assert why["CartPole-v0"] == why["HalfCheetah-v5"] == why["Faulty-v0"] == ""


def test_the_parent_has_one_thread_and_no_environment(server):
    pid = server.process.pid
    assert len(os.listdir(f"/proc/{pid}/task")) == 1
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert [child for child in children if is_alive(int(child))] == []


def test_a_worker_is_a_process_of_its_own(workers, server):
    first, second = workers(), workers()
    for worker in (first, second):
        assert os.getsid(worker.pid) == worker.pid
        open_files = {int(name): os.readlink(f"/proc/{worker.pid}/fd/{name}") for name in os.listdir(f"/proc/{worker.pid}/fd")}
        assert open_files[0] == "/dev/null" or not open_files[0].startswith("socket")
        assert open_files[1] == open_files[2] != open_files[0]
        others = [file for descriptor, file in open_files.items() if descriptor > 2]
        assert len(others) == 1
        assert others[0].startswith("socket:")
        assert others[0] != open_files[1]
        parent = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert int(parent) == server.process.pid
    assert first.pid != second.pid


def test_forks_do_not_draw_the_same_numbers(workers):
    drawn = []
    for _ in range(2):
        worker = workers()
        worker.open("Told-v0", 1)
        (part,) = worker.reset(Discrete(3), options=arguments(draw=True))
        drawn.append((part["infos"][0]["random"], part["infos"][0]["np.random"]))
    assert drawn[0][0] != drawn[1][0]
    assert drawn[0][1] != drawn[1][1]


def test_a_closed_worker_leaves_with_status_0(server):
    worker_id, worker = server.fork()
    worker.open("Faulty-v0", 1)
    worker.close()
    assert server.wait_exited(worker_id) == {"worker_id": worker_id, "exit_status": 0}
    assert not is_alive(worker.pid)


def test_a_worker_leaves_when_its_socket_ends(server):
    worker_id, worker = server.fork()
    worker.drop()
    assert server.wait_exited(worker_id) == {"worker_id": worker_id, "exit_status": 0}


# pygame turns a segmentation fault into an abort.
@pytest.mark.parametrize(("fault", "how"), [("die", [{"exit_status": 7}]), ("crash", [{"signal": 11}, {"signal": 6}])])
def test_a_worker_that_dies_is_reported_and_its_socket_ends(server, fault, how):
    other_id, other = server.fork()
    worker_id, worker = server.fork()
    # Forked later: an inherited descriptor would keep the dead worker's socket open.
    later_id, later = server.fork()
    worker.open("Faulty-v0", 1)
    worker.reset(BOX, options=arguments(where="step", fault=fault, at=0))
    worker.send_step(NOTHING)
    log = worker.rest_of_log()
    assert worker.frames.read() is None
    exited = server.wait_exited(worker_id)
    assert exited.pop("worker_id") == worker_id
    assert exited in how
    if fault == "crash":
        assert "Segmentation fault" in log
        assert "environments.py" in log
    for left_id, left in ((other_id, other), (later_id, later)):
        left.open("Faulty-v0", 1)
        assert left.reset(BOX)[0]["episode"].tolist() == [1]
        left.close()
        assert server.wait_exited(left_id)["exit_status"] == 0


def test_a_worker_that_hangs_is_killed_when_asked(server):
    worker_id, worker = server.fork()
    hang(worker)
    server.kill(worker_id, signal.SIGKILL)
    assert server.wait_exited(worker_id) == {"worker_id": worker_id, "signal": 9}
    assert worker.frames.read() is None
    # A worker that has exited is not signalled again.
    server.kill(worker_id, signal.SIGKILL)
    next_id, following = server.fork()
    following.close()
    assert server.wait_exited(next_id)["exit_status"] == 0


def test_many_workers_come_and_go(server):
    made = [server.fork() for _ in range(12)]
    assert len({worker.pid for _, worker in made}) == 12
    for _, worker in made:
        worker.drop()
    assert [server.wait_exited(worker_id)["exit_status"] for worker_id, _ in made] == [0] * 12


def test_nothing_is_left_when_the_servers_socket_ends(own_server):
    _, idle = own_server.fork()
    _, busy = own_server.fork()
    hang(busy)
    own_server.drop()
    assert own_server.process.wait(20) == 0
    until(lambda: not is_alive(idle.pid) and not is_alive(busy.pid), "the workers are gone")


def test_nothing_is_left_when_the_parent_is_killed(own_server):
    _, idle = own_server.fork()
    _, busy = own_server.fork()
    hang(busy)
    own_server.process.kill()
    own_server.process.wait(20)
    until(lambda: not is_alive(idle.pid) and not is_alive(busy.pid), "the workers are gone")
    assert idle.frames.read() is None
    assert busy.frames.read() is None


KILLED_SERVER = """
import sys, time
from tests.harness import ServerEnd
from tests.test_processes import hang
server = ServerEnd(sys.argv[1]).wait_ready()
_, idle = server.fork()
_, busy = server.fork()
hang(busy)
print(server.process.pid, idle.pid, busy.pid, flush=True)
time.sleep(60)
"""


KILLED_EARLY = """
import sys, time
from tests.harness import ServerEnd
server = ServerEnd(sys.argv[1], "family-slow.json")
print(server.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("script", "processes"), [(KILLED_SERVER, 3), (KILLED_EARLY, 1)], ids=["within a step", "at start"])
def test_nothing_is_left_when_the_server_is_killed(folder, script, processes):
    environment = {**os.environ, "PYTHONPATH": str(PYTHON_ENVS)}
    server = subprocess.Popen([sys.executable, "-c", script, folder], env=environment, stdout=subprocess.PIPE)
    pids = [int(pid) for pid in server.stdout.readline().split()]
    assert len(pids) == processes
    assert all(map(is_alive, pids))
    server.kill()
    server.wait(20)
    server.stdout.close()
    until(lambda: not any(map(is_alive, pids)), "parent and workers are gone")


def test_the_parent_ignores_the_interrupt_of_a_terminal(own_server):
    os.kill(own_server.process.pid, signal.SIGINT)
    worker_id, worker = own_server.fork()
    worker.close()
    assert own_server.wait_exited(worker_id)["exit_status"] == 0


def test_threads_of_any_name_are_told():
    begun, end = threading.Event(), threading.Event()

    def live():
        # PR_SET_NAME, with a name that was cut off in the middle of a character.
        ctypes.CDLL(None).prctl(15, b"robot arm \xe2\x86")
        begun.set()
        end.wait(20)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        assert begun.wait(20)
        assert "robot arm \ufffd" in thread_names()
    finally:
        end.set()
        thread.join()


def test_workers_start_cold_where_an_import_started_a_thread(folder):
    server = ServerEnd(folder, "family-threaded.json").wait_ready()
    try:
        worker_id, worker = server.fork()
        worker.open("CartPole-v1", 2)
        (part,) = worker.reset(gymnasium.make("CartPole-v1").observation_space)
        assert part["env_index"].tolist() == [0, 1]
        assert os.getsid(worker.pid) == worker.pid
        output = Path(server.output.name).read_text()
        assert f"the warm parent has 2 threads; worker {worker_id} starts cold" in output
        _, hanging = server.fork()
        hang(hanging)
        server.process.kill()
        server.process.wait(20)
        until(lambda: not is_alive(worker.pid) and not is_alive(hanging.pid), "the workers are gone")
    finally:
        server.close()


def test_what_environments_drop_is_beside_the_socket(own_server, folder):
    _, worker = own_server.fork()
    assert os.readlink(f"/proc/{worker.pid}/cwd") == os.path.realpath(folder)
