"""What a family has, read off Gymnasium's registry without making an environment in this process."""

import json
import os
import platform
import signal
from fnmatch import fnmatchcase

import gymnasium
import numpy as np

from gymlink.protocol.values import to_value
from gymlink.sidecar.arguments import allowed_kwargs, describe_arguments
from gymlink.sidecar.processes import thread_names
from gymlink.sidecar.registering import MultiAgentConstructor, load_entry_point

_PROBE_SECONDS = 20


def _module_of(spec):
    entry_point = spec.entry_point or spec.vector_entry_point
    return getattr(entry_point, "__module__", "") if callable(entry_point) else str(entry_point)


# Ids that Gymnasium has of its own: those that it registered when it was imported, before any module of a family.
_OF_GYMNASIUM = {spec.id for spec in gymnasium.registry.values() if _module_of(spec).startswith("gymnasium.")}


def catalogue(manifest):
    """The family's environments and versions, as message FamilyCatalogue.

    Args:
        manifest: The family's: "ids" says which of the registered environments are its own, by default all that Gymnasium
            itself does not have.
    """
    specs = sorted((spec for spec in gymnasium.registry.values() if serves(manifest, spec.id)), key=lambda spec: spec.id)
    unavailable, doubtful, arguments = {}, [], {}
    for spec in specs:
        constructor, unavailable[spec.id] = _load(spec)
        if constructor is not None:
            arguments[spec.id] = describe_arguments(constructor, allowed_kwargs(manifest, spec.id), spec.kwargs)
            if spec.entry_point is not None and _may_refuse(constructor):
                doubtful.append(spec.id)
    unavailable.update(_probe(doubtful))
    return {
        "environments": [{**_summary(spec, unavailable[spec.id]), "arguments": arguments.get(spec.id, [])} for spec in specs],
        "python_version": platform.python_version(),
        "gymnasium_version": gymnasium.__version__,
        "numpy_version": np.__version__,
    }


def serves(manifest, env_id):
    """Whether a registered environment is one of the family's."""
    patterns = manifest.get("ids")
    if patterns is None:
        return env_id not in _OF_GYMNASIUM
    return env_id in manifest.get("environments", {}) or any(fnmatchcase(env_id, pattern) for pattern in patterns)


def _summary(spec, unavailable):
    summary = {
        "id": spec.id,
        "max_episode_steps": spec.max_episode_steps or 0,
        "nondeterministic": bool(spec.nondeterministic),
        "default_kwargs": to_value(dict(spec.kwargs))["map"],
        "unavailable": unavailable,
        "vectorised": spec.entry_point is None,
    }
    if spec.reward_threshold is not None:
        summary["reward_threshold"] = float(spec.reward_threshold)
    return summary


def _load(spec):
    """``(constructor, "")``, or ``(None, why it cannot be had)``."""
    entry_point = spec.entry_point or spec.vector_entry_point
    try:
        if isinstance(entry_point, MultiAgentConstructor):
            return entry_point.takes(), ""
        return entry_point if callable(entry_point) else load_entry_point(entry_point), ""
    except ModuleNotFoundError as error:
        return None, f"The Python package {error.name} is not installed in its family."
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _may_refuse(constructor):
    """Whether a constructor speaks of ImportError itself.

    Gymnasium keeps entries of environments that moved to other packages, or need older versions of them (the MuJoCo ones of v2
    and v3, Pusher-v4, GymV21Environment-v0): their modules import well, their constructors raise.
    """
    function = constructor.__init__ if isinstance(constructor, type) else constructor
    code = getattr(function, "__code__", None)
    return code is not None and "ImportError" in code.co_names


def _probe(ids):
    """Why some environments cannot be made, found by trying in a process of its own: this one must hold no environment."""
    if not ids or len(thread_names()) != 1:
        return {}
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # Ends this process if a constructor hangs.
            signal.alarm(_PROBE_SECONDS)
            os.write(writer, json.dumps({env_id: _refusal(env_id) for env_id in ids}).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(told) if told else {}


def _refusal(env_id):
    try:
        gymnasium.make(env_id, disable_env_checker=True)
    except ImportError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
