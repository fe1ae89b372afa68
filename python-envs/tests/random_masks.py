"""Masks and probabilities of any space, in the form that its ``sample`` takes."""

import numpy as np
from gymnasium import spaces

# A mask has a number for each value.
_MOST_VALUES = 100


def random_mask(space, rng, is_probability):
    """A mask, or probabilities; None where the space takes none, and at times.

    Args:
        space: The space.
        rng: A random.Random.
        is_probability: Whether probabilities are wanted.
    """
    if isinstance(space, spaces.Dict):
        return {key: random_mask(entry, rng, is_probability) for key, entry in space.spaces.items()}
    if isinstance(space, (spaces.Tuple, spaces.OneOf)):
        return tuple(random_mask(entry, rng, is_probability) for entry in space.spaces)
    if isinstance(space, spaces.Sequence):
        # Gymnasium cannot stack samples of no elements.
        length = rng.choice([None, rng.randint(1, 3), np.array([1, 2, 4])])
        return length, random_mask(space.feature_space, rng, is_probability)
    if isinstance(space, spaces.Graph):
        return _graph_masks(space, rng, is_probability)
    if isinstance(space, spaces.Text):
        length = rng.choice([None, rng.randint(space.min_length, space.max_length)])
        return length, rng.choice([None, _numbers(len(space.character_list), rng, is_probability)])
    if isinstance(space, spaces.Box) or rng.random() < 0.2:
        return None
    if isinstance(space, spaces.Discrete):
        return _numbers(int(space.n), rng, is_probability) if space.n <= _MOST_VALUES else None
    if isinstance(space, spaces.MultiDiscrete):
        return _each(space.nvec.tolist(), rng, is_probability) if _is_exact(space, space.nvec.max()) else None
    size = int(np.prod(space.shape))
    numbers = [rng.random() if is_probability else rng.randrange(3) for _ in range(size)]
    return np.array(numbers, np.float64 if is_probability else np.int8).reshape(space.shape)


def _numbers(count, rng, is_probability):
    if is_probability:
        numbers = np.array([rng.choice([0.0, rng.random()]) for _ in range(count)])
        numbers[rng.randrange(count)] = 1.0
        return numbers / numbers.sum()
    numbers = np.array([rng.randrange(2) for _ in range(count)], np.int8)
    # Of no value at all Gymnasium draws the first; of no character none.
    numbers[rng.randrange(count)] = 1
    return numbers


def _is_exact(space, count):
    """Whether there are few values, and Gymnasium does not add a choice of int64 to a start of uint64: that makes a float."""
    return count <= _MOST_VALUES and space.dtype != np.uint64


def _each(counts, rng, is_probability):
    if isinstance(counts, list):
        return tuple(_each(count, rng, is_probability) for count in counts)
    return _numbers(counts, rng, is_probability)


def _graph_masks(space, rng, is_probability):
    """Of a batch of nodes, as many as ``sample`` draws, and of one edge."""
    nodes = [_of_element(space.node_space, rng, is_probability) for _ in range(10)]
    return None if nodes[0] is None else tuple(nodes), _of_element(space.edge_space, rng, is_probability)


def _of_element(space, rng, is_probability):
    if not isinstance(space, spaces.Discrete) or not _is_exact(space, space.n):
        return None
    return _numbers(int(space.n), rng, is_probability)


def mask_form(mask):
    """A mask as JSON."""
    if isinstance(mask, dict):
        return {key: mask_form(item) for key, item in mask.items()}
    if isinstance(mask, tuple):
        return [mask_form(item) for item in mask]
    return mask.ravel().tolist() if isinstance(mask, np.ndarray) else mask
