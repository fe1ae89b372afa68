"""What plays in Python for ``gymlink bench``: the figures of Gymnasium itself, of peers, and of the Python client.

``python -m gymlink.bench ROW`` plays one round for each line on standard input and answers with its figure, or with
``{"value", "goodness"}`` where rounds are compared by something else than the figure. Rows are those of ``gymlink bench``:
``dm_env_rpc`` and ``openenv`` (median microseconds a step of one LunarLander-v3 that they serve, compared by its steps a second),
``makeVec64`` and ``sb3Vec64`` (steps a second of 64 as ``gymnasium.make_vec`` and Stable-Baselines3's DummyVecEnv make them);
``states...`` (pairs a second of copying an environment aside and back by ``copy.deepcopy``, which is all that Gymnasium has).

``vector CASE`` (JSON: ``{"id", "numEnvs", "steps", "vectorizer"}``) gives the steps a second of ``numEnvs`` environments in
``gymnasium.vector.SyncVectorEnv`` or ``AsyncVectorEnv`` (``vectorizer``: ``sync`` or ``async``), with random actions drawn
beforehand.

``environment CASE`` (JSON: ``{"id", "numEnvs", "steps", "manifest"}``) gives the steps a second of any environment of the family
whose Python this is, ``numEnvs`` of them in SyncVectorEnv unless that is 0. Every round begins with a reset with seed 0 and takes
the first actions that the action space draws from seed 0.

``engine CASE`` (JSON: ``{"id", "numEnvs", "steps"}``) gives the steps a second of ``numEnvs`` environments in the engine that
gymlink serves as ``id``: EnvPool or ALE's AtariVectorEnv, whose ids begin with ``envpool/`` and ``AtariVectorEnv/``.

``versions`` gives the versions of the packages that are measured.

``python -m gymlink.bench ROW ADDRESS`` plays the same with the Python client and the server there; only ``makeVec64`` and
``sb3Vec64`` do. Exits with 3 if a package that the row needs is missing, and says how to get it.
"""

import contextlib
import copy
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

ID = "LunarLander-v3"


def peer(name, module, steps=2000):
    """Yields, a round, the median time of a step in microseconds and the steps a second of one environment that a peer serves."""
    need(name, "grpc", module)
    from gymlink.bench import peers

    actions = np.random.default_rng(0).integers(0, 4, steps)
    with getattr(peers, f"{name}_lander")() as (reset, step):
        reset()
        while True:
            times = []
            round_begin = time.perf_counter_ns()
            for action in actions:
                begin = time.perf_counter_ns()
                over = step(action)
                times.append(time.perf_counter_ns() - begin)
                if over:
                    reset()
            seconds = (time.perf_counter_ns() - round_begin) / 1e9
            yield json.dumps({"value": statistics.median(times) / 1000, "goodness": steps / seconds})


def vector(case):
    """Yields, a round, the steps a second of several environments in one of Gymnasium's vectorisers."""
    asked = json.loads(case)
    count, steps = asked["numEnvs"], asked["steps"]
    vectorizer = {"sync": SyncVectorEnv, "async": AsyncVectorEnv}[asked["vectorizer"]]
    envs = vectorizer([lambda: gymnasium.make(asked["id"])] * count)
    envs.action_space.seed(0)
    actions = [envs.action_space.sample() for _ in range(steps)]
    try:
        envs.reset(seed=0)
        while True:
            begin = time.perf_counter()
            for action in actions:
                envs.step(action)
            yield count * steps / (time.perf_counter() - begin)
    finally:
        envs.close()


def make_vec64(address=None):
    """Yields, a round, the steps a second of 64 sub-environments that `gymnasium.make_vec` made."""
    if address is None:
        envs = gymnasium.make_vec(ID, 64, vectorization_mode="sync")
    else:
        need("makeVec64", "grpc")
        import gymlink.client  # noqa: F401 - registers the ids

        envs = gymnasium.make_vec(f"gymlink/{ID}", 64, address=address)
    envs.reset(seed=0)
    yield from steps_a_second(envs)


def sb3_vec64(address=None):
    """Yields, a round, the steps a second of 64 sub-environments as Stable-Baselines3 has them."""
    need("sb3Vec64", "grpc", "stable_baselines3")
    if address is None:
        from stable_baselines3.common.vec_env import DummyVecEnv  # pyright: ignore[reportMissingImports]

        envs = DummyVecEnv([lambda: gymnasium.make(ID)] * 64)
    else:
        from gymlink.sb3 import RemoteVecEnv

        envs = RemoteVecEnv(ID, 64, address=address)
    envs.seed(0)
    envs.reset()
    yield from steps_a_second(envs)


def steps_a_second(envs, vector_steps=600):
    """Yields, a round, how many steps a second 64 sub-environments take."""
    actions = np.random.default_rng(0).integers(0, 4, (vector_steps, 64))
    while True:
        begin = time.perf_counter()
        for row in actions:
            envs.step(row)
        yield 64 * vector_steps / (time.perf_counter() - begin)


def need(row, *modules):
    """Exits with 3 and advice unless the modules are installed."""
    packages = {
        "grpc": "grpcio",
        "stable_baselines3": "stable-baselines3",
        "dm_env_rpc": "dm-env-rpc",
        "openenv": "openenv-core",
    }
    missing = [packages[module] for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        command = "bench:sb3" if "stable_baselines3" in modules else "bench"
        print(
            f"gymlink bench: {row} cannot be measured, because {sys.executable} lacks {' and '.join(missing)}. Install them into "
            "a Python environment beside the default family's packages, and name its interpreter in GYMLINK_PYTHON; in a "
            f"checkout of gymlink, `npm run {command}` does so.",
            file=sys.stderr,
        )
        sys.exit(3)


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


def environment(case):
    """Yields, a round, the steps a second of an environment, or of several in SyncVectorEnv."""
    from gymlink.sidecar.parent import prepare

    asked = json.loads(case)
    prepare(asked["manifest"])
    make, count, steps = (lambda: gymnasium.make(asked["id"], disable_env_checker=True)), asked["numEnvs"], asked["steps"]
    env = SyncVectorEnv([make] * count) if count else make()
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(steps)]
    while True:
        env.reset(seed=0)
        begin = time.perf_counter()
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if not count and (terminated or truncated):
                env.reset()
        yield max(count, 1) * steps / (time.perf_counter() - begin)


def engine(case):
    """Yields, a round, the steps a second of an engine that steps a whole batch by a call, with a thread a core."""
    asked = json.loads(case)
    count, steps = asked["numEnvs"], asked["steps"]
    kind, _, env_id = asked["id"].partition("/")
    threads = min(count, len(os.sched_getaffinity(0)))
    if kind == "envpool":
        import envpool  # pyright: ignore[reportMissingImports]

        envs = envpool.make_gymnasium(env_id, num_envs=count, num_threads=threads, seed=0)
        envs.reset()
    else:
        import ale_py  # pyright: ignore[reportMissingImports]

        gymnasium.register_envs(ale_py)
        envs = gymnasium.make_vec(f"ALE/{env_id}", count, num_threads=threads)
        envs.reset(seed=0)
    # The action space of an EnvPool is that of one environment.
    space: Any = getattr(envs, "single_action_space", envs.action_space)
    actions = np.random.default_rng(0).integers(0, space.n, (steps, count), np.int32)
    while True:
        begin = time.perf_counter()
        for action in actions:
            envs.step(action)
        yield count * steps / (time.perf_counter() - begin)


def versions():
    """Yields the versions of the packages that are measured and are installed here, by name."""
    found = {"python": platform.python_version()}
    for name in ["gymnasium", "numpy", "dm-env-rpc", "openenv-core", "envpool", "ale-py", "stable-baselines3", "torch"]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    yield json.dumps(found)


ROWS = {
    "versions": versions,
    "environment": environment,
    "vector": vector,
    "engine": engine,
    "dm_env_rpc": lambda: peer("dm_env_rpc", "dm_env_rpc"),
    "openenv": lambda: peer("openenv", "openenv"),
    "makeVec64": make_vec64,
    "sb3Vec64": sb3_vec64,
    "statesCartPole": lambda: states("CartPole-v1"),
    "statesTaxi": lambda: states("Taxi-v4"),
    "statesHalfCheetah": lambda: states("HalfCheetah-v5"),
    "statesLunarLander": lambda: states("LunarLander-v3"),
}

if __name__ == "__main__":
    # What environments print must not come between the figures.
    FIGURES, sys.stdout = sys.stdout, sys.stderr
    rounds = ROWS[sys.argv[1]](*sys.argv[2:])
    for _ in sys.stdin:
        print(next(rounds), file=FIGURES, flush=True)
    rounds.close()
