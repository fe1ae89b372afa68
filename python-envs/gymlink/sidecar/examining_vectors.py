"""Examining one vector environment of a family in this process: how `gymlink family check` tries and measures it."""

import time
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space

from gymlink.protocol.layout import leaves
from gymlink.protocol.layout_writer import layout_bytes
from gymlink.sidecar.arguments import allowed_kwargs, parameters_of, unnamed_arguments
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.examining import private_mb
from gymlink.sidecar.examining_modes import COUNT, SEEDS, ModeExamination
from gymlink.sidecar.findings import Findings, Wrong
from gymlink.sidecar.making import close, make_vectorised
from gymlink.sidecar.registering import load_entry_point
from gymlink.sidecar.vectorised import ARRAY_SPACES, MODES, VectorisedEnvironments, autoreset_mode_of

# So that episodes end, where the constructor takes a limit.
_MAX_EPISODE_STEPS = 10
_SERVED_STEPS = 20
_RESET_SECONDS = 0.5
_RESETS = 50
_RATE_SECONDS = 0.5
_RATE_STEPS = 5_000


class VectorExamination:
    """Everything that is looked at of one vector environment.

    Args:
        env_id: Its id.
        manifest: The family's manifest.
        tell: Called with what comes next, as Findings takes it.
    """

    def __init__(self, env_id, manifest, tell):
        self._id, self._manifest = env_id, manifest
        self._found = Findings(tell)
        self._constructor: Any = None
        self._action_space: Any = None
        self._limit = 0

    def run(self):
        """Looks at everything, in this order: what is wrong with one thing may keep later ones from being looked at."""
        try:
            own = self._measure()
            for asked, mode in self._modes(own):
                ModeExamination(self._found, self._manifest, self._id, partial(self._made, asked), mode, self._limit).run()
            self._check_arguments()
            self._check_served(own)
        except Wrong:
            pass
        except BaseException as error:
            self._found.take(error)

    def report(self):
        """What was found, as plain data."""
        return self._found.report()

    def _made(self, asked):
        """A vector environment whose constructor is told an autoreset mode, unless that is "Disabled"."""
        self._found.enter("constructor")
        request = {"env_id": self._id, "max_episode_steps": self._limit}
        return make_vectorised(request, COUNT, self._manifest, asked)

    def _measure(self):
        """Before all else: what others leave in memory does not count. Returns the autoreset mode of one that is told none."""
        began = time.perf_counter()
        envs = self._made("Disabled")
        self._found.measured["construction_ms"] = 1000 * (time.perf_counter() - began)
        try:
            self._check_declared(envs)
            self._action_space = envs.single_action_space
            mode = autoreset_mode_of(envs)
            self._measure_steps(envs, mode)
        finally:
            close([envs])
        entry_point = gymnasium.spec(self._id).vector_entry_point
        self._constructor = entry_point if callable(entry_point) else load_entry_point(entry_point)
        self._limit = _MAX_EPISODE_STEPS if "max_episode_steps" in parameters_of(self._constructor) else 0
        return mode

    def _check_declared(self, envs):
        if envs.num_envs != COUNT:
            raise self._found.wrong(
                f"Made with num_envs={COUNT}, it has num_envs {envs.num_envs}: make as many as are asked for."
            )
        if autoreset_mode_of(envs) is None:
            raise self._found.wrong(
                'It does not tell its autoreset mode: put "autoreset_mode" into its metadata, an AutoresetMode of Gymnasium.'
            )
        for name in ("observation_space", "action_space"):
            single, batched = getattr(envs, f"single_{name}"), getattr(envs, name)
            for _, leaf in leaves(single):
                if not isinstance(leaf, ARRAY_SPACES):
                    kinds = ", ".join(kind.__name__ for kind in ARRAY_SPACES)
                    raise self._found.wrong(f"Its single_{name} has {leaf}, but may have {kinds}, and Dicts and Tuples of these.")
            expected = batch_space(single, COUNT)
            if batched != expected:
                raise self._found.wrong(
                    f"Its {name} is {batched}, but {COUNT} of its single_{name} are {expected}: use "
                    "gymnasium.vector.utils.batch_space."
                )

    def _measure_steps(self, envs, mode):
        self._found.enter("reset")
        took, count = 0.0, 0
        while took < _RESET_SECONDS and count < _RESETS:
            began = time.perf_counter()
            envs.reset(seed=[COUNT * count + i for i in range(COUNT)])
            took, count = took + time.perf_counter() - began, count + 1
        self._found.measured["reset_ms"] = 1000 * took / count
        self._found.enter("step")
        actions = batch_space(envs.single_action_space, COUNT)
        took, count = 0.0, 0
        while took < _RATE_SECONDS and count < _RATE_STEPS:
            action = actions.sample()
            began = time.perf_counter()
            _, _, terminated, truncated, _ = envs.step(action)
            took, count = took + time.perf_counter() - began, count + 1
            ended = np.logical_or(terminated, truncated)
            if mode == "Disabled" and ended.any():
                envs.reset(options={"reset_mask": ended})
        self._found.measured["steps_per_s"] = COUNT * count / took
        memory = private_mb()
        if memory is not None:
            self._found.measured["memory_mb"] = memory

    def _modes(self, own):
        """What to tell the constructor, and the mode that it then has: for each mode that there is."""
        yield "Disabled", own
        if "autoreset_mode" not in parameters_of(self._constructor):
            return
        for mode in ("NextStep", "SameStep"):
            try:
                envs = self._made(mode)
            except RequestError:
                # It says that it does not have this one.
                continue
            told = autoreset_mode_of(envs)
            close([envs])
            if told != mode:
                raise self._found.wrong(
                    f"Made with autoreset_mode {mode}, it says that it has {told}: do as told, or raise ValueError."
                )
            if mode != own:
                yield mode, mode

    def _check_arguments(self):
        for name in unnamed_arguments(self._constructor, allowed_kwargs(self._manifest, self._id)):
            try:
                spec = gymnasium.spec(self._id)
                self._found.enter("constructor")
                close([self._constructor(num_envs=1, **{**spec.kwargs, name: None})])
            except TypeError as error:
                if f"'{name}'" in str(error):
                    self._found.problems.append(
                        f'Its constructor has no argument {name!r}, which "kwargs" allows: correct or delete it there.'
                    )
            except Exception:
                # It does not like the value.
                pass

    def _check_served(self, mode):
        """Infos and what else travels are checked on the way out."""
        number = next(number for number, name in MODES.items() if name == mode)
        request = {"env_id": self._id, "num_envs": COUNT, "autoreset_mode": number}
        self._found.enter("constructor")
        envs = VectorisedEnvironments({"open": request, "count": COUNT}, {**self._manifest, "out_of_space": "pass"})
        try:
            self._found.enter("reset")
            selection = envs.sieve.select([])
            envs.write(0, selection, envs.reset(selection, SEEDS, [None] * COUNT), lambda *_: None)
            self._found.enter("step")
            space = self._action_space
            space.seed(SEEDS[0])
            for _ in range(_SERVED_STEPS):
                rows = envs.step(selection, layout_bytes(space, [space.sample() for _ in range(COUNT)]))
                envs.write(0, selection, rows, lambda *_: None)
                if mode == "Disabled" and (rows.terminated | rows.truncated).any():
                    return
        finally:
            self._found.enter("close")
            envs.close()
