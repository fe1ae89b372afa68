"""Examining a vector environment in one autoreset mode: what its arrays are, what seeds decide, and what ends of episodes do."""

import copy
import inspect
import time
from typing import NamedTuple

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space

from gymlink.protocol.layout import element, leaves
from gymlink.sidecar.batch_rows import taken
from gymlink.sidecar.examining import difference, travelled
from gymlink.sidecar.findings import Wrong
from gymlink.sidecar.out_of_space import finder

# Sub-environments, and their seeds.
COUNT = 3
SEEDS = [1, 2, 3]
_STEPS = 200
_PLAY_SECONDS = 2
_REMEDY = "draw all random numbers from generators that reset(seed=…) seeds, one a sub-environment"


class Batch(NamedTuple):
    """What a reset or step gave to all sub-environments, copied."""

    observation: object
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    info: object
    finals: object

    @property
    def ended(self):
        """Of which sub-environments an episode has ended."""
        return self.terminated | self.truncated


class ModeExamination:
    """The examination of a vector environment in one autoreset mode.

    Args:
        found: Takes the Findings.
        manifest: The family's manifest.
        env_id: Id of the environment.
        make: Makes one with COUNT sub-environments.
        mode: Its autoreset mode.
        limit: Steps after which it was told to truncate episodes; 0 where it takes no limit.
    """

    def __init__(self, found, manifest, env_id, make, mode, limit):
        self._found, self._manifest, self._make, self._mode, self._limit = found, manifest, make, mode, limit
        self._is_nondeterministic = gymnasium.spec(env_id).nondeterministic
        self._actions, self._played = [], []

    def run(self):
        """Plays episodes, plays them again, and looks at what the mode promises; raises Wrong where something is wrong."""
        self._played = self._play(None)
        self._check_limit()
        self._check_ends()
        if not self._is_reproducible():
            return
        if self._mode == "NextStep":
            self._check_action_of_a_reset()
        for look in (self._reset_again, self._seed_one, self._reset_one, self._step_one):
            self._with_new(look)

    def _with_new(self, look):
        envs = self._make()
        try:
            look(envs)
        except NotImplementedError:
            # It refuses what it cannot do, as it may.
            pass
        finally:
            self._found.enter("close")
            envs.close()

    def _play(self, change):
        """Batches of a reset and of steps; `change` replaces the actions of a step, given those and what came before."""
        played, envs = [], self._make()
        try:
            space = batch_space(envs.single_action_space, COUNT)
            space.seed(SEEDS[0])
            played.append(self._reset(envs, SEEDS))
            end = time.perf_counter() + _PLAY_SECONDS
            is_first = not self._actions
            while len(played) <= (_STEPS if is_first else len(self._actions)):
                if is_first and len(played) > 2 and time.perf_counter() > end:
                    break
                if is_first:
                    self._actions.append(space.sample())
                actions = self._actions[len(played) - 1]
                batch = self._step(envs, actions if change is None else change(actions, played[-1], space))
                played.append(batch)
                if self._mode == "Disabled" and batch.ended.any():
                    self._reset(envs, None, {"reset_mask": batch.ended})
        finally:
            self._found.enter("close")
            envs.close()
        return played

    def _reset(self, envs, seed, options=None):
        self._found.enter("reset")
        given = {} if options is None else {"options": options}
        observations, infos = envs.reset(seed=seed, **given)
        # One that resets some may give their rows alone.
        some = COUNT if options is None else int(np.sum(options["reset_mask"]))
        count = some if _length(envs.single_observation_space, observations) == some else COUNT
        self._check_observations(envs, observations, count)
        none = np.zeros(count, bool)
        return Batch(copy.deepcopy(observations), np.zeros(count), none, none, travelled(infos), None)

    def _step(self, envs, actions, *some):
        self._found.enter("step")
        observations, rewards, terminated, truncated, infos = envs.step(actions, *some)
        count = len(some[0]) if some else COUNT
        self._check_observations(envs, observations, count)
        self._check_column("rewards", rewards, count, "f", "a float")
        for name, column in (("terminations", terminated), ("truncations", truncated)):
            self._check_column(name, column, count, "b", "bool")
        if not isinstance(infos, dict):
            raise self._found.wrong(
                f"The infos of a step are a {type(infos).__name__}: give a dict of arrays, as Gymnasium does."
            )
        shown = {
            key: value for key, value in infos.items() if key not in ("final_obs", "_final_obs", "final_info", "_final_info")
        }
        finals = infos.get("final_obs")
        if finals is not None:
            finals = [copy.deepcopy(taken(finals, i)) if terminated[i] or truncated[i] else None for i in range(count)]
        columns = rewards.copy(), terminated.copy(), truncated.copy()
        return Batch(copy.deepcopy(observations), *columns, travelled(shown), finals)

    def _check_column(self, name, column, count, kind, expected):
        if not isinstance(column, np.ndarray) or column.shape != (count,) or column.dtype.kind != kind:
            raise self._found.wrong(
                f"The {name} of a step are {_told(column)}: give an array of {expected} with shape ({count},)."
            )

    def _check_observations(self, envs, observations, count):
        for path, leaf in leaves(envs.single_observation_space):
            where = "".join(f"[{key!r}]" for key in path)
            dtype, shape = element(leaf)
            try:
                value = _leaf(observations, path)
            except (KeyError, IndexError, TypeError) as error:
                raise self._found.wrong(f"Its observations have no {where}, which its single_observation_space has.") from error
            expected = (count, *shape)
            fits = isinstance(value, np.ndarray) and value.shape == expected and np.can_cast(value.dtype, dtype, "safe")
            if not fits:
                raise self._found.wrong(
                    f"Its observations{where} are {_told(value)}, but {count} of its single_observation_space are an array of "
                    f"{dtype.name} with shape {expected}: correct that, or the space."
                )
        find = finder(envs.single_observation_space)
        outside = find(observations) if find else ""
        if outside:
            self._found.take_outside(f"Its observations{outside}", self._manifest)
            if self._found.problems:
                raise Wrong(outside)

    def _check_limit(self):
        limit = self._limit
        if limit and len(self._played) > limit:
            ended = np.any([batch.ended for batch in self._played[1 : limit + 1]], axis=0)
            if not ended.all():
                raise self._found.wrong(
                    f"Made with max_episode_steps={limit}, sub-environment {np.argmin(ended)} played on: truncate episodes there."
                )

    def _check_ends(self):
        """What the steps give in which episodes end, and those after."""
        declared = f"It declares autoreset mode {self._mode}"
        for step, (before, batch) in enumerate(zip(self._played, self._played[1:]), 1):
            if self._mode == "NextStep" and batch.finals is not None:
                raise self._found.wrong(
                    f'{declared}, but step {step} has infos["final_obs"], as in SameStep: declare what it does.'
                )
            for i in np.flatnonzero(before.ended) if self._mode == "NextStep" else ():
                if batch.reward[i] != 0 or batch.ended[i]:
                    gave = f"reward {batch.reward[i]:g}" if batch.reward[i] != 0 else "another end"
                    raise self._found.wrong(
                        f"{declared}, but sub-environment {i}, whose episode ended in step {step - 1}, got {gave} in the next: "
                        "that step is its reset, without a reward or an end."
                    )
            for i in np.flatnonzero(batch.ended) if self._mode == "SameStep" else ():
                if batch.finals is None or batch.finals[i] is None:
                    raise self._found.wrong(
                        f'{declared}, but step {step} ended an episode of sub-environment {i} without infos["final_obs"]: '
                        "give its last observation there, or declare what it does."
                    )

    def _is_reproducible(self):
        for step, (first, second) in enumerate(zip(self._played, self._play(None))):
            places = [(name, difference(getattr(first, name), getattr(second, name))) for name in Batch._fields]
            differing = [f"{name}{where}" for name, where in places if where is not None]
            if not differing:
                continue
            when = "the reset" if step == 0 else f"step {step}"
            text = f"Two plays with seeds {SEEDS} and the same actions differ in {differing[0]} of {when}"
            if self._is_nondeterministic:
                self._found.warnings.append(f"{text}: it is nondeterministic.")
            elif differing[0].startswith("info"):
                self._found.warnings.append(f"{text}: {_REMEDY}.")
            else:
                raise self._found.wrong(f"{text}: {_REMEDY}, or register it as nondeterministic.")
            return False
        return True

    def _check_action_of_a_reset(self):
        """Whether actions count where an episode has ended in the step before."""

        def changed(actions, before, space):
            return _replaced(actions, space.sample(), before.ended) if before.ended.any() else actions

        for step, (first, second) in enumerate(zip(self._played, self._play(changed))):
            if difference(first[:4], second[:4]) is not None:
                raise self._found.wrong(
                    f"It declares autoreset mode NextStep, but what step {step} gives depends on actions of sub-environments "
                    "whose episodes had ended: the step after an end is a reset, which takes no action."
                )

    def _reset_again(self, envs):
        self._reset(envs, SEEDS)
        self._step(envs, self._actions[0])
        if difference(self._reset(envs, SEEDS).observation, self._played[0].observation) is not None:
            raise self._found.wrong(f"A second reset with seeds {SEEDS} gives other observations than the first: {_REMEDY}.")

    def _seed_one(self, envs):
        observation = self._reset(envs, [SEEDS[0], *[None] * (COUNT - 1)]).observation
        if difference(taken(observation, 0), taken(self._played[0].observation, 0)) is not None:
            raise self._found.wrong(
                f"A reset with seed {SEEDS[0]} for sub-environment 0 and none for the others gives it another observation than "
                f"one with {SEEDS}: {_REMEDY}, or refuse this with NotImplementedError."
            )

    def _reset_one(self, envs):
        self._reset(envs, SEEDS)
        self._step(envs, self._actions[0])
        if self._played[1].ended.any():
            return
        self._reset(envs, None, {"reset_mask": np.arange(COUNT) == 0})
        self._compare_rows(
            self._step(envs, self._actions[1]),
            self._played[2],
            range(1, COUNT),
            'A reset of sub-environment 0 alone ("reset_mask")',
        )

    def _step_one(self, envs):
        if "env_id" not in inspect.signature(envs.step).parameters:
            return
        self._reset(envs, SEEDS)
        row = np.array([1], np.int32)
        alone = self._step(envs, taken(self._actions[0], row), row)
        whole = self._step(envs, _replaced(self._actions[0], self._actions[1], row))
        if difference(_row(alone, 0), _row(self._played[1], 1)) is not None:
            raise self._found.wrong(
                "A step of sub-environment 1 alone (env_id) gives it something else than a step of all: mend it."
            )
        self._compare_rows(whole, self._played[1], [0, 2], "A step of sub-environment 1 alone (env_id)")

    def _compare_rows(self, batch, expected, rows, cause):
        for i in rows:
            if difference(_row(batch, i), _row(expected, i)) is not None:
                raise self._found.wrong(
                    f"{cause} changed what sub-environment {i} gave in the step after it: leave the others alone, or refuse it "
                    "with NotImplementedError."
                )


def _leaf(value, path):
    for key in path:
        value = value[key]
    return value


def _row(batch, i):
    """What one sub-environment has of a Batch, infos aside."""
    return [taken(part, i) for part in batch[:4]]


def _length(space, observations):
    """Number of rows; None where they are not what the space says."""
    try:
        return len(_leaf(observations, leaves(space)[0][0]))
    except (KeyError, IndexError, TypeError):
        return None


def _told(value):
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.name} with shape {value.shape}"
    return f"a {type(value).__name__}"


def _replaced(actions, others, rows):
    """Batched actions, with others in some rows."""
    if isinstance(actions, dict):
        return {key: _replaced(item, others[key], rows) for key, item in actions.items()}
    if isinstance(actions, tuple):
        return tuple(_replaced(item, other, rows) for item, other in zip(actions, others))
    merged = actions.copy()
    merged[rows] = others[rows]
    return merged
