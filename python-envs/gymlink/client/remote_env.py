"""A single environment on a server."""

import weakref

import gymnasium
import numpy as np

from gymlink.client import batches, calls, rendering, spaces
from gymlink.client.actions import encode_action
from gymlink.client.infos import of_each
from gymlink.client.opening import DEFAULT_TIMEOUT_S, arguments, open_session, seed_message
from gymlink.client.transitions import read_parts
from gymlink.client.warning import InfoWarning
from gymlink.protocol import schema

_ONLY = np.zeros(1, np.uint32)


class RemoteEnv(gymnasium.Env):
    """An environment on a gymlink server. Also made by ``gymnasium.make("gymlink/ID", address=…)``.

    As with any `gymnasium.Env`, an episode that ended needs a `reset`. Actions must be within the action space (clip before
    stepping where a policy overshoots).

    Args:
        env_id: Id from the server's catalogue, for example ``LunarLander-v3``.
        address: ``HOST:PORT`` or ``unix:/path/to/socket``; by default the environment variable GYMLINK_ADDRESS, else
            ``localhost:50051``.
        render_mode: One of the environment's render modes other than ``human``, or one of them with ``_list`` behind it.
            (`gymnasium.make` shows the frames of ``rgb_array`` for ``human``.)
        max_episode_steps: Steps after which an episode is truncated, instead of the environment's own limit. `gymnasium.make`
            keeps an argument of this name for a TimeLimit of its own, which can only shorten episodes.
        timeout_s: Seconds within which the server must answer each request; the default is longer than its own deadlines.
        **kwargs: Constructor arguments, each on the environment's allow-list.

    Attributes:
        metadata: The environment's metadata; ``human`` is not among its render modes, because it would open a window on the
            server.

    Raises:
        GymlinkError: As the server says, for example UNKNOWN_ENVIRONMENT, INVALID_KWARGS or NOT_ALLOWED; CONNECTION_FAILED.
    """

    # What gymnasium.make may ask for: it wraps other modes (human, lists) itself.
    metadata = {"render_modes": rendering.MODES}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, env_id, *, address=None, render_mode=None, max_episode_steps=None, timeout_s=DEFAULT_TIMEOUT_S, **kwargs):
        fields = {
            "num_envs": 1,
            "render_mode": render_mode,
            "max_episode_steps": max_episode_steps,
            "autoreset_mode": schema.AUTORESET_MODE_DISABLED,
        }
        self._session, opened = open_session(env_id, address, timeout_s, fields, kwargs)
        self._finalizer = weakref.finalize(self, self._session.abandon)
        self.render_mode = render_mode
        self.metadata = rendering.metadata(opened)
        self.observation_space = spaces.from_message(opened.get("observation_space", {}))
        self.action_space = spaces.from_message(opened.get("action_space", {}))
        self._warning = InfoWarning(env_id)

    def reset(self, *, seed=None, options=None):
        """Begins a new episode.

        Args:
            seed: Seed of the environment's generator; None lets it go on.
            options: Options of the environment, with text keys.

        Returns:
            ``(observation, info)``.

        Raises:
            GymlinkError: INVALID_SEED or ENVIRONMENT_RAISED.
        """
        super().reset(seed=seed)
        request = {}
        if seed is not None:
            request["seed"] = seed_message(seed)
        if options is not None:
            request["options"] = arguments(options, "reset option")
        part = self._read(self._session.request("reset", request, "transition"))
        return self._observation(part), self._info(part)

    def step(self, action):
        """Takes one step.

        Returns:
            ``(observation, reward, terminated, truncated, info)``; the reward is a float.

        Raises:
            GymlinkError: INVALID_ACTION (nothing changed); RESET_NEEDED before the first reset and after the end of an episode;
                ENVIRONMENT_RAISED, WORKER_DIED or DEADLINE_EXCEEDED.
        """
        part = self._read(self._session.request("step", {"actions": encode_action(self.action_space, action)}, "transition"))
        terminated, truncated = bool(part.terminations[0]), bool(part.truncations[0])
        return self._observation(part), float(part.rewards[0]), terminated, truncated, self._info(part)

    def render(self):
        """What the environment's own `render` gives; None, with a warning, without a render mode.

        Raises:
            GymlinkError: RESET_NEEDED before the first reset.
        """
        frames = rendering.render(self, self._session)
        return None if frames is None else frames[0]

    def call(self, name, *args, **kwargs):
        """Calls a method of the environment, or reads an attribute, on its allow-list.

        Raises:
            GymlinkError: NOT_ALLOWED, which is an AttributeError, too; ENVIRONMENT_RAISED; INVALID_ARGUMENT.
        """
        (result,) = calls.call(self._session, name, args, kwargs)
        return result

    def has_wrapper_attr(self, name):
        """Whether `get_wrapper_attr` finds an attribute."""
        try:
            self.get_wrapper_attr(name)
        except AttributeError:
            return False
        return True

    def get_wrapper_attr(self, name):
        """An attribute of this object, or else of the environment on the server, as `call` reads it."""
        return getattr(self, name) if hasattr(self, name) else self.call(name)

    def set_wrapper_attr(self, name, value, *, force=True):
        """Sets an attribute of this object, if it has it, or else of the environment on the server.

        Raises:
            GymlinkError: As `call` does.
        """
        if hasattr(self, name):
            setattr(self, name, value)
        else:
            calls.set_values(self._session, name, [value])
        return True

    def close(self):
        """Closes the environment. Calling it again does nothing."""
        self._finalizer.detach()
        self._session.close()

    def _read(self, messages):
        (part,) = read_parts(self.observation_space, messages, _ONLY)
        return part

    def _observation(self, part):
        return batches.row(self.observation_space, part.observations, 0)

    def _info(self, part):
        if not part.infos:
            return {}
        self._warning.look_at(part.infos)
        return of_each(part.infos).get(0, {})
