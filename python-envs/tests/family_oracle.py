"""Plays an environment of a family in its own Python, without gymlink: ``python family_oracle.py MODULE...``.

Imports the modules, which register environments, then reads one case a line (JSON) from standard input: ``{"id", "entry",
"steps", "seed"}``, where `entry` is what the family's manifest says of an environment that registers nothing. For each it writes
one line a reset or step, as oracle.py does, then ``{"end": true}``. Lines of PettingZoo's environments have its ParallelEnv's
names, and the agents that are alive. Of a vector environment (`api` "vector") the case has ``num_envs`` and ``mode``, too.
"""

import importlib
import json
import sys

import gymnasium
import numpy as np
from plain_json import plain


def as_typed(space, observation):
    """An observation whose arrays have the dtypes of their spaces, and whose integers are no arrays, as the bridge gives them."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(observation)
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
    if entry["api"] == "gymnasium":
        return gymnasium.wrappers.TimeLimit(env, entry["max_episode_steps"])
    if entry["api"] == "parallel":
        return env
    conversions = importlib.import_module("pettingzoo.utils.conversions")
    in_turns = not env.metadata["is_parallelizable"]
    return (conversions.turn_based_aec_to_parallel if in_turns else conversions.aec_to_parallel)(env)


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


def play_parallel(case):
    """Plays a ParallelEnv, which is reset after each end. Actions are drawn of those that an action mask allows."""
    env = make(case)
    for index, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(case["seed"] + index)

    def typed(observations):
        return {agent: as_typed(env.observation_space(agent), value) for agent, value in observations.items()}

    def reset(seed=None):
        observations, infos = env.reset(seed=seed)
        emit(op="reset", observations=typed(observations), infos=infos, agents=env.agents)
        return observations, infos

    def action_of(agent):
        mask = infos.get(agent, {}).get("action_mask")
        if mask is None and isinstance(observations[agent], dict):
            mask = observations[agent].get("action_mask")
        return env.action_space(agent).sample(None if mask is None else np.asarray(mask, np.int8))

    observations, infos = reset(case["seed"])
    for _ in range(case["steps"]):
        acting = [env.aec_env.agent_selection] if case["entry"]["api"] == "aec" else env.agents
        actions = {agent: action_of(agent) for agent in acting}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        emit(
            op="step",
            actions=actions,
            observations=typed(observations),
            rewards={agent: float(reward) for agent, reward in rewards.items()},
            terminations=terminations,
            truncations=truncations,
            infos=infos,
            agents=env.agents,
        )
        if not env.agents:
            observations, infos = reset()
    env.close()


def play_engine(case):
    """Plays a vector environment that a constructor makes, in a case's autoreset mode. Infos have the form of Gymnasium's."""
    module, _, name = case["entry"]["constructor"].partition(":")
    keywords = case["entry"]["kwargs"]
    # EnvPool takes seeds at construction.
    is_seeded = "seed" in keywords
    envs = getattr(importlib.import_module(module), name)(num_envs=case["num_envs"], **keywords)
    count, space = case["num_envs"], envs.single_action_space
    space.seed(case["seed"])

    def masked(infos, ended):
        shown = {}
        for key, value in infos.items():
            if key == "final_obs" and ended.any():
                # The engine tells no final infos.
                shown[key], shown["final_info"] = [row if end else None for row, end in zip(value, ended)], {}
                shown["_final_obs"] = shown["_final_info"] = ended
            elif key not in ("env_id", "players", "final_obs"):
                shown[key], shown[f"_{key}"] = value, np.ones(count, bool)
        return shown

    observations, infos = envs.reset() if is_seeded else envs.reset(seed=case["seed"])
    emit(op="reset", observations=observations, infos=masked(infos, np.zeros(count, bool)))
    for _ in range(case["steps"]):
        actions = np.stack([space.sample() for _ in range(count)])
        observations, rewards, terminations, truncations, infos = envs.step(actions)
        ended = terminations | truncations
        emit(
            op="step",
            actions=actions,
            observations=observations,
            rewards=rewards.astype(np.float64),
            terminations=terminations,
            truncations=truncations,
            infos=masked(infos, ended),
        )
        if case["mode"] == "Disabled" and ended.any():
            some, infos = envs.reset(options={"reset_mask": ended})
            is_whole = len(some) == count
            observations[ended] = some[ended] if is_whole else some
            shown = {}
            for key, value in infos.items():
                if key not in ("env_id", "players"):
                    shown[key] = np.zeros((count, *value.shape[1:]), value.dtype)
                    shown[key][ended], shown[f"_{key}"] = value[ended] if is_whole else value, ended
            emit(op="reset", mask=ended, observations=observations, infos=shown)
    envs.close()


def player_of(case):
    """What plays a case, by the interface of its environment."""
    api = (case.get("entry") or {}).get("api", "gymnasium")
    return {"gymnasium": play, "vector": play_engine}.get(api, play_parallel)


if __name__ == "__main__":
    # Environments print; what they print must not come between the lines.
    OUT, sys.stdout = sys.stdout, sys.stderr
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        case = json.loads(line)
        player_of(case)(case)
        print(json.dumps({"end": True}), file=OUT, flush=True)
