"""Options of making an environment as fields of OpenRequest (session.proto)."""

import operator
from collections.abc import Mapping

from gymlink.client.compression import COMPRESSIONS
from gymlink.client.errors import failure
from gymlink.client.opening import arguments, seed_message


def open_options(*, seed=None, wrappers=(), info_keys=None, compression=None, newest_frame_only=False, plan=None, num_envs=1):
    """Fields of OpenRequest; what is left to the server is None.

    Args:
        seed: Seed of the first reset if that names none.
        wrappers: Names, pairs of name and arguments, or dicts of ``name`` and ``kwargs``.
        info_keys: Keys of the infos that travel; None for all.
        compression: ``zstd``, or None.
        newest_frame_only: Whether only the newest frames of stacks travel.
        plan: Later episodes of each sub-environment, as dicts of ``seed`` and ``options``; None for no plan.
        num_envs: Number of sub-environments.

    Raises:
        GymlinkError: INVALID_SEED; INVALID_ARGUMENT, if something is not of this form.
    """
    return {
        "seed": None if seed is None else seed_message(operator.index(seed)),
        "wrappers": [_wrapper(item) for item in _listed("wrappers", wrappers)],
        "info_filter": None if info_keys is None else _info_filter(info_keys),
        "compression": None if compression is None else _compression(compression),
        "newest_frame_only": newest_frame_only,
        "plan": None if plan is None else _planned_resets(_listed("plan", plan), num_envs),
    }


def _wrapper(given):
    if isinstance(given, str):
        name, kwargs = given, {}
    elif isinstance(given, Mapping):
        name, kwargs = given.get("name"), given.get("kwargs") or {}
        _check_keys("A wrapper", given, {"name", "kwargs"})
    else:
        name, kwargs = given if isinstance(given, (list, tuple)) and len(given) == 2 else (None, None)
    if not isinstance(name, str) or not isinstance(kwargs, Mapping):
        raise _invalid(f"A wrapper is a name, a pair of name and dict of arguments, or a dict of both, not {given!r}.")
    return {"name": name, "kwargs": arguments(kwargs, "wrapper argument")}


def _info_filter(info_keys):
    keys = _listed("info_keys", info_keys)
    if not all(isinstance(key, str) for key in keys):
        raise _invalid(f"info_keys holds texts, not {info_keys!r}.")
    return {"keys": keys, "none": not keys}


def _compression(name):
    if name not in COMPRESSIONS:
        raise _invalid(f"There is no compression {name!r}; there is {', '.join(COMPRESSIONS)}.")
    return COMPRESSIONS[name]


def _planned_resets(plan, num_envs):
    if len(plan) != num_envs:
        raise _invalid(f"plan has {len(plan)} lists for {num_envs} sub-environments.")
    return [_planned_reset(env, reset) for env, resets in enumerate(plan) for reset in _listed(f"plan[{env}]", resets)]


def _planned_reset(env, reset):
    if not isinstance(reset, Mapping):
        raise _invalid(f"A planned reset is a dict of seed and options, not {reset!r}.")
    _check_keys("A planned reset", reset, {"seed", "options"})
    message, seed, options = {"env_index": env}, reset.get("seed"), reset.get("options")
    if seed is not None:
        message["seed"] = seed_message(operator.index(seed))
    if options is not None:
        message["options"] = arguments(options, "reset option")
    return message


def _check_keys(what, given, known):
    if not set(given) <= known:
        raise _invalid(f"{what} has {' and '.join(sorted(known))}, not {', '.join(map(repr, set(given) - known))}.")


def _listed(name, given):
    if not isinstance(given, (list, tuple)):
        raise _invalid(f"{name} is a list, not {given!r}.")
    return list(given)


def _invalid(message):
    return failure("INVALID_ARGUMENT", message)
