"""Environments on a gymlink server for Stable-Baselines3, which does not take Gymnasium's vector environments.

    from gymlink.sb3 import RemoteVecEnv
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecMonitor

    PPO("MlpPolicy", VecMonitor(RemoteVecEnv("CartPole-v1", 8))).learn(100_000)

Needs stable_baselines3 beside the extra ``client`` of this package.
"""

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv  # pyright: ignore[reportMissingImports]

from gymlink.client import RemoteVectorEnv, calls

__all__ = ["RemoteVecEnv"]


class RemoteVecEnv(VecEnv):
    """Sub-environments on a gymlink server as Stable-Baselines3's VecEnv.

    An episode that ends is reset in the same step: its last observation is in its info under ``terminal_observation``, and
    ``TimeLimit.truncated`` says whether it was truncated and not terminated. The info of the reset is in `reset_infos`.

    Args:
        env_id: Id from the server's catalogue, for example ``LunarLander-v3``.
        num_envs: Number of sub-environments.
        **options: What `gymlink.client.RemoteVectorEnv` takes, other than ``autoreset_mode``: address, render_mode,
            max_episode_steps, num_workers, wrappers, info_keys, plan, timeout_s, and constructor arguments.

    Raises:
        GymlinkError: As RemoteVectorEnv does.
    """

    def __init__(self, env_id, num_envs=1, **options):
        self._envs = RemoteVectorEnv(env_id, num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **options)
        super().__init__(num_envs, self._envs.single_observation_space, self._envs.single_action_space)

    def reset(self):
        """Begins new episodes, with the seeds of `seed` and the options of `set_options`; returns the observations."""
        # As DummyVecEnv does, empty options are not passed.
        options = self._options if any(self._options) else None
        observations, _ = self._envs.reset(seed=self._seeds, options=options)
        self.reset_infos = self._envs.last_transition().infos
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions):
        """Begins a step; raises GymlinkError INVALID_ACTION, if the actions do not fit."""
        self._envs.step_async(actions)

    def step_wait(self):
        """Waits for the step.

        Returns:
            ``(observations, rewards, dones, infos)``: float32, bool, and one dict a sub-environment.

        Raises:
            GymlinkError: As RemoteVectorEnv.step does.
        """
        observations, rewards, terminations, truncations, _ = self._envs.step_wait()
        details = self._envs.last_transition()
        infos = details.infos
        for env, final_observation in details.final_observations.items():
            self.reset_infos[env] = infos[env]
            infos[env] = {**details.final_infos[env], "terminal_observation": final_observation}
        for info, was_truncated in zip(infos, (truncations & ~terminations).tolist()):
            info["TimeLimit.truncated"] = was_truncated
        return observations, rewards.astype(np.float32), terminations | truncations, infos

    def close(self):
        """Closes the sub-environments."""
        self._envs.close()

    def get_images(self):
        """The frames of ``render_mode="rgb_array"``; None for each sub-environment in another mode."""
        frames = self._envs.render() if self.render_mode == "rgb_array" else None
        return [None] * self.num_envs if frames is None else list(frames)

    def get_attr(self, attr_name, indices=None):
        """An attribute of some sub-environments; raises AttributeError if it is not on the environment's allow-list."""
        if attr_name == "render_mode":
            return [self._envs.render_mode for _ in self._get_indices(indices)]
        return self.env_method(attr_name, indices=indices)

    def set_attr(self, attr_name, value, indices=None):
        """Sets an attribute of some sub-environments; raises AttributeError if the allow-list does not let it be set."""
        for env in self._chosen(indices):
            calls.set_values(self._envs.session, attr_name, [value], [env])

    def env_method(self, method_name, *method_args, indices=None, **method_kwargs):
        """Calls a method of some sub-environments; raises AttributeError if it is not on the environment's allow-list."""
        results = []
        for env in self._chosen(indices):
            results += calls.call(self._envs.session, method_name, method_args, method_kwargs, [env])
        return results

    def env_is_wrapped(self, wrapper_class, indices=None):
        """False for each sub-environment: no wrapper of this process is around it."""
        return [False for _ in self._get_indices(indices)]

    def _chosen(self, indices):
        """Sub-environments by number from 0; as in a list, -1 is the last one. Raises IndexError for one that is not there."""
        return [range(self.num_envs)[env] for env in self._get_indices(indices)]
