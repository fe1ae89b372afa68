"""Values that sampling does not come to, and bytes that are none of a space's."""

import random
import struct

import numpy as np
from gymnasium import spaces
from hypothesis import strategies as st

from tests.reference import stacked


def values(space, rows, seed):
    """Values of a space: samples, bounds, and sequences and graphs of nothing too."""
    space.seed(seed)
    rng = random.Random(seed)
    return [_value(space, rng) for _ in range(rows)]


def _value(space, rng):
    if isinstance(space, spaces.Dict):
        return {key: _value(entry, rng) for key, entry in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_value(element, rng) for element in space.spaces)
    if isinstance(space, spaces.OneOf):
        variant = rng.randrange(len(space.spaces))
        return np.int64(variant), _value(space.spaces[variant], rng)
    if isinstance(space, spaces.Sequence):
        elements = _several(space.feature_space, rng.choice([0, 1, 2, 4]), rng)
        return stacked(space.feature_space, elements) if space.stack else elements
    if isinstance(space, spaces.Graph):
        return _graph(space, rng)
    return rng.choice([space.sample(), *_extremes(space)])


def _several(space, count, rng):
    return tuple(_value(space, rng) for _ in range(count))


def _graph(space, rng):
    count = rng.randrange(4)
    nodes = stacked(space.node_space, _several(space.node_space, count, rng))
    if space.edge_space is None or rng.random() < 0.3:
        return spaces.GraphInstance(nodes, None, None)
    links = [[rng.randrange(count), rng.randrange(count)] for _ in range(rng.randrange(4) if count else 0)]
    edges = stacked(space.edge_space, _several(space.edge_space, len(links), rng))
    return spaces.GraphInstance(nodes, edges, np.array(links, np.int32).reshape(-1, 2))


def _extremes(space):
    if isinstance(space, spaces.Box):
        return [space.low.copy(), space.high.copy()]
    if isinstance(space, spaces.Discrete):
        return [space.start, space.dtype.type(int(space.start) + int(space.n) - 1)]
    if isinstance(space, spaces.MultiDiscrete):
        return [space.start.copy(), space.start + (space.nvec - space.dtype.type(1))]
    if isinstance(space, spaces.Text):
        return [space.character_list[-1] * space.min_length, space.character_list[0] * space.max_length]
    return [np.zeros(space.shape, space.dtype), np.ones(space.shape, space.dtype)]


_NANS = [struct.pack("<e", np.nan), struct.pack("<f", np.nan), struct.pack("<d", np.nan)]
# Offsets, variants and flags that are wrong, in one of four or eight bytes.
_WORDS = [struct.pack("<I", number) for number in (0, 1, 2, 3, 7, 0x101, 65_537, 1 << 31, (1 << 32) - 1)]


@st.composite
def broken(draw, payload):
    """Bytes of a space with a part of them changed; that may be bytes of the space again."""
    data, how = bytearray(payload), draw(st.sampled_from(["cut", "more", *["bytes", "words"] * 4]))
    if how == "cut":
        return bytes(data[: draw(st.integers(0, max(0, len(data) - 1)))])
    if how == "more" or not data:
        return bytes(data) + bytes(draw(st.sampled_from([1, 4, 8])))
    for _ in range(draw(st.integers(1, 3))):
        if how == "bytes":
            data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from([0, 1, 2, 0x80, 0xC3, 0xED, 0xFF]))
        else:
            part = draw(st.sampled_from(_WORDS + _NANS))
            at = len(part) * draw(st.integers(0, len(data) // len(part) - 1))
            data[at : at + len(part)] = part
    return bytes(data)
