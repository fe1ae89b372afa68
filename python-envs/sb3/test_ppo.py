"""PPO learns through RemoteVecEnv (Stable-Baselines3's) and through `gymnasium.make_vec` (the script ppo.py)."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor

from gymlink.client import RemoteVectorEnv
from gymlink.sb3 import RemoteVecEnv

SEED, EVALUATION_SEED = 1, 2_000_000
STEPS, EPISODES, WANTED = 100_000, 100, 475


class Progress(BaseCallback):
    """Prints the mean return of the last episodes before each update."""

    def _on_step(self):
        return True

    def _on_rollout_end(self):
        returns = [episode["r"] for episode in self.model.ep_info_buffer]
        print(f"  {self.num_timesteps:6} steps: mean return {np.mean(returns):.1f} of the last {len(returns)} episodes")


@pytest.mark.timeout(600)
def test_ppo_solves_cartpole(address):
    torch.set_num_threads(1)
    envs = VecMonitor(RemoteVecEnv("CartPole-v1", 8))
    model = PPO("MlpPolicy", envs, n_steps=256, seed=SEED, device="cpu")
    print(f"\nPPO on CartPole-v1 through RemoteVecEnv, seed {SEED}")
    model.learn(STEPS, callback=Progress())
    envs.close()
    evaluation = VecMonitor(RemoteVecEnv("CartPole-v1", 10))
    evaluation.seed(EVALUATION_SEED)
    returns, _ = evaluate_policy(model, evaluation, EPISODES, return_episode_rewards=True)
    evaluation.close()
    print(f"PPO: mean return {np.mean(returns):.1f} ± {np.std(returns):.1f} over {len(returns)} episodes")
    assert len(returns) == EPISODES
    assert np.mean(returns) >= WANTED


@pytest.mark.timeout(600)
def test_the_script_solves_cartpole(address, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ppo.py", "--seed", str(SEED)])
    print(f"\nppo.py on CartPole-v1 through gymnasium.make_vec, seed {SEED}")
    envs = runpy.run_path(str(Path(__file__).with_name("ppo.py")))["envs"]
    assert type(envs.unwrapped) is RemoteVectorEnv
    assert len(envs.return_queue) == EPISODES
    assert np.mean(envs.return_queue) >= WANTED
