"""Registers BiGym's tasks with Gymnasium as `bigym/ReachTarget` and so on, without importing BiGym."""

import gymnasium

from bigym_tasks.tasks import TASKS

for _name, _task in TASKS.items():
    gymnasium.register(
        id=f"bigym/{_name}",
        entry_point=f"bigym_tasks.environments:{_name}",
        max_episode_steps=_task.max_episode_steps,
    )
