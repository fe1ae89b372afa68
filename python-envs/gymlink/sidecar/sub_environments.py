"""The sub-environments of one worker: reset, stepped and rendered in Gymnasium's autoreset modes."""

import inspect
from time import perf_counter

import numpy as np
from gymnasium.spaces import GraphInstance

from gymlink.protocol import schema
from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.spaces import describe
from gymlink.protocol.values import to_value
from gymlink.sidecar.actions import ActionReader
from gymlink.sidecar.errors import RequestError, named
from gymlink.sidecar.images import image_maker
from gymlink.sidecar.infos import infos_encoder
from gymlink.sidecar.keeper import Keeper
from gymlink.sidecar.making import close, make
from gymlink.sidecar.out_of_space import watch_for
from gymlink.sidecar.parallel import ParallelAsEnv
from gymlink.sidecar.requests import Sieve, read_plan
from gymlink.sidecar.saved_states import Position
from gymlink.sidecar.snapshots import CopyEnded
from gymlink.sidecar.transition import Rows, TransitionWriter

# Weight of the newest step in the moving average of a sub-environment's step time.
_NEWEST = 0.2
_NEVER_RESET = "was never reset"
_FAILED = "has failed since its last reset"
_ENDED = "has ended its episode (autoreset mode DISABLED)"
_FRAME_KINDS = {"array", "text", "binary"}


class SubEnvironments:
    """A run of sub-environments of a session.

    Semantics are those of ``gymnasium.vector.SyncVectorEnv`` in the session's autoreset mode. Sub-environments are numbered
    from 0 within the worker; messages and errors name them by their number in the session.

    Args:
        message: The OpenWorker message.
        manifest: The family's.
        folder: The server's private folder.

    Attributes:
        observation_space: The observation space of the first one.
        keeper: Their Keeper.
        is_asynchronous: Whether each row is to leave as soon as it is there.

    Raises:
        RequestError: They cannot be made.
    """

    def __init__(self, message, manifest, folder):
        request, self._first, count = message.get("open", {}), message.get("first", 0), message.get("count", 0)
        self._plan = read_plan(request, self._first, count)
        self._id, self._render_mode = request.get("env_id", ""), request.get("render_mode", "")
        self.keeper = Keeper(self, request, self._first, count, manifest, folder)
        self._envs = [self.keeper.prepare(env) for env in make(request, self._first, count, manifest)]
        try:
            self._prepare(request, count, message.get("max_part_bytes", 0))
            observation_spaces = [env.observation_space for env in self._envs]
            self._watch = watch_for(manifest, self._id, observation_spaces, self._first)
        except BaseException:
            self.close()
            raise

    def _prepare(self, request, count, max_part_bytes):
        self.observation_space = self._envs[0].observation_space
        self.sieve = Sieve(request["num_envs"], self._first, count)
        encode = infos_encoder(request.get("info_filter", {}))
        has_finals = request["autoreset_mode"] == schema.AUTORESET_MODE_SAME_STEP
        self._writer = TransitionWriter(self._id, self.observation_space, count, max_part_bytes, encode, has_finals)
        self._actions = ActionReader(self._envs[0].action_space)
        self._spaces_differ = request.get("observation_mode") == schema.OBSERVATION_MODE_DIFFERENT
        # Looked up once, not at every step.
        self._step_of = [env.step for env in self._envs]
        self._on_end = _ON_END[request["autoreset_mode"]]
        self._episode, self._episode_step = [0] * count, [0] * count
        # The last ones, which a saved state keeps.
        self._observations, self._infos = [None] * count, [{}] * count
        self._autoreset_due = [False] * count
        # Why a sub-environment may not step, by its number: empty most of the time.
        self._blocked = dict.fromkeys(range(count), _NEVER_RESET)
        self._warned = False
        self.is_asynchronous = 0 < request.get("batch_size", 0) < request["num_envs"]
        self._alone = [self.sieve.select((self._first + i,)) for i in range(count)]
        # Moving averages of how long each one's steps took.
        self._usual_seconds = [0.0] * count

    def describe(self):
        """What WorkerOpened says of them."""
        env = self._envs[0]
        each = [describe(one.observation_space) for one in self._envs] if self._spaces_differ else []
        return {
            "observation_space": describe(env.observation_space),
            "action_space": describe(env.action_space),
            "metadata": to_value(dict(env.metadata)).get("map", {}),
            "max_episode_steps": (env.spec.max_episode_steps or 0) if env.spec else 0,
            "documentation": _documentation(env.unwrapped),
            "observation_spaces": each,
            "payload_bytes": self._writer.most_bytes(1 if self.is_asynchronous else len(self._envs)),
        }

    def close(self):
        """Closes them all."""
        close(self._envs)

    def reset(self, selection, seeds, options):
        """Resets the selection's own sub-environments, with a seed or None and options or None for each.

        Returns:
            The Rows.

        Raises:
            RequestError: An environment raised.
        """
        rows = Rows(len(selection.own))
        rows.kind[:] = bytes([schema.ROW_KIND_RESET]) * rows.count
        try:
            for row, (i, seed, row_options) in enumerate(zip(selection.own, seeds, options)):
                observation, info = self._envs[i].reset(seed=seed, options=row_options)
                self._begin_episode(i)
                self._blocked.pop(i, None)
                _add(rows, observation, 0.0, info)
                if seed is not None:
                    rows.seeds.append((row, seed))
        except BaseException as error:
            raise self._raised(selection, rows, "reset", error) from error
        return self._numbered(selection, rows)

    def step(self, selection, data):
        """Steps the selection's own sub-environments with their rows of the actions' bytes.

        Returns:
            The Rows.

        Raises:
            RequestError: An action is not valid, a sub-environment needs a reset (then none has advanced), or one raised.
        """
        return self._play(selection, self._checked_actions(selection, data))

    def reset_each(self, selection, seeds, options):
        """Resets like `reset`, but one after another.

        Yields:
            For each of the selection's own sub-environments its Selection and its Rows, which are one.

        Raises:
            RequestError: An environment raised; those after it were not reset.
        """
        for i, seed, row_options in zip(selection.own, seeds, options):
            one = self._alone[i]
            yield one, self.reset(one, [seed], [row_options])

    def step_each(self, selection, data):
        """Steps like `step`, but one after another: first those whose steps took least time so far.

        Yields:
            For each of the selection's own sub-environments its Selection and its Rows, which are one.

        Raises:
            RequestError: As for `step`; those after one that raised were not stepped.
        """
        actions, usual = self._checked_actions(selection, data), self._usual_seconds
        for i, action in sorted(zip(selection.own, actions), key=lambda own: usual[own[0]]):
            one, begin = self._alone[i], perf_counter()
            rows = self._play(one, (action,))
            usual[i] += _NEWEST * (perf_counter() - begin - usual[i])
            yield one, rows

    def _checked_actions(self, selection, data):
        actions = self._read_actions(selection, data)
        self._check_ready(selection, {_NEVER_RESET, _FAILED, _ENDED})
        return actions

    def _play(self, selection, actions):
        rows = Rows(len(selection.own))
        step_of, due, episode_step, on_end = self._step_of, self._autoreset_due, self._episode_step, self._on_end
        observations, rewards, infos = rows.observations, rows.reward, rows.infos
        try:
            for row, i in enumerate(selection.own):
                if due[i]:
                    self._autoreset(rows, row, i)
                    continue
                observation, reward, terminated, truncated, info = step_of[i](actions[row])
                episode_step[i] += 1
                if terminated or truncated:
                    rows.terminated[row], rows.truncated[row] = bool(terminated), bool(truncated)
                    observation, info = on_end(self, rows, row, i, observation, info)
                observations.append(observation)
                rewards.append(reward)
                infos.append(info)
        except BaseException as error:
            raise self._raised(selection, rows, "step", error) from error
        return self._numbered(selection, rows)

    def _read_actions(self, selection, data):
        asked = selection.asked
        try:
            return self._actions.read(data, len(asked), selection.begin, selection.end)
        except InvalidRow as error:
            where = [] if error.row is None else [asked[error.row]]
            whose = f"sub-environment {where[0]} of {self._id}" if where else self._id
            message = f"The action of {whose} is not valid: {error}. No sub-environment advanced."
            raise RequestError(schema.ERROR_REASON_INVALID_ACTION, message, env_indices=where) from error

    def _check_ready(self, selection, reasons):
        blocked = [i for i in selection.own if self._blocked.get(i) in reasons] if self._blocked else []
        if blocked:
            why = self._blocked[blocked[0]]
            message = (
                f"Sub-environment {self._first + blocked[0]} of {self._id} {why}: reset it first. No sub-environment advanced."
            )
            raise RequestError(schema.ERROR_REASON_RESET_NEEDED, message, env_indices=self._numbers(blocked))

    def _numbers(self, own):
        return [self._first + i for i in own]

    def _begin_episode(self, i):
        self._episode[i] += 1
        self._episode_step[i] = 0
        self._autoreset_due[i] = False

    def _autoreset(self, rows, row, i):
        """A step in mode NEXT_STEP that resets instead."""
        observation, info = self._reset_by_itself(rows, row, i)
        rows.kind[row] = schema.ROW_KIND_AUTORESET
        _add(rows, observation, 0.0, info)

    def _reset_due(self, rows, row, i, observation, info):
        self._autoreset_due[i] = True
        return observation, info

    def _reset_now(self, rows, row, i, observation, info):
        rows.has_final[row] = 1
        # The reset may write into the very arrays that the step gave.
        rows.finals.append(_snapshot(observation))
        rows.final_infos.append(_snapshot(info))
        return self._reset_by_itself(rows, row, i)

    def _reset_by_itself(self, rows, row, i):
        """An autoreset, with the seed and options that are planned next."""
        planned = self._plan.get(i)
        seed, options = planned.popleft() if planned else (None, None)
        observation, info = self._envs[i].reset(seed=seed, options=options)
        self._begin_episode(i)
        if seed is not None:
            rows.seeds.append((row, seed))
        return observation, info

    def _wait_for_reset(self, rows, row, i, observation, info):
        self._blocked[i] = _ENDED
        return observation, info

    def _numbered(self, selection, rows):
        rows.env_index = selection.numbers
        rows.episode = [self._episode[i] for i in selection.own]
        rows.episode_step = [self._episode_step[i] for i in selection.own]
        if rows.count == len(self._envs):
            self._observations, self._infos = rows.observations, rows.infos
        else:
            for row, i in enumerate(selection.own):
                self._observations[i], self._infos[i] = rows.observations[row], rows.infos[row]
        return rows

    def _raised(self, selection, rows, verb, error):
        """The failure of the row after the last one that is whole."""
        whole = len(rows.observations)
        advanced, failed = selection.own[:whole], selection.own[whole]
        self._block([*advanced, failed])
        return self._told(failed, verb, error, advanced)

    def failed(self, i, verb, error):
        """The failure of one sub-environment, which needs a reset then."""
        self._block([i])
        return self._told(i, verb, error)

    def _told(self, i, verb, error, advanced=()):
        index = self._first + i
        # That of a copy says itself what to do: a reset would not help.
        advice = "" if isinstance(error, CopyEnded) else " Reset it to go on."
        message = f"Sub-environment {index} of {self._id} raised in {verb}: {named(error).rstrip('.')}.{advice}"
        reason, numbers = schema.ERROR_REASON_ENVIRONMENT_RAISED, self._numbers(advanced)
        return RequestError(reason, message, env_indices=[index], advanced=numbers, cause=error)

    def _block(self, own):
        for i in own:
            self._blocked[i] = _FAILED
            self._autoreset_due[i] = False

    def share(self, memory):
        """Has the rows of requests that name a slot written to shared memory."""
        self._writer.share(memory)

    def write(self, seq, selection, rows, send, slot=None):
        """Encodes rows of a selection; see TransitionWriter.write.

        Raises:
            RequestError: MALFORMED_REPLY, when an environment broke its space; all its rows are lost.
        """
        try:
            if self._watch is not None:
                self._watch.look_at(rows)
            self._writer.write(seq, rows, send, slot)
        except InvalidRow as error:
            self._block(selection.own)
            where = [] if error.row is None else [rows.env_index[error.row]]
            whose = f"Sub-environment {where[0]} of {self._id}" if where else self._id
            message = f"{whose} gave something that its spaces do not allow: {error}. Reset the sub-environments."
            raise RequestError(
                schema.ERROR_REASON_MALFORMED_REPLY, message, env_indices=where, advanced=rows.env_index
            ) from error
        if self._writer.unsupported() and not self._warned:
            self._warned = True
            names = ", ".join(sorted(self._writer.unsupported()))
            print(f"gymlink: infos of {self._id} hold values that cannot travel and are replaced: {names}")

    def render(self, selection, request):
        """The Renderings of the selection's own sub-environments, in the form that the RenderRequest asks for.

        Raises:
            RequestError: There is no render mode, or none for this form; a sub-environment needs a reset, or one raised.
        """
        if not self._render_mode:
            message = (
                f"The session of {self._id} was opened without a render mode: open it with render_mode, for example rgb_array."
            )
            raise RequestError(schema.ERROR_REASON_RENDER_UNAVAILABLE, message)
        self._check_ready(selection, {_NEVER_RESET, _FAILED})
        make_image = image_maker(request, self._id, self._render_mode)
        return [self._rendering(i, make_image) for i in selection.own]

    def call(self, call):
        """What the selection's own sub-environments give for a Call, as Values.

        Raises:
            RequestError: The attribute is missing or no method, or it raised.
        """
        envs = [self._envs[i] for i in call.selection.own]
        for i, env in zip(call.selection.own, envs):
            self._attempt(i, call.name, call.check_on, env, self._id)
        return [
            self._attempt(i, call.name, call.make, env, value) for i, env, value in zip(call.selection.own, envs, call.values)
        ]

    def _attempt(self, i, verb, act, *args):
        try:
            return act(*args)
        except RequestError:
            raise
        except BaseException as error:
            raise self.failed(i, verb, error) from error

    def __getitem__(self, i):
        """The environment with a number within the worker."""
        return self._envs[i]

    def replace(self, i, env):
        """Puts another environment in the place of one, which is closed."""
        close([self._envs[i]])
        self._envs[i], self._step_of[i] = env, env.step

    def positions(self, selection):
        """The Positions of the selection's own sub-environments.

        Raises:
            RequestError: A sub-environment needs a reset.
        """
        self._check_ready(selection, {_NEVER_RESET, _FAILED})
        return [
            Position(
                _snapshot(self._observations[i]),
                _snapshot(self._infos[i]),
                self._episode[i],
                self._episode_step[i],
                self._autoreset_due[i] or self._blocked.get(i) is _ENDED,
            )
            for i in selection.own
        ]

    def go_on(self, selection, positions, put):
        """Has the selection's own sub-environments go on at Positions, into which `put(i, row)` puts environment i.

        Returns:
            The Rows.

        Raises:
            RequestError: An environment cannot be put there.
        """
        rows = Rows(len(selection.own))
        rows.kind[:] = bytes([schema.ROW_KIND_RESET]) * rows.count
        try:
            for row, (i, position) in enumerate(zip(selection.own, positions)):
                put(i, row)
                self._episode[i], self._episode_step[i] = position.episode, position.episode_step
                self._continue(i, position.ended)
                _add(rows, position.observation, 0.0, position.info)
        except BaseException as error:
            raise self._raised(selection, rows, "the restoring of its state", error) from error
        return self._numbered(selection, rows)

    def _continue(self, i, ended):
        self._blocked.pop(i, None)
        self._autoreset_due[i] = ended and self._on_end is _ON_END[schema.AUTORESET_MODE_NEXT_STEP]
        if ended and not self._autoreset_due[i]:
            self._blocked[i] = _ENDED

    def _rendering(self, i, make_image):
        index = self._first + i
        frames = self._attempt(i, "render", self._envs[i].render)
        is_list = self._render_mode.endswith("_list")
        if not is_list or not isinstance(frames, (list, tuple)):
            frames = [frames]
        values = [to_value(make_image(frame) if make_image else frame) for frame in frames]
        kinds = _FRAME_KINDS | {"tuple"} if self._render_mode.startswith("rgbd_tuple") else _FRAME_KINDS
        if not all(value.keys() & kinds for value in values):
            self._block([i])
            message = (
                f"Sub-environment {index} of {self._id} gave no frames in render mode {self._render_mode}. Reset it to go on."
            )
            raise RequestError(schema.ERROR_REASON_MALFORMED_REPLY, message, env_indices=[index])
        return {"env_index": index, "frames": values, "is_list": is_list}


_ON_END = {
    schema.AUTORESET_MODE_NEXT_STEP: SubEnvironments._reset_due,
    schema.AUTORESET_MODE_SAME_STEP: SubEnvironments._reset_now,
    schema.AUTORESET_MODE_DISABLED: SubEnvironments._wait_for_reset,
}


def _documentation(env):
    return env.documentation() if isinstance(env, ParallelAsEnv) else inspect.getdoc(type(env)) or ""


def _add(rows, observation, reward, info):
    rows.observations.append(observation)
    rows.reward.append(reward)
    rows.infos.append(info)


def _snapshot(value):
    """A copy of the arrays in a value; other leaves are kept as they are."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: item if type(item) is float else _snapshot(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)([_snapshot(item) for item in value])
    if isinstance(value, GraphInstance):
        return GraphInstance(*map(_snapshot, value))
    return value
