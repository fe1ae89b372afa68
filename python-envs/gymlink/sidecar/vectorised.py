"""The sub-environments of a session that one vector environment steps (session.proto, "Vectorised environments")."""

import inspect
from types import SimpleNamespace

import gymnasium
import numpy as np
from gymnasium import spaces

from gymlink.protocol import schema
from gymlink.protocol.layout import InvalidRow, leaves
from gymlink.protocol.spaces import describe
from gymlink.protocol.values import to_value
from gymlink.sidecar.actions import ActionReader
from gymlink.sidecar.batch_rows import BatchRows, taken
from gymlink.sidecar.errors import RequestError, formatted, named
from gymlink.sidecar.infos import VectorInfos, vector_infos_encoder
from gymlink.sidecar.making import make_vectorised
from gymlink.sidecar.out_of_space import watch_for
from gymlink.sidecar.requests import Sieve
from gymlink.sidecar.transition import TransitionWriter

_READY, _NEVER_RESET, _FAILED, _ENDED = range(4)
_WHY = {
    _NEVER_RESET: "was never reset",
    _FAILED: "has failed since its last reset",
    _ENDED: "has ended its episode (autoreset mode DISABLED)",
}
MODES = {
    schema.AUTORESET_MODE_NEXT_STEP: "NextStep",
    schema.AUTORESET_MODE_SAME_STEP: "SameStep",
    schema.AUTORESET_MODE_DISABLED: "Disabled",
}
ARRAY_SPACES = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def is_vectorised(env_id):
    """Whether a registered environment has only a vectorised form."""
    spec = gymnasium.registry.get(env_id)
    return spec is not None and spec.entry_point is None


def autoreset_mode_of(envs):
    """Value of the AutoresetMode that the metadata of a vector environment tell; None where they do not."""
    told = (envs.metadata or {}).get("autoreset_mode")
    value = str(getattr(told, "value", told))
    return value if value in MODES.values() else None


class VectorisedEnvironments:
    """All sub-environments of a session, stepped by one ``gymnasium.vector.VectorEnv``: as SubEnvironments, but a call a batch.

    Args:
        message: The OpenWorker message.
        manifest: The family's.

    Attributes:
        observation_space: The observation space of one of them.
        sieve: Makes Selections of requests.

    Raises:
        RequestError: They cannot be made, or not so.
    """

    def __init__(self, message, manifest):
        request, count = message.get("open", {}), message.get("count", 0)
        self._id = request.get("env_id", "")
        self._mode = request["autoreset_mode"]
        self._refuse(request)
        self._envs = make_vectorised(request, count, manifest, MODES[self._mode])
        try:
            self._check_mode()
            self._check_spaces()
            self._prepare(request, count, manifest, message.get("max_part_bytes", 0))
        except BaseException:
            self.close()
            raise

    def _refuse(self, request):
        asked = {
            "wrappers": request.get("wrappers"),
            "render modes": request.get("render_mode"),
            "arguments of single sub-environments": request.get("env_kwargs"),
            "planned resets": request.get("plan"),
            "several workers (it has threads of its own)": request.get("num_workers", 0) > 1,
            "a batch size below the number of sub-environments": 0 < request.get("batch_size", 0) < request["num_envs"],
            "observation mode DIFFERENT": request.get("observation_mode") == schema.OBSERVATION_MODE_DIFFERENT,
        }
        for what, is_asked in asked.items():
            if is_asked:
                raise self._cannot(f"cannot be opened with {what}")

    def _cannot(self, what):
        """The RequestError for what a vector environment does not do."""
        message = f"{self._id} is vectorised and {what}. Nothing was changed."
        return RequestError(schema.ERROR_REASON_UNIMPLEMENTED, message)

    def _check_mode(self):
        own, asked = autoreset_mode_of(self._envs), MODES[self._mode]
        if own is None:
            raise self._cannot('does not tell its autoreset mode: its metadata lack "autoreset_mode"')
        # A session in mode DISABLED steps nothing whose episode has ended, so that the engine's own autoresets never happen.
        if own == asked or (asked == "Disabled" and own == "NextStep"):
            return
        names = {"NextStep": "NEXT_STEP", "SameStep": "SAME_STEP", "Disabled": "DISABLED"}
        others = "NEXT_STEP or DISABLED" if own == "NextStep" else names[own]
        raise self._cannot(f"does not have autoreset mode {names[asked]}: open it with {others}")

    def _check_spaces(self):
        for space in (self._envs.single_observation_space, self._envs.single_action_space):
            for _, leaf in leaves(space):
                if not isinstance(leaf, ARRAY_SPACES):
                    raise self._cannot(f"cannot be served, because of its space {leaf}")

    def _prepare(self, request, count, manifest, max_part_bytes):
        self.observation_space = space = self._envs.single_observation_space
        self.sieve = Sieve(request["num_envs"], 0, count)
        encode = vector_infos_encoder(request.get("info_filter", {}))
        has_finals = self._mode == schema.AUTORESET_MODE_SAME_STEP
        self._writer = TransitionWriter(self._id, space, count, max_part_bytes, encode, has_finals)
        self._actions = ActionReader(self._envs.single_action_space)
        self._watch = watch_for(manifest, self._id, [space] * count, 0)
        self._steps_some = "env_id" in inspect.signature(self._envs.step).parameters
        self._count, self._all = count, np.arange(count, dtype=np.uint32)
        self._max_episode_steps = request.get("max_episode_steps")
        self._episode, self._episode_step = np.zeros(count, np.uint32), np.zeros(count, np.uint32)
        self._due, self._blocked = np.zeros(count, bool), np.full(count, _NEVER_RESET, np.uint8)

    def describe(self):
        """What WorkerOpened says of them."""
        metadata = {key: value for key, value in self._envs.metadata.items() if key not in ("autoreset_mode", "render_modes")}
        limit = self._max_episode_steps or gymnasium.spec(self._id).max_episode_steps or 0
        return {
            "observation_space": describe(self.observation_space),
            "action_space": describe(self._envs.single_action_space),
            "metadata": to_value(metadata).get("map", {}),
            "max_episode_steps": limit,
            "documentation": inspect.getdoc(type(self._envs)) or "",
            "observation_spaces": [],
            "payload_bytes": self._writer.most_bytes(self._count),
        }

    def close(self):
        """Closes the vector environment; one that raises is told on the log."""
        try:
            self._envs.close()
        except BaseException as error:
            print(f"gymlink: close() of {self._id} raised:\n{formatted(error)}")

    @property
    def keeper(self):
        """Raises RequestError: vector environments have no states that could be saved."""
        raise self._cannot("its states cannot be saved")

    def render(self, selection, request):
        """Raises RequestError: there are no render modes."""
        raise self._cannot("cannot be rendered")

    def call(self, call):
        """Raises RequestError: sub-environments are no objects that have attributes."""
        raise self._cannot("its sub-environments have no attributes")

    def share(self, memory):
        """Has the rows of requests that name a slot written to shared memory."""
        self._writer.share(memory)

    def reset(self, selection, seeds, options):
        """Resets the selection's sub-environments, with a seed or None for each.

        Returns:
            The BatchRows.

        Raises:
            RequestError: There are options that are not empty, the vector environment cannot do it, or it raised.
        """
        if any(options):
            raise self._cannot("takes no options for a reset")
        own, is_whole = self._own(selection)
        for_all = [None] * self._count
        for i, seed in zip(selection.own, seeds):
            for_all[i] = seed
        mask = np.zeros(self._count, bool)
        mask[own] = True
        options = {} if is_whole else {"options": {"reset_mask": mask}}
        is_seeded = any(seed is not None for seed in seeds)
        observations, infos = self._attempt(own, "reset", self._envs.reset, seed=for_all if is_seeded else None, **options)
        self._begin_episodes(own)
        self._blocked[own] = _READY
        rows = self._rows(own, observations, infos)
        rows.kind[:] = schema.ROW_KIND_RESET
        rows.seeds = [(row, seed) for row, seed in enumerate(seeds) if seed is not None]
        return rows

    def step(self, selection, data):
        """Steps the selection's sub-environments with their rows of the actions' bytes.

        Returns:
            The BatchRows.

        Raises:
            RequestError: An action is not valid, a sub-environment needs a reset, or some cannot be stepped without the others
                (then none has advanced), or the vector environment raised.
        """
        own, is_whole = self._own(selection)
        actions = self._read_actions(selection, data)
        self._check_ready(own)
        if is_whole:
            result = self._attempt(own, "step", self._envs.step, actions)
        elif self._steps_some:
            result = self._attempt(own, "step", self._envs.step, actions, own.astype(np.int32))
        else:
            raise self._cannot("steps all of its sub-environments at a time, not some")
        return self._stepped(own, *result)

    def _stepped(self, own, observations, rewards, terminated, truncated, infos):
        due = self._due[own]
        self._episode_step[own] += 1
        self._begin_episodes(own[due])
        # Taken off, so that they are not sent a second time.
        finals, final_infos = infos.pop("final_obs", None), infos.pop("final_info", {})
        for mask in ("_final_obs", "_final_info"):
            infos.pop(mask, None)
        ended = terminated | truncated
        has_ended = ended.any()
        rows_ended = np.flatnonzero(ended)
        if has_ended and self._mode == schema.AUTORESET_MODE_SAME_STEP:
            if finals is None:
                self._block(own)
                message = f"{self._id} lost the final observations of episodes that ended. Reset its sub-environments to go on."
                raise RequestError(schema.ERROR_REASON_MALFORMED_REPLY, message, env_indices=own.tolist())
            self._begin_episodes(own[rows_ended])
        rows = self._rows(own, observations, infos)
        rows.reward, rows.terminated, rows.truncated = rewards, terminated, truncated
        rows.kind[due] = schema.ROW_KIND_AUTORESET
        if has_ended and self._mode == schema.AUTORESET_MODE_SAME_STEP:
            rows.has_final = ended
            rows.finals = [taken(finals, row) for row in rows_ended]
            rows.final_infos = VectorInfos(final_infos, len(ended)).take(rows_ended)
        elif self._mode == schema.AUTORESET_MODE_NEXT_STEP:
            self._due[own] = ended
        elif has_ended:
            self._blocked[own[rows_ended]] = _ENDED
        return rows

    def _own(self, selection):
        is_whole = len(selection.own) == self._count
        return self._all if is_whole else np.array(selection.own, np.uint32), is_whole

    def _rows(self, own, observations, infos):
        """The BatchRows of some sub-environments, from a batch of them or of all."""
        infos = VectorInfos(infos, self._count)
        first = next(iter(leaves(self._envs.single_observation_space)))[0]
        leaf = observations
        for key in first:
            leaf = leaf[key]
        if len(leaf) != len(own):
            observations, infos = taken(observations, own), infos.take(own)
        else:
            infos.count = len(own)
        rows = BatchRows(own, observations, infos)
        rows.episode, rows.episode_step = self._episode[own], self._episode_step[own]
        return rows

    def _begin_episodes(self, own):
        self._episode[own] += 1
        self._episode_step[own] = 0
        self._due[own] = False

    def _read_actions(self, selection, data):
        try:
            return self._actions.read_batch(data, len(selection.asked), selection.begin, selection.end)
        except InvalidRow as error:
            where = [] if error.row is None else [selection.asked[error.row]]
            whose = f"sub-environment {where[0]} of {self._id}" if where else self._id
            message = f"The action of {whose} is not valid: {error}. No sub-environment advanced."
            raise RequestError(schema.ERROR_REASON_INVALID_ACTION, message, env_indices=where) from error

    def _check_ready(self, own):
        blocked = own[self._blocked[own] != _READY]
        if len(blocked):
            why = _WHY[int(self._blocked[blocked[0]])]
            message = f"Sub-environment {blocked[0]} of {self._id} {why}: reset it first. No sub-environment advanced."
            raise RequestError(schema.ERROR_REASON_RESET_NEEDED, message, env_indices=blocked.tolist())

    def _attempt(self, own, verb, act, *args, **keywords):
        try:
            return act(*args, **keywords)
        except NotImplementedError as error:
            raise self._cannot(str(error).rstrip(".")) from error
        except BaseException as error:
            self._block(own)
            message = f"{self._id} raised in {verb}: {named(error).rstrip('.')}. Reset its sub-environments to go on."
            reason = schema.ERROR_REASON_ENVIRONMENT_RAISED
            raise RequestError(reason, message, env_indices=own.tolist(), cause=error) from error

    def _block(self, own):
        self._blocked[own] = _FAILED
        self._due[own] = False

    def write(self, seq, selection, rows, send, slot=None):
        """Encodes rows of a selection; see TransitionWriter.write.

        Raises:
            RequestError: MALFORMED_REPLY, when the vector environment broke its spaces; all its rows are lost.
        """
        try:
            if self._watch is not None:
                self._watch.look_at(_unstacked(rows))
            self._writer.write(seq, rows, send, slot)
        except InvalidRow as error:
            self._block(rows.env_index)
            numbers = rows.env_index.tolist()
            where = [] if error.row is None else [numbers[error.row]]
            message = f"{self._id} gave something that its spaces do not allow: {error}. Reset the sub-environments."
            reason = schema.ERROR_REASON_MALFORMED_REPLY
            raise RequestError(reason, message, env_indices=where, advanced=numbers) from error


def _unstacked(rows):
    observations = [taken(rows.observations, row) for row in range(rows.count)]
    given = {"count": rows.count, "env_index": rows.env_index, "has_final": rows.has_final, "finals": rows.finals}
    return SimpleNamespace(observations=observations, **given)
