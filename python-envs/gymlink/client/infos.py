"""Infos of gymlink.v1.Infos in the form of Gymnasium's vector environments, and one a sub-environment."""

from dataclasses import dataclass

import numpy as np

from gymlink.client.errors import malformed
from gymlink.protocol import schema
from gymlink.protocol.values import InvalidValue, from_tensor, from_value


@dataclass(frozen=True)
class UnsupportedInfo:
    """Stands for an info value that could not travel.

    Attributes:
        python_type: Qualified name of its class, for example ``collections.deque``.
    """

    python_type: str


@dataclass(frozen=True)
class Column:
    """Values of one key of some infos.

    Attributes:
        key: The key.
        envs: The sub-environments that have it, ascending.
        values: One value each: an array with a further axis in front where all are numbers of one type, or arrays of one dtype
            and shape; else a list.
        of_numpy: Whether the numbers of an array are NumPy's.
    """

    key: object
    envs: np.ndarray
    values: "np.ndarray | list"
    of_numpy: bool = True

    def items(self):
        """Pairs of sub-environment and value, as its own `reset` or `step` gave it."""
        return zip(self.envs.tolist(), self._single_values(self.values))

    def _single_values(self, values):
        if isinstance(values, list):
            return values
        if values.ndim > 1:
            return [values[place, ...] for place in range(len(values))]
        return list(values) if self.of_numpy else values.tolist()


_PYTHON_TYPES = (schema.INFO_TYPE_INT, schema.INFO_TYPE_FLOAT, schema.INFO_TYPE_BOOL)


def columns(message, envs):
    """The columns of a message Infos.

    Args:
        message: The message; None if all infos are empty.
        envs: Array of the sub-environments of its rows.

    Raises:
        GymlinkError: MALFORMED_REPLY.
    """
    try:
        return [_column(entry, envs) for entry in (message or {}).get("entries", ())]
    except InvalidValue as error:
        raise malformed(f"an info is not valid: {error}") from error


def _column(entry, envs):
    key, present = from_value(entry.get("key", {}), UnsupportedInfo), entry.get("present")
    with_key = envs
    if present:
        if len(present) != len(envs):
            raise InvalidValue(f"{len(present)} flags came for {len(envs)} rows")
        with_key = envs[np.frombuffer(present, np.uint8) == 1]
    if "column" in entry:
        column = _typed(key, with_key, entry["column"])
    else:
        values = [from_value(value, UnsupportedInfo) for value in entry.get("trees", {}).get("values", ())]
        column = Column(key, with_key, values)
    if len(column.values) != len(with_key):
        raise InvalidValue(f"{len(column.values)} values of {key!r} came for {len(with_key)} rows")
    return column


def _typed(key, envs, message):
    values, info_type = from_tensor(message.get("values", {})), message.get("type", 0)
    if info_type == schema.INFO_TYPE_ARRAY and values.ndim == 1:
        # Arrays without axes, which must not become numbers.
        return Column(key, envs, [values[place, ...] for place in range(len(values))])
    return Column(key, envs, values, info_type not in _PYTHON_TYPES)


def unsupported_types(found):
    """Class names of the values in some columns that could not travel."""
    names = set()
    for column in found:
        if isinstance(column.values, list):
            for value in column.values:
                _collect(value, names)
    return names


def _collect(value, names):
    if isinstance(value, UnsupportedInfo):
        names.add(value.python_type)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, names)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _collect(item, names)


def of_each(found):
    """The infos by sub-environment; one that is missing is empty."""
    infos = {}
    for column in found:
        for env, value in column.items():
            infos.setdefault(env, {})[column.key] = value
    return infos


def add_columns(vector_env, infos, found):
    """Adds columns to infos in vector form, as ``VectorEnv._add_info`` does with each row."""
    for column in found:
        if not _add_array(vector_env.num_envs, infos, column):
            for env, value in column.items():
                _add_value(vector_env, infos, {column.key: value}, env)


def _add_value(vector_env, infos, info, env):
    try:
        vector_env._add_info(infos, info, env)
    except OverflowError:
        # An int beyond 64 bits, for which Gymnasium has no array: the step was taken, and its results must not be lost.
        _make_room(vector_env.num_envs, infos, info)
        vector_env._add_info(infos, info, env)


def _make_room(num_envs, infos, info):
    """Has arrays of objects where an info holds ints beyond 64 bits."""
    for key, value in info.items():
        if isinstance(value, dict):
            _make_room(num_envs, infos.setdefault(key, {}), value)
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            array = infos.get(key)
            infos[key] = np.full(num_envs, None) if array is None else array.astype(object)


def _add_array(num_envs, infos, column):
    """Adds a column at once; False where Gymnasium does not keep its values in an array of their own type."""
    key, values = column.key, column.values
    if isinstance(values, list) or key == "final_obs":
        return False
    if values.ndim == 1 and column.of_numpy and values.dtype == np.bool_:
        return False
    array = infos.get(key)
    if array is None:
        array = np.zeros((num_envs, *values.shape[1:]), values.dtype)
    elif not isinstance(array, np.ndarray) or array.dtype == object:
        return False
    array[column.envs] = values
    mask = infos.setdefault(f"_{key}", np.zeros(num_envs, np.bool_))
    mask[column.envs] = True
    infos[key] = array
    return True
