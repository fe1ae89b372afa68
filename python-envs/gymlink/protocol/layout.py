"""``layout(space, n)`` of space.proto: which blocks there are, and how long they are."""

import math
from functools import lru_cache

import numpy as np
from gymnasium import spaces

from gymlink.protocol.spaces import OneOf


class InvalidRow(ValueError):
    """Raised when a value does not fit its space; `row` is the row concerned, or None for all."""

    def __init__(self, message, row=None):
        super().__init__(message)
        self.row = row


def padded(length):
    """The next multiple of 8."""
    return (length + 7) & ~7


# Bytes of an element of each column of a TransitionPart before the observations (session.proto).
COLUMN_BYTES = (4, 4, 4, 8, 8, 1, 1, 1, 1)


@lru_cache(maxsize=256)
def columns_bytes(rows):
    """Bytes of blocks 1 to 9 of a TransitionPart's payload."""
    return sum(padded(size * rows) for size in COLUMN_BYTES)


def leaves(space, path=()):
    """The spaces that have blocks of their own, in the order of the layout.

    Returns:
        A list of ``(path, space)``; the path has the keys that lead from a value of the whole space to the leaf's.
    """
    if isinstance(space, spaces.Dict):
        items = space.spaces.items()
    elif isinstance(space, spaces.Tuple):
        items = enumerate(space.spaces)
    else:
        return [(path, space)]
    return [leaf for key, entry in items for leaf in leaves(entry, (*path, key))]


def element(space):
    """Little-endian dtype and shape of one value of a leaf space other than Text."""
    shape = () if isinstance(space, spaces.Discrete) else tuple(space.shape)
    return np.dtype(space.dtype).newbyteorder("<"), shape


# Elements that take no bytes, of which a few bytes could announce billions (space.proto).
MOST_EMPTY_ELEMENTS = 65_536


def takes_no_bytes(space):
    """Whether values of a space have no bytes: of a Box with an axis of length 0, or of a Dict or Tuple of nothing else."""
    items = (spaces.Text, spaces.Sequence, spaces.Graph, OneOf)
    return all(not isinstance(leaf, items) and 0 in element(leaf)[1] for _, leaf in leaves(space))


def max_text_bytes(space):
    """Most bytes that one value of a Text space takes as UTF-8."""
    return int(space.max_length) * max((len(character.encode()) for character in space.character_list), default=0)


def known_bytes(space, rows):
    """Most bytes of ``layout(space, rows)``, without the values in Sequences, Graphs and OneOfs: their number is not known."""
    return sum(_leaf_bytes(leaf, rows) for _, leaf in leaves(space))


def has_greatest_size(space):
    """Whether `known_bytes` is all that values of a space take: it has no Sequence, Graph or OneOf."""
    return not any(isinstance(leaf, (spaces.Sequence, spaces.Graph, OneOf)) for _, leaf in leaves(space))


def _leaf_bytes(leaf, rows):
    offsets = padded(4 * (rows + 1))
    if isinstance(leaf, spaces.Text):
        return offsets + padded(max_text_bytes(leaf) * rows)
    if isinstance(leaf, spaces.Sequence):
        return offsets + known_bytes(leaf.feature_space, 0)
    if isinstance(leaf, spaces.Graph):
        edges = 0 if leaf.edge_space is None else known_bytes(leaf.edge_space, 0)
        return offsets + known_bytes(leaf.node_space, 0) + padded(rows) + offsets + edges
    if isinstance(leaf, OneOf):
        return padded(4 * rows) + sum(known_bytes(variant, 0) for variant in leaf.spaces)
    dtype, shape = element(leaf)
    return padded(dtype.itemsize * math.prod(shape) * rows)
