"""Registers the environments that a family's manifest names with Gymnasium."""

import importlib
import inspect

import gymnasium

from gymlink.sidecar.parallel import ParallelAsEnv, aec_as_parallel


class MultiAgentConstructor:
    """Constructs a PettingZoo environment as Gymnasium's Env; an entry point whose module is imported when it is first needed.

    Args:
        entry_point: `module:callable` of the PettingZoo environment.
        api: Which of PettingZoo's interfaces it has: "parallel" or "aec".
    """

    def __init__(self, entry_point, api):
        self.entry_point, self._api = entry_point, api

    def __call__(self, **kwargs):
        """Constructs one; raises ImportError, or what its constructor raises."""
        env = load_entry_point(self.entry_point)(**kwargs)
        return ParallelAsEnv(aec_as_parallel(env) if self._api == "aec" else env)

    def takes(self):
        """The callable whose signature tells the arguments.

        PettingZoo's `env` and `parallel_env` take any and hand them on to `raw_env` of the same module.

        Raises:
            ImportError, AttributeError, or whatever the module raises.
        """
        constructor = load_entry_point(self.entry_point)
        parameters = inspect.signature(constructor).parameters.values()
        if any(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            return constructor
        return getattr(importlib.import_module(self.entry_point.partition(":")[0]), "raw_env", constructor)


def register_environments(manifest):
    """Registers a manifest's "environments", none of which is imported yet.

    Raises:
        gymnasium.error.Error: An id is none that Gymnasium allows.
    """
    for env_id, entry in manifest.get("environments", {}).items():
        constructor, api = entry["constructor"], entry.get("api", "gymnasium")
        gymnasium.register(
            env_id,
            entry_point=_entry_point(constructor, api),
            vector_entry_point=constructor if api == "vector" else None,
            reward_threshold=entry.get("reward_threshold"),
            nondeterministic=entry.get("nondeterministic", False),
            max_episode_steps=entry.get("max_episode_steps"),
            kwargs=dict(entry.get("kwargs", {})),
        )


def _entry_point(constructor, api):
    if api == "vector":
        return None
    return constructor if api == "gymnasium" else MultiAgentConstructor(constructor, api)


def load_entry_point(text):
    """What `module:name` names. Raises ImportError, AttributeError, or whatever the module raises."""
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(module), name)
