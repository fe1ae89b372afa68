"""What a manifest's "out_of_space" asks to be done with observations outside of their space."""

import numpy as np
from gymnasium import spaces

from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.spaces import OneOf, start_of


class Watch:
    """Looks at the observations of some sub-environments; shape and dtype are for others to check.

    Args:
        env_id: Id of the environment, for messages.
        observation_spaces: Observation space of each.
        first: Number of the first one in the session.
        refuses: Whether to refuse what is outside; otherwise the first one is told on the log.
    """

    def __init__(self, env_id, observation_spaces, first, refuses):
        self._id, self._first, self._refuses = env_id, first, refuses
        self._finders = [finder(space) for space in observation_spaces]

    def look_at(self, rows):
        """Looks at all observations of Rows, final ones too.

        Raises:
            InvalidRow: One is outside of its space, and that is refused.
        """
        with_final = [row for row in range(rows.count) if rows.has_final[row]]
        for row, observation in [*zip(with_final, rows.finals), *enumerate(rows.observations)]:
            find = self._finders[rows.env_index[row] - self._first]
            found = find and _attempt(find, observation)
            if found and self._refuses:
                remedy = 'It passes with "out_of_space": "pass" in the manifest of its family'
                raise InvalidRow(f"its observation{found}. {remedy}", row)
            if found:
                print(f"gymlink: sub-environment {rows.env_index[row]} of {self._id}: its observation{found}; told only once")
                self._finders = [None] * len(self._finders)
                return


def watch_for(manifest, env_id, observation_spaces, first):
    """The Watch that a manifest asks for; None for "pass"."""
    wanted = manifest.get("out_of_space", "pass")
    return None if wanted == "pass" else Watch(env_id, observation_spaces, first, wanted == "refuse")


def _attempt(find, observation):
    try:
        return find(observation)
    except Exception:
        # A value of another form than its space's is named when it is encoded.
        return ""


def finder(space):
    """A function that says of a value what is outside: `['leaf'][index] is …`, or an empty text.

    It takes what Gymnasium stacks of numbers, too. None for spaces that hold every value of their dtype.
    """
    return next(make(space) for kind, make in _FINDERS.items() if isinstance(space, kind))


def _box(space):
    return _between(space.dtype, space.low, space.high)


def _discrete(space):
    # Python's integers: NumPy's of two dtypes might meet as floats.
    least = int(space.start)
    return _between(space.dtype, least, least + int(space.n) - 1)


def _multi_discrete(space):
    start = start_of(space)
    return _between(space.dtype, start, start + (space.nvec - 1))


def _multi_binary(space):
    return _between(space.dtype, 0, 1)


def _between(dtype, low, high):
    if not _can_be_outside(dtype, low, high):
        return None
    is_float = dtype.kind == "f"
    bounded = is_float and np.isfinite(low) | np.isfinite(high)

    def find(value):
        # Floats are compared as they travel; integers might wrap around.
        value = np.asarray(value, dtype if is_float else None)
        outside = (value < low) | (value > high)
        if is_float:
            outside |= np.isnan(value) & bounded
        if not outside.any():
            return ""
        at = tuple(map(int, np.argwhere(outside)[0]))
        bounds = (np.broadcast_to(bound, value.shape)[at] for bound in (low, high))
        return f"{list(at) if at else ''} is {value[at]}, but its space has {' to '.join(map(str, bounds))} there"

    return find


def _can_be_outside(dtype, low, high):
    if dtype.kind == "b":
        least, greatest = 0, 1
    elif dtype.kind == "f":
        least, greatest = -np.inf, np.inf
    else:
        least, greatest = np.iinfo(dtype).min, np.iinfo(dtype).max
    return bool(np.any(low > least) or np.any(high < greatest))


def _text(space):
    characters = frozenset(space.character_list)

    def find(value):
        if not isinstance(value, str):
            return ""
        if not space.min_length <= len(value) <= space.max_length:
            bounds = f"{space.min_length} to {space.max_length}"
            return f" is {value!r} of {len(value)} characters, but its space has {bounds} characters"
        unknown = [character for character in value if character not in characters]
        return f" is {value!r}, but its space has no character {unknown[0]!r}" if unknown else ""

    return find


def _dict(space):
    return _entries(space.spaces.items())


def _tuple(space):
    return _entries(enumerate(space.spaces))


def _entries(items):
    finders = [(f"[{key!r}]", key, finder(entry)) for key, entry in items]
    finders = [(where, key, find) for where, key, find in finders if find]
    if not finders:
        return None
    return lambda value: _first_found((where, find, value[key]) for where, key, find in finders)


def _sequence(space):
    find = finder(space.feature_space)
    if space.stack or find is None:
        return find
    return lambda value: _first_found((f"[{i}]", find, item) for i, item in enumerate(value))


def _graph(space):
    parts = {"nodes": space.node_space, "edges": space.edge_space}
    finders = [(name, finder(part)) for name, part in parts.items() if part is not None]

    def find_in(graph):
        given = [(f".{name}", find, getattr(graph, name)) for name, find in finders if find]
        return _first_found(part for part in given if part[2] is not None)

    return find_in


def _one_of(space):
    finders = [finder(variant) for variant in space.spaces]
    return lambda pair: _first_found([("[1]", finders[pair[0]], pair[1])] if finders[pair[0]] else [])


def _first_found(parts):
    """What the first finder says that finds something, with the place of its value: parts are (place, finder, value)."""
    for where, find, value in parts:
        found = find(value)
        if found:
            return where + found
    return ""


_FINDERS = {
    spaces.Box: _box,
    spaces.Discrete: _discrete,
    spaces.MultiDiscrete: _multi_discrete,
    spaces.MultiBinary: _multi_binary,
    spaces.Text: _text,
    spaces.Dict: _dict,
    spaces.Tuple: _tuple,
    spaces.Sequence: _sequence,
    spaces.Graph: _graph,
    OneOf: _one_of,
}
