"""What a family has, read off Gymnasium's registry without making an environment."""

import importlib
import platform
import warnings

import gymnasium
import numpy as np

from gymlink.sidecar.values import to_value


def _unavailable(spec):
    """Why an environment cannot be made here, in words; empty where it can."""
    entry_point = spec.entry_point
    if not isinstance(entry_point, str):
        return _raises_at_once(entry_point)
    module, _, name = entry_point.partition(":")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            constructor = getattr(importlib.import_module(module), name)
    except ImportError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return _raises_at_once(constructor)


def _raises_at_once(constructor):
    """Gymnasium leaves stubs for environments that moved away: their constructors only raise an ImportError."""
    function = constructor.__init__ if isinstance(constructor, type) else constructor
    code = getattr(function, "__code__", None)
    if code is None or "ImportError" not in code.co_names:
        return ""
    try:
        constructor()
    except ImportError as error:
        return str(error)
    except Exception:
        return ""
    return ""


def _summary(spec):
    summary = {
        "id": spec.id,
        "max_episode_steps": spec.max_episode_steps or 0,
        "nondeterministic": bool(spec.nondeterministic),
        "default_kwargs": to_value(dict(spec.kwargs))["map"],
        "unavailable": _unavailable(spec),
    }
    if spec.reward_threshold is not None:
        summary["reward_threshold"] = float(spec.reward_threshold)
    return summary


def catalogue():
    """The family's environments and versions, as gymlink.v1's FamilyCatalogue."""
    specs = sorted(gymnasium.registry.values(), key=lambda spec: spec.id)
    return {
        "environments": [_summary(spec) for spec in specs],
        "python_version": platform.python_version(),
        "gymnasium_version": gymnasium.__version__,
        "numpy_version": np.__version__,
    }
