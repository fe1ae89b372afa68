"""A first environment: change it into your own."""

from typing import ClassVar

import gymnasium
import numpy as np


class Walk(gymnasium.Env):
    """Walk to the end of a line.

    The observation is the position, from 0 to 1. Action 0 goes a step back, action 1 one ahead; every fifth step slips. The
    reward is -1 a step, and the episode ends at 1.

    Args:
        length: Steps from one end to the other.
        render_mode: ``rgb_array`` or None.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, length: int = 10, render_mode: str | None = None):
        self.length, self.render_mode = length, render_mode
        self.observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        """Begins at 0."""
        super().reset(seed=seed)
        self.position = 0
        return self._observation(), {}

    def step(self, action):
        """Takes one step."""
        slips = self.np_random.random() < 0.2
        self.position = min(max(self.position + (1 if action == 1 and not slips else -1), 0), self.length)
        return self._observation(), -1.0, self.position == self.length, False, {"slipped": bool(slips)}

    def render(self):
        """A strip of pixels, white where the walker is."""
        frame = np.zeros((20, 20 * (self.length + 1), 3), np.uint8)
        frame[:, 20 * self.position : 20 * (self.position + 1)] = 255
        return frame

    def _observation(self):
        return np.array([self.position / self.length], np.float32)
