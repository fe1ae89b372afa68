"""What travels to the copies and in the logs that keep a state: values of every space, and logs that are none."""

import gymnasium
import numpy as np
import pytest

from gymlink.protocol import wire
from gymlink.protocol.values import from_value, to_value
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.recorder import Recorder
from tests.harness import Failed, arguments
from tests.reference import pack, row_of, same
from tests.space_list import ALL_SPACES, samples
from tests.test_forks import told
from tests.test_worker import typed


@pytest.mark.parametrize("name", ALL_SPACES)
def test_values_of_every_space_pass_through_a_copy_and_a_log(workers, name):
    space, worker = ALL_SPACES[name], workers()
    first, second, third = samples(space, 3)
    worker.open("Echo-v0", kwargs=arguments(name=name))
    worker.reset(space)
    worker.step(space, pack(space, [first]))
    worker.step(space, pack(space, [second]))
    worker.save(1)
    states, exported = [1], worker.export(1)
    # Gymnasium itself cannot tell for what it stacks whether it is an action.
    if "stacked" not in name:
        worker.import_states(exported, 2)
        states.append(2)
    for state in states:
        (restored,) = worker.restore(space, state)
        (stepped,) = worker.step(space, pack(space, [third]))
        for part, value in ((restored, second), (stepped, third)):
            assert same(typed(row_of(space, part["observations"], 0)), typed(value))
        assert stepped["reward"].tolist() == [3.0]
        worker.reset(space)


ACTIONS = ["no log", 5, None, np.array(0), {}, b"\0", [3], [None]]
EPISODES = [{"actions": actions} for actions in ACTIONS] + [{"seed": -1}, {"seed": True}, {"options": 1}, {"before": 5}]


@pytest.mark.parametrize("changed", EPISODES, ids=repr)
def test_a_log_that_does_not_fit_is_refused(worker, changed):
    told(worker)
    worker.save(1)
    message = wire.decode("PortableState", worker.export(1)[0])
    content = from_value(message["content"])
    content["log"][0].update(changed)
    state = wire.encode("PortableState", {**message, "content": to_value(content)})
    with pytest.raises(Failed, match=r"The state does not fit Told-v0: .* Nothing was changed") as raised:
        worker.import_states([state], 2)
    assert raised.value.reason == "MALFORMED_REQUEST"


def test_a_log_that_is_too_long_grows_no_more(monkeypatch):
    monkeypatch.setattr("gymlink.sidecar.recorder.MOST_STEPS", 5)
    recorder = Recorder(gymnasium.make("MountainCar-v0"), history=False)
    recorder.reset(seed=1)
    for _ in range(5):
        recorder.step(0)
    assert len(recorder.log()[0]["actions"]) == 5
    for _ in range(50):
        recorder.step(0)
    with pytest.raises(NotCopied, match="more than 5 steps"):
        recorder.log()
    assert len(recorder._actions) < 10
    recorder.reset()
    assert recorder.log()[0]["actions"] == []
