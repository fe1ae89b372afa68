"""Environments with one fault each, which a check of their family must find, and one for several agents without any."""

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
        x = np.full(3 if self.fault == "shape" else 2, value, np.float32)
        if self.fault == "shared":
            # Gives the same array each time.
            self.x = getattr(self, "x", x)
            return {"x": self.x}
        return {"x": x}


class Goalless(Faulty):
    """Cannot be reset without the wrapper that its constructor puts around it."""

    goal = None

    def reset(self, *, seed=None, options=None):
        """Raises RuntimeError without a goal."""
        if self.goal is None:
            raise RuntimeError("no goal")
        return super().reset(seed=seed, options=options)


class Goals(gymnasium.Wrapper):
    """Gives a goal."""

    def reset(self, *, seed=None, options=None):
        """Begins with a goal."""
        self.env.unwrapped.goal = 1
        return self.env.reset(seed=seed, options=options)


def wrapped(fault="", render_mode=None):
    """An environment in a wrapper of its own."""
    return Goals(Goalless(fault, render_mode))


class Agents:
    """A PettingZoo ParallelEnv, made without PettingZoo, in which each agent may do one thing at a time."""

    metadata: ClassVar = {}
    possible_agents: ClassVar = ["a", "b"]
    observation_spaces: ClassVar = {agent: spaces.Dict({"action_mask": spaces.MultiBinary(3)}) for agent in "ab"}
    action_spaces: ClassVar = {agent: spaces.Discrete(3) for agent in "ab"}

    @property
    def unwrapped(self):
        """Itself."""
        return self

    def observation_space(self, agent):
        """What an agent sees: which actions it may take."""
        return self.observation_spaces[agent]

    def action_space(self, agent):
        """One of three actions."""
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        """Begins with ten steps to go."""
        self.agents, self.steps, self.allowed = list(self.possible_agents), 10, 0
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions):
        """Raises ValueError for an action that is not allowed."""
        if any(action != self.allowed for action in actions.values()):
            raise ValueError("not allowed")
        self.steps, self.allowed = self.steps - 1, (self.allowed + 1) % 3
        ended = dict.fromkeys(self.agents, self.steps == 0)
        told = self._observations(), dict.fromkeys(ended, 1.0), ended, dict.fromkeys(ended, False), {agent: {} for agent in ended}
        self.agents = [agent for agent in self.agents if not ended[agent]]
        return told

    def close(self):
        """Does nothing."""

    def _observations(self):
        mask = np.arange(3) == self.allowed
        return {agent: {"action_mask": mask.astype(np.int8)} for agent in self.agents}
