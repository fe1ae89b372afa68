"""Plays Gymnasium itself and writes down everything it gives, for a test to compare with the bridge.

Reads one case a line (JSON) from standard input: ``{"id", "num_envs", "mode", "max_episode_steps", "steps", "seed"}``, where
mode ``Env`` is a single environment of ``gymnasium.make`` and the others are modes of ``gymnasium.vector.SyncVectorEnv``. For
each case it writes one line a reset or step, then ``{"end": true}``; for ``{"list": true}`` the ids that can be made. Arrays
are ``{"dtype", "shape", "data" (base64)}``.
"""

import base64
import json
import sys

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

MODES = {
    "NextStep": AutoresetMode.NEXT_STEP,
    "SameStep": AutoresetMode.SAME_STEP,
    "Disabled": AutoresetMode.DISABLED,
}


def plain(value):
    """Turns any observation or info into JSON; floats keep their bits."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": data}
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {"map": {key: plain(item) for key, item in value.items()}}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    return value


def emit(**fields):
    """Writes one line."""
    print(json.dumps({key: plain(value) for key, value in fields.items()}), file=OUT)


def make(case):
    """Makes one fresh environment of the case."""
    limit = {"max_episode_steps": case["max_episode_steps"]} if case["max_episode_steps"] else {}
    return gymnasium.make(case["id"], disable_env_checker=True, **limit)


def as_observation(space, observation):
    """An observation as its space types it (an environment may give float64 for a float32 space)."""
    return np.asarray(observation, dtype=space.dtype) if isinstance(space, gymnasium.spaces.Box) else observation


def play_env(case):
    """Plays a single environment, which is reset after each end."""
    env = make(case)
    env.action_space.seed(case["seed"])
    observation, info = env.reset(seed=case["seed"])
    emit(op="reset", observation=as_observation(env.observation_space, observation), info=info)
    for _ in range(case["steps"]):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        emit(
            op="step",
            action=action,
            observation=as_observation(env.observation_space, observation),
            reward=float(reward),
            terminated=bool(terminated),
            truncated=bool(truncated),
            info=info,
        )
        if terminated or truncated:
            observation, info = env.reset()
            emit(op="reset", observation=as_observation(env.observation_space, observation), info=info)
    env.close()


def play_vector(case):
    """Plays a vector environment in one of the three autoreset modes."""
    makers = [lambda: make(case)] * case["num_envs"]
    envs = SyncVectorEnv(makers, autoreset_mode=MODES[case["mode"]])
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
