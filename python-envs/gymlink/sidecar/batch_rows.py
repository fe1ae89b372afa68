"""Rows that a vector environment gave as one batch, written without an object for each of them."""

from functools import lru_cache

import numpy as np

from gymlink.protocol.layout import padded
from gymlink.sidecar.infos import VectorInfos

_DTYPES = ("<u4", "<u4", "<u4", "<u8", "<f8", "u1", "u1", "u1", "u1")


class BatchRows:
    """What the rows of one request gave, in ascending order of their sub-environments; as Rows, with arrays in place of lists.

    Args:
        env_index: The sub-environments, uint32[n].
        observations: A batch of n observations, stacked as Gymnasium does.
        infos: Their VectorInfos.
    """

    def __init__(self, env_index, observations, infos):
        self.env_index, self.observations, self.infos = env_index, observations, infos
        self.count = count = len(env_index)
        self.episode = self.episode_step = np.zeros(count, np.uint32)
        self.reward = np.zeros(count)
        self.terminated = self.truncated = np.zeros(count, bool)
        self.kind, self.has_final = np.zeros(count, np.uint8), np.zeros(count, bool)
        # Of the rows with has_final, in row order: a list of observations, and their VectorInfos.
        self.finals, self.final_infos = [], VectorInfos({}, 0)
        # (row, seed) of the rows that a reset with a seed produced.
        self.seeds = []

    def slice(self, begin, end):
        """Rows begin … end - 1."""
        rows = slice(begin, end)
        part = BatchRows(self.env_index[rows], taken(self.observations, rows), self.infos.take(rows))
        for name in ("episode", "episode_step", "reward", "terminated", "truncated", "kind", "has_final"):
            setattr(part, name, getattr(self, name)[rows])
        first_final = int(self.has_final[:begin].sum())
        finals = slice(first_final, first_final + int(part.has_final.sum()))
        part.finals, part.final_infos = self.finals[finals], self.final_infos.take(finals)
        part.seeds = [(row - begin, seed) for row, seed in self.seeds if begin <= row < end]
        return part

    def write_columns(self, buffer, seq):
        """Writes blocks 1 to 9 of a payload to its begin; returns where they end."""
        end, begins = _places(self.count)
        values = (
            self.env_index,
            self.episode,
            self.episode_step,
            seq,
            self.reward,
            self.terminated,
            self.truncated,
            self.kind,
            self.has_final,
        )
        # What an earlier, longer payload left is not to be in the padding.
        buffer[:end] = bytes(end)
        for begin, dtype, value in zip(begins, _DTYPES, values):
            np.frombuffer(buffer, dtype, self.count, begin)[:] = value
        return end

    def write_observations(self, layout, begin):
        """Writes the observations with a LayoutWriter; returns where they end."""
        return layout.write_batch(self.observations, self.count, begin)


@lru_cache(maxsize=256)
def _places(count):
    """Where blocks 1 to 9 of so many rows end, and where each begins."""
    begins, at = [], 0
    for dtype in _DTYPES:
        begins.append(at)
        at += padded(count * np.dtype(dtype).itemsize)
    return at, begins


def taken(batch, index):
    """Some rows of a batch that Gymnasium stacked, or one: `index` is a slice, an array of rows, or a number."""
    if isinstance(batch, dict):
        return {key: taken(item, index) for key, item in batch.items()}
    if isinstance(batch, tuple):
        return tuple(taken(item, index) for item in batch)
    return batch[index]
