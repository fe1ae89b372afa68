"""PufferLib's Ocean environments, as far as PyPI's wheels have them, behind PufferLib's own emulation.

Each tests one ability of a learning algorithm, within seconds. They draw from Python's and NumPy's global generators: two in one
process would disturb each other.
"""

import importlib
import random
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

import gymnasium
import numpy as np
import pufferlib
import pufferlib.emulation

_MOST_SEEDS = 2**32


def _import_from_ocean(name):
    """The module `name` of the package pufferlib.ocean.

    That package cannot be imported as it is: it begins by importing environments of which the wheels have the compiled half only.
    """
    if "pufferlib.ocean" not in sys.modules:
        spec = ModuleSpec("pufferlib.ocean", None, is_package=True)
        spec.submodule_search_locations = [str(Path(pufferlib.__file__).parent / "ocean")]
        sys.modules["pufferlib.ocean"] = module_from_spec(spec)
    return importlib.import_module(f"pufferlib.ocean.{name}")


sanity = _import_from_ocean("sanity")


class Emulated(pufferlib.emulation.GymnasiumPufferEnv):
    """A Gymnasium environment behind PufferLib's emulation: observations are flat arrays, actions numbers or flat arrays.

    Args:
        env: The environment. Its reset() may ignore the seed, and need not take options.
    """

    def __init__(self, env):
        super().__init__(env=env)
        space = self.observation_space
        # Without a buffer the emulation refuses environments that give numbers where their space has an array of one.
        self.buf = pufferlib.namespace(
            observations=np.zeros((1, *space.shape), space.dtype),
            rewards=np.zeros(1, np.float32),
            terminals=np.zeros(1, bool),
            truncations=np.zeros(1, bool),
            masks=np.ones(1, bool),
        )

    def reset(self, *, seed=None, options=None):
        """As gymnasium.Env.reset; a seed begins the process's global generators anew."""
        if seed is not None:
            seed %= _MOST_SEEDS
            random.seed(seed)
            np.random.seed(seed)
        return super().reset(seed=seed)


def _emulate(env):
    """The environment as Emulated, of a class with its documentation."""
    upstream = type(env.unwrapped)
    return type(upstream.__name__, (Emulated,), {"__doc__": upstream.__doc__})(env)


def bandit(num_actions=10, reward_scale=1, reward_noise=1):
    """One arm of `num_actions` is right; rewards of one step, with Gaussian noise unless `reward_noise` is 0."""
    return _emulate(sanity.Bandit(num_actions, reward_scale, reward_noise))


def memory(mem_length=2, mem_delay=2):
    """A sequence of `mem_length` digits is to be repeated after `mem_delay` steps."""
    return _emulate(sanity.Memory(mem_length, mem_delay))


def password(password_length=5):
    """A binary password that is always the same is to be guessed, digit by digit."""
    return _emulate(sanity.Password(password_length))


def stochastic(p=0.7, horizon=100):
    """Action 0 is to be taken with probability `p`."""
    return _emulate(sanity.Stochastic(p, horizon))


def squared(distance_to_target=3, num_targets=1):
    """Targets at the edge of a square are to be reached from its centre."""
    return _emulate(sanity.Squared(distance_to_target, num_targets))


def continuous(discretize=False):
    """A point that is accelerated, along 2 axes or by 4 actions, is to reach a target."""
    return _emulate(sanity.Continuous(discretize))


def spaces():
    """The signs of two sums are to be told: Dicts of observations and actions, which the emulation flattens."""
    return _emulate(sanity.Spaces())


def emulated(env_id):
    """An environment of Gymnasium's own behind PufferLib's emulation."""
    return _emulate(gymnasium.make(env_id, disable_env_checker=True))


def register():
    """Registers `pufferlib/squared` and so on, and Gymnasium's environments that need no more, as `pufferlib/CartPole-v1`."""
    for constructor in (bandit, memory, password, stochastic, squared, continuous, spaces):
        gymnasium.register(f"pufferlib/{constructor.__name__}", constructor)
    needing_nothing = ("gymnasium.envs.classic_control", "gymnasium.envs.toy_text")
    for env_id, spec in list(gymnasium.registry.items()):
        if str(spec.entry_point).startswith(needing_nothing):
            gymnasium.register(f"pufferlib/{env_id}", emulated, kwargs={"env_id": env_id})


register()
