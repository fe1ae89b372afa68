"""A session that one vector environment steps, beside one of the same environments made one by one."""

import importlib

import gymnasium
import numpy as np
import pytest

from gymlink.protocol import schema
from tests.harness import Failed, arguments, seed
from tests.infos import plain, vector_form
from tests.reference import COLUMNS, pack, row_of, same

MODES = {
    "NextStep": schema.AUTORESET_MODE_NEXT_STEP,
    "SameStep": schema.AUTORESET_MODE_SAME_STEP,
    "Disabled": schema.AUTORESET_MODE_DISABLED,
}
COUNT = 3


def spaces_of(env_id):
    importlib.import_module("tests.fixtures.environments")
    env = gymnasium.make(env_id)
    return env.observation_space, env.action_space


def infos_of(part, space):
    """The infos of a part in the form of vector environments, whose numbers NumPy types."""
    finals = iter(range(len(part["final_infos"])))
    rows = []
    for row, info in enumerate(part["infos"]):
        final = None
        if part["has_final"][row]:
            index = next(finals)
            final = row_of(space, part["finals"], index), part["final_infos"][index]
        rows.append((int(part["env_index"][row]), final, info))
    return plain(vector_form(rows, COUNT))


def assert_equal(space, part, other):
    for name in [*COLUMNS, "observations", "finals"]:
        if name != "seq":
            assert same(part[name], other[name]), name
    assert part["seeds"] == other["seeds"]
    assert same(infos_of(part, space), infos_of(other, space))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Taxi-v4", "Told-v0", "Pendulum-v1"])
def test_steps_are_those_of_single_environments(workers, env_id, mode):
    (space, action_space), fleet, single = spaces_of(env_id), workers(), workers()
    opened = fleet.open("Vectorised-v0", COUNT, mode=MODES[mode], kwargs=arguments(env_id=env_id))
    told = single.open(env_id, COUNT, mode=MODES[mode])
    assert [opened[name] for name in ("observation_space", "action_space")] == [
        told[name] for name in ("observation_space", "action_space")
    ]
    action_space.seed(3)
    parts = [worker.reset(space, seed=seed(5)) for worker in (fleet, single)]
    assert_equal(space, parts[0][0], parts[1][0])
    ends = 0
    for _ in range(120):
        actions = pack(action_space, [action_space.sample() for _ in range(COUNT)])
        (part,), (other,) = [worker.step(space, actions) for worker in (fleet, single)]
        assert_equal(space, part, other)
        ended = np.flatnonzero(part["terminated"] | part["truncated"])
        ends += len(ended)
        if mode == "Disabled" and len(ended):
            with pytest.raises(Failed, match="has ended its episode"):
                fleet.step(space, actions)
            (part,), (other,) = [worker.reset(space, env_indices=ended.tolist()) for worker in (fleet, single)]
            assert_equal(space, part, other)
    assert ends > 0 or env_id in ("Pendulum-v1", "Taxi-v4")


def test_rows_are_split_where_messages_are_small(worker):
    space, action_space = spaces_of("CartPole-v1")
    three_rows = 3 * 16 + 2 * 24 + 4 * 8 + 3 * 16
    worker.open("Vectorised-v0", COUNT, max_part_bytes=three_rows - 1, kwargs=arguments(env_id="CartPole-v1"))
    parts = worker.reset(space, seed=seed(5))
    assert [part["env_index"].tolist() for part in parts] == [[0, 1], [2]]
    assert [list(part["seeds"].items()) for part in parts] == [[(0, 5), (1, 6)], [(0, 7)]]
    assert [len(part["observations"]) for part in worker.step(space, pack(action_space, [0, 1, 0]))] == [2, 1]


def test_what_it_cannot_do_is_refused_and_changes_nothing(worker):
    space, action_space = spaces_of("CartPole-v1")
    asked = {
        "render modes": {"render_mode": "rgb_array"},
        "wrappers": {"wrappers": [{"name": "ClipAction"}]},
        "planned resets": {"plan": [{"env_index": 0}]},
        "several workers": {"num_workers": 2},
        "a batch size": {"batch_size": 2},
        "single sub-environments": {"env_kwargs": [arguments()] * COUNT},
    }
    for what, fields in asked.items():
        with pytest.raises(Failed, match=f"vectorised and cannot be opened with .*{what}"):
            worker.open("Vectorised-v0", COUNT, **fields)
    with pytest.raises(Failed, match="no argument max_episode_steps"):
        worker.open("Vectorised-v0", COUNT, max_episode_steps=9)
    worker.open("Vectorised-v0", COUNT, kwargs=arguments(env_id="CartPole-v1"))
    actions = pack(action_space, [0, 1, 0])
    with pytest.raises(Failed, match="Sub-environment 0 of Vectorised-v0 was never reset"):
        worker.step(space, actions)
    worker.reset(space, seed=seed(5))
    refused = [
        ("states cannot be saved", lambda: worker.save(1)),
        ("takes no options", lambda: worker.reset(space, options=arguments(low=0.1))),
        ("all of its sub-environments at a time", lambda: worker.step(space, pack(action_space, [1]), [1])),
        ("Discrete space", lambda: worker.step(space, pack(action_space, [0, 2, 0]))),
        ("cannot be rendered|without a render mode", lambda: worker.render()),
    ]
    for message, ask in refused:
        with pytest.raises(Failed, match=message):
            ask()
    (part,) = worker.step(space, actions)
    assert part["episode_step"].tolist() == [1] * COUNT


def test_after_one_raised_all_want_a_reset(worker):
    space, action_space = spaces_of("Faulty-v0")
    worker.open("Vectorised-v0", 2, kwargs=arguments(env_id="Faulty-v0", where="step", fault="raise", at=1))
    worker.reset(space, seed=seed(1))
    actions = pack(action_space, [0, 0])
    worker.step(space, actions)
    with pytest.raises(Failed, match="Vectorised-v0 raised in step") as failed:
        worker.step(space, actions)
    assert failed.value.error["env_indices"] == [0, 1]
    with pytest.raises(Failed, match="has failed since its last reset"):
        worker.step(space, actions)
    (part,) = worker.reset(space)
    assert part["episode"].tolist() == [2, 2]
