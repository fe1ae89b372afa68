"""Environments of several agents on a gymlink server as PettingZoo's ParallelEnv.

    from gymlink.pettingzoo import RemoteParallelEnv

    env = RemoteParallelEnv("mpe/simple_tag_v3", address="localhost:50051")
    observations, infos = env.reset(seed=42)
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)

Environments with turns (AEC) are served as PettingZoo's own conversion has them: `acting` names the agent whose turn it is. Needs
pettingzoo beside the extra ``client`` of this package.
"""

from copy import deepcopy
from typing import Any

from gymlink.client import GymlinkError, RemoteEnv, calls
from gymlink.client.errors import failure

try:
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as error:
    if error.name != "pettingzoo":
        raise
    message = "gymlink.pettingzoo needs PettingZoo, which is not installed here: pip install pettingzoo"
    raise ModuleNotFoundError(message, name="pettingzoo") from error

__all__ = ["RemoteParallelEnv"]


class RemoteParallelEnv(ParallelEnv):
    """An environment of several agents on a gymlink server as PettingZoo's ParallelEnv.

    The episode is over when `agents` is empty, and then needs a `reset`.

    Args:
        env_id: Id from the server's catalogue, for example ``mpe/simple_tag_v3``.
        **options: What `gymlink.client.RemoteEnv` takes, other than ``wrappers``: address, render_mode, max_episode_steps, seed,
            info_keys (names of agents), timeout_s, and constructor arguments.

    Attributes:
        agents: The agents that are alive, in the order of `possible_agents`; empty before the first reset.
        possible_agents: Every agent that may be there in an episode.
        acting: The agents whose actions the next `step` uses: those that are alive, or the one whose turn it is.
        metadata: The environment's metadata, without the render mode ``human``.
        render_mode: The render mode; None for none.
        seed: Seed that the first reset uses if it names none.
        max_episode_steps: Steps after which an episode is truncated; 0 for no limit but the environment's own.

    Raises:
        GymlinkError: As RemoteEnv does; INVALID_ARGUMENT for an environment that is not one of several agents.
    """

    def __init__(self, env_id, **options):
        # Any: that its spaces are Dicts, the type of an Env does not tell.
        self._env: Any = RemoteEnv(env_id, **options)
        self.metadata, self.render_mode = self._env.metadata, self._env.render_mode
        self.seed, self.max_episode_steps = self._env.seed, self._env.max_episode_steps
        if self.metadata.get("api") != "parallel":
            self.close()
            raise failure("INVALID_ARGUMENT", f"{env_id} has no agents of its own: make it with RemoteEnv or gymnasium.make.")
        self.possible_agents = list(self.metadata["possible_agents"])
        self.observation_spaces = dict(self._env.observation_space["observations"].spaces)
        self.action_spaces = dict(self._env.action_space.spaces)
        # Of a space of their own: drawing them must not change what the caller's space samples.
        self._unused = deepcopy(self._env.action_space).sample()
        self.agents, self.acting = [], []

    def observation_space(self, agent):
        """An agent's observation space, the same object each time; raises KeyError for an unknown agent."""
        return self.observation_spaces[agent]

    def action_space(self, agent):
        """An agent's action space, the same object each time; raises KeyError for an unknown agent."""
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        """Begins a new episode.

        Args:
            seed: Seed of the environment's generator; None lets it go on.
            options: Options of the environment, with text keys.

        Returns:
            ``(observations, infos)`` by the agents that are alive.

        Raises:
            GymlinkError: INVALID_SEED or ENVIRONMENT_RAISED.
        """
        return self._begun(*self._env.reset(seed=seed, options=options), is_over=False)

    def step(self, actions):
        """Takes one step.

        Args:
            actions: An action for each agent of `acting`. Those of agents that are alive and do not act are ignored, as
                PettingZoo's conversion of environments with turns ignores them.

        Returns:
            ``(observations, rewards, terminations, truncations, infos)`` by the agents that were alive before the step or came
            with it. A step limit truncates every agent that is still alive.

        Raises:
            GymlinkError: INVALID_ACTION if an action is missing, not in its space, or of an agent that is not alive (nothing
                changed); RESET_NEEDED before the first reset and after the end of an episode; ENVIRONMENT_RAISED, WORKER_DIED
                or DEADLINE_EXCEEDED.
        """
        self._check(actions)
        chosen = {**self._unused, **{agent: actions[agent] for agent in self.acting}}
        seen, _, _, is_cut, infos = self._env.step(chosen)
        before, after = self.agents, self._marked(seen["agents"])
        self.agents, self.acting = ([], []) if is_cut else (after, self._marked(seen["acting"]))
        rewards, terminations, truncations = (
            dict(zip(self.possible_agents, seen[name].tolist())) for name in ("rewards", "terminations", "truncations")
        )
        concerned = [agent for agent in self.possible_agents if agent in before or agent in after]
        return (
            {agent: seen["observations"][agent] for agent in concerned},
            {agent: rewards[agent] for agent in concerned},
            {agent: bool(terminations[agent]) for agent in concerned},
            {agent: bool(truncations[agent]) or (is_cut and agent in after) for agent in concerned},
            {agent: infos.get(agent, {}) for agent in concerned},
        )

    def state(self):
        """The global state of the environment.

        Raises:
            NotImplementedError: It has none that clients may ask for.
            GymlinkError: ENVIRONMENT_RAISED, for example before the first reset.
        """
        try:
            return self.call("state")
        except GymlinkError as error:
            if error.reason != "NOT_ALLOWED":
                raise
            raise NotImplementedError(f"{self} has no state that may be asked for.") from error

    def get_attr(self, name):
        """An attribute of PettingZoo's environment on the server.

        Raises:
            GymlinkError: NOT_ALLOWED, which is an AttributeError, too, for a name that is not on its allow-list.
        """
        return self.call(name)

    def set_attr(self, name, value):
        """Sets an attribute of PettingZoo's environment on the server; raises as `get_attr` does."""
        calls.set_values(self._env.session, name, [value])

    def call(self, name, *args, **kwargs):
        """Calls a method of PettingZoo's environment on the server, or reads an attribute.

        Raises:
            GymlinkError: NOT_ALLOWED, which is an AttributeError, too; ENVIRONMENT_RAISED; INVALID_ARGUMENT.
        """
        return self._env.call(name, *args, **kwargs)

    def save_state(self):
        """Saves the state of the environment and its agents, to the bit.

        Returns:
            Its id, an int that is valid in this environment until `drop_state`.

        Raises:
            GymlinkError: As `RemoteEnv.save_state` does.
        """
        return self._env.save_state()

    def restore_state(self, state_id):
        """Continues a saved episode; may be called any number of times with the same state.

        Returns:
            ``(observations, infos)`` by the agents that are alive: none for a state that was saved at the end of an episode.

        Raises:
            GymlinkError: STATE_NOT_FOUND.
        """
        seen, infos = self._env.restore_state(state_id)
        return self._begun(seen, infos, is_over=0 < self.max_episode_steps <= self._env.episode_steps)

    def drop_state(self, state_id):
        """Forgets a saved state; raises GymlinkError STATE_NOT_FOUND for an unknown one."""
        self._env.drop_state(state_id)

    def export_state(self, state_id):
        """A saved state as bytes, for `import_state` of another session; raises as `RemoteEnv.export_state` does."""
        return self._env.export_state(state_id)

    def import_state(self, state):
        """Takes an exported state in; returns its id here. Raises as `RemoteEnv.import_state` does."""
        return self._env.import_state(state)

    def render(self):
        """What the environment's own `render` gives; None, with a warning, without a render mode.

        Raises:
            GymlinkError: RESET_NEEDED before the first reset; ENVIRONMENT_RAISED.
        """
        return self._env.render()

    def close(self):
        """Closes the environment. Calling it again does nothing."""
        self._env.close()

    def _begun(self, seen, infos, is_over):
        self.agents = [] if is_over else self._marked(seen["agents"])
        self.acting = [] if is_over else self._marked(seen["acting"])
        observations = {agent: seen["observations"][agent] for agent in self.agents}
        return observations, {agent: infos.get(agent, {}) for agent in self.agents}

    def _marked(self, flags):
        return [agent for agent, flag in zip(self.possible_agents, flags.tolist()) if flag]

    def _check(self, actions):
        if not self.agents:
            raise failure("RESET_NEEDED", "No agent is alive, before the first reset or after the end of an episode: reset.")
        for agent in actions:
            if agent not in self.agents:
                message = f"The agent {agent!r} is not alive. Alive: {', '.join(self.agents)}. Nothing was stepped."
                raise failure("INVALID_ACTION", message)
        for agent in self.acting:
            if agent not in actions:
                message = f"The agent {agent!r} has no action. Now act: {', '.join(self.acting)}. Nothing was stepped."
                raise failure("INVALID_ACTION", message)
