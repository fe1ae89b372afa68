import inspect
import json
from fnmatch import fnmatchcase
from pathlib import Path

import gymnasium
import pytest
from gymnasium.envs.mujoco.mujoco_env import MujocoEnv
from gymnasium.envs.registration import load_env_creator

from gymlink.protocol.spaces import describe
from gymlink.protocol.values import to_value
from gymlink.sidecar.attributes import sendable

FOLDER = Path(__file__).parent
MANIFEST = json.loads((FOLDER / "family.json").read_text())
WRAPPERS = json.loads((FOLDER.parent / "wrappers.json").read_text())
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


# An environment that each wrapper fits, and arguments as clients may send them.
FITTING = {
    "AddRenderObservation": ("CartPole-v1", {"render_only": False}),
    "AddWhiteNoise": ("CartPole-v1", {"probability_of_noise_per_pixel": 0.5}),
    "ClipAction": ("Pendulum-v1", {}),
    "ClipReward": ("Pendulum-v1", {"min_reward": -1}),
    "DelayObservation": ("CartPole-v1", {"delay": 2}),
    "DiscretizeAction": ("Pendulum-v1", {"bins": 5}),
    "DiscretizeObservation": ("Pendulum-v1", {"bins": 4}),
    "DtypeObservation": ("CartPole-v1", {"dtype": "float64"}),
    "FilterObservation": ("Blackjack-v1", {"filter_keys": [0, 2]}),
    "FlattenObservation": ("Blackjack-v1", {}),
    "FrameStackObservation": ("CartPole-v1", {"stack_size": 4, "padding_type": "zero"}),
    "GrayscaleObservation": ("CarRacing-v3", {"keep_dim": True}),
    "MaxAndSkipObservation": ("CarRacing-v3", {"skip": 2}),
    "NormalizeObservation": ("CartPole-v1", {"epsilon": 1e-6}),
    "NormalizeReward": ("Pendulum-v1", {"gamma": 0.9}),
    "ObstructView": ("CartPole-v1", {"obstructed_pixels_ratio": 0.5, "obstruction_width": 9}),
    "RecordEpisodeStatistics": ("CartPole-v1", {"stats_key": "episode"}),
    "RepeatAction": ("Pendulum-v1", {"num_repeats": 2}),
    "RescaleAction": ("Pendulum-v1", {"min_action": -1, "max_action": 1.0}),
    "RescaleObservation": ("MountainCar-v0", {"min_obs": -1.0, "max_obs": 1.0}),
    "ReshapeObservation": ("CartPole-v1", {"shape": (2, 2)}),
    "StickyAction": ("CartPole-v1", {"repeat_action_probability": 0.25}),
    "TimeAwareObservation": ("CartPole-v1", {"flatten": False}),
    "TimeLimit": ("CartPole-v1", {"max_episode_steps": 7}),
}
# They write files, open windows, take functions, hide the ends of episodes, change the kind of frames, or need other packages.
NEVER_WRAPPERS = {
    "RecordVideo",
    "HumanRendering",
    "TransformObservation",
    "TransformAction",
    "TransformReward",
    "Autoreset",
    "RenderCollection",
    "AtariPreprocessing",
    "ResizeObservation",
}


def test_allowed_wrappers_are_gymnasiums_and_harmless():
    assert {name: f"gymnasium.wrappers:{name}" for name in FITTING} == WRAPPERS
    assert set(FITTING).isdisjoint(NEVER_WRAPPERS)
    assert set(gymnasium.wrappers.__all__) >= NEVER_WRAPPERS | set(FITTING)


@pytest.mark.parametrize("name", FITTING)
def test_an_allowed_wrapper_can_be_put_around_what_it_fits(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env_id, kwargs = FITTING[name]
    env = getattr(gymnasium.wrappers, name)(gymnasium.make(env_id, render_mode="rgb_array"), **kwargs)
    describe(env.observation_space)
    describe(env.action_space)
    env.reset(seed=1)
    env.action_space.seed(1)
    for _ in range(3):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        assert env.observation_space.contains(observation)
        if terminated or truncated:
            env.reset()
    env.close()
    assert list(tmp_path.iterdir()) == []


def test_preloaded_modules_start_no_thread(tmp_path):
    import os
    import subprocess
    import sys

    modules = ", ".join(MANIFEST["preload"])
    code = f"import os, {modules}; print(len(os.listdir('/proc/self/task')))"
    env = {**os.environ, "SDL_VIDEODRIVER": "dummy"}
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
