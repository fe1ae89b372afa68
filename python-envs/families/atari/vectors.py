"""ALE's AtariVectorEnv, registered as `AtariVectorEnv/Pong-v5` and so on: what ``gymnasium.make_vec("ALE/Pong-v5")`` makes."""

import os

import ale_py
import gymnasium
import numpy as np
from ale_py.vector_env import AtariVectorEnv

gymnasium.register_envs(ale_py)
_MOST_SEEDS = 2**31


class SeededAtariVectorEnv(AtariVectorEnv):
    """AtariVectorEnv whose resets take seeds as those of Gymnasium's own vector environments do.

    Args:
        game: Name of the ROM.
        num_envs: Number of sub-environments.
        num_threads: Threads that step them, at least 1; by default one a core, at most one a sub-environment.
        **kwargs: Those of AtariVectorEnv.
    """

    def __init__(self, game, num_envs, *, num_threads=None, **kwargs):
        if num_threads is None:
            num_threads = min(num_envs, len(os.sched_getaffinity(0)))
        if type(num_threads) is not int or num_threads < 1:
            raise ValueError(f"num_threads must be an integer from 1, not {num_threads!r}")
        # One a class otherwise, which the constructor writes to.
        self.metadata = dict(type(self).metadata)
        super().__init__(game, num_envs, num_threads=num_threads, **kwargs)

    def reset(self, *, seed=None, options=None):
        """As AtariVectorEnv.reset, with `seed` None or a list of a number or None for each sub-environment.

        Raises:
            NotImplementedError: A seed has more than 31 bits.
        """
        if seed is not None:
            if any(one is not None and one >= _MOST_SEEDS for one in seed):
                raise NotImplementedError(f"takes seeds below 2**31, not {max(one for one in seed if one is not None)}")
            seed = np.array([-1 if one is None else one for one in seed])
            if options is not None:
                seed = seed[options["reset_mask"]]
        observations, infos = super().reset(seed=seed, options=options)
        return observations, _shown(infos)

    def step(self, actions):
        """As AtariVectorEnv.step, with rewards as float64."""
        observations, rewards, terminated, truncated, infos = super().step(actions)
        # ALE gives integers.
        return observations, rewards.astype(np.float64), terminated, truncated, _shown(infos)


def _shown(infos):
    """Infos without the numbers of sub-environments."""
    return {key: value for key, value in infos.items() if key != "env_id"}


def register():
    """Registers what ALE registers as `ALE/*`."""
    for spec in list(gymnasium.registry.values()):
        if spec.namespace == "ALE" and spec.vector_entry_point is not None:
            # The game's time limit is max_num_frames_per_episode.
            gymnasium.register(
                f"AtariVectorEnv/{spec.name}-v{spec.version}", vector_entry_point=SeededAtariVectorEnv, kwargs=dict(spec.kwargs)
            )


register()
