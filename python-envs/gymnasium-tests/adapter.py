"""pytest plugin that runs Gymnasium's tests with RemoteVectorEnv in the place of its vectorisers."""

import json
import os
from functools import partial
from pathlib import Path

import pytest
from gymnasium import VectorizeMode
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stand_ins import StandIn, put_in_place

from gymlink.client import RemoteVectorEnv

# Vector environments that a test compares with, by number: they stay Gymnasium's.
_REFERENCES = {"test_vector_env_equal": 1, "test_equivalence_with_wrapper": 0}
_WITHOUT_FIRST_SEED = json.loads((Path(__file__).parent / "suite.json").read_text())["withoutFirstSeed"]["tests"]
_TIMEOUT_S = 60.0


class _Running:
    test, made, remote = "", 0, 0


def _make(vectoriser, env_fns, kwargs):
    """A RemoteVectorEnv whose sub-environments are those that this test's worker begins."""
    number, _Running.made = _Running.made, _Running.made + 1
    if _REFERENCES.get(_Running.test.split("::")[-1].partition("[")[0]) == number:
        return vectoriser(env_fns, **kwargs)
    _Running.remote += 1
    # As AsyncVectorEnv does, to know the render mode.
    dummy = env_fns[0]()
    dummy.close()
    return RemoteVectorEnv(
        "BegunTest-v0",
        len(env_fns),
        address=os.environ["GYMLINK_ADDRESS"],
        autoreset_mode=kwargs.get("autoreset_mode", AutoresetMode.NEXT_STEP),
        observation_mode=kwargs.get("observation_mode", "same"),
        render_mode=dummy.render_mode,
        timeout_s=_TIMEOUT_S,
        env_kwargs=[{"index": index} for index in range(len(env_fns))],
        test=_Running.test,
        vector_env=number,
        first_seed=_Running.test.split("::")[0] not in _WITHOUT_FIRST_SEED,
    )


def _is_another(name, value):
    """Whether a parameter of a test asks for another vectoriser than the one that RemoteVectorEnv stands for."""
    if isinstance(value, partial) and isinstance(value.func, StandIn):
        return value.keywords.get("shared_memory") is False
    if isinstance(value, StandIn):
        return value.vectoriser is SyncVectorEnv
    return value is VectorizeMode.SYNC or (name == "shared_memory" and value is False)


def pytest_collection_modifyitems(config, items):
    """Leaves each test one turn, where it has one for each vectoriser."""
    others = [item for item in items if any(_is_another(*pair) for pair in _parameters(item))]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


def _parameters(item):
    return item.callspec.params.items() if hasattr(item, "callspec") else ()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Begins to count a test's vector environments."""
    _Running.test, _Running.made, _Running.remote = item.nodeid, 0, 0


def pytest_runtest_teardown(item):
    """Tells how many were remote."""
    item.user_properties.append(("remote", _Running.remote))


put_in_place(_make)
