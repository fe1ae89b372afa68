"""The sub-environments of one worker: made, reset, stepped and rendered in Gymnasium's autoreset modes."""

import inspect

import gymnasium

from gymlink.sidecar import schema
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.layout import InvalidLayout, row_bytes, is_fixed, unpack
from gymlink.sidecar.transition import COLUMN_BYTES, Transition
from gymlink.sidecar.values import text_map, to_value

_MAX_SEED_BYTES = 32


def make(request, first, count):
    """Makes `count` sub-environments as an OpenRequest asks.

    Raises:
        RequestError: The environment cannot be made so.
    """
    env_id, kwargs = request["env_id"], text_map(request.get("kwargs", {}))
    if request.get("render_mode"):
        kwargs["render_mode"] = request["render_mode"]
    given = sorted(kwargs)
    if request.get("max_episode_steps"):
        kwargs["max_episode_steps"] = request["max_episode_steps"]
    envs = []
    try:
        for _ in range(count):
            # The bridge itself checks actions, shapes and order; Gymnasium's checker would do it a second time.
            envs.append(gymnasium.make(env_id, disable_env_checker=True, **kwargs))
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        message = f"{env_id} cannot be made on this server: {error}"
        raise RequestError(schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE, message, cause=error) from error
    except Exception as error:
        reason = schema.ERROR_REASON_INVALID_KWARGS if given else schema.ERROR_REASON_ENVIRONMENT_RAISED
        with_kwargs = f" with {', '.join(given)}" if given else ""
        message = f"{env_id}{with_kwargs} could not be made: {type(error).__name__}: {error}"
        raise RequestError(reason, message, [first + len(envs)], cause=error) from error
    _check_render_mode(envs[0], env_id, request.get("render_mode"))
    return envs


def _check_render_mode(env, env_id, mode):
    modes = env.metadata.get("render_modes", [])
    if mode and mode not in modes and mode.replace("_list", "") not in modes:
        message = f"{env_id} has no render mode {mode!r}; it has {', '.join(modes) or 'none'}."
        raise RequestError(schema.ERROR_REASON_INVALID_KWARGS, message)


class SubEnvironments:
    """A run of sub-environments of a session.

    Args:
        request: The OpenRequest.
        first: Number of the first one.
        count: How many.
        max_part_bytes: Greatest payload of a frame.
    """

    def __init__(self, request, first, count, max_part_bytes):
        self.id, self.first, self.count = request["env_id"], first, count
        self.num_envs = request["num_envs"]
        self.envs = make(request, first, count)
        self.observation_space = self.envs[0].observation_space
        self.action_space = self.envs[0].action_space
        self._advance = _ADVANCE[request["autoreset_mode"]]
        self._disabled = request["autoreset_mode"] == schema.AUTORESET_MODE_DISABLED
        self.episode, self.episode_step = [0] * count, [0] * count
        self.ended = [False] * count
        self.needs_reset = [True] * count
        self._rows_per_part = self._fit(max_part_bytes)
        self._transitions = {}

    def _fit(self, max_part_bytes):
        space = self.observation_space
        row = COLUMN_BYTES + 2 * row_bytes(space) if is_fixed(space) else COLUMN_BYTES
        # 16 blocks' padding at most in front of and behind the leaves of one row.
        rows = (max_part_bytes - 1024) // row if max_part_bytes else self.count
        if rows < 1:
            message = (
                f"One row of {self.id} has {row + 1024} bytes, more than the message limit of {max_part_bytes}: raise the limit."
            )
            raise RequestError(schema.ERROR_REASON_MESSAGE_TOO_LARGE, message)
        return min(rows, self.count)

    def describe(self, describe_space):
        """What WorkerOpened says of them."""
        env = self.envs[0]
        spec = env.spec
        return {
            "observation_space": describe_space(self.observation_space),
            "action_space": describe_space(self.action_space),
            "metadata": to_value(dict(env.metadata))["map"],
            "max_episode_steps": (spec.max_episode_steps or 0) if spec else 0,
            "documentation": inspect.getdoc(type(env.unwrapped)) or "",
        }

    def own_rows(self, env_indices):
        """Positions and local numbers of this worker's rows among those that a request asks for."""
        if not env_indices:
            return [(self.first + i, i) for i in range(self.count)]
        end = self.first + self.count
        return [(row, i - self.first) for row, i in enumerate(env_indices) if self.first <= i < end]

    def reset(self, seq, request):
        """Resets as a ResetRequest asks; yields ``(transition, more)`` for each frame.

        Raises:
            RequestError: The request is not valid, or an environment raised.
        """
        env_indices = request.get("env_indices", [])
        asked = env_indices or range(self.num_envs)
        seeds, options = _seeds(request, asked), _options(request, asked)
        rows = self.own_rows(env_indices)

        def reset_row(transition, row, position, i):
            seed = seeds[position]
            observation, info = self.envs[i].reset(seed=seed, options=options[position])
            self._begin_episode(i)
            transition.kind[row] = schema.ROW_KIND_RESET
            _clear_flags(transition, row)
            if seed is not None:
                transition.add_seed(row, seed)
            return observation, info

        yield from self._play(seq, rows, reset_row, "reset")

    def step(self, seq, env_indices, data):
        """Steps with the actions of a StepRequest; yields ``(transition, more)`` for each frame.

        Raises:
            RequestError: An action is not valid, a sub-environment needs a reset, or an environment raised.
        """
        asked = env_indices or range(self.num_envs)
        actions = self._actions(asked, data)
        rows = self.own_rows(env_indices)
        for _, i in rows:
            if self.needs_reset[i] or (self._disabled and self.ended[i]):
                message = f"Sub-environment {self.first + i} of {self.id} needs a reset before it can step."
                raise RequestError(schema.ERROR_REASON_RESET_NEEDED, message, [self.first + i])
        advance = self._advance

        def step_row(transition, row, position, i):
            return advance(self, transition, row, i, actions[position])

        yield from self._play(seq, rows, step_row, "step")

    def _actions(self, asked, data):
        try:
            return unpack(self.action_space, len(asked), data)
        except InvalidLayout as error:
            where = [] if error.row is None else [asked[error.row]]
            of = f"sub-environment {where[0]} of {self.id}" if where else f"{self.id}"
            message = f"The action for {of} is not valid: {error}."
            raise RequestError(schema.ERROR_REASON_INVALID_ACTION, message, where) from error

    def _play(self, seq, rows, play_row, verb):
        """Plays rows part by part; a row that raises ends the request."""
        for begin in range(0, len(rows), self._rows_per_part):
            part = rows[begin : begin + self._rows_per_part]
            transition = self._transition(len(part))
            infos, put = transition.infos, transition.set_observation
            for row, (position, i) in enumerate(part):
                try:
                    observation, info = play_row(transition, row, position, i)
                    put(row, observation)
                except Exception as error:
                    raise self._failure(rows, begin + row, verb, error) from error
                infos.append(info)
                transition.env_index[row] = self.first + i
                transition.seq[row] = seq
                transition.episode[row] = self.episode[i]
                transition.episode_step[row] = self.episode_step[i]
            yield transition, begin + self._rows_per_part < len(rows)

    def _transition(self, rows):
        transition = self._transitions.get(rows)
        if transition is None:
            if len(self._transitions) == 4:
                self._transitions.clear()
            transition = self._transitions[rows] = Transition(self.observation_space, rows)
        transition.begin()
        transition.has_final[:] = bytes(rows)
        return transition

    def _failure(self, rows, position, verb, error):
        i = rows[position][1]
        advanced = [local for _, local in rows[:position]]
        for local in [*advanced, i]:
            self.needs_reset[local] = True
        broken = isinstance(error, InvalidLayout)
        reason = schema.ERROR_REASON_MALFORMED_REPLY if broken else schema.ERROR_REASON_ENVIRONMENT_RAISED
        message = (
            f"Sub-environment {self.first + i} of {self.id} raised in {verb}: {type(error).__name__}: {error}. "
            "Reset it to go on."
        )
        return RequestError(reason, message, [self.first + i], [self.first + local for local in advanced], error)

    def _begin_episode(self, i):
        self.episode[i] += 1
        self.episode_step[i] = 0
        self.ended[i] = self.needs_reset[i] = False

    def render(self, env_indices):
        """The frames of a RenderRequest's sub-environments."""
        return [self._rendering(i) for _, i in self.own_rows(env_indices)]

    def _rendering(self, i):
        index = self.first + i
        if self.needs_reset[i]:
            message = f"Sub-environment {index} of {self.id} needs a reset before it can render."
            raise RequestError(schema.ERROR_REASON_RESET_NEEDED, message, [index])
        try:
            frames = self.envs[i].render()
        except Exception as error:
            message = f"Sub-environment {index} of {self.id} raised in render: {type(error).__name__}: {error}"
            raise RequestError(schema.ERROR_REASON_ENVIRONMENT_RAISED, message, [index], cause=error) from error
        is_list = isinstance(frames, list)
        values = [to_value(frame) for frame in (frames if is_list else [frames])]
        return {"env_index": index, "frames": values, "is_list": is_list}

    def close(self):
        """Closes them all."""
        for env in self.envs:
            env.close()


def _seed(message):
    data = message.get("magnitude", b"")
    if len(data) > _MAX_SEED_BYTES:
        text = f"A seed has {len(data)} bytes; {_MAX_SEED_BYTES} are the most."
        raise RequestError(schema.ERROR_REASON_INVALID_SEED, text)
    return int.from_bytes(data, "little")


def _seeds(request, asked):
    """One seed or None a row."""
    single, each = request.get("seed"), request.get("env_seeds", [])
    if single is not None and each:
        text = "A reset has either one seed or a seed for each sub-environment, not both."
        raise RequestError(schema.ERROR_REASON_MALFORMED_REQUEST, text)
    if single is not None:
        seed = _seed(single)
        return [seed + i for i in asked]
    if not each:
        return [None] * len(asked)
    if len(each) != len(asked):
        text = f"{len(each)} seeds do not fit {len(asked)} sub-environments."
        raise RequestError(schema.ERROR_REASON_INVALID_SEED, text)
    return [_seed(item["seed"]) if "seed" in item else None for item in each]


def _options(request, asked):
    """Options or None a row."""
    single, each = request.get("options"), request.get("env_options", [])
    if single is not None and each:
        text = "A reset has either options for all or options for each sub-environment, not both."
        raise RequestError(schema.ERROR_REASON_MALFORMED_REQUEST, text)
    if each and len(each) != len(asked):
        text = f"{len(each)} options do not fit {len(asked)} sub-environments."
        raise RequestError(schema.ERROR_REASON_MALFORMED_REQUEST, text)
    if each:
        return [text_map(item) for item in each]
    return [None if single is None else text_map(single)] * len(asked)


def _clear_flags(transition, row):
    transition.reward[row] = 0.0
    transition.terminated[row] = transition.truncated[row] = 0


def _step(envs, transition, row, i, action):
    """A step that takes the action, in every mode."""
    observation, reward, terminated, truncated, info = envs.envs[i].step(action)
    envs.episode_step[i] += 1
    transition.kind[row] = schema.ROW_KIND_UNSPECIFIED
    transition.reward[row] = reward
    transition.terminated[row] = 1 if terminated else 0
    transition.truncated[row] = 1 if truncated else 0
    envs.ended[i] = bool(terminated or truncated)
    return observation, info


def _next_step(envs, transition, row, i, action):
    if not envs.ended[i]:
        return _step(envs, transition, row, i, action)
    observation, info = envs.envs[i].reset()
    envs._begin_episode(i)
    transition.kind[row] = schema.ROW_KIND_AUTORESET
    _clear_flags(transition, row)
    return observation, info


def _same_step(envs, transition, row, i, action):
    observation, info = _step(envs, transition, row, i, action)
    if not envs.ended[i]:
        return observation, info
    transition.add_final(row, observation, info)
    observation, info = envs.envs[i].reset()
    envs._begin_episode(i)
    return observation, info


_ADVANCE = {
    schema.AUTORESET_MODE_NEXT_STEP: _next_step,
    schema.AUTORESET_MODE_SAME_STEP: _same_step,
    schema.AUTORESET_MODE_DISABLED: _step,
}
