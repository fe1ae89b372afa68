"""Plays tasks of BiGym through BiGym's own constructors, without gymlink's family: ``python bigym_oracle.py MANIFEST``.

Reads one case a line (JSON) from standard input: ``{"id", "kwargs", "steps", "seed", "max_episode_steps"}``; of the arguments it
knows ``absolute``, ``cameras`` (names), ``resolution`` and ``privileged_information``. For each case it writes one line a reset
or step, as oracle.py does, then ``{"end": true}``. Every episode has a task of its own.
"""

import importlib
import json
import sys

import numpy as np
from gymnasium.utils.seeding import np_random
from plain_json import plain

from gymlink.sidecar.surroundings import choose_variables

MODULES = {"MovePlate": "move_plates", "DrawerTopOpen": "cupboards", "ReachTarget": "reach_target", "FlipCup": "manipulation"}


def emit(**fields):
    """Writes one line."""
    print(json.dumps({key: plain(value) for key, value in fields.items()}), file=OUT)


def make(case):
    """Makes a task, at 50 Hz."""
    from bigym.action_modes import JointPositionActionMode
    from bigym.utils.observation_config import CameraConfig, ObservationConfig

    name, kwargs = case["id"].removeprefix("bigym/"), case.get("kwargs", {})
    size = kwargs.get("resolution", 128)
    cameras = [CameraConfig(camera, resolution=(size, size)) for camera in kwargs.get("cameras", [])]
    observed = ObservationConfig(cameras=cameras, privileged_information=kwargs.get("privileged_information", False))
    mode = JointPositionActionMode(absolute=kwargs.get("absolute", False))
    return getattr(importlib.import_module(f"bigym.envs.{MODULES[name]}"), name)(mode, observed, control_frequency=50)


def play(case):
    """Plays a case; the seeds of later episodes are those that Gymnasium's generator draws from the first."""
    actions, seeds = np.random.default_rng(case["seed"]), np_random(case["seed"])[0]
    seed, left = case["seed"], case["steps"]
    # The reset behind a last step that ends an episode is told, too.
    while left >= 0:
        task = make(case)
        observation, info = task.reset(seed=seed)
        emit(op="reset", observation=observation, info=info)
        low, high = task.action_space.low, task.action_space.high
        for i in range(left):
            action = np.clip(actions.uniform(low, high).astype(np.float32), low, high)
            observation, reward, terminated, truncated, info = task.step(action)
            truncated = truncated or i + 1 == case["max_episode_steps"]
            emit(
                op="step",
                action=action,
                observation=observation,
                reward=reward,
                terminated=terminated,
                truncated=truncated,
                info=info,
            )
            if terminated or truncated:
                left -= i + 1
                break
        else:
            left = -1
        task.close()
        seed = int(seeds.integers(2**32))


if __name__ == "__main__":
    # Environments print; what they print must not come between the lines.
    OUT, sys.stdout = sys.stdout, sys.stderr
    with open(sys.argv[1], encoding="utf-8") as file:
        choose_variables(json.load(file))
    for line in sys.stdin:
        play(json.loads(line))
        print(json.dumps({"end": True}), file=OUT, flush=True)
