"""Plays Gymnasium itself and writes down everything it gives, for a test to compare with the bridge.

Reads one case a line (JSON) from standard input: ``{"id", "num_envs", "mode", "max_episode_steps", "steps", "seed"}``, where
mode ``Env`` is a single environment of ``gymnasium.make`` and the others are modes of ``gymnasium.vector.SyncVectorEnv``. For
each case it writes one line a reset or step, then ``{"end": true}``; for ``{"list": true}`` the ids that can be made. Arrays
are ``{"dtype", "shape", "data" (base64)}``. A case may name ``wrappers``, from the inside out: ``[name, [arguments], {keyword
arguments}]`` of ``gymnasium.wrappers`` or ``gymnasium.wrappers.vector``; an argument ``{"func": name}`` is one of FUNCTIONS,
``{"float32": numbers}`` an array.
"""

import json
import pathlib
import sys
import types

import gymnasium
import gymnasium.wrappers.vector
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from plain_json import plain

MODES = {
    "NextStep": AutoresetMode.NEXT_STEP,
    "SameStep": AutoresetMode.SAME_STEP,
    "Disabled": AutoresetMode.DISABLED,
}


# For wrappers that apply a function.
FUNCTIONS = {
    "double": lambda value: 2 * value,
    "negate": lambda value: -value,
    "second": lambda number: number % 2 == 1,
    "tenth": lambda number: number % 10 == 9,
}


class ImageSequenceClip:
    """Stands where RecordVideo looks for MoviePy's encoder: writes what it would encode, the last frame and how many, as JSON."""

    def __init__(self, frames, fps):
        """Takes the frames."""
        self.video = {"frames": len(frames), "fps": fps, "last": frames[-1]}

    def write_videofile(self, path, logger):
        """Writes the file beside where the video would be."""
        pathlib.Path(path).with_suffix(".json").write_text(json.dumps(plain(self.video)["map"]))


for name in ("moviepy", "moviepy.video", "moviepy.video.io", "moviepy.video.io.ImageSequenceClip"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["moviepy.video.io.ImageSequenceClip"].ImageSequenceClip = ImageSequenceClip


def emit(**fields):
    """Writes one line."""
    print(json.dumps({key: plain(value) for key, value in fields.items()}), file=OUT)


def make(case):
    """Makes one fresh environment of the case."""
    limit = {"max_episode_steps": case["max_episode_steps"]} if case["max_episode_steps"] else {}
    return gymnasium.make(case["id"], disable_env_checker=True, render_mode=case.get("render_mode"), **limit)


def as_observation(space, observation):
    """An observation as its space types it (an environment may give float64 for a float32 space)."""
    return np.asarray(observation, dtype=space.dtype) if isinstance(space, gymnasium.spaces.Box) else observation


def resolve(argument):
    """An argument of a wrapper."""
    if not isinstance(argument, dict):
        return argument
    return FUNCTIONS[argument["func"]] if "func" in argument else np.array(argument["float32"], np.float32)


def wrap(env, module, case):
    """Puts a case's wrappers around an environment."""
    for name, arguments, keywords in case.get("wrappers", []):
        resolved = {key: resolve(item) for key, item in keywords.items()}
        env = getattr(module, name)(env, *map(resolve, arguments), **resolved)
    return env


def typed(env):
    """An environment whose observations have the dtype of their space, as the bridge gives them."""
    space = env.observation_space
    return gymnasium.wrappers.TransformObservation(env, lambda observation: as_observation(space, observation), None)


class KeepOptions(gymnasium.vector.VectorWrapper):
    """Resets with a copy of the options: SyncVectorEnv takes ``reset_mask`` out, which RecordEpisodeStatistics then misses."""

    def reset(self, *, seed=None, options=None):
        """Resets as the environment does."""
        return self.env.reset(seed=seed, options=None if options is None else dict(options))


def play_env(case):
    """Plays a single environment, which is reset after each end."""
    env = wrap(typed(make(case)), gymnasium.wrappers, case)
    env.action_space.seed(case["seed"])
    observation, info = env.reset(seed=case["seed"])
    emit(op="reset", observation=observation, info=info)
    for _ in range(case["steps"]):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        emit(
            op="step",
            action=action,
            observation=observation,
            reward=float(reward),
            terminated=bool(terminated),
            truncated=bool(truncated),
            info=info,
        )
        if terminated or truncated:
            observation, info = env.reset()
            emit(op="reset", observation=observation, info=info)
    env.close()


def play_vector(case):
    """Plays a vector environment in one of the three autoreset modes."""
    makers = [lambda: make(case)] * case["num_envs"]
    envs = SyncVectorEnv(makers, autoreset_mode=MODES[case["mode"]])
    envs = wrap(KeepOptions(envs), gymnasium.wrappers.vector, case)
    envs.action_space.seed(case["seed"])
    observations, infos = envs.reset(seed=case["seed"])
    emit(op="reset", observations=observations, infos=infos)
    for _ in range(case["steps"]):
        actions = envs.action_space.sample()
        observations, rewards, terminations, truncations, infos = envs.step(actions)
        emit(
            op="step",
            actions=actions,
            observations=observations,
            rewards=rewards,
            terminations=terminations,
            truncations=truncations,
            infos=infos,
        )
        ended = np.logical_or(terminations, truncations)
        if case["mode"] == "Disabled" and ended.any():
            observations, infos = envs.reset(options={"reset_mask": ended})
            emit(op="reset", mask=ended, observations=observations, infos=infos)
    envs.close()


def buildable():
    """Every registered id that can be made with the packages that are installed."""
    ids = []
    for name in sorted(gymnasium.registry):
        try:
            gymnasium.make(name).close()
        except Exception as error:
            print(f"{name}: {error}", file=sys.stderr)
        else:
            ids.append(name)
    return ids


if __name__ == "__main__":
    # Environments print; what they print must not come between the lines.
    OUT = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        case = json.loads(line)
        if "list" in case:
            emit(ids=buildable())
            print(json.dumps({"end": True}), file=OUT, flush=True)
            continue
        (play_env if case["mode"] == "Env" else play_vector)(case)
        print(json.dumps({"end": True}), file=OUT, flush=True)
