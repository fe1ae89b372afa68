"""Gymnasium's own figures, for ``gymlink bench`` to stand beside.

``python -m gymlink.bench ROW`` plays one round for each line on standard input and answers with its figure. Rows are those of
``gymlink bench``: ``single`` (median microseconds a step of one LunarLander-v3) and ``lander64`` (steps a second of 64 of them in
``gymnasium.vector.SyncVectorEnv``), with random actions drawn beforehand; ``states...`` (pairs a second of copying an environment
aside and back by ``copy.deepcopy``, which is all that Gymnasium has).
"""

import copy
import os
import statistics
import sys
import time

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

ID = "LunarLander-v3"


def single(steps=5000):
    """Yields, a round, the median time of a step in microseconds."""
    env = gymnasium.make(ID)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, 4, steps)
    while True:
        times = []
        for action in actions:
            begin = time.perf_counter_ns()
            _, _, terminated, truncated, _ = env.step(action)
            times.append(time.perf_counter_ns() - begin)
            if terminated or truncated:
                env.reset()
        yield statistics.median(times) / 1000


def lander64(vector_steps=600):
    """Yields, a round, the steps a second of 64 sub-environments."""
    envs = SyncVectorEnv([lambda: gymnasium.make(ID)] * 64)
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, 4, (vector_steps, 64))
    while True:
        begin = time.perf_counter()
        for row in actions:
            envs.step(row)
        yield 64 * vector_steps / (time.perf_counter() - begin)


def states(env_id, pairs=64):
    """Yields, a round, the pairs of deep copies a second of one environment."""
    # A deep copy reads MuJoCo's model from its file again, which warns each time.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    env = gymnasium.make(env_id)
    env.reset(seed=0)
    for _ in range(20):
        env.step(env.action_space.sample())
    while True:
        begin = time.perf_counter()
        for _ in range(pairs):
            copy.deepcopy(copy.deepcopy(env))
        yield pairs / (time.perf_counter() - begin)


ROWS = {
    "single": single,
    "lander64": lander64,
    "statesCartPole": lambda: states("CartPole-v1"),
    "statesTaxi": lambda: states("Taxi-v4"),
    "statesHalfCheetah": lambda: states("HalfCheetah-v5"),
    "statesLunarLander": lambda: states("LunarLander-v3"),
}

if __name__ == "__main__":
    rounds = ROWS[sys.argv[1]]()
    for _ in sys.stdin:
        print(next(rounds), flush=True)
