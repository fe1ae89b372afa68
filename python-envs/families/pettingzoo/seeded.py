"""Hanabi with episodes that follow from the last seed, as those of PettingZoo's other environments do."""

import inspect

import numpy as np
from pettingzoo.classic.hanabi import hanabi as upstream
from pettingzoo.utils import BaseWrapper

_MOST_SEEDS = 2**31


class SeededResets(BaseWrapper):
    """Gives each reset without a seed one that is drawn from a generator, which resets with a seed begin anew.

    shimmy's OpenSpiel environments draw a seed of the operating system instead, so that only the first episode can be repeated.

    Args:
        env: The AECEnv.
    """

    def __init__(self, env):
        super().__init__(env)
        self._seeds = np.random.default_rng()

    def reset(self, seed=None, options=None):
        """As pettingzoo.AECEnv.reset."""
        if seed is None:
            seed = int(self._seeds.integers(_MOST_SEEDS))
        else:
            self._seeds = np.random.default_rng(seed)
        super().reset(seed=seed, options=options)


def hanabi(**kwargs):
    """As pettingzoo.classic.hanabi_v5.env."""
    return SeededResets(upstream.env(**kwargs))


# Which arguments those are, only the class says.
hanabi.__signature__ = inspect.signature(upstream.raw_env)
