"""Meta-World's 50 tasks as environments of their own, `metaworld/reach-v3` and so on, whose episodes follow from a seed.

Each is Meta-World's benchmark MT1: every reset draws one of 50 goals, which the observation tells. `metaworld/MT1` takes the name
of the task, so that one session may hold several tasks.
"""

import functools

import gymnasium
import metaworld
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.wrappers import AutoTerminateOnSuccessWrapper

_EPISODE_STEPS = 500
_GOAL = slice(-3, None)


# Drawing the goals takes half a second: Meta-World resets an environment for each.
@functools.lru_cache(maxsize=256)
def _goals_of(env_name, seed):
    return metaworld.MT1(env_name, seed=seed).train_tasks


class SeededGoals(gymnasium.Wrapper):
    """Draws a goal at each reset as Meta-World does, from a generator that resets with a seed begin anew.

    Meta-World ignores the seed of reset(). It also declares the space of its environments before it knows that observations tell
    the goal, as if that were always at 0: this wrapper declares the bounds of the goals, float64 of shape (39,) as before.

    Args:
        env: Environment of Meta-World, with wrappers or without.
        env_name: Name of its task, such as "reach-v3".
        seed: What the 50 goals are drawn from.
    """

    def __init__(self, env, env_name, seed):
        super().__init__(env)
        self._env_name, self._seed = env_name, seed
        low, high = env.observation_space.low.copy(), env.observation_space.high.copy()
        low[_GOAL], high[_GOAL] = self.unwrapped.goal_space.low, self.unwrapped.goal_space.high
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float64)

    def reset(self, *, seed=None, options=None):
        """As gymnasium.Env.reset; the first one of a task takes half a second, in which its goals are drawn."""
        unwrapped = self.unwrapped
        if seed is not None:
            unwrapped.np_random, _ = gymnasium.utils.seeding.np_random(seed)
        goals = _goals_of(self._env_name, self._seed)
        unwrapped.set_task(goals[unwrapped.np_random.choice(len(goals))])
        return self.env.reset(options=options)


def make(env_name="reach-v3", seed=0, terminate_on_success=False, reward_function_version="v2", **rendering):
    """One of Meta-World's tasks.

    Args:
        env_name: Its name.
        seed: Seed of the 50 goals, an integer.
        terminate_on_success: Whether an episode ends when the task is solved, not only after 500 steps.
        reward_function_version: "v2", or "v1" as in Meta-World's first version.
        **rendering: `render_mode`, `camera_name` or `camera_id`, and `width` and `height` in pixels (480 each).

    Raises:
        ValueError: There is no such task.
    """
    if env_name not in ALL_V3_ENVIRONMENTS:
        raise ValueError(f"There is no task {env_name!r}; there are {', '.join(ALL_V3_ENVIRONMENTS)}.")
    env = ALL_V3_ENVIRONMENTS[env_name](reward_function_version=reward_function_version, **rendering)
    env = AutoTerminateOnSuccessWrapper(env)
    env.toggle_terminate_on_success(terminate_on_success)
    return SeededGoals(env, env_name, seed)


def register():
    """Registers the tasks with Gymnasium, and `metaworld/MT1`."""
    gymnasium.register("metaworld/MT1", make, max_episode_steps=_EPISODE_STEPS)
    for name in ALL_V3_ENVIRONMENTS:
        task = functools.partial(make, name)
        gymnasium.register(f"metaworld/{name}", task, max_episode_steps=_EPISODE_STEPS)


register()
