import inspect
import json
from fnmatch import fnmatchcase
from pathlib import Path

import gymnasium
import pytest
from gymnasium.envs.mujoco.mujoco_env import MujocoEnv
from gymnasium.envs.registration import load_env_creator

from gymlink.sidecar.attributes import sendable
from gymlink.sidecar.values import to_value

FOLDER = Path(__file__).parent
MANIFEST = json.loads((FOLDER / "family.json").read_text())
# A path would open any file of the server; the others show windows, print, or take more than plain data.
NEVER = {"self", "xml_file", "model_path", "render_mode", "default_camera_config", "visual_options", "verbose"}


def constructor(env_id):
    """The class of an environment, or None when the family cannot build it."""
    entry_point = gymnasium.registry[env_id].entry_point
    if not isinstance(entry_point, str):  # stands for a package that is gone
        return None
    try:
        return load_env_creator(entry_point)
    except ModuleNotFoundError:  # JAX environments
        return None


def parameters(creator):
    names = set(inspect.signature(creator).parameters)
    if "kwargs" in names and issubclass(creator, MujocoEnv):
        names |= set(inspect.signature(MujocoEnv).parameters)
    return names - {"kwargs"}


BUILDABLE = {env_id: creator for env_id in gymnasium.registry if (creator := constructor(env_id))}


def test_manifest_covers_what_the_family_can_build():
    assert set(MANIFEST["kwargs"]) == set(BUILDABLE)
    assert len(BUILDABLE) >= 36


@pytest.mark.parametrize("env_id", MANIFEST["kwargs"])
def test_allowed_kwargs_exist_and_are_harmless(env_id):
    allowed = MANIFEST["kwargs"][env_id]
    assert len(allowed) == len(set(allowed))
    assert set(allowed) <= parameters(BUILDABLE[env_id]) - NEVER


def test_preloaded_modules_start_no_thread(tmp_path):
    import os
    import subprocess
    import sys

    modules = ", ".join(MANIFEST["preload"])
    code = f"import os, {modules}; print(len(os.listdir('/proc/self/task')))"
    env = {**os.environ, **MANIFEST["environment"]}
    result = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1"]


def test_lock_file_pins_each_requirement_once():
    lines = (FOLDER / "requirements.lock").read_text().splitlines()
    names = [line.split("==")[0] for line in lines if "==" in line]
    # Nothing asks for Pillow by name; it encodes rendered frames.
    assert {"gymnasium", "numpy", "box2d", "mujoco", "pygame-ce", "pillow"} <= set(names)
    assert len(names) == len(set(names))


def rules(env_id):
    return [rule for pattern, rule in MANIFEST["attributes"].items() if fnmatchcase(env_id, pattern)]


def test_every_pattern_fits_an_environment():
    for pattern in MANIFEST["attributes"]:
        assert any(fnmatchcase(env_id, pattern) for env_id in BUILDABLE), pattern


@pytest.mark.parametrize("env_id", [env_id for env_id in MANIFEST["kwargs"] if rules(env_id)])
def test_attributes_exist_and_can_travel(env_id):
    env = gymnasium.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    for rule in rules(env_id):
        for name in rule["read"]:
            assert not may_not_travel(env.get_wrapper_attr(name)), name
        assert set(rule.get("set", ())) <= set(rule["read"])
        assert all(callable(env.get_wrapper_attr(name)) for name in rule.get("call", ()))
    env.close()


def may_not_travel(value):
    unsupported = set()
    to_value(sendable(value), unsupported)
    return unsupported
