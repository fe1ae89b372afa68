"""EnvPool's environments as Gymnasium's vector environments, registered as `envpool/CartPole-v1` and so on."""

import os
from typing import ClassVar

import envpool
import gymnasium
import numpy as np
from envpool.registration import registry
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

_MOST_SEEDS = 2**31
# What has one player, and needs neither a system library (Procgen: Qt) nor more than EnvPool's own assets.
_SERVED = (
    "envpool.atari",
    "envpool.box2d",
    "envpool.classic_control",
    "envpool.mujoco.dmc",
    "envpool.mujoco.gym",
    "envpool.toy_text",
)


class Pool(VectorEnv):
    """An EnvPool whose resets take seeds: where all sub-environments are reset with new ones, the pool is made anew.

    Args:
        task_id: EnvPool's id, for example `LunarLander-v3`.
        num_envs: Number of sub-environments.
        num_threads: Threads that step them, at least 1; by default one a core, at most one a sub-environment.
        max_episode_steps: Steps after which an episode is truncated; by default EnvPool's own number.
        **config: What `envpool.make_gymnasium` takes beside.
    """

    metadata: ClassVar = {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, task_id, num_envs, num_threads=None, max_episode_steps=None, **config):
        if num_threads is None:
            num_threads = min(num_envs, len(os.sched_getaffinity(0)))
        if type(num_threads) is not int or num_threads < 1:
            raise ValueError(f"num_threads must be an integer from 1, not {num_threads!r}")
        if max_episode_steps is not None:
            config["max_episode_steps"] = max_episode_steps
        self._task_id, self._config = task_id, {"num_envs": num_envs, "num_threads": num_threads, **config}
        spec = envpool.make_spec(task_id, **self._config)
        self.num_envs = num_envs
        self.single_observation_space = spec.gymnasium_observation_space
        self.single_action_space = spec.gymnasium_action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._pool, self._seeds, self._was_reset = None, [None] * num_envs, np.zeros(num_envs, bool)

    def reset(self, *, seed=None, options=None):
        """As gymnasium.vector.VectorEnv.reset, with `seed` a list or None; gives the rows in "reset_mask" alone.

        Raises:
            NotImplementedError: Some sub-environments alone would get seeds anew, or a seed has more than 31 bits.
        """
        mask = np.ones(self.num_envs, bool) if options is None else options["reset_mask"]
        self._seed([None] * self.num_envs if seed is None else seed, mask)
        self._was_reset |= mask
        observations, infos = self._pool.reset(np.flatnonzero(mask).astype(np.int32))
        return observations, _shown(infos)

    def _seed(self, seeds, mask):
        """Makes the pool anew unless those in the mask have their seeds, which EnvPool takes at construction only."""
        for seed in seeds:
            if seed is not None and seed >= _MOST_SEEDS:
                raise NotImplementedError(f"takes seeds below 2**31, not {seed}")
        have = [given is None or (given == own and not was) for given, own, was in zip(seeds, self._seeds, self._was_reset)]
        if self._pool is not None and all(have):
            return
        if any(was and given is None for given, was in zip(seeds, self._was_reset)):
            raise NotImplementedError(
                "takes seeds only where all of its sub-environments get new ones: EnvPool seeds a whole pool"
            )
        # Those that are not reset yet will get the seeds that count on, unless their reset says otherwise.
        first = next((i for i, seed in enumerate(seeds) if seed is not None), 0)
        base = (seeds[first] or 0) - first
        own = [(base + i) % _MOST_SEEDS if given is None else given for i, given in enumerate(seeds)]
        self._pool = envpool.make_gymnasium(self._task_id, seed=own, **self._config)
        self._seeds, self._was_reset = own, np.zeros(self.num_envs, bool)

    def step(self, actions, env_id=None):
        """As gymnasium.vector.VectorEnv.step; with int32[k] `env_id`, steps those k sub-environments alone."""
        observations, rewards, terminated, truncated, infos = self._pool.step(actions, env_id)
        return observations, rewards, terminated, truncated, _shown(infos)

    def close_extras(self, **kwargs):
        """Ends the pool's threads."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None


def _shown(infos):
    """Infos without the numbers of sub-environments and their one player."""
    return {key: value for key, value in infos.items() if key not in ("env_id", "players")}


def register():
    """Registers what EnvPool has."""
    for task_id, (module, _, config) in registry.specs.items():
        # Ids with a slash are other names of ids without.
        if module in _SERVED and "/" not in task_id:
            gymnasium.register(
                f"envpool/{task_id}",
                vector_entry_point=Pool,
                max_episode_steps=config.get("max_episode_steps"),
                reward_threshold=config.get("reward_threshold"),
                kwargs={"task_id": task_id},
            )


register()
