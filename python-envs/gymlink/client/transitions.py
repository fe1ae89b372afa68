"""Transitions as rows of a vector environment (session.proto, TransitionPart)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gymlink.client import batches
from gymlink.client.errors import malformed
from gymlink.client.infos import columns, of_each
from gymlink.client.opening import seed_from
from gymlink.protocol import wire

_UINT8, _UINT32, _UINT64, _FLOAT64 = np.dtype("u1"), np.dtype("<u4"), np.dtype("<u8"), np.dtype("<f8")


# Values of a payload's column `kind` (session.proto, RowKind).
_KINDS = ("step", "reset", "autoreset", "failed")


@dataclass(frozen=True)
class TransitionDetails:
    """What the protocol tells of a reset or step beyond Gymnasium's results; each list has one item a row.

    Attributes:
        envs: The sub-environments of the rows, ascending: all of them, but for a reset with a mask.
        kinds: ``step``, ``reset``, or ``autoreset`` (NEXT_STEP: the action was ignored).
        episodes: Episodes so far, from 1.
        episode_steps: Steps in that episode, 0 after a reset.
        infos: The info as the sub-environment's own `reset` or `step` gave it.
        seeds: Seeds that resets used, by sub-environment; one that is missing continued its generator.
        final_observations: Last observations of the episodes that ended (SAME_STEP), by sub-environment.
        final_infos: Their infos, by sub-environment.
    """

    envs: "list[int]"
    kinds: "list[str]"
    episodes: "list[int]"
    episode_steps: "list[int]"
    infos: "list[dict]"
    seeds: "dict[int, int]"
    final_observations: "dict[int, Any]"
    final_infos: "dict[int, dict]"


class Part:
    """The rows of one worker.

    Args:
        space: Observation space of a sub-environment.
        message: The TransitionPart.

    Attributes:
        envs: Sub-environments of the rows, ascending.
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

    def __init__(self, space, message):
        rows, blocks = message.get("rows", 0), batches.Blocks(message.get("payload", b""))
        if rows < 1:
            raise malformed("a part has no rows")
        self.envs = blocks.take(_UINT32, rows)
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


def details_of(space, parts):
    """The TransitionDetails of some parts."""
    details = TransitionDetails([], [], [], [], [], {}, {}, {})
    for part in parts:
        envs, infos, final_infos = part.envs.tolist(), of_each(part.infos), of_each(part.final_infos)
        details.envs.extend(envs)
        details.kinds.extend(_KINDS[kind] for kind in part.kinds.tolist())
        details.episodes.extend(part.episodes.tolist())
        details.episode_steps.extend(part.episode_steps.tolist())
        details.infos.extend(infos.get(env, {}) for env in envs)
        details.seeds.update(part.seeds)
        for place, env in enumerate(part.final_envs.tolist()):
            details.final_observations[env] = batches.row(space, part.final_observations, place)
            details.final_infos[env] = final_infos.get(env, {})
    return details


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
