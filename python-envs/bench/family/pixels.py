"""An environment whose frames are large and cost nothing, so that only their way to the agent is measured."""

import gymnasium
import numpy as np


class Pixels(gymnasium.Env):
    """Answers every step with the same frame of noise, uint8 of shape (210, 160, 3). Episodes never end."""

    def __init__(self):
        self.observation_space = gymnasium.spaces.Box(0, 255, (210, 160, 3), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.frame = np.random.default_rng(0).integers(0, 256, (210, 160, 3), np.uint8)

    def reset(self, *, seed=None, options=None):
        """Begins an episode with the frame."""
        super().reset(seed=seed)
        return self.frame, {}

    def step(self, action):
        """Does nothing."""
        return self.frame, 0.0, False, False, {}
