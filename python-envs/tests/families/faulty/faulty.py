"""Environments with one fault each, which a check of their family must find."""

import os
import random
import signal
from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces


class Faulty(gymnasium.Env):
    """Draws numbers from 0 to 1.

    Args:
        fault: What it does wrong; empty for nothing.
        render_mode: As Gymnasium's.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, fault, render_mode=None):
        if fault == "constructor":
            raise ValueError("no licence")
        self.fault, self.render_mode = fault, render_mode
        self.observation_space = spaces.Dict({"x": spaces.Box(0, 1, (2,), np.float32)})
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        """Begins; hangs for ever if that is the fault."""
        if self.fault != "seed":
            super().reset(seed=seed)
        while self.fault == "hang":
            pass
        self.steps = iter(range(1_000_000))
        return self._observation(), {}

    def step(self, action):
        """Ends its process in one of two ways if that is the fault."""
        if self.fault == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.fault == "exit":
            print("no more licences")
            os._exit(3)
        return self._observation(), 0.0, False, False, {"x": random.random()} if self.fault == "info" else {}

    def render(self):
        """A black picture."""
        if self.fault == "render":
            raise RuntimeError("no graphics")
        return np.zeros((4, 4, 3), np.uint8)

    def _observation(self):
        if self.fault == "state":
            # What an iterator keeps is no plain data.
            value = next(self.steps) / 1_000_000
        elif self.fault == "random":
            value = random.random()
        else:
            value = 2 if self.fault == "space" else self.np_random.random()
        return {"x": np.full(3 if self.fault == "shape" else 2, value, np.float32)}
