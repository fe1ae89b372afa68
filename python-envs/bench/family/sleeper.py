"""An environment whose steps take as long as it is told, so that only the waiting for others is measured."""

import time

import gymnasium
import numpy as np


class Sleeper(gymnasium.Env):
    """Sleeps in every step. Observations are a zero, float32 of shape (1,); episodes never end.

    Args:
        ms: Milliseconds that a step sleeps.
    """

    def __init__(self, ms: float = 0.1):
        self.observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.seconds = ms / 1000

    def reset(self, *, seed=None, options=None):
        """Begins an episode at once."""
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        """Sleeps."""
        time.sleep(self.seconds)
        return np.zeros(1, np.float32), 0.0, False, False, {}
