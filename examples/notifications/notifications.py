"""A user's phone over four weeks: which notification to send in each part of the day, if any."""

import math
from typing import ClassVar

import gymnasium
import numpy as np
import timeline
from gymnasium.spaces import Box, Dict, Discrete

SLOTS = ("morning", "noon", "evening", "night")
KINDS = ("friends", "digest", "offer")
AUDIENCES = {
    "everyone": (0.3, 0.2, 0.4, 0.1),
    "early birds": (0.7, 0.2, 0.1, 0.0),
    "night owls": (0.0, 0.1, 0.4, 0.5),
}

OPEN_VALUE = (1.0, 0.7, 1.5)
VISIT_VALUE = 0.5
IGNORED_COST = 0.3
TIRES = (0.8, 0.6, 1.2)
WINDOWS = (4, 28)


class Notifications(gymnasium.Env):
    """Send a user the right notification at the right time, and not too many.

    A step is one of four parts of a day. Action 0 sends nothing; 1 to 3 send what friends did, a digest or
    an offer. Whether it is opened depends on how relevant it is now, which the observation says, and on what
    it does not say: when this user looks at the phone, what the user likes, and how tired of notifications
    the user is. Opened ones make a habit, out of which the user comes unasked; a habit fades. One that is not
    opened may be the last: a tired user switches notifications off.

    Observation, a Dict:
        ``slot``, ``weekend``: part of the day from 0, and 1 on Saturday and Sunday.
        ``relevance``: float32 [3] in [0, 1], how relevant the best notification of each kind is now.
        ``sent``: float32 [2] in [0, 1], share of the last 4 and of the last 28 slots in which one was sent.
        ``visits_now``: float32 [1], share of this user's visits that came in this part of the day.
        ``opens_now``: float32 [1], share opened of what was sent in this part of the day.
        ``opens``: float32 [3], share opened of what was sent, by kind. All shares of few are smoothed.

    Reward: 1, 0.7 or 1.5 for an opened notification by its kind, -0.3 for an ignored one, 0.5 for a visit
    unasked, and ``-churn_cost`` when the user switches notifications off, which ends the episode.

    Args:
        audience: Who the users are: ``everyone``, ``early birds`` or ``night owls``.
        patience: How much users take before they are tired, above 0; 1 is typical.
        churn_cost: What a lost user costs, at least 0.
        render_mode: ``rgb_array``, ``ansi`` or None.

    Raises:
        ValueError: If an argument is none of these.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array", "ansi"], "render_fps": 8}

    def __init__(
        self,
        audience: str = "everyone",
        patience: float = 1.0,
        churn_cost: float = 5.0,
        render_mode: str | None = None,
    ):
        if audience not in AUDIENCES:
            raise ValueError(f"audience must be one of {', '.join(AUDIENCES)}, not {audience!r}")
        if not 0 < patience < math.inf:
            raise ValueError(f"patience must be a number above 0, not {patience}")
        if not 0 <= churn_cost < math.inf:
            raise ValueError(f"churn_cost must be a number from 0, not {churn_cost}")
        self.audience, self.patience = audience, patience
        self.churn_cost, self.render_mode = churn_cost, render_mode
        self.action_space = Discrete(1 + len(KINDS))
        self.observation_space = Dict(
            slot=Discrete(len(SLOTS)),
            weekend=Discrete(2),
            relevance=Box(0, 1, (len(KINDS),), np.float32),
            sent=Box(0, 1, (len(WINDOWS),), np.float32),
            visits_now=Box(0, 1, (1,), np.float32),
            opens_now=Box(0, 1, (1,), np.float32),
            opens=Box(0, 1, (len(KINDS),), np.float32),
        )

    def reset(self, *, seed=None, options=None):
        """Draws a user; it is Monday morning."""
        super().reset(seed=seed)
        random = self.np_random
        habitual_slot = random.choice(len(SLOTS), p=AUDIENCES[self.audience])
        distances = np.abs(np.arange(len(SLOTS)) - habitual_slot)
        self._attention_by_slot = 2.5 - 3.0 * distances + random.normal(0, 0.5, len(SLOTS))
        self._taste = random.normal(0, 2, len(KINDS))
        self._tolerance = self.patience * random.lognormal(0, 0.3)
        self._time, self._fatigue, self._habit = 0, 0.0, 0.3
        self._sent = np.zeros((len(SLOTS), len(KINDS)))
        self._opened = np.zeros((len(SLOTS), len(KINDS)))
        self._visits = np.zeros(len(SLOTS))
        self._total = 0.0
        self.history = []
        self._relevance = random.beta(1.3, 2.5, len(KINDS))
        return self._observation(), self._info()

    def step(self, action):
        """Lets a part of a day pass."""
        slot, kind = self._time % len(SLOTS), int(action) - 1
        sends = action > 0
        opens = sends and self.np_random.random() < self.open_probability(kind)
        visits = not opens and self.np_random.random() < 0.5 * self._habit * sigmoid(self._attention())
        churns = sends and not opens and self.np_random.random() < self._churn_probability()

        if sends:
            self._sent[slot, kind] += 1
            self._opened[slot, kind] += opens
            self._fatigue += TIRES[kind] * (0.5 if opens else 1)
        self._visits[slot] += opens or visits
        self._habit += 0.12 * (1 - self._habit) if opens else -0.01 * self._habit
        self._fatigue *= 0.8
        reward = OPEN_VALUE[kind] if opens else VISIT_VALUE * visits - IGNORED_COST * sends
        reward -= self.churn_cost * churns
        self._total += reward
        outcomes = {"churned": churns, "opened": opens, "ignored": sends, "visited": visits, "quiet": True}
        outcome = next(name for name, holds in outcomes.items() if holds)
        self.history.append((outcome, kind, self._fatigue / self._tolerance, self._habit, self._total))

        self._time += 1
        self._relevance = self.np_random.beta(1.3, 2.5, len(KINDS))
        return self._observation(), float(reward), bool(churns), False, self._info()

    def open_probability(self, kind):
        """How likely the user is to open a notification of a kind if it is sent now."""
        wish = self._attention() + self._taste[kind] + 8 * self._relevance[kind]
        return sigmoid(wish - 5.0 - 2 * self._fatigue / self._tolerance)

    def render(self):
        """The weeks so far: a picture, or a line for each part of the day, where capitals were opened."""
        return timeline.text(self.history) if self.render_mode == "ansi" else timeline.picture(self.history)

    def _attention(self):
        """How likely the user is to look at the phone now, as a logit."""
        return self._attention_by_slot[self._time % len(SLOTS)] + 0.5 * self._is_weekend()

    def _churn_probability(self):
        """How likely a user who ignores a notification has had enough; small until the user is tired."""
        return 0.3 * sigmoid(4 * (self._fatigue / self._tolerance - 1.8))

    def _is_weekend(self):
        return self._time // len(SLOTS) % 7 > 4

    def _observation(self):
        slot = self._time % len(SLOTS)
        recent = [outcome not in ("quiet", "visited") for outcome, *_ in self.history[-max(WINDOWS) :]]
        return {
            "slot": np.int64(slot),
            "weekend": np.int64(self._is_weekend()),
            "relevance": self._relevance.astype(np.float32),
            "sent": np.array([sum(recent[-window:]) / window for window in WINDOWS], np.float32),
            "visits_now": smoothed(self._visits[slot : slot + 1], self._visits.sum(), 1 / len(SLOTS)),
            "opens_now": smoothed(self._opened[slot].sum(keepdims=True), self._sent[slot].sum(), 0.3),
            "opens": smoothed(self._opened.sum(0), self._sent.sum(0), 0.3),
        }

    def _info(self):
        return {
            "sent": int(self._sent.sum()),
            "opened": int(self._opened.sum()),
            "visits": int(self._visits.sum()),
            "habit": self._habit,
        }


def sigmoid(x):
    """The logistic function of a number."""
    return 1 / (1 + math.exp(-x))


def smoothed(counts, trials, prior):
    """Shares as if one more trial had been seen that went as `prior` says."""
    return ((counts + prior) / (trials + 1)).astype(np.float32)
