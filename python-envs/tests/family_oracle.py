"""Plays an environment of a family in its own Python, without gymlink: ``python family_oracle.py MODULE...``.

Imports the modules, which register environments, then reads one case a line (JSON) from standard input: ``{"id", "entry",
"steps", "seed"}``, where `entry` is what the family's manifest says of an environment that registers nothing. For each it writes
one line a reset or step, as oracle.py does, then ``{"end": true}``.
"""

import importlib
import json
import sys

import gymnasium
import numpy as np
from plain_json import plain


def as_typed(space, observation):
    """An observation whose arrays have the dtypes of their spaces, as the bridge gives them."""
    if isinstance(space, gymnasium.spaces.Box):
        return np.asarray(observation, dtype=space.dtype)
    if isinstance(space, gymnasium.spaces.Dict):
        return {key: as_typed(item, observation[key]) for key, item in space.spaces.items()}
    return observation


def emit(**fields):
    """Writes one line."""
    print(json.dumps({key: plain(value) for key, value in fields.items()}), file=OUT)


def make(case):
    """Makes the environment: by its id, or by its constructor."""
    entry = case.get("entry")
    if entry is None:
        return gymnasium.make(case["id"], disable_env_checker=True)
    module, _, name = entry["constructor"].partition(":")
    env = getattr(importlib.import_module(module), name)(**entry["kwargs"])
    return gymnasium.wrappers.TimeLimit(env, entry["max_episode_steps"])


def play(case):
    """Plays one environment, which is reset after each end."""
    env = make(case)
    env.action_space.seed(case["seed"])

    def reset(seed=None):
        observation, info = env.reset(seed=seed)
        emit(op="reset", observation=as_typed(env.observation_space, observation), info=info)

    reset(case["seed"])
    for _ in range(case["steps"]):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        emit(
            op="step",
            action=action,
            observation=as_typed(env.observation_space, observation),
            reward=float(reward),
            terminated=bool(terminated),
            truncated=bool(truncated),
            info=info,
        )
        if terminated or truncated:
            reset()
    env.close()


if __name__ == "__main__":
    # Environments print; what they print must not come between the lines.
    OUT, sys.stdout = sys.stdout, sys.stderr
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        play(json.loads(line))
        print(json.dumps({"end": True}), file=OUT, flush=True)
