"""A vector environment on a server."""

import weakref
from typing import Any

import numpy as np
from gymnasium import logger
from gymnasium.error import AlreadyPendingCallError, NoAsyncCallError
from gymnasium.spaces.utils import is_space_dtype_shape_equiv
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_differing_spaces, batch_space

from gymlink.client import batches, calls, rendering, saved_states, spaces
from gymlink.client.actions import encode_actions
from gymlink.client.errors import GymlinkError, failure, spaces_differ
from gymlink.client.open_options import open_options
from gymlink.client.opening import DEFAULT_TIMEOUT_S, arguments, open_session, seed_from
from gymlink.client.session import AsyncSession, Session
from gymlink.client.transitions import TransitionDetails, read_parts, vector_infos
from gymlink.client.vector_arguments import check_count, read_observation_mode, reset_request
from gymlink.client.warning import InfoWarning
from gymlink.protocol import schema

_MODES = {
    AutoresetMode.NEXT_STEP: schema.AUTORESET_MODE_NEXT_STEP,
    AutoresetMode.SAME_STEP: schema.AUTORESET_MODE_SAME_STEP,
    AutoresetMode.DISABLED: schema.AUTORESET_MODE_DISABLED,
}


class RemoteVectorEnv(VectorEnv):
    """Sub-environments on a gymlink server. Also made by ``gymnasium.make_vec("gymlink/ID", num_envs=…, address=…)``.

    Args:
        env_id: Id from the server's catalogue, for example ``LunarLander-v3``.
        num_envs: Number of sub-environments.
        address: ``HOST:PORT`` or ``unix:/path/to/socket``; by default the environment variable GYMLINK_ADDRESS, else
            ``localhost:50051``.
        autoreset_mode: What happens when an episode ends; an AutoresetMode or its value.
        render_mode: One of the environment's render modes other than ``human``, or one of them with ``_list`` behind it.
        max_episode_steps: Steps after which an episode is truncated, instead of the environment's own limit.
        num_workers: Processes over which the sub-environments are spread; by default the server chooses.
        observation_mode: ``same``, or ``different`` where the bounds of observation spaces differ between sub-environments; or a
            tuple of the `observation_space` and the `single_observation_space` to have, as in Gymnasium: kinds, shapes and dtypes
            must be those of the sub-environments.
        env_kwargs: Constructor arguments of single sub-environments, one dict each, merged over `kwargs`.
        seed: Seed of the first reset if that names none, from 0 on, of up to 256 bits: sub-environment i gets ``seed + i``.
            Without it the server draws one.
        wrappers: Gymnasium wrappers that the server puts around each sub-environment, as `RemoteEnv` takes them.
            (`gymnasium.make_vec` keeps an argument of this name for itself: use this class.)
        info_keys: Top-level keys of the infos that travel; an empty list for no infos at all, None for all.
        compression: ``zstd`` has large observations come compressed, without loss, unless they come through shared memory. It
            pays where the network is the limit, and needs the package zstandard here and in the environment's family.
        newest_frame_only: True where observations are stacks of frames along the first axis of a Box, as FrameStackObservation
            makes them: only the newest frame travels where the others are here already. Observations stay the same to the bit. It
            pays where the network is the limit: payloads never come through shared memory then. MALFORMED_REQUEST where
            observations are no stacks.
        plan: Seeds and options of autoresets: for each sub-environment a list of its later episodes, used up in order, each a
            dict that may have ``seed`` (else its generator goes on) and ``options``. Autoresets after them are as without a plan;
            a `reset` uses none up. Not with AutoresetMode.DISABLED.
        timeout_s: Seconds within which the server must answer each request; the default is longer than its own deadlines.
        **kwargs: Constructor arguments, each on the environment's allow-list.

    Attributes:
        metadata: The environment's metadata with ``autoreset_mode``; ``human`` is not among its render modes.
        seed: Seed that the first reset uses if it names none.
        max_episode_steps: Steps after which an episode is truncated; 0 for no limit.
        np_random_seed: The last seed of each sub-environment's generator, as tuple of int; before a first reset, the one that it
            will use if it names none; -1 after a restored state. A seed that an environment gives itself is not known here.
        session: The session underneath, for `gymlink.client.calls`.

    Raises:
        GymlinkError: As the server says, for example UNKNOWN_ENVIRONMENT, INVALID_KWARGS or NOT_ALLOWED; CONNECTION_FAILED;
            INVALID_ARGUMENT or INVALID_SEED before anything is sent. Where spaces of sub-environments do not go together, it is a
            RuntimeError, too.
        TypeError: `observation_mode` is a tuple, but not of two spaces.
        ValueError: `observation_mode` is something else.
    """

    def __init__(
        self,
        env_id,
        num_envs=1,
        *,
        address=None,
        autoreset_mode=AutoresetMode.NEXT_STEP,
        render_mode=None,
        max_episode_steps=None,
        num_workers=None,
        observation_mode="same",
        env_kwargs=None,
        seed=None,
        wrappers=(),
        info_keys=None,
        compression=None,
        newest_frame_only=False,
        plan=None,
        timeout_s=DEFAULT_TIMEOUT_S,
        _batching=None,
        **kwargs,
    ):
        super().__init__()
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        mode, own_spaces = read_observation_mode(observation_mode)
        if env_kwargs is not None:
            check_count("env_kwargs", env_kwargs, num_envs)
        fields = {
            "num_envs": num_envs,
            "render_mode": render_mode,
            "max_episode_steps": max_episode_steps,
            "num_workers": num_workers,
            "autoreset_mode": _MODES[self.autoreset_mode],
            "observation_mode": mode,
            "env_kwargs": env_kwargs and [arguments(each, "constructor argument") for each in env_kwargs],
            **open_options(
                seed=seed,
                wrappers=wrappers,
                info_keys=info_keys,
                compression=compression,
                newest_frame_only=newest_frame_only,
                plan=plan,
                num_envs=num_envs,
            ),
            **(_batching or {}),
        }
        session_type = AsyncSession if _batching else Session
        try:
            self.session, opened = open_session(env_id, address, timeout_s, fields, kwargs, session_type)
        except GymlinkError as error:
            # Nothing was raised there, but a sub-environment is at fault.
            raise (spaces_differ(error) if error.env_indices and error.exception is None else error) from None
        self._finalizer = weakref.finalize(self, self.session.abandon)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.seed = seed_from(opened.get("seed", {}))
        self.max_episode_steps = opened.get("environment", {}).get("max_episode_steps", 0)
        self.metadata = {**rendering.metadata(opened), "autoreset_mode": self.autoreset_mode}
        self.single_action_space = spaces.from_message(opened.get("action_space", {}))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._set_observation_spaces(opened, own_spaces)
        self._observations = batches.empty(self._row_space, num_envs)
        self._seeds = [self.seed + env for env in range(num_envs)]
        self._all, self._pending, self._parts = np.arange(num_envs, dtype=np.uint32), None, []
        self._warning = InfoWarning(env_id)

    def _set_observation_spaces(self, opened, own_spaces):
        self._row_space = spaces.from_message(opened.get("observation_space", {}))
        each = [spaces.from_message(space) for space in opened.get("observation_spaces", ())]
        if own_spaces is None:
            self.single_observation_space = self._row_space
            self.observation_space = batch_differing_spaces(each) if each else batch_space(self._row_space, self.num_envs)
            return
        self.observation_space, self.single_observation_space = own_spaces
        if not is_space_dtype_shape_equiv(self._row_space, self.single_observation_space):
            self.session.close()
            message = (
                f"The sub-environments have the observation space {self._row_space}, which has another kind, shape or dtype than"
            )
            raise spaces_differ(
                failure("INVALID_ARGUMENT", f"{message} the {self.single_observation_space} of `observation_mode`.")
            )

    @property
    def np_random_seed(self) -> Any:
        """The last seed of each sub-environment's generator, as tuple of int."""
        return tuple(self._seeds)

    def reset(self, *, seed=None, options=None):
        """Begins new episodes.

        Args:
            seed: Sub-environment i gets ``seed + i``; or a list with a seed or None for each; None lets their generators go on.
            options: Options for every reset, with text keys. As in Gymnasium, ``reset_mask`` (a bool array) chooses which are
                reset; the others keep their observation. Or a list with the options of each sub-environment.

        Returns:
            ``(observations, infos)``.

        Raises:
            GymlinkError: INVALID_SEED or ENVIRONMENT_RAISED.
            TypeError: The mask is no bool array.
            ValueError: The number of seeds or options or the shape of the mask is wrong, or the mask names nothing.
        """
        self.reset_async(seed, options)
        return self.reset_wait()

    def reset_async(self, seed=None, options=None):
        """Begins a `reset`, as `AsyncVectorEnv` does; `reset_wait` gives what came of it.

        Raises:
            AlreadyPendingCallError: A step or reset was begun and not waited for.
            GymlinkError: INVALID_SEED or INVALID_ARGUMENT.
            TypeError: As `reset`.
            ValueError: As `reset`.
        """
        self._assert_not_pending("reset_async")
        envs, request = reset_request(seed, options, self._all)
        self._pending = "reset", self.session.send("reset", request), envs

    def reset_wait(self):
        """Waits for the reset that `reset_async` began; returns and raises what `reset` does."""
        parts = self._wait("reset")
        return batches.snapshot(self._row_space, self._observations), vector_infos(self, self._row_space, parts, self._warning)

    def step(self, actions):
        """Steps every sub-environment once.

        Args:
            actions: A batch of actions, as ``action_space.sample()`` gives it.

        Returns:
            ``(observations, rewards, terminations, truncations, infos)``.

        Raises:
            GymlinkError: INVALID_ACTION (nothing changed); RESET_NEEDED; ENVIRONMENT_RAISED, WORKER_DIED or DEADLINE_EXCEEDED.
        """
        self.step_async(actions)
        return self.step_wait()

    def step_async(self, actions):
        """Begins a step, as `AsyncVectorEnv` does; `step_wait` gives what came of it.

        Raises:
            AlreadyPendingCallError: A step or reset was begun and not waited for.
            GymlinkError: INVALID_ACTION, if the structure, shape or type of the actions does not fit.
        """
        self._assert_not_pending("step_async")
        request = {"actions": encode_actions(self.single_action_space, actions, self.num_envs)}
        self._pending = "step", self.session.send("step", request), self._all

    def step_wait(self):
        """Waits for the step that `step_async` began; returns and raises what `step` does."""
        parts = self._wait("step")
        rewards, terminations, truncations = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("rewards", "terminations", "truncations")
        )
        observations = batches.snapshot(self._row_space, self._observations)
        return observations, rewards, terminations, truncations, vector_infos(self, self._row_space, parts, self._warning)

    def call(self, name, *args, **kwargs):
        """Calls a method of each sub-environment, or reads an attribute; returns a tuple with one result each.

        Raises:
            GymlinkError: NOT_ALLOWED, which is an AttributeError, too; ENVIRONMENT_RAISED; INVALID_ARGUMENT.
        """
        self._assert_not_pending("call")
        return tuple(calls.call(self.session, name, args, kwargs))

    def get_attr(self, name):
        """Reads an attribute of each sub-environment, as `call` does."""
        return self.call(name)

    def set_attr(self, name, values):
        """Sets an attribute of each sub-environment.

        Args:
            name: Name of the attribute.
            values: A list or tuple with a value each, or one value for all.

        Raises:
            ValueError: The number of values is wrong.
            GymlinkError: As `call` does.
        """
        self._assert_not_pending("set_attr")
        if not isinstance(values, (list, tuple)):
            values = [values] * self.num_envs
        check_count("values", values, self.num_envs)
        calls.set_values(self.session, name, values)

    def last_transition(self):
        """What the protocol tells of the last reset or step beyond Gymnasium's results, as TransitionDetails."""
        return TransitionDetails(self._row_space, self._parts)

    def render(self, *, encoding=None, width=None, env_indices=None) -> "tuple[Any, ...] | None":
        """What `render` of sub-environments gives, as tuple; None, with a warning, without a render mode.

        Args:
            encoding: As for `RemoteEnv.render`.
            width: As for `RemoteEnv.render`.
            env_indices: Which sub-environments, in ascending order; by default all.

        Raises:
            GymlinkError: As `RemoteEnv.render` does; INVALID_ENV_INDEX.
        """
        self._assert_not_pending("render")
        frames = rendering.render(self, self.session, encoding, width, env_indices)
        return None if frames is None else tuple(frames)

    def save_state(self, env_indices=None):
        """Saves the state of sub-environments, their random generators and step limits too, to the bit.

        Args:
            env_indices: Which sub-environments, in ascending order; by default all.

        Returns:
            An id for each, ints that are valid in this environment until `drop_state`.

        Raises:
            GymlinkError: RESET_NEEDED before the first reset; UNIMPLEMENTED for an environment whose state cannot be saved
                exactly; LIMIT_EXCEEDED; INVALID_ENV_INDEX.
        """
        self._assert_not_pending("save_state")
        return saved_states.save(self.session, env_indices)

    def restore_state(self, state_ids, env_indices=None):
        """Puts saved states into sub-environments, which continue the saved episodes. Others keep their observation.

        Args:
            state_ids: A state for each sub-environment, or one id for all of them (a fork).
            env_indices: Which sub-environments, in ascending order; by default all.

        Returns:
            ``(observations, infos)``, those of restored sub-environments as when the state was saved.

        Raises:
            GymlinkError: STATE_NOT_FOUND; STATE_MISMATCH for a state of other constructor arguments; MALFORMED_REQUEST for
                another number of states; INVALID_ENV_INDEX.
        """
        self._assert_not_pending("restore_state")
        envs = self._all if env_indices is None else np.asarray(env_indices)
        ids = [state_ids] * len(envs) if isinstance(state_ids, (int, np.integer)) else state_ids
        parts = self._read(saved_states.restore(self.session, ids, env_indices), envs)
        for env in envs.tolist():
            self._seeds[env] = -1
        return batches.snapshot(self._row_space, self._observations), vector_infos(self, self._row_space, parts, self._warning)

    def fork(self, source, targets):
        """Puts the state of one sub-environment, as it is now, into others, which go on from there.

        Args:
            source: The sub-environment.
            targets: Which take its state, in ascending order.

        Returns:
            ``(observations, infos)``.

        Raises:
            GymlinkError: As `save_state` and `restore_state`; INVALID_ARGUMENT, if there is no target.
        """
        (state_id,) = self.save_state([source])
        try:
            return self.restore_state(state_id, targets)
        finally:
            self.drop_state([state_id])

    def drop_state(self, state_ids):
        """Forgets saved states; raises GymlinkError STATE_NOT_FOUND for an unknown one, and then forgets none."""
        self._assert_not_pending("drop_state")
        saved_states.drop(self.session, state_ids)

    def export_state(self, state_ids):
        """Saved states as list of bytes, for `import_state` of another session of the same environment, today or later.

        Raises:
            GymlinkError: STATE_NOT_FOUND; UNIMPLEMENTED for a state that cannot leave its process.
        """
        self._assert_not_pending("export_state")
        return saved_states.export(self.session, state_ids)

    def import_state(self, states):
        """Takes exported states in; returns a list of their ids here.

        Raises:
            GymlinkError: STATE_MISMATCH for a state of another environment or of other constructor arguments; MALFORMED_REQUEST
                for bytes that are none.
        """
        self._assert_not_pending("import_state")
        return saved_states.take_in(self.session, states)

    def close_extras(self, **_kwargs):
        """Closes the sub-environments; called by `close`."""
        if self._pending is not None:
            logger.warn(f"Calling `close` while waiting for a pending call to `{self._pending[0]}` to complete.")
        self._finalizer.detach()
        self.session.close()

    def _assert_not_pending(self, name):
        if self._pending is not None:
            message = f"Calling `{name}` while waiting for a pending call to `{self._pending[0]}` to complete."
            raise AlreadyPendingCallError(message, self._pending[0])

    def _wait(self, kind):
        """The parts of the transition that was asked for."""
        if self._pending is None or self._pending[0] != kind:
            raise NoAsyncCallError(f"Calling `{kind}_wait` without any prior call to `{kind}_async`.", kind)
        (_, seq, envs), self._pending = self._pending, None
        return self._read(self.session.receive(seq, "transition"), envs)

    def _read(self, messages, envs):
        parts = read_parts(self._row_space, messages, envs)
        for part in parts:
            batches.place(self._row_space, self._observations, part.envs, part.observations)
            for env, seed in part.seeds.items():
                self._seeds[env] = seed
        self._parts = parts
        return parts
