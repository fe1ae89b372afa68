"""Transitions as rows of a vector environment (session.proto, TransitionPart)."""

from functools import cached_property
from typing import Any

import numpy as np

from gymlink.client import batches
from gymlink.client.errors import malformed
from gymlink.client.infos import add_columns, columns, of_each
from gymlink.client.opening import seed_from
from gymlink.protocol import wire

_UINT8, _UINT32, _UINT64, _FLOAT64 = np.dtype("u1"), np.dtype("<u4"), np.dtype("<u8"), np.dtype("<f8")


# Values of a payload's column `kind` (session.proto, RowKind).
_KINDS = ("step", "reset", "autoreset", "failed")


class TransitionDetails:
    """What the protocol tells of a reset or step beyond Gymnasium's results; each list has one item a row."""

    def __init__(self, space, parts):
        self._space, self._parts = space, parts

    # Each is computed when it is asked for: most steps need none of them.

    @cached_property
    def envs(self) -> "list[int]":
        """The sub-environments of the rows, ascending: all of them, but for a reset with a mask."""
        return self._rows("env_indices")

    @cached_property
    def kinds(self) -> "list[str]":
        """``step``, ``reset``, or ``autoreset`` (NEXT_STEP: the action was ignored)."""
        return [_KINDS[kind] for kind in self._rows("kinds")]

    @cached_property
    def episodes(self) -> "list[int]":
        """Episodes so far, from 1."""
        return self._rows("episodes")

    @cached_property
    def episode_steps(self) -> "list[int]":
        """Steps in that episode, 0 after a reset."""
        return self._rows("episode_steps")

    @cached_property
    def infos(self) -> "list[dict]":
        """The info as the sub-environment's own `reset` or `step` gave it."""
        found = {}
        for part in self._parts:
            found.update(of_each(part.infos))
        return [found.get(env, {}) for env in self._rows("envs")]

    @cached_property
    def seeds(self) -> "dict[int, int]":
        """Seeds that resets used, by sub-environment; one that is missing continued its generator."""
        return {env: seed for part in self._parts for env, seed in part.seeds.items()}

    @cached_property
    def final_observations(self) -> "dict[int, Any]":
        """Last observations of the episodes that ended (SAME_STEP), by sub-environment."""
        return {
            env: batches.row(self._space, part.final_observations, place)
            for part in self._parts
            for place, env in enumerate(part.final_envs.tolist())
        }

    @cached_property
    def final_infos(self) -> "dict[int, dict]":
        """Their infos, by sub-environment."""
        found = {}
        for part in self._parts:
            found.update(of_each(part.final_infos))
        return {env: found.get(env, {}) for env in self.final_observations}

    def _rows(self, name):
        return [value for part in self._parts for value in getattr(part, name).tolist()]


class Part:
    """The rows of one worker.

    Args:
        space: Observation space of a sub-environment.
        message: The TransitionPart.
        first_place: Place of the first row, where rows go by their places and not by their sub-environments.

    Attributes:
        env_indices: Sub-environments of the rows, ascending.
        envs: The same, or the places of the rows; so are the other sub-environments here.
        episodes: Their episodes so far.
        episode_steps: Their steps in those.
        kinds: Their RowKind.
        seeds: Seeds of the rows that a reset with a seed produced, by sub-environment.
        rewards: Their rewards, float64.
        terminations: Whether their episodes terminated, bool.
        truncations: Whether their episodes were truncated, bool.
        observations: The batch of their observations.
        infos: Columns of their infos.
        final_envs: Sub-environments with a final observation.
        final_observations: The batch of those.
        final_infos: Columns of their final infos.

    Raises:
        GymlinkError: MALFORMED_REPLY.
    """

    def __init__(self, space, message, first_place=None):
        rows, blocks = message.get("rows", 0), batches.Blocks(message.get("payload", b""))
        if rows < 1:
            raise malformed("a part has no rows")
        self.env_indices = self.envs = blocks.take(_UINT32, rows)
        if first_place is not None:
            self.envs = np.arange(first_place, first_place + rows, dtype=np.uint32)
        self.episodes, self.episode_steps = blocks.take(_UINT32, rows), blocks.take(_UINT32, rows)
        # The request, which the session knows.
        blocks.take(_UINT64, rows)
        self.rewards = blocks.take(_FLOAT64, rows)
        self.terminations, self.truncations = blocks.take(_UINT8, rows) != 0, blocks.take(_UINT8, rows) != 0
        self.kinds = blocks.take(_UINT8, rows)
        has_final = blocks.take(_UINT8, rows) != 0
        self.observations = batches.read(space, rows, blocks)
        self.final_envs, self.final_observations, self.final_infos = self.envs[has_final], None, []
        if len(self.final_envs):
            self.final_observations = batches.read(space, len(self.final_envs), blocks)
        blocks.end()
        self.infos, self.seeds = [], {}
        if message.get("details"):
            self._read_details(message["details"])

    def _read_details(self, data):
        try:
            details = wire.decode("TransitionDetails", data)
        except wire.WireError as error:
            raise malformed(str(error)) from error
        self.infos = columns(details.get("infos"), self.envs)
        self.final_infos = columns(details.get("final_infos"), self.final_envs)
        for item in details.get("seeds", ()):
            row, seed = item.get("row", 0), item.get("seed", {})
            if row >= len(self.envs):
                raise malformed(f"a seed is of row {row}, but there are {len(self.envs)}")
            self.seeds[int(self.envs[row])] = seed_from(seed)


def read_ready(space, messages):
    """The parts of a transition of whichever sub-environments were ready, by the places of their rows.

    Raises:
        GymlinkError: MALFORMED_REPLY.
    """
    parts, place = [], 0
    for message in messages:
        parts.append(Part(space, message, place))
        place += len(parts[-1].envs)
    return parts


def read_parts(space, messages, asked):
    """The parts of a transition.

    Args:
        space: Observation space of a sub-environment.
        messages: The TransitionParts.
        asked: Array of the sub-environments that were asked for, ascending.

    Raises:
        GymlinkError: MALFORMED_REPLY, also when its rows are not exactly those.
    """
    parts, begin = [Part(space, message) for message in messages], 0
    for part in parts:
        end = begin + len(part.envs)
        if not np.array_equal(part.envs, asked[begin:end]):
            raise malformed("a transition has other rows than were asked for")
        begin = end
    if begin != len(asked):
        raise malformed(f"{begin} rows came where {len(asked)} were asked for")
    return parts


def vector_infos(vector_env, space, parts, warning):
    """Infos of parts in the form of a vector environment.

    Args:
        vector_env: A VectorEnv with as many sub-environments as there are rows, or places for them.
        space: Observation space of a sub-environment.
        parts: The parts.
        warning: The session's InfoWarning.
    """
    infos = {}
    for part in parts:
        if len(part.final_envs):
            _add_finals(vector_env, space, infos, part, warning)
        if part.infos:
            warning.look_at(part.infos)
            add_columns(vector_env, infos, part.infos)
    return infos


def _add_finals(vector_env, space, infos, part, warning):
    for place, env in enumerate(part.final_envs.tolist()):
        final_obs = batches.row(space, part.final_observations, place)
        vector_env._add_info(infos, {"final_obs": final_obs, "final_info": {}}, env)
    warning.look_at(part.final_infos)
    add_columns(vector_env, infos["final_info"], part.final_infos)
