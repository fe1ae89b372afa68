"""Plays an episode at random on a running server."""

import gymlink.client  # noqa: F401 (registers gymlink's ids)
import gymnasium

env = gymnasium.make(
    "gymlink/Remote-v0",
    env_id="Notifications-v0",
    address="localhost:50051",
    audience="night owls",
    patience=2,
)
env.action_space.seed(1)
observation, info = env.reset(seed=1)
print("relevance at the start:", observation["relevance"].round(2))
total, ended = 0.0, False
while not ended:
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    total += reward
    ended = terminated or truncated
print(f"return {total:.1f}, {info}")
env.close()
