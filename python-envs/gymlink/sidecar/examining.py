"""Examining one environment of a family in this process: how `gymlink family check` tries and measures it."""

import importlib
import re
import time
import warnings
from typing import NamedTuple

import gymnasium
import numpy as np

from gymlink.protocol import schema
from gymlink.protocol.layout_writer import layout_bytes
from gymlink.protocol.values import from_value, to_value
from gymlink.sidecar.arguments import allowed_kwargs, unnamed_arguments
from gymlink.sidecar.attributes import listed_names
from gymlink.sidecar.copies import same
from gymlink.sidecar.errors import RequestError, named
from gymlink.sidecar.findings import Findings
from gymlink.sidecar.making import close, make
from gymlink.sidecar.out_of_space import finder
from gymlink.sidecar.parallel import ParallelAsEnv
from gymlink.sidecar.registering import MultiAgentConstructor, load_entry_point
from gymlink.sidecar.sub_environments import SubEnvironments
from gymlink.sidecar.tiers import Undeclared, tier_of

_SEED = 1
_STEPS = 50
_PLAY_SECONDS = 2
_STATE_STEPS = 10
_RESET_SECONDS = 0.5
_RESETS = 50
_RATE_SECONDS = 0.5
_RATE_STEPS = 5_000
_CYCLES = 20
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Gymnasium's and PettingZoo's words begin with this.
_LEVEL = re.compile(r"^(WARN|WARNING): ")
# What Gymnasium's checker says of a wrapper: a constructor may wrap what it gives, and means it; and before 1.0 the checker
# itself looked for `seed` through the wrapper.
_OF_WRAPPERS = ("different from the unwrapped version", "env.seed to get variables from other wrappers")


class Played(NamedTuple):
    """What a reset or step gave, in the form in which it travels."""

    observation: object
    reward: float
    terminated: bool
    truncated: bool
    info: object


class Examination:
    """Everything that is looked at of one environment.

    Args:
        env_id: Its id.
        manifest: The family's manifest.
        folder: A private folder, for processes that keep states.
        tell: Called with what comes next, such as "reset": what a hang or a crash is blamed on.
    """

    def __init__(self, env_id, manifest, folder, tell):
        self._found = Findings(tell)
        self._id, self._manifest, self._folder = env_id, manifest, folder
        self._actions, self._played, self._render_modes = [], [], ()
        # Whether something was told as a warning that Gymnasium's checker does not let pass.
        self._is_lenient = False

    def run(self):
        """Looks at everything, in this order: what is wrong with one thing may keep later ones from being looked at."""
        try:
            self._measure()
            self._play_first()
            self._play_again()
            self._check_arguments()
            self._check_rendering()
            if not self._found.problems:
                self._check_api()
        except BaseException as error:
            self._found.take(error)

    def report(self):
        """What was found, as plain data."""
        return self._found.report()

    def _check_arguments(self):
        spec = gymnasium.spec(self._id)
        names = allowed_kwargs(self._manifest, self._id)
        entry = spec.entry_point
        if not names or entry is None:
            return
        self._found.enter("import")
        if isinstance(entry, MultiAgentConstructor):
            constructor = entry.takes()
        else:
            constructor = entry if callable(entry) else load_entry_point(entry)
        for name in unnamed_arguments(constructor, names):
            if self._refuses_argument(name):
                self._found.problems.append(
                    f'Its constructor has no argument {name!r}, which "kwargs" allows: correct or delete it there.'
                )

    def _refuses_argument(self, name):
        """Whether construction says that there is no such argument, as where ``**kwargs`` hand it on to who does not have it."""
        self._found.enter("constructor")
        try:
            close([gymnasium.make(self._id, disable_env_checker=True, **{name: None})])
        except TypeError as error:
            return f"unexpected keyword argument '{name}'" in str(error)
        except Exception:
            # It does not like the value.
            pass
        return False

    def _opened(self):
        self._found.enter("constructor")
        request = {"env_id": self._id, "num_envs": 1, "autoreset_mode": schema.AUTORESET_MODE_NEXT_STEP}
        # What lies outside is found here, with a remedy.
        manifest = {**self._manifest, "out_of_space": "pass"}
        return SubEnvironments({"open": request, "first": 0, "count": 1}, manifest, self._folder)

    def _measure(self):
        """Before all else: what others leave in memory does not count, and a first construction is what users wait for."""
        began = time.perf_counter()
        envs = self._opened()
        self._found.measured["construction_ms"] = 1000 * (time.perf_counter() - began)
        try:
            self._measure_steps(envs[0])
        finally:
            envs.close()

    def _play_first(self):
        envs = self._opened()
        try:
            self._render_modes = envs[0].metadata.get("render_modes", ())
            envs[0].action_space.seed(_SEED)
            self._played.append(self._reset(envs))
            self._check_attributes(envs[0])
            end = time.perf_counter() + _PLAY_SECONDS
            while len(self._actions) < _STEPS and (len(self._actions) < 2 or time.perf_counter() < end):
                action = _sampled(envs[0], self._played[-1])
                self._actions.append(layout_bytes(envs[0].action_space, [action]))
                self._played.append(self._step(envs, self._actions[-1]))
            self._check_observations(envs[0].observation_space)
        finally:
            envs.close()

    def _play_again(self):
        """The same in an environment made anew, as another session has it; and its saved states."""
        envs = self._opened()
        try:
            again = [self._reset(envs), *(self._step(envs, data) for data in self._actions)]
            self._compare(again)
            if not isinstance(tier_of(self._manifest, self._id), Undeclared):
                self._check_states(envs)
        finally:
            self._found.enter("close")
            envs.close()

    def _reset(self, envs):
        self._found.enter("reset")
        selection = envs.sieve.select([])
        return self._sent(envs, selection, envs.reset(selection, [_SEED], [None]))

    def _step(self, envs, data):
        self._found.enter("step")
        selection = envs.sieve.select([])
        return self._sent(envs, selection, envs.step(selection, data))

    def _sent(self, envs, selection, rows):
        # Shapes, dtypes, rewards and infos are checked on the way out.
        envs.write(0, selection, rows, lambda *_: None)
        observation, info = (travelled(values[0]) for values in (rows.observations, rows.infos))
        return Played(observation, float(rows.reward[0]), bool(rows.terminated[0]), bool(rows.truncated[0]), info)

    def _check_observations(self, space):
        find = finder(space)
        found = next(filter(None, (find(played.observation) for played in self._played)), "") if find else ""
        if not found:
            return
        self._is_lenient = self._manifest.get("out_of_space") == "warn"
        self._found.take_outside(f"Its observation{found}", self._manifest)

    def _compare(self, again):
        for step, (first, second) in enumerate(zip(self._played, again)):
            places = [(name, difference(getattr(first, name), getattr(second, name))) for name in Played._fields]
            differing = [f"{name}{where}" for name, where in places if where is not None]
            if not differing:
                continue
            when = "the reset" if step == 0 else f"step {step}"
            remedy = "draw all random numbers from a generator that reset(seed) seeds, such as self.np_random"
            if gymnasium.spec(self._id).nondeterministic:
                self._found.warnings.append(
                    f"Two episodes with seed {_SEED} differ in {differing[0]} of {when}: it is nondeterministic."
                )
            elif differing[0].startswith("info"):
                self._is_lenient = True
                self._found.warnings.append(f"Two episodes with seed {_SEED} differ in {differing[0]} of {when}: {remedy}.")
            else:
                text = f"Two episodes with seed {_SEED} and the same actions differ in {differing[0]} of {when}"
                self._found.problems.append(f"{text}: {remedy}, or register it as nondeterministic.")
            return

    def _check_states(self, envs):
        """Saves, steps, restores and steps again."""
        self._found.enter("saving of its state")
        remedy = 'leave it out of "states", or declare another tier'
        actions = (self._actions * _STATE_STEPS)[:_STATE_STEPS]
        selection = envs.sieve.select([])
        try:
            (state,) = envs.keeper.save(selection, 1)
            try:
                first = [self._step(envs, data) for data in actions]
                self._found.enter("restoring of its state")
                envs.keeper.restore(selection, [state])
                second = [self._step(envs, data) for data in actions]
            finally:
                state.drop()
        except RequestError as error:
            self._found.problems.append(f"{error} Mend that, or {remedy}.")
            return
        for step, (one, other) in enumerate(zip(first, second)):
            where = difference(one._asdict(), other._asdict())
            if where is not None:
                message = f"After its saved state was restored, it went on differently in {where} of step {step + 1}: {remedy}."
                self._found.problems.append(message)
                return

    def _measure_steps(self, env):
        self._found.enter("reset")
        # Some seeds may take longer than others, or for ever.
        took, count, observation, info = 0.0, 0, None, {}
        while took < _RESET_SECONDS and count < _RESETS:
            began = time.perf_counter()
            observation, info = env.reset(seed=count)
            took, count = took + time.perf_counter() - began, count + 1
        self._found.measured["reset_ms"] = 1000 * took / count
        self._found.enter("step")
        took, count = 0.0, 0
        while took < _RATE_SECONDS and count < _RATE_STEPS:
            action = _sampled(env, Played(observation, 0.0, False, False, info))
            began = time.perf_counter()
            observation, _, terminated, truncated, info = env.step(action)
            took, count = took + time.perf_counter() - began, count + 1
            if terminated or truncated:
                observation, info = env.reset()
        self._found.measured["steps_per_s"] = count / took
        memory = private_mb()
        if memory is not None:
            self._found.measured["memory_mb"] = memory

    def _check_attributes(self, env):
        for name in listed_names(self._manifest, self._id):
            try:
                env.get_wrapper_attr(name)
            except AttributeError:
                self._found.warnings.append(f'It has no attribute {name!r} after a reset, which "attributes" lists.')
            except Exception as error:
                self._found.warnings.append(f'Its attribute {name!r}, which "attributes" lists, raised: {named(error)}.')

    def _check_rendering(self):
        if "rgb_array" not in self._render_modes:
            return
        self._found.enter("render")
        env = None
        try:
            env = gymnasium.make(self._id, disable_env_checker=True, render_mode="rgb_array")
            env.reset(seed=_SEED)
            frame = env.render()
            if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.dtype != np.uint8:
                self._found.warnings.append("Its render mode rgb_array gives no array uint8[height, width, channels].")
        except Exception as error:
            self._found.warnings.append(f"Its render mode rgb_array does not work here: {named(error)}.")
        finally:
            if env is not None:
                close([env])

    def _check_api(self):
        self._found.enter("environment checker")
        env = make({"env_id": self._id}, 0, 1, self._manifest)[0]
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                _run_checker(env)
        except Exception as error:
            text = named(error).removeprefix("AssertionError: ")
            # The bridge copies whatever it sends before the next step.
            is_harmless = self._is_lenient or "share an object" in text
            (self._found.warnings if is_harmless else self._found.problems).append(f"{_checker_of(env)}: {text}")
            return
        finally:
            close([env])
        for warning in told:
            text = _LEVEL.sub("", _COLOUR.sub("", str(warning.message)).strip())
            if issubclass(warning.category, UserWarning) and not any(harmless in text for harmless in _OF_WRAPPERS):
                self._found.warnings.append(f"{_checker_of(env)}: {text}")


def _sampled(env, played):
    """A random action; of several agents one that their masks allow."""
    if not isinstance(env.unwrapped, ParallelAsEnv):
        return env.action_space.sample()
    observations, infos = played.observation["observations"], played.info
    return {
        name: space.sample(mask=_mask(observations.get(name), infos.get(name)))
        if isinstance(space, gymnasium.spaces.Discrete)
        else space.sample()
        for name, space in env.action_space.spaces.items()
    }


def _mask(*places):
    """The mask of legal actions that an agent's observation or info holds; None where there is none, or it allows nothing."""
    found = [place["action_mask"] for place in places if isinstance(place, dict) and "action_mask" in place]
    return np.asarray(found[0], np.int8) if found and np.any(found[0]) else None


def travelled(value):
    """A value as it arrives at a client: a copy, with a name in the place of what cannot travel."""
    return from_value(to_value(value), lambda name: name)


def difference(one, other):
    """Where two values of those that travel differ: ``['key'][2]``; empty for the whole, None where they are equal to the bit."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return _first_difference((f"[{key!r}]", one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and type(one) is type(other) and len(one) == len(other):
        return _first_difference((f"[{i}]", *pair) for i, pair in enumerate(zip(one, other)))
    return None if same(one, other) else ""


def _first_difference(parts):
    for where, one, other in parts:
        found = difference(one, other)
        if found is not None:
            return where + found
    return None


def private_mb():
    """Memory that this process shares with no other, in MB; None where the system does not tell."""
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as file:
            lines = file.readlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1000


def _checker_of(env):
    return "PettingZoo's API test" if isinstance(env.unwrapped, ParallelAsEnv) else "Gymnasium's environment checker"


def _constructed(env):
    """What an environment's constructor gave, which may have wrappers of its own: without the one that Gymnasium adds."""
    return env.env if type(env) is gymnasium.wrappers.TimeLimit else env


def _run_checker(env):
    """Runs the checker of the library whose interface an environment has; raises what it raises."""
    # Here, so that their modules count for no environment's memory.
    if not isinstance(env.unwrapped, ParallelAsEnv):
        # Rendering was tried before; its checks would try every mode, and the mode "human" opens a window.
        importlib.import_module("gymnasium.utils.env_checker").check_env(_constructed(env), skip_render_check=True)
        return
    par_env = env.unwrapped.par_env
    aec_env = getattr(par_env, "aec_env", None)
    try:
        tests = importlib.import_module("pettingzoo.test")
    except ImportError as error:
        # A ParallelEnv may be implemented without PettingZoo.
        warnings.warn(f"It was not run: {named(error)}.", stacklevel=2)
        return
    if aec_env is None:
        tests.parallel_api_test(par_env, num_cycles=_CYCLES)
    else:
        tests.api_test(aec_env, num_cycles=_CYCLES)
