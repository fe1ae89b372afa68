"""Logs of the resets and actions that led to the state of an environment."""

from copy import deepcopy
from functools import wraps

import gymnasium
import numpy as np

from gymlink.protocol.spaces import of_space
from gymlink.sidecar.copies import NotCopied, copy_env, put_env
from gymlink.sidecar.wrapper_attributes import has_wrapper_attr, set_wrapper_attr

# More would take longer to play than a request may.
MOST_STEPS = 20_000


class Recorder(gymnasium.Wrapper):
    """Keeps the resets and actions that led to the state of an environment.

    Args:
        env: The environment.
        history: Whether to keep all episodes instead of the last one.
    """

    def __init__(self, env, history):
        super().__init__(env)
        self._history = history
        self._episodes, self._actions = [], []
        self._earlier_steps = 0
        # Why the log does not tell all.
        self._lost = ""

    def reset(self, *, seed=None, options=None):
        """Resets, and begins a new log or a new episode in it."""
        if self._history:
            self._earlier_steps += len(self._actions)
            if self._earlier_steps > MOST_STEPS:
                self._lose(f"its episodes together have more than {MOST_STEPS} steps")
        else:
            self._episodes, self._lost = [], ""
        self._actions = []
        if not self._lost:
            before = copy_env(self.env, atoms_only=True)
            episode = {"before": before, "seed": seed, "options": deepcopy(options), "actions": self._actions}
            self._episodes.append(episode)
        return self.env.reset(seed=seed, options=options)

    def step(self, action):
        """Steps and keeps the action, while the log may yet be of use."""
        if len(self._actions) <= MOST_STEPS:
            self._actions.append(action)
        return self.env.step(action)

    def has_wrapper_attr(self, name):
        """The environment's; it has none of its own to show."""
        return has_wrapper_attr(self.env, name)

    def get_wrapper_attr(self, name):
        """The environment's; a method may change it, which no log tells."""
        found = self.env.get_wrapper_attr(name)
        return self._losing(found) if callable(found) else found

    def set_wrapper_attr(self, name, value, **force):
        """Sets the environment's, which no log tells."""
        return self._losing(set_wrapper_attr)(self.env, name, value, **force)

    def _losing(self, method):
        @wraps(method)
        def call(*args, **kwargs):
            self._lose("an attribute was set or a method called")
            return method(*args, **kwargs)

        return call

    def _lose(self, why):
        self._lost, self._episodes = why, []

    def log(self):
        """The log as plain data.

        Raises:
            NotCopied: It is not whole, or too long.
        """
        if not self._lost and self._earlier_steps + len(self._actions) > MOST_STEPS:
            raise NotCopied(f"it has more than {MOST_STEPS} steps to play again")
        if self._lost:
            raise NotCopied(self._lost)
        return [{**episode, "actions": list(episode["actions"])} for episode in self._episodes]

    def replay(self, log):
        """Does what a log tells."""
        self._episodes, self._actions, self._earlier_steps, self._lost = [], [], 0, ""
        for episode in log:
            put_env(self.env, episode["before"])
            self.reset(seed=episode["seed"], options=deepcopy(episode["options"]))
            # What was there before may have held objects, which no copy tells: the log goes on as it was.
            self._episodes[-1]["before"] = episode["before"]
            for action in episode["actions"]:
                self.step(of_space(self.action_space, action))


def pack_log(content):
    """Plain data of any tier with the actions of a log as arrays, where they are numbers or arrays of one shape."""
    if not isinstance(content, dict):
        return content
    return {**content, "log": [{**episode, "actions": _packed(episode["actions"])} for episode in content["log"]]}


def _packed(actions):
    first = actions[0] if actions else None
    # An array without axes would come back as a number.
    if isinstance(first, np.generic) or (isinstance(first, np.ndarray) and first.ndim > 0):
        return np.stack(actions) if all(action.shape == first.shape for action in actions) else actions
    return actions


def unpack_log(content):
    """What `pack_log` was given."""
    if not isinstance(content, dict) or not isinstance(content.get("log"), list):
        return content
    return {**content, "log": [_unpacked(episode) for episode in content["log"]]}


def _unpacked(episode):
    actions = episode.get("actions") if isinstance(episode, dict) else None
    return {**episode, "actions": list(actions)} if isinstance(actions, np.ndarray) and actions.ndim > 0 else episode
