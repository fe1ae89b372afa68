"""Vector environments with one fault each, which a check of their family must find."""

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space

_MAX_STEPS = 7


class Vectors:
    """Sub-environments that add up their actions, from a number that is drawn; above 1 an episode ends.

    Args:
        num_envs: How many.
        fault: What they do wrong; empty for nothing.
        mode: Their autoreset mode.
        max_episode_steps: Steps after which an episode is truncated.
    """

    def __init__(self, num_envs, fault="", mode="NextStep", max_episode_steps=_MAX_STEPS):
        self.fault, self.mode, self.limit = fault, mode, 1000 if fault == "limit" else max_episode_steps
        self.num_envs = num_envs - 1 if fault == "count" else num_envs
        self.metadata = {} if fault == "untold" else {"autoreset_mode": mode}
        x = gymnasium.spaces.Text(3) if fault == "text" else gymnasium.spaces.Box(0, 1.5, (2,), np.float32)
        self.single_observation_space = gymnasium.spaces.Dict({"x": x})
        self.single_action_space = gymnasium.spaces.Box(0, 0.3, (1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs + (fault == "batch"))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.x, self.steps, self.due = np.zeros(num_envs), np.zeros(num_envs, int), np.zeros(num_envs, bool)
        self.randoms = [np.random.default_rng() for _ in range(num_envs)]
        self.resets = 0

    def reset(self, *, seed=None, options=None):
        """Begins episodes; of the sub-environments in "reset_mask" alone, if it is there."""
        mask = np.ones(self.num_envs, bool) if options is None else options["reset_mask"]
        if self.fault == "whole" and not mask.all():
            raise NotImplementedError("resets all of its sub-environments at a time")
        self.resets += 1
        for i, one in enumerate(seed or []):
            if one is not None and self.fault != "seed" and not (self.fault == "first" and self.resets > 1):
                self.randoms[i] = np.random.default_rng(sum(filter(None, seed)) if self.fault == "sum" else one)
        self._begin(np.ones(self.num_envs, bool) if self.fault == "mask" else mask)
        return self._named(self._rows()), {}

    def step(self, actions, env_id=None):
        """Goes on; of some sub-environments, if `env_id` names them."""
        if self.fault == "raise":
            raise RuntimeError("no engine")
        own = np.arange(self.num_envs) if env_id is None else env_id
        given = np.broadcast_to(actions[:, 0], (self.num_envs,)) if self.fault == "all" else actions[:, 0]
        moved = np.arange(self.num_envs) if self.fault == "all" else own
        due = self.due.copy() if self.mode == "NextStep" else np.zeros(self.num_envs, bool)
        self.x[moved] += given * ~due[moved]
        self.steps[moved] += 1
        if self.fault != "never":
            self._begin(due & np.isin(np.arange(self.num_envs), moved))
        ended = (self.x > 1) & ~due & (self.fault != "limit")
        truncated = (self.steps >= self.limit) & ~due
        self.due = has_ended = ended | truncated
        infos, finals = {}, self._rows()
        if self.fault == "early" or self.mode == "SameStep":
            self._begin(has_ended)
        if has_ended.any() and ((self.mode == "SameStep" and self.fault != "lost") or self.fault == "final"):
            rows = [{"x": row} if end else None for row, end in zip(finals, has_ended)]
            infos = {"final_obs": np.array(rows, dtype=object), "_final_obs": has_ended}
        is_free = self.fault == "early" or (due & (self.fault not in ("never", "paid")))
        rewards = np.where(is_free, 0.0, np.ones(self.num_envs))
        return self._with_fault(self._rows()[own], rewards[own], ended[own], truncated[own], infos)

    def _with_fault(self, x, rewards, ended, truncated, infos):
        if self.fault == "reward":
            rewards = rewards.astype(int)
        if self.fault == "rewards":
            rewards = rewards[:, None]
        if self.fault == "ended":
            ended = ended.astype(np.int8)
        if self.fault == "infos":
            infos = [infos]
        if self.fault == "random":
            infos["x"] = np.random.random(len(x))
        return self._named(x), rewards, ended, truncated, infos

    def _named(self, x):
        return {"y" if self.fault == "key" else "x": x}

    def close(self):
        """Does nothing."""

    def _begin(self, rows):
        for i in np.flatnonzero(rows):
            self.x[i], self.steps[i] = self.randoms[i].random() / 2, 0
        self.due = self.due & ~rows

    def _rows(self):
        dtype = np.float64 if self.fault == "dtype" else np.float32
        x = np.stack([self.x, self.steps / self.limit], 1).clip(0, 1.5).astype(dtype)
        if self.fault == "outside":
            x[0, 1] = 2
        return x[:, :1] if self.fault == "shape" else x


class Told(Vectors):
    """Is told its autoreset mode and has another."""

    def __init__(self, num_envs, autoreset_mode="NextStep"):
        super().__init__(num_envs)


class Endless(Vectors):
    """Has no argument for a limit."""

    def __init__(self, num_envs, fault="", mode="NextStep"):
        super().__init__(num_envs, fault, mode)
