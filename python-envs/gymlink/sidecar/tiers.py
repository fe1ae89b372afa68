"""How an environment's state is saved exactly: by copying what changes, or by playing its episode again.

A family's manifest declares the tier under ``states``, by id or pattern: ``{"tier": "native", "constants": [...]}`` or ``{"tier":
"replay", "history": true}``. It may declare only what a test has held against Gymnasium (families/gymnasium/test_states.py).
"""

from fnmatch import fnmatchcase

import gymnasium
import numpy as np

from gymlink.protocol import schema
from gymlink.sidecar.copies import NotCopied, bodies, check_copy, copy_env, copy_plain, put_env, same
from gymlink.sidecar.errors import RequestError

# More would take longer than a request may.
_MOST_STEPS = 20_000


def tier_of(manifest, env_id):
    """The tier that a manifest declares for an environment."""
    for pattern, declared in manifest.get("states", {}).items():
        if fnmatchcase(env_id, pattern):
            if declared["tier"] == "native":
                return Native(frozenset(declared.get("constants", ())))
            return Replay(declared.get("history", False))
    return Undeclared(env_id)


class Undeclared:
    """The tier of environments whose state cannot be saved."""

    def __init__(self, env_id):
        self._message = f"States of {env_id} cannot be saved: its family's manifest declares no way that is exact."

    def prepare(self, env, make):
        """The environment itself."""
        return env

    def save(self, env):
        """Refuses."""
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, self._message)

    def restore(self, env, content):
        """Refuses."""
        self.save(env)

    def check(self, env, content):
        """Refuses."""
        self.save(env)


class Native:
    """Copies what changes.

    Args:
        constants: Names of attributes that never change after construction.
    """

    def __init__(self, constants):
        self._constants = constants

    def prepare(self, env, make):
        """The environment itself."""
        return env

    def save(self, env):
        """A copy, as plain data."""
        return copy_env(env, self._constants)

    def restore(self, env, content):
        """Puts a copy back."""
        put_env(env, content)

    def check(self, env, content):
        """Raises NotCopied for plain data from elsewhere that is no copy."""
        check_copy(env, content, self._constants)


class Replay:
    """Plays resets and actions again, and checks that the same state came out.

    A Box2D world cannot be copied: deepcopy of a LunarLander is an environment that was never reset.

    Args:
        history: Whether an episode depends on those before it, because the environment keeps its world: then all episodes are
            played again, in an environment made anew.
    """

    def __init__(self, history):
        self._history = history

    def prepare(self, env, make):
        """The environment with its log; `make()` makes another one."""
        return Recorder(env, make, self._history)

    def save(self, env):
        """The log and what must come out of it, as plain data."""
        return {"log": env.log(), "result": _fingerprint(env.env)}

    def restore(self, env, content):
        """Plays the log.

        Raises:
            NotCopied: Another state came out.
        """
        env.replay(content["log"])
        if not same(content["result"], _fingerprint(env.env)):
            raise NotCopied("playing its episode again gave another state")

    def check(self, env, content):
        """Raises NotCopied for plain data from elsewhere that is no log."""
        log = content.get("log") if isinstance(content, dict) else None
        if not isinstance(log, list) or not log or not isinstance(content.get("result"), dict):
            raise NotCopied("it is no log of episodes")
        if sum(len(episode.get("actions", ())) for episode in log if isinstance(episode, dict)) > _MOST_STEPS:
            raise NotCopied(f"it has more than {_MOST_STEPS} steps")
        for episode in log:
            _check_episode(env, episode)


def _check_episode(env, episode):
    if not isinstance(episode, dict) or set(episode) != {"before", "seed", "options", "actions"}:
        raise NotCopied("it is no log of episodes")
    check_copy(env.env, episode["before"])
    seed, options = episode["seed"], episode["options"]
    if not (seed is None or (type(seed) is int and seed >= 0)) or not isinstance(options, (dict, type(None))):
        raise NotCopied("a reset of its log is not valid")
    if not all(env.action_space.contains(action) for action in episode["actions"]):
        raise NotCopied("an action of its log is not valid")


def _fingerprint(env):
    return {"env": copy_env(env), "bodies": bodies(env)}


class Recorder(gymnasium.Wrapper):
    """Keeps the resets and actions that led to the state of an environment.

    Args:
        env: The environment.
        make: Makes another one like it.
        history: Whether to keep all episodes instead of the last one.
    """

    def __init__(self, env, make, history):
        super().__init__(env)
        self._make, self._history = make, history
        self._episodes, self._actions = [], []
        self._earlier_steps = 0
        # Why the log does not tell all.
        self._lost = ""

    def reset(self, *, seed=None, options=None):
        """Resets, and begins a new log or a new episode in it."""
        if self._history:
            self._earlier_steps += len(self._actions)
            if self._earlier_steps > _MOST_STEPS:
                self._lose(f"its episodes together have more than {_MOST_STEPS} steps")
        else:
            self._episodes, self._lost = [], ""
        self._actions = []
        if not self._lost:
            before = copy_env(self.env, atoms_only=True)
            episode = {"before": before, "seed": seed, "options": copy_plain(options), "actions": self._actions}
            self._episodes.append(episode)
        return self.env.reset(seed=seed, options=options)

    def step(self, action):
        """Steps and keeps the action."""
        self._actions.append(action)
        return self.env.step(action)

    def touched(self):
        """Something other than a reset or step may have changed the environment."""
        self._lose("an attribute was set or a method called")

    def _lose(self, why):
        self._lost, self._episodes = why, []

    def log(self):
        """The log as plain data.

        Raises:
            NotCopied: It is not whole, or too long.
        """
        if not self._lost and self._earlier_steps + len(self._actions) > _MOST_STEPS:
            raise NotCopied(f"it has more than {_MOST_STEPS} steps to play again")
        if self._lost:
            raise NotCopied(self._lost)
        return [{**episode, "actions": list(episode["actions"])} for episode in self._episodes]

    def replay(self, log):
        """Does what a log tells."""
        if self._history:
            fresh = self._make()
            self.env.close()
            self.env = fresh
        self._episodes, self._actions, self._earlier_steps, self._lost = [], [], 0, ""
        for episode in log:
            put_env(self.env, episode["before"])
            self.reset(seed=episode["seed"], options=copy_plain(episode["options"]))
            for action in episode["actions"]:
                self.step(action)


def pack_log(content):
    """Plain data of any tier with the actions of a log as arrays, where they are single arrays or numbers."""
    if not isinstance(content, dict):
        return content
    return {**content, "log": [{**episode, "actions": _packed(episode["actions"])} for episode in content["log"]]}


def _packed(actions):
    return np.stack(actions) if actions and isinstance(actions[0], (np.ndarray, np.generic)) else actions


def unpack_log(content):
    """What `pack_log` was given."""
    if not isinstance(content, dict) or not isinstance(content.get("log"), list):
        return content
    return {**content, "log": [_unpacked(episode) for episode in content["log"]]}


def _unpacked(episode):
    if not isinstance(episode, dict) or not isinstance(episode.get("actions"), (list, np.ndarray)):
        return episode
    return {**episode, "actions": list(episode["actions"])}
