"""Processes that keep states and run what is restored from them: exact, owned, and gone in time."""

import os
import signal
import subprocess
import sys

import gymnasium
import pytest
from gymnasium.spaces import Discrete

from gymlink.protocol import schema
from gymlink.protocol.values import to_value
from gymlink.sidecar import forks
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.snapshots import Snapshots
from tests.harness import PYTHON_ENVS, Failed, arguments, below, seed, until
from tests.test_processes import BOX, HANG, NOTHING

TOLD = Discrete(3)
DRAW = arguments(draw=True)


def told(worker, num_envs=1, **fields):
    """Opens the environment that tells about its process, and takes three steps in it."""
    worker.open("Told-v0", num_envs, **fields)
    worker.reset(TOLD, seed=seed(5), options=DRAW)
    for _ in range(3):
        worker.step(TOLD, NOTHING * num_envs)


def plays(worker, env_index=0):
    """What comes of some steps and a reset, with the global generators' draws."""
    parts = [*worker.step(TOLD, NOTHING, [env_index]), *worker.step(TOLD, NOTHING, [env_index])]
    parts += worker.reset(TOLD, options=DRAW, env_indices=[env_index])
    names = ("episode", "episode_step", "reward", "truncated", "observations", "infos")
    return [[repr(part[name]) for name in names] for part in parts]


def grown(server, before):
    """How many more processes there are than before."""
    return len(below(server.process.pid)) - before


def test_a_copy_goes_on_as_the_original_does(worker):
    told(worker)
    assert worker.save(7) == {"forked": [7]}
    expected = plays(worker)
    assert "'np.random'" in expected[2][-1]
    for _ in range(2):
        (restored,) = worker.restore(TOLD, 7)
        assert (restored["episode"].tolist(), restored["episode_step"].tolist()) == ([1], [3])
        assert plays(worker) == expected
    # Of a copy, and of a copy of that.
    worker.restore(TOLD, 7)
    worker.step(TOLD, NOTHING)
    worker.save(9)
    later = plays(worker)
    worker.restore(TOLD, 9)
    worker.save(10)
    worker.drop_states(7, 9)
    worker.restore(TOLD, 10)
    assert plays(worker) == later


def test_another_worker_restores_by_the_path(workers):
    first, second = workers(), workers()
    told(first, num_envs=2, count=1)
    second.open("Told-v0", 2, first=1, count=1)
    first.save(1)
    states = first.export(1, within_session=True)
    with pytest.raises(Failed, match="no log of episodes") as raised:
        second.import_states(states, 1)
    assert raised.value.reason == "MALFORMED_REQUEST"
    assert second.import_states(states, 1, within_session=True)["forked"] == [1]
    expected = plays(first)
    second.restore(TOLD, 1, env_indices=[1])
    assert plays(second, 1) == expected
    # What a process keeps can travel, too, as long as the log of its episodes is whole.
    second.import_states(first.export(1), 2)
    first.drop_states(1)
    with pytest.raises(Failed, match="the process that keeps it has ended"):
        second.restore(TOLD, 1, env_indices=[1])
    (restored,) = second.restore(TOLD, 2, env_indices=[1])
    assert restored["episode_step"].tolist() == [3]


def test_a_copy_tells_what_its_environment_raised(worker):
    worker.open("Faulty-v0")
    worker.reset(BOX, options=arguments(where="step", fault="raise", at=1))
    worker.save(1)
    errors = []
    for _ in range(2):
        worker.step(BOX, NOTHING)
        with pytest.raises(Failed) as raised:
            worker.step(BOX, NOTHING)
        errors.append(raised.value.error)
        worker.restore(BOX, 1)
    original, copied = errors
    assert (copied["message"], copied["env_indices"]) == (original["message"], original["env_indices"])
    for name in ("type", "message"):
        assert copied["exception"][name] == original["exception"][name]
    assert "the arm broke" in copied["exception"]["traceback"]
    # What cannot travel from the copy's process is named as it is at home.
    worker.reset(BOX, options=arguments(where="step", fault="unsupported", at=0))
    worker.send_step(NOTHING)
    body = worker.reply(schema.FRAME_TYPE_TRANSITION)
    assert b"builtins.object" in body
    assert b"builtins.set" in body


def test_attributes_of_a_copy_are_those_of_its_environment(worker):
    told(worker)
    worker.save(1)
    worker.step(TOLD, NOTHING)
    worker.restore(TOLD, 1)
    assert worker.call("count") == [3]
    assert worker.call("count", set_values=[to_value(40)]) == [None]
    assert worker.step(TOLD, NOTHING)[0]["reward"].tolist() == [41.0]
    assert worker.call("doubled", args={"values": [to_value(3)]}, kwargs=arguments(times=2)) == [12]
    with pytest.raises(Failed, match=r"raised in doubled: TypeError: .*unexpected keyword"):
        worker.call("doubled", kwargs=arguments(often=2))
    with pytest.raises(Failed, match="'step' of Told-v0 may not be"):
        worker.call("step")
    # No log tells of that; a fork needs none.
    worker.restore(TOLD, 1)
    worker.call("count", set_values=[to_value(40)])
    worker.save(2)
    worker.restore(TOLD, 2)
    assert worker.call("count") == [40]
    with pytest.raises(Failed, match="an attribute was set or a method called"):
        worker.export(2)


def test_a_copy_renders(worker):
    space = Discrete(2)
    worker.open("Framed-v0", render_mode="rgb_array")
    worker.reset(space)
    worker.step(space, NOTHING)
    worker.save(1)
    frames = worker.render()
    worker.step(space, NOTHING)
    assert worker.render() != frames
    worker.restore(space, 1)
    assert worker.render() == frames


def test_a_wrapper_that_cannot_be_copied_is_forked(worker):
    space = gymnasium.make("CartPole-v1").observation_space
    worker.open("CartPole-v1", 2, wrappers=[{"name": "Uncopied"}])
    worker.reset(space)
    both = NOTHING * 2
    worker.step(space, both)
    assert worker.save(1, 2, env_indices=[0, 1])["forked"] == [1, 2]
    expected = worker.step(space, both)[0]["reward"].tolist()
    worker.restore(space, 1, 2, env_indices=[0, 1])
    assert worker.step(space, both)[0]["reward"].tolist() == expected == [2.0, 2.0]
    with pytest.raises(Failed, match="wrapper Uncopied keeps a count") as raised:
        worker.export(1)
    assert raised.value.reason == "UNIMPLEMENTED"


def test_a_process_with_threads_is_not_forked(worker):
    worker.open("Faulty-v0")
    worker.reset(BOX, options=arguments(where="step", fault="thread", at=0))
    worker.step(BOX, NOTHING)
    with pytest.raises(Failed, match="has threads that a fork would lack") as raised:
        worker.save(1)
    assert raised.value.reason == "UNIMPLEMENTED"
    worker.step(BOX, NOTHING)


def test_a_copy_with_threads_is_not_forked(own_server, folder):
    _, worker = own_server.fork()
    worker.open("Faulty-v0")
    worker.reset(BOX)
    worker.save(1)
    worker.restore(BOX, 1)
    worker.reset(BOX, options=arguments(where="step", fault="thread", at=0))
    worker.step(BOX, NOTHING)
    before = sorted(os.listdir(folder))
    with pytest.raises(Failed, match="has threads that a fork would lack") as raised:
        worker.save(2)
    assert raised.value.reason == "UNIMPLEMENTED"
    assert sorted(os.listdir(folder)) == before
    assert worker.step(BOX, NOTHING)[0]["episode_step"].tolist() == [2]


def test_a_process_that_the_system_refuses_is_named(monkeypatch, folder):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    # That of the tests has more.
    monkeypatch.setattr(forks, "thread_names", lambda: ["python"])
    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(NotCopied, match=r"the system allows no further process: .*temporarily unavailable"):
        Snapshots(folder).take(None, None)
    assert os.listdir(folder) == []


def test_forks_may_be_reaped_by_others(own_server):
    _, worker = own_server.fork()
    worker.open("Faulty-v0")
    worker.reset(BOX, options=arguments(where="step", fault="reaped children", at=0))
    worker.step(BOX, NOTHING)
    before = len(below(own_server.process.pid))
    for number in (1, 2):
        worker.save(number)
        worker.drop_states(number)
        until(lambda: grown(own_server, before) == 0, "the state's process has ended")


def test_more_forks_than_are_left_are_refused(worker, server):
    told(worker, num_envs=3)
    before = len(below(server.process.pid))
    with pytest.raises(Failed, match="maxForkedStatesPerSession") as raised:
        worker.save(1, 2, 3, env_indices=[0, 1, 2], forks_left=2)
    assert raised.value.reason == "LIMIT_EXCEEDED"
    assert grown(server, before) == 0
    with pytest.raises(Failed, match="no saved state 1"):
        worker.restore(TOLD, 1)


def descriptors(pid):
    """What a process has open beside its output."""
    return sorted(
        os.readlink(f"/proc/{pid}/fd/{name}").partition(":")[0] for name in os.listdir(f"/proc/{pid}/fd") if int(name) > 2
    )


def test_forks_keep_nothing_open_but_their_own(own_server):
    _, worker = own_server.fork()
    told(worker, num_envs=2)
    worker.save(1, 2, env_indices=[0, 1])
    worker.restore(TOLD, 1, 2, env_indices=[0, 1])
    processes = below(own_server.process.pid) - {worker.pid}
    assert len(processes) == 4
    # A snapshot closes what is its copy's after that has begun.
    until(lambda: all(descriptors(pid) == ["pipe", "socket"] for pid in processes), "each has its socket and its lifeline open")


def test_dropping_and_restoring_again_end_processes(own_server):
    _, worker = own_server.fork()
    told(worker)
    before = len(below(own_server.process.pid))
    worker.save(1)
    worker.save(2)
    assert grown(own_server, before) == 2
    worker.restore(TOLD, 1)
    worker.restore(TOLD, 2)
    until(lambda: grown(own_server, before) == 3, "one copy is left beside the two states")
    worker.drop_states(1, 2)
    until(lambda: grown(own_server, before) == 1, "the copy is left")
    for number in range(3, 60):
        worker.save(number)
        worker.restore(TOLD, number)
        worker.drop_states(number)
    until(lambda: grown(own_server, before) == 1, "the copy of a copy … is left")
    assert plays(worker)[0][1] == "array([4], dtype=uint32)"
    assert [name for name in os.listdir(os.path.dirname(own_server.output.name)) if "-" in name] == []
    worker.close()
    until(lambda: below(own_server.process.pid) == set(), "nothing is left")


def test_a_copy_that_ends_says_so_and_can_be_replaced(worker):
    worker.open("Faulty-v0")
    worker.reset(BOX)
    worker.save(1)
    worker.restore(BOX, 1)
    worker.reset(BOX, options=arguments(where="step", fault="die", at=0))
    for act in (lambda: worker.step(BOX, NOTHING), lambda: worker.reset(BOX)):
        with pytest.raises(
            Failed, match=r"raised in (step|reset): the process that runs it has ended: restore a state"
        ) as raised:
            act()
        assert raised.value.reason == "ENVIRONMENT_RAISED"
    worker.restore(BOX, 1)
    assert worker.step(BOX, NOTHING)[0]["episode_step"].tolist() == [1]


LOST = {
    "step": lambda worker: worker.step(TOLD, NOTHING),
    "reset": lambda worker: worker.reset(TOLD),
    "count": lambda worker: worker.call("count"),
    "the saving of its state": lambda worker: worker.save(2),
}


@pytest.mark.parametrize("verb", LOST)
def test_a_copy_that_was_killed_is_named_and_can_be_replaced(own_server, verb):
    _, worker = own_server.fork()
    told(worker)
    worker.save(1)
    others = below(own_server.process.pid)
    worker.restore(TOLD, 1)
    (copy,) = below(own_server.process.pid) - others
    os.kill(copy, signal.SIGKILL)
    with pytest.raises(Failed, match=f"Told-v0 raised in {verb}: .*restore a state into it, or open another session.$") as raised:
        LOST[verb](worker)
    assert (raised.value.reason, raised.value.error["env_indices"]) == ("ENVIRONMENT_RAISED", [0])
    with pytest.raises(Failed, match="has failed since its last reset"):
        worker.step(TOLD, NOTHING)
    worker.restore(TOLD, 1)
    assert worker.step(TOLD, NOTHING)[0]["episode_step"].tolist() == [4]


def test_a_copy_that_hangs_ends_with_its_worker(own_server):
    _, first = own_server.fork()
    second_id, second = own_server.fork()
    first.open("Faulty-v0", 2, count=1)
    second.open("Faulty-v0", 2, first=1, count=1)
    first.reset(BOX, options=HANG)
    first.save(1)
    second.import_states(first.export(1, within_session=True), 1, within_session=True)
    before = below(own_server.process.pid)
    second.restore(BOX, 1, env_indices=[1])
    second.send_step(NOTHING, [1])
    first.read_log_until("hanging")
    assert len(below(own_server.process.pid)) == len(before) + 1
    own_server.kill(second_id, signal.SIGKILL)
    until(lambda: below(own_server.process.pid) == before - {second.pid}, "the copy has gone with its worker")
    first.restore(BOX, 1)


def test_a_killed_worker_leaves_no_sockets(own_server, folder):
    (first_id, first), (_, second) = own_server.fork(), own_server.fork()
    for worker in (first, second):
        told(worker, num_envs=2)
        worker.save(1, 2, env_indices=[0, 1])
    own_server.kill(first_id, signal.SIGKILL)
    own_server.wait_exited(first_id)
    sockets = [name for name in os.listdir(folder) if "-" in name]
    assert sorted(sockets) == [f"{second.pid:x}-0", f"{second.pid:x}-1"]
    second.restore(TOLD, 1)


KILLED = """
import sys, time
from tests.harness import ServerEnd, below
from tests.test_processes import BOX, HANG, NOTHING
server = ServerEnd(sys.argv[1]).wait_ready()
_, worker = server.fork()
worker.open("Faulty-v0", 2)
worker.reset(BOX, options=HANG)
worker.save(1, 2, env_indices=[0, 1])
worker.restore(BOX, 1)
worker.send_step(NOTHING, [0])
worker.read_log_until("hanging")
print(*below(server.process.pid), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("what", ["server", "parent"])
def test_nothing_is_left_when_what_is_above_is_killed(folder, what):
    environment = {**os.environ, "PYTHONPATH": str(PYTHON_ENVS)}
    server = subprocess.Popen([sys.executable, "-c", KILLED, folder], env=environment, stdout=subprocess.PIPE)
    pids = {int(pid) for pid in server.stdout.readline().split()}
    assert len(pids) == 4
    (parent,) = below(server.pid) - pids
    os.kill(server.pid if what == "server" else parent, signal.SIGKILL)
    until(lambda: not any(os.path.exists(f"/proc/{pid}/fd/0") for pid in pids), "worker, states and copy are gone")
    server.kill()
    server.wait(20)
    server.stdout.close()
