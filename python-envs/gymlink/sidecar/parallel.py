"""PettingZoo's environments as Gymnasium's Env (session.proto, "Multi-agent environments")."""

import importlib
import inspect
import sys

import gymnasium
import numpy as np
from gymnasium import spaces


def aec_as_parallel(env):
    """An AECEnv as ParallelEnv, by PettingZoo's own converters: its agents act in cycles where that is safe, else in turns."""
    # Here, because only families whose environments need it have PettingZoo.
    conversions = importlib.import_module("pettingzoo.utils.conversions")
    if env.metadata.get("is_parallelizable", False):
        return conversions.aec_to_parallel(env)
    return conversions.turn_based_aec_to_parallel(env)


class ParallelAsEnv(gymnasium.Env):
    """The agents of a PettingZoo ParallelEnv as one: observations and actions are Dicts with an entry for each possible agent.

    Args:
        env: The ParallelEnv. `str` of its possible agents are the keys.

    Attributes:
        par_env: The ParallelEnv.

    Raises:
        TypeError: It does not say which agents are possible.
        ValueError: Two of its agents have the same text.
    """

    def __init__(self, env):
        agents = getattr(env, "possible_agents", None)
        if not agents:
            raise TypeError(f"{type(env).__name__} has no possible_agents, so that its spaces cannot be told before a reset")
        self.par_env, self._names = env, {agent: str(agent) for agent in agents}
        if len(set(self._names.values())) != len(agents):
            raise ValueError(f"two of the agents {', '.join(self._names.values())} have the same name")
        self.render_mode = getattr(env, "render_mode", None)
        self.metadata = {**getattr(env, "metadata", {}), "api": "parallel", "possible_agents": list(self._names.values())}
        # A list of pairs keeps PettingZoo's order, where a dict would be sorted.
        self._observation_spaces = {agent: env.observation_space(agent) for agent in agents}
        self._fillers = {agent: filler(space) for agent, space in self._observation_spaces.items()}
        self._turns = _turns_of(env)
        n = len(agents)
        self.observation_space = spaces.Dict(
            [
                ("observations", self._by_name(self._observation_spaces)),
                ("agents", spaces.MultiBinary(n)),
                ("acting", spaces.MultiBinary(n)),
                ("rewards", spaces.Box(-np.inf, np.inf, (n,), np.float64)),
                ("terminations", spaces.MultiBinary(n)),
                ("truncations", spaces.MultiBinary(n)),
            ]
        )
        self.action_space = self._by_name({agent: env.action_space(agent) for agent in agents})

    def reset(self, *, seed=None, options=None):
        """Begins an episode; infos by name of agent."""
        observations, infos = self.par_env.reset(seed=seed, options=options)
        return self._observation(observations, {}, {}, {}), self._named(infos)

    def step(self, action):
        """Steps the agents that act, with their entries of the action.

        Returns:
            The reward is the sum of the agents' rewards. The episode is over when no agent is left: truncated if an agent was
            truncated in this step, otherwise terminated.
        """
        actions = {agent: action[self._names[agent]] for agent in self._acting()}
        observations, rewards, terminations, truncations, infos = self.par_env.step(actions)
        observation = self._observation(observations, rewards, terminations, truncations)
        is_over = not self.par_env.agents
        is_truncated = is_over and any(map(bool, truncations.values()))
        reward = float(observation["rewards"].sum())
        return observation, reward, is_over and not is_truncated, is_truncated, self._named(infos)

    def render(self):
        """What the ParallelEnv renders."""
        return self.par_env.render()

    def close(self):
        """Closes the ParallelEnv."""
        self.par_env.close()

    def __getattr__(self, name):
        """An attribute of the environment within PettingZoo's wrappers, such as its `state`; raises AttributeError."""
        if name.startswith("_") or "par_env" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(_innermost(self.par_env), name)

    def set_wrapper_attr(self, name, value, *, force=True):
        """Sets an attribute of the environment within PettingZoo's wrappers."""
        setattr(_innermost(self.par_env), name, value)
        return True

    def documentation(self):
        """The ParallelEnv's docstring; where its class has none of its own that of its module, as PettingZoo's have."""
        kind = type(_innermost(self.par_env))
        return inspect.cleandoc(kind.__doc__ or sys.modules[kind.__module__].__doc__ or "")

    def _by_name(self, by_agent):
        return spaces.Dict([(self._names[agent], space) for agent, space in by_agent.items()])

    def _named(self, infos):
        return {str(agent): info for agent, info in infos.items()}

    def _acting(self):
        agents = self.par_env.agents
        return list(agents) if self._turns is None or not agents else [self._turns.agent_selection]

    def _observation(self, observations, rewards, terminations, truncations):
        return {
            "observations": {name: observations.get(agent, self._fillers[agent]) for agent, name in self._names.items()},
            "agents": self._flags(dict.fromkeys(self.par_env.agents, True)),
            "acting": self._flags(dict.fromkeys(self._acting(), True)),
            "rewards": np.array([rewards.get(agent, 0) for agent in self._names], np.float64),
            "terminations": self._flags(terminations),
            "truncations": self._flags(truncations),
        }

    def _flags(self, by_agent):
        return np.array([bool(by_agent.get(agent, False)) for agent in self._names], np.int8)


def _innermost(env):
    """The environment within PettingZoo's wrappers and conversions."""
    return getattr(env, "unwrapped", env)


def _turns_of(env):
    """The AECEnv behind PettingZoo's conversion of one whose agents act in turns; None for any other ParallelEnv."""
    # By name: PettingZoo is not there where no family needs it, and its ParallelEnv may be implemented without it.
    names = [kind.__name__ for kind in type(env).__mro__]
    return env.aec_env if "turn_based_aec_to_parallel_wrapper" in names else None


def filler(space):
    """The element of a space that stands for a value that is not there.

    Returns:
        Box: zeros, clipped into its bounds. Discrete and MultiDiscrete: the least values. MultiBinary: zeros. Text: the shortest,
        of its first character. Dict and Tuple: the fillers of their spaces. Sequence: the empty one. Graph: one node, no edges.
        OneOf: the filler of its first space.

    Raises:
        TypeError: The space is none of Gymnasium's kinds.
    """
    for kind, make in _FILLERS.items():
        if isinstance(space, getattr(spaces, kind, ())):
            return make(space)
    raise TypeError(f"{type(space).__name__} is none of Gymnasium's kinds of spaces")


def _least(space):
    return np.zeros(space.shape, space.dtype) + getattr(space, "start", np.zeros((), space.dtype))


def _empty_sequence(space):
    return gymnasium.vector.utils.create_empty_array(space.feature_space, n=0) if space.stack else ()


def _one_node(space):
    return spaces.GraphInstance(filler(space.node_space)[np.newaxis], None, None)


_FILLERS = {
    "Box": lambda space: np.asarray(np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)),
    "Discrete": lambda space: space.start,
    "MultiDiscrete": _least,
    "MultiBinary": lambda space: np.zeros(space.shape, space.dtype),
    "Text": lambda space: space.character_list[0] * space.min_length,
    "Dict": lambda space: {key: filler(entry) for key, entry in space.spaces.items()},
    "Tuple": lambda space: tuple(filler(element) for element in space.spaces),
    "Sequence": _empty_sequence,
    "Graph": _one_node,
    "OneOf": lambda space: (0, filler(space.spaces[0])),
}
