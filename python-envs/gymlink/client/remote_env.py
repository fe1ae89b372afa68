"""A single environment on a server."""

import weakref
from typing import Any

import gymnasium
import numpy as np

from gymlink.client import batches, calls, rendering, saved_states, spaces
from gymlink.client.actions import encode_action
from gymlink.client.infos import of_each
from gymlink.client.open_options import open_options
from gymlink.client.opening import DEFAULT_TIMEOUT_S, arguments, open_session, seed_from, seed_message
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
        seed: Seed of the first reset if that names none, from 0 on, of up to 256 bits. Without it the server draws one.
        wrappers: Gymnasium wrappers that the server puts around the environment, innermost first: each a name on the server's
            allow-list (``"TimeAwareObservation"``), a pair of name and arguments (``("FrameStackObservation", {"stack_size":
            4})``), or a dict of ``name`` and ``kwargs``. The spaces are then those of the outermost one.
        info_keys: Top-level keys of the infos that travel; an empty list for no infos at all, None for all.
        compression: ``zstd`` has large observations come compressed, without loss, unless they come through shared memory. It
            pays where the network is the limit, and needs the package zstandard here and in the environment's family.
        newest_frame_only: True where observations are stacks of frames along the first axis of a Box, as FrameStackObservation
            makes them: only the newest frame travels where the others are here already. Observations stay the same to the bit. It
            pays where the network is the limit: payloads never come through shared memory then. MALFORMED_REQUEST where
            observations are no stacks.
        timeout_s: Seconds within which the server must answer each request; the default is longer than its own deadlines.
        **kwargs: Constructor arguments, each on the environment's allow-list.

    Attributes:
        metadata: The environment's metadata; ``human`` is not among its render modes, because it would open a window on the
            server.
        seed: Seed that the first reset uses if it names none.
        max_episode_steps: Steps after which an episode is truncated; 0 for no limit.
        episode_steps: Steps in the episode so far: 0 after a reset, after `restore_state` those of the saved one.
        session: The session underneath, for `gymlink.client.calls`.

    Raises:
        GymlinkError: As the server says, for example UNKNOWN_ENVIRONMENT, INVALID_KWARGS or NOT_ALLOWED; CONNECTION_FAILED;
            INVALID_ARGUMENT or INVALID_SEED before anything is sent.
    """

    # What gymnasium.make may ask for: it wraps other modes (human, lists) itself.
    metadata = {"render_modes": rendering.MODES}  # noqa: RUF012 - as Gymnasium has it

    def __init__(
        self,
        env_id,
        *,
        address=None,
        render_mode=None,
        max_episode_steps=None,
        seed=None,
        wrappers=(),
        info_keys=None,
        compression=None,
        newest_frame_only=False,
        timeout_s=DEFAULT_TIMEOUT_S,
        **kwargs,
    ):
        fields = {
            "num_envs": 1,
            "render_mode": render_mode,
            "max_episode_steps": max_episode_steps,
            "autoreset_mode": schema.AUTORESET_MODE_DISABLED,
            **open_options(
                seed=seed,
                wrappers=wrappers,
                info_keys=info_keys,
                compression=compression,
                newest_frame_only=newest_frame_only,
            ),
        }
        self.session, opened = open_session(env_id, address, timeout_s, fields, kwargs)
        self._finalizer = weakref.finalize(self, self.session.abandon)
        self.render_mode = render_mode
        self.metadata, self.seed = rendering.metadata(opened), seed_from(opened.get("seed", {}))
        self.max_episode_steps = opened.get("environment", {}).get("max_episode_steps", 0)
        self.observation_space = spaces.from_message(opened.get("observation_space", {}))
        self.action_space = spaces.from_message(opened.get("action_space", {}))
        self._seed, self.episode_steps = self.seed, 0
        self._warning = InfoWarning(env_id)

    @property
    def np_random_seed(self):
        """The last seed of the environment's generator; before a first reset, the one that it will use if it names none.

        After a restored state it is not known: -1.
        """
        return self._seed

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
        part = self._read(self.session.request("reset", request, "transition"))
        return self._observation(part), self._info(part)

    def step(self, action):
        """Takes one step.

        Returns:
            ``(observation, reward, terminated, truncated, info)``; the reward is a float.

        Raises:
            GymlinkError: INVALID_ACTION (nothing changed); RESET_NEEDED before the first reset and after the end of an episode;
                ENVIRONMENT_RAISED, WORKER_DIED or DEADLINE_EXCEEDED.
        """
        part = self._read(self.session.request("step", {"actions": encode_action(self.action_space, action)}, "transition"))
        terminated, truncated = bool(part.terminations[0]), bool(part.truncations[0])
        return self._observation(part), float(part.rewards[0]), terminated, truncated, self._info(part)

    def render(self, *, encoding=None, width=None) -> Any:
        """What the environment's own `render` gives; None, with a warning, without a render mode.

        Args:
            encoding: ``png`` (lossless), ``jpeg`` or ``webp`` (of quality 90) for the bytes of an image file instead of an array,
                encoded beside the environment. For the render modes ``rgb_array`` and ``rgb_array_list`` alone, as is `width`.
            width: Width in pixels to scale to, keeping the proportions; by default the frame's own.

        Raises:
            GymlinkError: RESET_NEEDED before the first reset; RENDER_UNAVAILABLE where it cannot be encoded or scaled;
                LIMIT_EXCEEDED for a frame that is too large; INVALID_ARGUMENT for another encoding.
        """
        frames = rendering.render(self, self.session, encoding, width)
        return None if frames is None else frames[0]

    def save_state(self):
        """Saves the state of the environment, its random generator and step limit too, to the bit.

        Returns:
            Its id, an int that is valid in this environment until `drop_state`.

        Raises:
            GymlinkError: RESET_NEEDED before the first reset; UNIMPLEMENTED for an environment whose state cannot be saved
                exactly; LIMIT_EXCEEDED.
        """
        (state_id,) = saved_states.save(self.session)
        return state_id

    def restore_state(self, state_id):
        """Continues a saved episode; may be called any number of times with the same state.

        Returns:
            ``(observation, info)`` as when the state was saved.

        Raises:
            GymlinkError: STATE_NOT_FOUND.
        """
        part = self._read(saved_states.restore(self.session, [state_id]))
        self._seed = -1
        return self._observation(part), self._info(part)

    def drop_state(self, state_id):
        """Forgets a saved state; raises GymlinkError STATE_NOT_FOUND for an unknown one."""
        saved_states.drop(self.session, [state_id])

    def export_state(self, state_id):
        """A saved state as bytes, for `import_state` of another session of the same environment, today or later.

        Raises:
            GymlinkError: STATE_NOT_FOUND; UNIMPLEMENTED for a state that cannot leave its process.
        """
        (state,) = saved_states.export(self.session, [state_id])
        return state

    def import_state(self, state):
        """Takes an exported state in; returns its id here.

        Raises:
            GymlinkError: STATE_MISMATCH for a state of another environment or of other constructor arguments; MALFORMED_REQUEST
                for bytes that are none.
        """
        (state_id,) = saved_states.take_in(self.session, [state])
        return state_id

    def call(self, name, *args, **kwargs):
        """Calls a method of the environment, or reads an attribute, on its allow-list.

        Raises:
            GymlinkError: NOT_ALLOWED, which is an AttributeError, too; ENVIRONMENT_RAISED; INVALID_ARGUMENT.
        """
        (result,) = calls.call(self.session, name, args, kwargs)
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
            calls.set_values(self.session, name, [value])
        return True

    def close(self):
        """Closes the environment. Calling it again does nothing."""
        self._finalizer.detach()
        self.session.close()

    def _read(self, messages):
        (part,) = read_parts(self.observation_space, messages, _ONLY)
        self._seed, self.episode_steps = part.seeds.get(0, self._seed), int(part.episode_steps[0])
        return part

    def _observation(self, part):
        return batches.row(self.observation_space, part.observations, 0)

    def _info(self, part):
        if not part.infos:
            return {}
        self._warning.look_at(part.infos)
        return of_each(part.infos).get(0, {})
