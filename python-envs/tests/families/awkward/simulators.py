"""An environment with awkward manners, as a user may have one: it prints at import, and its constructor takes an object."""

from dataclasses import dataclass
from typing import ClassVar

import gymnasium
import numpy as np

print("simulators: licence checked, 3 plug-ins found")


@dataclass
class Weather:
    """What the constructor wants instead of plain values."""

    wind: float
    gusts: bool


class Sailing(gymnasium.Env):
    """A boat on a line, pushed by the wind: sail to 10.

    Args:
        weather: The Weather.
    """

    metadata: ClassVar = {"render_modes": []}

    def __init__(self, weather, render_mode=None):
        if not isinstance(weather, Weather):
            raise TypeError("weather must be a Weather")
        self.weather, self.render_mode = weather, render_mode
        self.observation_space = gymnasium.spaces.Dict(
            {
                "map": gymnasium.spaces.Box(0, 255, (3, 4, 2), np.uint8),
                "wake": gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float32),
            }
        )
        self.action_space = gymnasium.spaces.Discrete(3, start=-1)

    def reset(self, *, seed=None, options=None):
        """Puts the boat at 0."""
        super().reset(seed=seed)
        self.wake = np.zeros(4, np.float32)
        return self._observation(), {"charts": np.arange(6).reshape(2, 3)[:, ::-1]}

    def step(self, action):
        """Steers and drifts."""
        gust = self.np_random.normal() if self.weather.gusts else 0.0
        self.wake = np.append(self.wake[1:], np.float32(self.wake[-1] + action + self.weather.wind + gust))
        reached = bool(self.wake[-1] > 10)
        # Rewards are Python integers, and infos hold arrays.
        return self._observation(), int(action), np.bool_(reached), False, {"wake": self.wake[::2], "gust": np.float64(gust)}

    def _observation(self):
        # Neither lies in memory as its space has it: axes are swapped, and the order is turned round.
        picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3).transpose(2, 1, 0)
        return {"map": picture, "wake": self.wake[::-1]}


def sailing(wind=0.5, gusts=True, render_mode=None):
    """Makes a Sailing from plain values."""
    return Sailing(Weather(wind, gusts), render_mode)
