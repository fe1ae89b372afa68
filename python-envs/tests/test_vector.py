"""Workers beside gymnasium.vector.SyncVectorEnv: same seeds, same actions, every bit of every result."""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate

import tests.fixtures.environments  # noqa: F401 - registers them
from gymlink.protocol import schema
from tests.harness import arguments, seed
from tests.infos import plain, vector_form
from tests.reference import COLUMNS, pack, row_of, same

NUM_ENVS, SEED = 5, 123
# First sub-environment and number of each worker.
PLACES = ((0, 3), (3, 2))

MODES = {
    AutoresetMode.NEXT_STEP: schema.AUTORESET_MODE_NEXT_STEP,
    AutoresetMode.SAME_STEP: schema.AUTORESET_MODE_SAME_STEP,
    AutoresetMode.DISABLED: schema.AUTORESET_MODE_DISABLED,
}
# Id, limit of steps, steps to play.
CASES = [
    ("CartPole-v1", 0, 120),
    ("LunarLander-v3", 0, 220),
    ("Blackjack-v1", 0, 40),
    ("Taxi-v4", 13, 60),
    ("FrozenLake-v1", 0, 60),
    ("HalfCheetah-v5", 17, 60),
    ("Told-v0", 0, 30),
]


class Both:
    """The same environments in two workers and in a SyncVectorEnv."""

    def __init__(self, workers, env_id, limit, mode, max_part_bytes=0, wrappers=(), each=()):
        def make(kwargs):
            env = gymnasium.make(env_id, max_episode_steps=limit or None, **kwargs)
            for name, kwargs in wrappers:
                env = getattr(gymnasium.wrappers, name)(env, **kwargs)
            return env

        makers = [partial(make, kwargs) for kwargs in each or [{}] * NUM_ENVS]
        self.theirs = SyncVectorEnv(makers, observation_mode="different" if each else "same", autoreset_mode=mode)
        self.theirs.action_space.seed(SEED)
        self.space, self.mode = self.theirs.single_observation_space, mode
        self.ours = [workers() for _ in PLACES]
        options = {"max_episode_steps": limit} if limit else {}
        options["wrappers"] = [{"name": name, "kwargs": arguments(**kwargs)} for name, kwargs in wrappers]
        if each:
            options["observation_mode"] = schema.OBSERVATION_MODE_DIFFERENT
            options["env_kwargs"] = [arguments(**kwargs) for kwargs in each]
        for worker, (first, count) in zip(self.ours, PLACES):
            worker.open(env_id, NUM_ENVS, first, count, MODES[mode], max_part_bytes, **options)
        self.episode, self.steps = np.zeros(NUM_ENVS, int), np.zeros(NUM_ENVS, int)
        self.due = np.zeros(NUM_ENVS, bool)
        self.ended = np.zeros(NUM_ENVS, int)

    def rows(self, parts):
        """One dict a row, ascending."""
        found = []
        for part in parts:
            final = 0
            for row in range(len(part["env_index"])):
                values = {name: part[name][row] for name in COLUMNS}
                values["observation"] = row_of(self.space, part["observations"], row)
                values["info"], values["final"] = part["infos"][row], None
                values["seed"] = part["seeds"].get(row)
                if part["has_final"][row]:
                    values["final"] = row_of(self.space, part["finals"], final), part["final_infos"][final]
                    final += 1
                found.append(values)
        return found

    def check(self, rows, observations, infos, asked):
        """Compares what resets and steps have in common."""
        assert [row["env_index"] for row in rows] == list(asked)
        for row in rows:
            env = row["env_index"]
            assert same(self.typed(row["observation"]), self.typed(row_of(self.space, observations, env)))
            assert (row["episode"], row["episode_step"]) == (self.episode[env], self.steps[env])
        given = [(row["env_index"], self.final(row["final"]), row["info"]) for row in rows]
        assert same(plain(vector_form(given, NUM_ENVS)), plain(infos))

    def typed(self, observation):
        """An observation in the types of its space."""
        return observation if isinstance(observation, (dict, tuple)) else np.asarray(observation, self.space.dtype)

    def final(self, final):
        """A final observation and info with the observation in the types that the environment gave."""
        if final is None or isinstance(self.space, gymnasium.spaces.Box):
            return final
        return as_python(final[0]), final[1]

    def reset(self, mask=None, number=None):
        """Resets both."""
        asked = range(NUM_ENVS) if mask is None else np.flatnonzero(mask).tolist()
        fields = {} if mask is None else {"env_indices": asked}
        if number is not None:
            fields["seed"] = seed(number)
        parts = self.each(asked, lambda worker: worker.reset(self.space, **fields))
        options = None if mask is None else {"reset_mask": mask}
        observations, infos = self.theirs.reset(seed=number, options=options)
        for env in asked:
            self.episode[env], self.steps[env], self.due[env] = self.episode[env] + 1, 0, False
        rows = self.rows(parts)
        self.check(rows, observations, infos, asked)
        for row in rows:
            assert (row["kind"], row["reward"]) == (schema.ROW_KIND_RESET, 0)
            assert not (row["terminated"] or row["truncated"] or row["has_final"])
            assert row["seed"] == (None if number is None else number + row["env_index"])

    def each(self, asked, call):
        """The parts of the workers that hold sub-environments asked for."""
        parts = []
        for worker, (first, count) in zip(self.ours, PLACES):
            if any(first <= env < first + count for env in asked):
                parts.extend(call(worker))
        return parts

    def step(self):
        """Steps both with the same random actions."""
        actions = self.theirs.action_space.sample()
        data = pack(self.theirs.single_action_space, list(iterate(self.theirs.action_space, actions)))
        parts = self.each(range(NUM_ENVS), lambda worker: worker.step(self.space, data))
        observations, rewards, terminations, truncations, infos = self.theirs.step(actions)
        ended = terminations | truncations
        fresh = self.due if self.mode == AutoresetMode.NEXT_STEP else ended & (self.mode == AutoresetMode.SAME_STEP)
        self.episode, self.steps = self.episode + fresh, np.where(fresh, 0, self.steps + 1)
        rows = self.rows(parts)
        self.check(rows, observations, infos, range(NUM_ENVS))
        for env, row in enumerate(rows):
            assert row["reward"] == rewards[env]
            assert (row["terminated"], row["truncated"]) == (terminations[env], truncations[env])
            autoreset = self.mode == AutoresetMode.NEXT_STEP and self.due[env]
            assert row["kind"] == (schema.ROW_KIND_AUTORESET if autoreset else schema.ROW_KIND_UNSPECIFIED)
            assert row["has_final"] == (self.mode == AutoresetMode.SAME_STEP and ended[env])
            assert row["seed"] is None
        self.ended += ended
        self.due = ended if self.mode == AutoresetMode.NEXT_STEP else np.zeros(NUM_ENVS, bool)
        return ended


def as_python(value):
    """NumPy's integers as Python's, which toy environments give."""
    if isinstance(value, tuple):
        return tuple(map(as_python, value))
    return int(value)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("env_id", "limit", "steps"), CASES, ids=[case[0] for case in CASES])
def test_results_are_those_of_sync_vector_env(workers, env_id, limit, steps, mode):
    both = Both(workers, env_id, limit, mode)
    both.reset(number=SEED)
    for _ in range(steps):
        ended = both.step()
        if mode == AutoresetMode.DISABLED and ended.any():
            both.reset(mask=ended)
    assert (both.ended >= 1).all(), "no episode ended: autoreset was not seen"


WRAPPED = [
    ("CartPole-v1", [("TimeAwareObservation", {}), ("FrameStackObservation", {"stack_size": 3}), ("NormalizeReward", {})]),
    ("Pendulum-v1", [("RescaleAction", {"min_action": -3.0, "max_action": 3.0}), ("TimeAwareObservation", {})]),
]


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=lambda mode: mode.value)
@pytest.mark.parametrize(("env_id", "wrappers"), WRAPPED, ids=[case[0] for case in WRAPPED])
def test_wrappers_do_what_they_do_in_sync_vector_env(workers, env_id, wrappers, mode):
    both = Both(workers, env_id, 30, mode, wrappers=wrappers)
    both.reset(number=SEED)
    for _ in range(100):
        both.step()
    assert (both.ended >= 1).all(), "no episode ended: autoreset was not seen"


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=lambda mode: mode.value)
def test_parts_of_a_split_transition_are_the_same_rows(workers, mode):
    both = Both(workers, "LunarLander-v3", 23, mode, max_part_bytes=180)
    both.reset(number=SEED)
    for _ in range(60):
        both.step()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=lambda mode: mode.value)
def test_a_plan_seeds_the_autoresets(workers, mode):
    # Sub-environment 1 has no plan, 3 a gap in it, and 4 is of the other worker.
    plan = {0: [50], 2: [60, 61], 3: [70, None, 72], 4: [1 << 100]}
    entries = [
        {"env_index": env, **({} if number is None else {"seed": seed(number)}), "options": arguments(low=-0.01, high=0.01)}
        for env, numbers in plan.items()
        for number in numbers
    ]
    theirs = [gymnasium.make("CartPole-v1", max_episode_steps=12) for _ in range(NUM_ENVS)]
    expected = [theirs[env].reset(seed=SEED + env)[0] for env in range(NUM_ENVS)]
    space, due, echoed = theirs[0].observation_space, [False] * NUM_ENVS, {env: [] for env in range(NUM_ENVS)}
    left = {env: list(numbers) for env, numbers in plan.items()}
    ours = [workers() for _ in PLACES]
    parts = []
    for worker, (first, count) in zip(ours, PLACES):
        worker.open("CartPole-v1", NUM_ENVS, first, count, MODES[mode], max_episode_steps=12, plan=entries)
        parts += worker.reset(space, seed=seed(SEED))

    def autoreset(env):
        planned = left.get(env)
        fields = {"seed": planned.pop(0), "options": {"low": -0.01, "high": 0.01}} if planned else {}
        echoed[env].append(fields.get("seed"))
        return theirs[env].reset(**fields)[0]

    for step in range(70):
        values = np.array([(step + env) % 2 for env in range(NUM_ENVS)])
        before = {env: len(numbers) for env, numbers in echoed.items()}
        for env in range(NUM_ENVS):
            if due[env]:
                expected[env], due[env] = autoreset(env), False
                continue
            expected[env], _, terminated, truncated, _ = theirs[env].step(values[env])
            due[env] = terminated or truncated
            if due[env] and mode == AutoresetMode.SAME_STEP:
                expected[env], due[env] = autoreset(env), False
        parts = [part for worker in ours for part in worker.step(space, values.tobytes())]
        assert (np.concatenate([part["observations"] for part in parts]) == np.array(expected)).all()
        told = {int(part["env_index"][row]): number for part in parts for row, number in part["seeds"].items()}
        assert told == {
            env: numbers[-1] for env, numbers in echoed.items() if len(numbers) > before[env] and numbers[-1] is not None
        }
    assert all(len(echoed[env]) > len(plan.get(env, ())) for env in echoed), "no plan was used up"


def test_a_reset_uses_no_plan_up(worker):
    space = gymnasium.make("Told-v0").observation_space
    worker.open("Told-v0", 1, plan=[{"seed": seed(9), "options": arguments(n=1)}, {"options": {}}])
    worker.reset(space)
    infos = []
    for step in range(10):
        infos += [info for part in worker.step(space, bytes(8)) for info in part["infos"] if "own" in info]
        if step == 3:
            worker.reset(space)
    assert [(info["seed"], info.get("options")) for info in infos] == [(9, {"n": 1})]
    worker.reset(space, seed=seed(4))
    for _ in range(6):
        infos += [info for part in worker.step(space, bytes(8)) for info in part["infos"] if "own" in info]
    assert [info["seed"] for info in infos] == [9, None]


def test_infos_that_are_filtered_out_do_not_travel(workers):
    space, data = gymnasium.make("Told-v0").observation_space, np.zeros(2, np.int64).tobytes()
    everything = {"count", "array", "deep", "odd", "mixed", "own", "seed"}
    for info_filter, keys in (
        ({}, everything),
        ({"keys": ["count", "own", "absent"]}, {"count", "own"}),
        ({"none": True}, set()),
    ):
        worker = workers()
        worker.open("Told-v0", 2, mode=schema.AUTORESET_MODE_SAME_STEP, info_filter=info_filter)
        parts = worker.reset(space, seed=seed(1))
        for _ in range(12):
            parts += worker.step(space, data)
        assert {key for part in parts for info in part["infos"] + part["final_infos"] for key in info} == keys
        finals = [info for part in parts for info in part["final_infos"]]
        assert [info.get("count") for info in finals] == ([4, 4, 8, 8, 12, 12] if "count" in keys else [None] * 6)
        assert [len(part["finals"]) for part in parts if part["has_final"].any()] == [2, 2, 2]


def test_a_reset_replaces_the_autoreset_that_was_due(workers):
    both = Both(workers, "CartPole-v1", 0, AutoresetMode.NEXT_STEP)
    both.reset(number=SEED)
    resets = 0
    for _ in range(120):
        ended = both.step()
        if ended.any() and both.ended.sum() % 2:
            both.reset(mask=ended)
            both.theirs._autoreset_envs[ended] = False
            resets += 1
    assert resets > 3


LAKES = [{"map_name": name, "is_slippery": slippery} for name in ("4x4", "8x8") for slippery in (True, False)]
DIFFERENT = {"FrozenLake-v1": [*LAKES, {}], "LunarLander-v3": [{"gravity": -gravity} for gravity in (2.0, 4.0, 6.0, 8.0, 10.0)]}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("env_id", DIFFERENT)
def test_observation_mode_different_is_gymnasiums(workers, env_id, mode):
    both = Both(workers, env_id, 40, mode, each=DIFFERENT[env_id])
    both.reset(number=SEED)
    for _ in range(100):
        ended = both.step()
        if mode == AutoresetMode.DISABLED and ended.any():
            both.reset(mask=ended)
    assert both.ended.all()


def test_arrays_that_an_environment_uses_again_are_copied_in_time(worker):
    space = gymnasium.make("Reused-v0").observation_space
    worker.open("Reused-v0", 2, mode=schema.AUTORESET_MODE_SAME_STEP)
    worker.reset(space)
    data = np.zeros(2, np.int64).tobytes()
    parts = [part for _ in range(3) for part in worker.step(space, data)]
    assert [part["observations"]["a"][0, 0] for part in parts] == [1, 2, -1]
    assert parts[2]["finals"]["a"].tolist() == [[3, 3], [3, 3]]
    assert [graph.nodes.tolist() for graph in parts[2]["finals"]["b"]] == [[[3, 3]], [[3, 3]]]
    assert [info["trace"][0] for info in parts[2]["infos"]] == [-1, -1]
    assert [info["trace"][0] for info in parts[2]["final_infos"]] == [3, 3]


def test_a_step_of_some_advances_those_alone(workers):
    made = [workers() for _ in PLACES]
    space = gymnasium.make("Told-v0").observation_space
    for worker, (first, count) in zip(made, PLACES):
        worker.open("Told-v0", NUM_ENVS, first, count)
        worker.reset(space, seed=seed(1))
    for wanted, actions in (((1, 3, 4), [0, 1, 2]), ((0, 1), [1, 2]), ((4,), [1])):
        data = np.array(actions).tobytes()
        parts = []
        for worker, (first, count) in zip(made, PLACES):
            if any(first <= env < first + count for env in wanted):
                parts += worker.step(space, data, wanted)
        assert [env for part in parts for env in part["env_index"]] == list(wanted)
        assert [value for part in parts for value in part["observations"]] == actions
    data = np.zeros(NUM_ENVS, int).tobytes()
    counts = [info["count"] for worker in made for part in worker.step(space, data) for info in part["infos"]]
    assert counts == [2, 3, 1, 2, 3]


def test_seeds_and_options_reach_their_sub_environments(workers):
    made = [workers() for _ in PLACES]
    space = gymnasium.make("Told-v0").observation_space
    each = [{"seed": seed(1 << 120)}, {}, {"seed": seed(0)}]
    fields = {"env_indices": [1, 2, 4], "env_seeds": each, "env_options": [arguments(n=n) for n in range(3)]}
    parts = []
    for worker, (first, count) in zip(made, PLACES):
        worker.open("Told-v0", NUM_ENVS, first, count)
        parts += worker.reset(space, **fields)
    assert [(info["seed"], info["options"]) for part in parts for info in part["infos"]] == [
        (1 << 120, {"n": 0}),
        (None, {"n": 1}),
        (0, {"n": 2}),
    ]
    assert [part["seeds"] for part in parts] == [{0: 1 << 120}, {0: 0}]
    expected = gymnasium.make("Told-v0").reset(seed=1 << 120)[1]["own"]
    assert parts[0]["infos"][0]["own"] == expected
