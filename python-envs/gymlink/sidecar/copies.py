"""Exact copies of what changes in an environment: plain attributes, random generators, MuJoCo's data (physics.py)."""

from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodType

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec

from gymlink.sidecar.physics import physics_of

# Set once, by gymnasium.make or by a constructor.
_FIXED = {"env", "spec", "metadata", "render_mode", "action_space", "observation_space", "func"}
_FIXED |= {"_saved_kwargs", "_action_space", "_observation_space", "_metadata", "_cached_spec"}
_FIXED |= {"_ezpickle_args", "_ezpickle_kwargs", "_cached_step", "_cached_reset"}
_STATELESS = (gymnasium.Env, gymnasium.Space, EnvSpec, type, FunctionType, MethodType, BuiltinFunctionType)
_ATOMS = {type(None), bool, int, float, str, bytes}
_NOT_PLAIN = object()


class NotCopied(ValueError):
    """Raised when something cannot be copied, or a copy does not fit its environment."""


def copy_plain(value):
    """A copy of plain data (numbers, texts, arrays, lists, tuples and dicts of them); _NOT_PLAIN for anything else."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is np.ndarray:
        return _NOT_PLAIN if value.dtype.hasobject else value.copy()
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, np.generic):
        return value
    if kind in (list, tuple):
        items = [copy_plain(item) for item in value]
        return _NOT_PLAIN if any(item is _NOT_PLAIN for item in items) else kind(items)
    if kind is dict:
        items = {key: copy_plain(item) for key, item in value.items()}
        return _NOT_PLAIN if any(item is _NOT_PLAIN for item in items.values()) else items
    return _NOT_PLAIN


def _copied(value):
    """As `copy_plain`, also of what wrappers keep: a deque becomes a list, a running mean a dict."""
    if type(value) is deque:
        return copy_plain(list(value))
    return copy_plain(vars(value)) if _is_running_mean(value) else copy_plain(value)


def _is_running_mean(value):
    # Its module is another one in every other version.
    return type(value).__name__ == "RunningMeanStd" and type(value).__module__.startswith("gymnasium.")


def _uncopied(current, copied):
    """What a copy was made of, as an environment is to keep it instead of its current value."""
    if type(current) is deque:
        return deque(map(copy_plain, copied), current.maxlen)
    if _is_running_mean(current):
        for name, value in copied.items():
            setattr(current, name, copy_plain(value))
        return current
    return copy_plain(copied)


def layers(env):
    """The wrappers of an environment from the outermost, and at last the environment itself."""
    found = [env]
    while isinstance(found[-1], gymnasium.Wrapper):
        found.append(found[-1].env)
    return found


def copy_env(env, constants=(), *, atoms_only=False):
    """Copies what changes in an environment and its wrappers.

    Args:
        env: The environment.
        constants: Names of attributes that never change after construction: the transition model of a toy text environment
            takes a thousand times as long to copy as all the rest.
        atoms_only: Whether to leave out arrays and containers.

    Returns:
        Plain data.

    Raises:
        NotCopied: A wrapper keeps something that is not plain.
    """
    return [_copy_layer(layer, constants, atoms_only) for layer in layers(env)]


def _copy_layer(layer, constants, atoms_only):
    values, generators = {}, {}
    for name, value in vars(layer).items():
        if name in _FIXED or name in constants:
            continue
        if type(value) in _ATOMS:
            values[name] = value
        elif isinstance(value, np.random.Generator):
            generators[name] = value.bit_generator.state
        elif not atoms_only:
            copied = _copied(value)
            if copied is not _NOT_PLAIN:
                values[name] = copied
            elif isinstance(layer, gymnasium.Wrapper) and not isinstance(value, _STATELESS):
                raise NotCopied(f"the wrapper {type(layer).__name__} keeps a {type(value).__name__}")
    copied = {"class": type(layer).__name__, "values": values, "generators": generators}
    physics = physics_of(layer)
    if physics is not None:
        copied["physics"] = physics.copy()
    return copied


def put_env(env, copied):
    """Puts a copy that `copy_env` made into an environment of the same kind.

    Raises:
        NotCopied: It is of another kind.
    """
    for layer, part in zip(layers(env), copied):
        _put_layer(layer, part)


def put_wrappers(env, copied):
    """As `put_env`, of the wrappers alone."""
    put_env(env, copied[:-1])


def _put_layer(layer, part):
    attributes = vars(layer)
    for name, value in part["values"].items():
        if type(value) in _ATOMS:
            # What was not there yet may be there now: a window, a surface. It is no part of the state.
            if value is not None or copy_plain(attributes.get(name)) is not _NOT_PLAIN:
                attributes[name] = value
        else:
            attributes[name] = _uncopied(attributes.get(name), value)
    for name, state in part["generators"].items():
        if not isinstance(attributes.get(name), np.random.Generator):
            attributes[name] = np.random.Generator(np.random.PCG64(0))
        attributes[name].bit_generator.state = state
    physics = physics_of(layer)
    if physics is not None:
        physics.put(part["physics"])


def check_copy(env, copied, constants=()):
    """Raises NotCopied for plain data from elsewhere that is no copy of an environment of this kind."""
    found = layers(env)
    if not isinstance(copied, list) or len(copied) != len(found):
        raise NotCopied("it has other wrappers")
    for layer, part in zip(found, copied):
        _check_layer(layer, part, constants)


def _check_layer(layer, part, constants):
    physics = physics_of(layer)
    if not isinstance(part, dict) or part.get("class") != type(layer).__name__ or (physics is None) != ("physics" not in part):
        raise NotCopied(f"it is no state of {type(layer).__name__}")
    values, generators = part.get("values"), part.get("generators")
    if not isinstance(values, dict) or not isinstance(generators, dict):
        raise NotCopied("it has no values or generators")
    for name in (*values, *generators):
        # Otherwise a client could shadow methods, or set what it may not.
        shadows = isinstance(name, str) and copy_plain(getattr(type(layer), name, None)) is _NOT_PLAIN
        if not isinstance(name, str) or name in _FIXED or name in constants or shadows:
            raise NotCopied(f"{name!r} is no part of the state of {type(layer).__name__}")
        current = vars(layer).get(name)
        if (type(current) is deque or _is_running_mean(current)) and not _alike(_copied(current), values.get(name)):
            raise NotCopied(f"{name!r} is no {type(current).__name__}")
    for name, state in generators.items():
        try:
            np.random.PCG64(0).state = state
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise NotCopied(f"{name!r} is no state of a random generator") from error
    if physics is not None and not physics.fits(part["physics"]):
        raise NotCopied("its physics is of another model")


def _alike(own, other):
    """Whether both are lists, or dicts with the same names of arrays of the same shapes and of numbers."""
    if type(own) is not dict:
        return type(other) is list
    shapes = [{key: np.shape(value) for key, value in one.items()} for one in (own, other) if type(one) is dict]
    return len(shapes) == 2 and shapes[0] == shapes[1]


def same(left, right):
    """Whether plain data is equal to the bit; of dicts the keys that both have."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(value, right[key]) for key, value in left.items() if key in right)
    if isinstance(left, (list, tuple)) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (np.ndarray, np.generic, float)):
        return type(left) is type(right) and np.asarray(left).tobytes() == np.asarray(right).tobytes()
    return left is right or (type(left) is type(right) and left == right)


def bodies(env):
    """Position, angle and velocities of every body of a Box2D environment: float64[bodies, 6]; None for others."""
    world = vars(env.unwrapped).get("world")
    if not type(world).__module__.startswith("Box2D"):
        return None
    states = [(*b.position, b.angle, *b.linearVelocity, b.angularVelocity) for b in world.bodies]
    return np.array(states, np.float64).reshape(-1, 6)
