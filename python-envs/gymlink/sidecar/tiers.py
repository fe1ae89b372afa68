"""How an environment's state is saved exactly: by copying what changes, by playing its episode again, or by forking its process.

A family's manifest declares the tier under ``states``, by id or pattern: ``{"tier": "native", "constants": [...]}``, ``{"tier":
"replay"}`` or ``{"tier": "fork"}``. It may declare only what a test has held against Gymnasium
(families/gymnasium/test_states.py).
A state of the first two is plain data, which can travel; where it has no such form, its process is forked, too (keeper.py).
"""

from fnmatch import fnmatchcase

from gymlink.protocol import schema
from gymlink.protocol.spaces import of_space
from gymlink.sidecar.copies import NotCopied, bodies, check_copy, copy_env, put_env, put_wrappers, same
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.recorder import MOST_STEPS, Recorder


def tier_of(manifest, env_id):
    """The tier that a manifest declares for an environment."""
    for pattern, declared in manifest.get("states", {}).items():
        if fnmatchcase(env_id, pattern):
            if declared["tier"] == "native":
                return Native(frozenset(declared.get("constants", ())))
            return Fork() if declared["tier"] == "fork" else Replay()
    return Undeclared(env_id)


class Undeclared:
    """The tier of environments whose state cannot be saved."""

    forks = False

    def __init__(self, env_id):
        self._message = f"States of {env_id} cannot be saved: its family's manifest declares no way that is exact."

    def prepare(self, env):
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

    forks = False

    def __init__(self, constants):
        self._constants = constants

    def prepare(self, env):
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
    """Plays the last reset and the actions since again, and checks that the same state came out.

    A Box2D world cannot be copied: deepcopy of a LunarLander is an environment that was never reset. Its wrappers can: what they
    keep is put back, because it may hold clocks, or means over all episodes.
    """

    forks = False
    _history = False

    def prepare(self, env):
        """The environment with its log."""
        return Recorder(env, self._history)

    def save(self, env):
        """The log and what must come out of it, as plain data."""
        return {"log": env.log(), "result": _fingerprint(env.env)}

    def restore(self, env, content):
        """Plays the log.

        Raises:
            NotCopied: Another state came out.
        """
        env.replay(content["log"])
        result, again = content["result"], _fingerprint(env.env)
        if not same(result["env"][-1], again["env"][-1]) or not same(result["bodies"], again["bodies"]):
            raise NotCopied("playing its episode again gave another state")
        put_wrappers(env.env, result["env"])

    def check(self, env, content):
        """Raises NotCopied for plain data from elsewhere that is no log."""
        log = content.get("log") if isinstance(content, dict) else None
        result = content.get("result") if log else None
        if not isinstance(log, list) or not all(map(_is_episode, log)):
            raise NotCopied("it is no log of episodes")
        if not isinstance(result, dict) or set(result) != {"env", "bodies"}:
            raise NotCopied("it is no log of episodes")
        check_copy(env.env, result["env"])
        if sum(len(episode["actions"]) for episode in log) > MOST_STEPS:
            raise NotCopied(f"it has more than {MOST_STEPS} steps")
        for episode in log:
            _check_episode(env, episode)


class Fork(Replay):
    """Forks the process of an environment that keeps its world: an episode depends on all those before it.

    Its plain form, which can travel, is the log of all episodes, to be played again in an environment made anew.
    """

    forks = True
    _history = True


def _is_episode(episode):
    names = {"before", "seed", "options", "actions"}
    return isinstance(episode, dict) and set(episode) == names and isinstance(episode["actions"], list)


def _check_episode(env, episode):
    check_copy(env.env, episode["before"])
    seed, options = episode["seed"], episode["options"]
    if not (seed is None or (type(seed) is int and seed >= 0)) or not isinstance(options, (dict, type(None))):
        raise NotCopied("a reset of its log is not valid")
    if not all(env.action_space.contains(of_space(env.action_space, action)) for action in episode["actions"]):
        raise NotCopied("an action of its log is not valid")


def _fingerprint(env):
    return {"env": copy_env(env), "bodies": bodies(env)}
