"""A vector environment on a server whose sub-environments do not wait for each other."""

import math
import operator
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from gymlink.client import batches
from gymlink.client.actions import encode_actions
from gymlink.client.errors import failure, malformed
from gymlink.client.remote_vector_env import RemoteVectorEnv
from gymlink.client.transitions import TransitionDetails, read_ready, vector_infos
from gymlink.client.vector_arguments import reset_request
from gymlink.client.warning import InfoWarning

_MOST_WAIT_MS = 1 << 31


class RemoteAsyncVectorEnv:
    """Sub-environments of which each steps as soon as it has an action; the interface of EnvPool.

        envs = RemoteAsyncVectorEnv("LunarLander-v3", num_envs=64, batch_size=32)
        envs.async_reset()
        while True:
            observations, rewards, terminations, truncations, infos = envs.recv()
            envs.send(policy(observations), infos["env_id"])

    A sub-environment is under way from the `async_reset` or `send` that names it until `recv` gives its row. A slow one delays
    only those of its own worker process that have an action already: give it more `num_workers`. Each plays exactly as in a
    `RemoteVectorEnv` with the same actions; which ones share a batch depends on time.

    Args:
        env_id: Id from the server's catalogue, for example ``LunarLander-v3``.
        num_envs: Number of sub-environments.
        batch_size: Sub-environments of a batch, from 1 to below `num_envs`.
        max_wait_ms: Milliseconds after the first of a batch is ready, after which the batch comes with those that are ready by
            then; 0 waits for `batch_size`.
        **options: As for `RemoteVectorEnv`, constructor arguments of the environment too.

    Attributes:
        num_envs: Number of sub-environments.
        batch_size: Sub-environments of a batch.
        single_observation_space: Observation space of one.
        single_action_space: Action space of one.
        observation_space: Space of the observations of all.
        action_space: Space of actions for all.
        autoreset_mode: The AutoresetMode.
        metadata: The environment's metadata.
        max_episode_steps: Steps after which an episode is truncated; 0 for no limit.
        seed: Seed that the first reset uses if it names none: sub-environment i gets ``seed + i``.

    Raises:
        GymlinkError: As `RemoteVectorEnv`; INVALID_ARGUMENT for a batch size or a wait that cannot be.
    """

    def __init__(self, env_id, num_envs, batch_size, *, max_wait_ms=0, **options):
        batch_size = operator.index(batch_size)
        if not 1 <= batch_size < num_envs:
            message = f"batch_size must be from 1 to below num_envs, {num_envs}, not {batch_size}"
            raise _invalid(f"{message}: RemoteVectorEnv steps all of them at a time.")
        if not 0 <= max_wait_ms < _MOST_WAIT_MS:
            raise _invalid(f"max_wait_ms must be a number from 0 to below {_MOST_WAIT_MS}, not {max_wait_ms}.")
        batching = {"batch_size": batch_size, "max_wait_us": math.ceil(max_wait_ms * 1000)}
        self._envs = envs = RemoteVectorEnv(env_id, num_envs, _batching=batching, **options)
        self._session: Any = envs.session
        self.num_envs, self.batch_size = envs.num_envs, batch_size
        self.single_observation_space, self.single_action_space = envs.single_observation_space, envs.single_action_space
        self.observation_space, self.action_space = envs.observation_space, envs.action_space
        self.autoreset_mode, self.metadata = envs.autoreset_mode, envs.metadata
        self.max_episode_steps, self.seed = envs.max_episode_steps, envs.seed
        # How many must be under way for a batch to come.
        self._least = 1 if max_wait_ms > 0 else batch_size
        # Number of the request that each sub-environment is under way with; 0 where it is free.
        self._under_way = np.zeros(num_envs, np.int64)
        self._unanswered, self._parts = set(), []
        self._all, self._frame, self._warning = np.arange(num_envs, dtype=np.uint32), VectorEnv(), InfoWarning(env_id)

    def async_reset(self, *, seed=None, options=None):
        """Begins an episode in all sub-environments, or in those of ``options["reset_mask"]``; `recv` gives their rows.

        Args:
            seed: As for `RemoteVectorEnv.reset`.
            options: As for `RemoteVectorEnv.reset`.

        Raises:
            GymlinkError: INVALID_SEED; INVALID_ARGUMENT, also where one is under way. What an environment raises is raised
                by `recv`.
            TypeError: As `RemoteVectorEnv.reset`.
            ValueError: As `RemoteVectorEnv.reset`.
        """
        envs, request = reset_request(seed, options, self._all)
        self._begin(envs, "reset", request)

    def send(self, actions, env_id):
        """Begins one step in some sub-environments; returns at once.

        Args:
            actions: One for each of them, in the form that ``action_space.sample()`` has.
            env_id: Which, ascending: as a rule the ``infos["env_id"]`` that `recv` gave, or a part of it.

        Raises:
            GymlinkError: INVALID_ACTION, INVALID_ENV_INDEX, or INVALID_ARGUMENT where one of them is under way; nothing was sent
                then. What the server answers is raised by `recv`.
        """
        envs = self._named(env_id)
        data = encode_actions(self.single_action_space, actions, len(envs))
        self._begin(envs, "step", {"env_indices": envs.tolist(), "actions": data})

    def recv(self):
        """Waits for the `batch_size` sub-environments that are ready first; fewer after `max_wait_ms`, and before a failure.

        Returns:
            ``(observations, rewards, terminations, truncations, infos)`` by row. ``infos["env_id"]`` says whose the rows are: an
            int32 array, ascending. Rewards of rows that resets made are 0.

        Raises:
            GymlinkError: The failure of a `send` or an `async_reset`: sub-environments of it that no batch has had are free
                again; those of `env_indices` (ENVIRONMENT_RAISED) and of `advanced_env_indices` need a reset, others did not
                advance. INVALID_ARGUMENT where too few are under way for a batch ever to come.
        """
        while True:
            under_way = np.count_nonzero(self._under_way)
            if under_way < self._least and not self._unanswered and not self._session.has_arrival:
                message = f"{under_way} sub-environments are under way, and a batch takes {self._least}"
                raise _invalid(f"recv would wait for ever: {message}.")
            request, found = self._session.arrival()
            if request == 0:
                return self._batch(found)
            self._unanswered.discard(request)
            if found is not None:
                self._under_way[self._under_way == request] = 0
                raise found

    def last_transition(self):
        """What the protocol tells of the batch that `recv` gave last, by row, as TransitionDetails."""
        return TransitionDetails(self.single_observation_space, self._parts)

    def render(self, *, encoding=None, width=None, env_indices=None):
        """As `RemoteVectorEnv.render`, when those asked for are ready."""
        return self._envs.render(encoding=encoding, width=width, env_indices=env_indices)

    def call(self, name, *args, **kwargs):
        """As `RemoteVectorEnv.call`, when all sub-environments are ready."""
        return self._envs.call(name, *args, **kwargs)

    def get_attr(self, name):
        """As `RemoteVectorEnv.get_attr`, when all sub-environments are ready."""
        return self._envs.get_attr(name)

    def set_attr(self, name, values):
        """As `RemoteVectorEnv.set_attr`, when all sub-environments are ready."""
        self._envs.set_attr(name, values)

    def close(self):
        """Closes the sub-environments, whatever is under way. Calling it again does nothing."""
        self._envs.close()

    def _named(self, env_id):
        given = np.asarray(env_id)
        if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iu":
            raise _invalid(f"env_id names sub-environments by whole numbers, at least one, not {env_id!r}.")
        outside = given[(given < 0) | (given >= self.num_envs)]
        if outside.size:
            message = f"{outside[0]} is no sub-environment: there are 0 to {self.num_envs - 1}. Nothing was sent."
            raise failure("INVALID_ENV_INDEX", message)
        late = given[1:][given[1:] <= given[:-1]]
        if late.size:
            message = f"Sub-environment {late[0]} does not follow the one before: name each once, ascending. Nothing was sent."
            raise failure("INVALID_ENV_INDEX", message, env_indices=[int(late[0])])
        return given

    def _begin(self, envs, kind, request):
        busy = envs[self._under_way[envs] != 0].tolist()
        if busy:
            others = f" (and {len(busy) - 1} more)" if len(busy) > 1 else ""
            message = f"Sub-environment {busy[0]}{others} is under way: recv gives its row first. Nothing was sent."
            raise failure("INVALID_ARGUMENT", message, env_indices=busy)
        seq = self._session.send(kind, request)
        self._under_way[envs] = seq
        self._unanswered.add(seq)

    def _batch(self, messages):
        parts = read_ready(self.single_observation_space, messages)
        envs, rewards, terminations, truncations = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("env_indices", "rewards", "terminations", "truncations")
        )
        if (envs >= self.num_envs).any() or not self._under_way[envs].all():
            raise malformed("rows came of sub-environments that are not under way")
        self._under_way[envs], self._parts, self._frame.num_envs = 0, parts, len(envs)
        observations = batches.joined(self.single_observation_space, [part.observations for part in parts])
        infos = vector_infos(self._frame, self.single_observation_space, parts, self._warning)
        return observations, rewards, terminations, truncations, {**infos, "env_id": envs.astype(np.int32)}


def _invalid(message):
    return failure("INVALID_ARGUMENT", message)
