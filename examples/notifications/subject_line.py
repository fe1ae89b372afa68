"""A subject line for a mailing, written by whoever acts: observations and actions are text."""

import math
import string
from typing import ClassVar

import gymnasium
from gymnasium.spaces import Dict, Text

TOPICS = ("bike lights", "winter coats", "city tours", "coffee beans", "garden tools", "night trains")
DISCOUNTS = (10, 15, 20, 25, 30)
RECIPIENTS = 500
CHARACTERS = string.ascii_letters + string.digits + string.punctuation + " "


class SubjectLine(gymnasium.Env):
    """Write the subject line of a mailing, see how many open it, and write a better one.

    The brief says what is on offer. The action is the subject line, up to 80 printable ASCII characters.
    Each mailing goes to 500 people who have had none before. The feedback says how many opened it, and one
    thing that would help.

    Observation, a Dict:
        ``brief``: text, the same for all of an episode.
        ``feedback``: text on the last mailing; empty at the start.

    Reward: the share of the 500 that opened, from 0 to 1.

    Args:
        mailings: Number of mailings in an episode, at least 1.
        render_mode: ``ansi`` or None.

    Raises:
        ValueError: If `mailings` is less than 1.
    """

    metadata: ClassVar = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(self, mailings: int = 5, render_mode: str | None = None):
        if mailings < 1:
            raise ValueError(f"mailings must be at least 1, not {mailings}")
        self.mailings, self.render_mode = mailings, render_mode
        self.observation_space = Dict(
            brief=Text(120, charset=CHARACTERS), feedback=Text(120, min_length=0, charset=CHARACTERS)
        )
        self.action_space = Text(80, min_length=0, charset=CHARACTERS)

    def reset(self, *, seed=None, options=None):
        """Draws what is on offer, and how much readers care for each part of a subject line."""
        super().reset(seed=seed)
        self._topic = TOPICS[self.np_random.integers(len(TOPICS))]
        self._discount = f"{DISCOUNTS[self.np_random.integers(len(DISCOUNTS))]}%"
        self._weights = self.np_random.uniform(0.4, 1.0, 4)
        self._feedback, self._log = "", []
        return self._observation(), {}

    def step(self, action):
        """Sends a mailing."""
        faults = self.faults(action)
        chance = 1 / (
            1
            + math.exp(
                0.6 + sum(weight for weight, fault in zip(self._weights, faults, strict=True) if fault)
            )
        )
        opened = int(self.np_random.binomial(RECIPIENTS, chance))
        advice = next((fault for fault in faults if fault), "Good line.")
        self._feedback = f"{opened} of {RECIPIENTS} opened. {advice}"
        self._log.append(f"{action!r}: {self._feedback}")
        return (
            self._observation(),
            opened / RECIPIENTS,
            len(self._log) == self.mailings,
            False,
            {"opened": opened},
        )

    def faults(self, line):
        """What is wrong with a subject line: four texts, each empty if nothing is."""
        return (
            "" if self._topic in line.lower() else "Name the offer.",
            "" if self._discount in line else "State the discount.",
            "" if 20 <= len(line) <= 50 else "Write 20 to 50 characters.",
            "Do not shout." if "!" in line or line.isupper() else "",
        )

    def render(self):
        """The brief, and a line for each mailing."""
        return "\n".join([self._observation()["brief"], *self._log])

    def _observation(self):
        return {"brief": f"On offer: {self._topic}, {self._discount} off.", "feedback": self._feedback}
