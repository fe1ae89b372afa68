"""PPO (Schulman et al. 2017) on a remote environment with discrete actions, from top to bottom.

    gymlink serve
    python ppo.py --env-id CartPole-v1

Needs torch beside gymlink[client]. Written like any script for `gymnasium.make_vec`: nothing but the id is gymlink's.
"""

import argparse

import gymnasium
import numpy as np
import torch
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from torch import nn
from torch.distributions import Categorical

import gymlink.client  # noqa: F401 - registers gymlink/…

parser = argparse.ArgumentParser(description="PPO on a gymlink server", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("--env-id", default="CartPole-v1", help="environment of Gymnasium with discrete actions")
parser.add_argument("--address", help="the server's; by default GYMLINK_ADDRESS, else localhost:50051")
parser.add_argument("--seed", type=int, default=1, help="of environments, networks and actions")
parser.add_argument("--total-steps", type=int, default=150_000, help="steps over all sub-environments")
args = parser.parse_args()

NUM_ENVS, STEPS, EPOCHS, MINIBATCH = 8, 256, 10, 256
LEARNING_RATE, GAMMA, LAMBDA, CLIP = 1e-3, 0.99, 0.95, 0.2

torch.manual_seed(args.seed)
torch.set_num_threads(1)  # the networks are too small for more
# With SAME_STEP every row is a step that was taken; NEXT_STEP would mix in resets, from which nothing is to be learnt.
envs = gymnasium.make_vec(f"gymlink/{args.env_id}", num_envs=NUM_ENVS, address=args.address, autoreset_mode="SameStep")
envs = RecordEpisodeStatistics(envs)


def network(outputs):
    """A perceptron from observations to so many outputs."""
    inputs = int(np.prod(envs.single_observation_space.shape))
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


policy, critic = network(int(envs.single_action_space.n)), network(1)
parameters = [*policy.parameters(), *critic.parameters()]
optimizer = torch.optim.Adam(parameters, LEARNING_RATE, eps=1e-5)
updates = args.total_steps // (NUM_ENVS * STEPS)

observation = torch.as_tensor(envs.reset(seed=args.seed)[0], dtype=torch.float32)
for update in range(updates):
    optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - update / updates)

    # Play.
    observations = torch.zeros(STEPS, *observation.shape)
    actions, log_probs, rewards, dones, values = torch.zeros(5, STEPS, NUM_ENVS)
    with torch.no_grad():
        for t in range(STEPS):
            distribution = Categorical(logits=policy(observation))
            action = distribution.sample()
            observations[t], actions[t], log_probs[t] = observation, action, distribution.log_prob(action)
            values[t] = critic(observation).squeeze(-1)
            following, reward, terminated, truncated, infos = envs.step(action.numpy())
            observation = torch.as_tensor(following, dtype=torch.float32)
            rewards[t], dones[t] = torch.as_tensor(reward), torch.as_tensor(terminated | truncated)
            for env in np.flatnonzero(truncated & ~terminated):
                # The episode could have gone on: what its last observation is worth is still to come.
                last = torch.as_tensor(infos["final_obs"][env], dtype=torch.float32)
                rewards[t, env] += GAMMA * critic(last[None]).item()
        # Generalized advantage estimation (Schulman et al. 2016).
        advantages, advantage, value = torch.zeros_like(rewards), torch.zeros(NUM_ENVS), critic(observation).squeeze(-1)
        for t in reversed(range(STEPS)):
            error = rewards[t] + GAMMA * value * (1 - dones[t]) - values[t]
            advantage = error + GAMMA * LAMBDA * advantage * (1 - dones[t])
            advantages[t], value = advantage, values[t]

    # Learn.
    data = [x.flatten(0, 1) for x in (observations, actions, log_probs, advantages, advantages + values)]
    for _ in range(EPOCHS):
        for rows in torch.randperm(NUM_ENVS * STEPS).split(MINIBATCH):
            seen, taken, log_prob, advantage, wanted = (x[rows] for x in data)
            distribution = Categorical(logits=policy(seen))
            ratio = (distribution.log_prob(taken) - log_prob).exp()
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            gain = torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
            loss = (critic(seen).squeeze(-1) - wanted).square().mean()
            optimizer.zero_grad()
            (0.5 * loss - gain).backward()
            nn.utils.clip_grad_norm_(parameters, 0.5)
            optimizer.step()

    print(f"{(update + 1) * NUM_ENVS * STEPS} steps: mean return {np.mean(envs.return_queue):.1f} of the last 100 episodes")

envs.close()
