"""BiGym's tasks as Gymnasium environments whose arguments are plain values."""

from typing import Any, ClassVar, Optional, Union

import gymnasium
import numpy as np
from gymnasium import spaces

from bigym_tasks import arguments, building, dimensions
from bigym_tasks.tasks import FREQUENCY, TASKS

_PIXELS = "rgb_"
_SUMS = "proprioception_floating_base_actions"

_DOCUMENTATION = """{goal}

    A humanoid (or another `robot`) in a kitchen. The reward is 1 in every step in which the goal is reached, else 0. An episode
    terminates at success or failure (an object on the floor, for some tasks; the robot 10 m away), and is truncated after {steps}
    steps ({seconds} s at 50 Hz; in steps, whatever control_frequency is) or when the physics become unstable.
    `info["task_success"]` is 0.0 or 1.0.

    Actions are float32, by default 15 numbers: changes of the base (x, y, rz) and of ten joints of the arms, and two grippers
    from 0 (open) to 1 (closed), rounded by BiGym. Observations are a Dict: `proprioception` (positions and velocities of joints),
    `proprioception_grippers`, `proprioception_floating_base`, `proprioception_floating_base_actions`, `rgb_CAMERA` (channels
    first), `depth_CAMERA` (metres). `metadata` says what each number is: `action_names`, `action_meanings`, `action_low`,
    `action_high`, `observation_names`, `observation_meanings`. Its `render_fps` is the true control frequency: BiGym rounds the
    requested one to a whole number of physics steps of 2 ms.

    The observation space differs from BiGym's where that one is not true: depth is 0 to infinity (metres), not 0 to 1, and
    `plate_pose` of MovePlate has 7 numbers, not 3. Every reset gets a seed, drawn from the environment's generator if none is
    given; BiGym takes it modulo 2**32.

    Args:
        render_mode: "rgb_array" or "depth_array" for `render()`: 480 by 640 pixels of a free camera; depth not in metres but as
            OpenGL has it, 0 to 1.
        action_mode: "joint_position" or "torque" (H1 robots only). The base is always moved by changes.
        absolute: Whether joint positions are targets, not changes of them.
        block_until_reached: Whether a step goes on, for at most 200 physics steps, until joint targets are reached.
        floating_base: Whether the base is moved directly and the legs only follow; otherwise the legs are part of the action.
        floating_dofs: Degrees of freedom of the floating base, out of "X", "Y", "Z" (H1 robots only) and "RZ".
        cameras: Cameras observed: names, or for each {{"name", "rgb" (True), "depth" (False), "resolution"}}. There are
            "external" and, on H1 robots, "head", "left_wrist" and "right_wrist".
        resolution: Height and width of cameras that give none, or one number for both; at most 480 by 640.
        proprioception: Whether joints are observed.
        privileged_information: Whether the positions of targets and objects are observed, in the few tasks that have them.
        control_frequency: Control steps a second, 20 to 500.
        robot: "H1", "H1FineManipulation", "GoogleRobot" or "StretchRobot"; the task's own if None.
        clip_actions: Whether actions outside their bounds are clipped to them. The action space is then unbounded. Otherwise they
            are refused.

    Raises:
        ValueError: An argument is not allowed; the message says which are.
        RuntimeError: Cameras or rendering are asked for without a graphics library, or the server's copy of BiGym lacks a file.
    """


class BiGymTask(gymnasium.Env):
    """A task of BiGym: its class has the name of BiGym's own."""

    metadata: ClassVar = {"render_modes": ["rgb_array", "depth_array"], "render_fps": FREQUENCY}

    def __init__(
        self,
        render_mode: Optional[str] = None,
        *,
        action_mode: str = "joint_position",
        absolute: bool = False,
        block_until_reached: bool = False,
        floating_base: bool = True,
        floating_dofs: Union[list, tuple] = ("X", "Y", "RZ"),
        cameras: Union[list, tuple] = (),
        resolution: Union[int, list, tuple] = 128,
        proprioception: bool = True,
        privileged_information: bool = False,
        control_frequency: float = FREQUENCY,
        robot: Optional[str] = None,
        clip_actions: bool = False,
    ):
        self._task: Any = None
        given = arguments.checked(
            action_mode=action_mode,
            absolute=absolute,
            block_until_reached=block_until_reached,
            floating_base=floating_base,
            floating_dofs=floating_dofs,
            cameras=cameras,
            resolution=resolution,
            proprioception=proprioception,
            privileged_information=privileged_information,
            control_frequency=control_frequency,
            robot=robot,
            clip_actions=clip_actions,
        )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode is 'rgb_array', 'depth_array' or None, not {render_mode!r}.")
        name = type(self).__name__
        self._task = building.build(TASKS[name].module, name, given, render_mode)
        self.render_mode, self._clips = render_mode, given.clip_actions
        self._low, self._high = self._task.action_space.low, self._task.action_space.high
        low, high = (-np.inf, np.inf) if self._clips else (self._low, self._high)
        self.action_space = spaces.Box(low, high, self._low.shape, np.float32)
        self.observation_space = building.true_observation_space(self._task)
        self._pixels = [key for key in self.observation_space.spaces if key.startswith(_PIXELS)]
        self.metadata = {**type(self).metadata, **self._described(given)}

    def reset(self, *, seed=None, options=None):
        """Begins an episode; without a seed, BiGym's is drawn from `np_random`."""
        task = self._open_task()
        super().reset(seed=seed)
        own_seed = int(self.np_random.integers(2**32)) if seed is None else seed % 2**32
        # Otherwise the info still tells of the episode before.
        task._step_cache.clean()
        building.renew_scenes(task)
        observation, info = task.reset(seed=own_seed, options=options)
        return self._tidied(observation), info

    def step(self, action):
        """Takes a control step.

        Raises:
            ValueError: The action has another shape, a NaN, or, without `clip_actions`, a number outside its bounds.
        """
        observation, reward, terminated, truncated, info = self._open_task().step(self._checked_action(action))
        return self._tidied(observation), reward, terminated, truncated, info

    def render(self):
        """A frame of the free camera, as `render_mode` says."""
        if self.render_mode is None:
            raise RuntimeError("This environment was made without a render mode: pass render_mode='rgb_array' or 'depth_array'.")
        return np.ascontiguousarray(self._open_task().render())

    def close(self):
        """Frees what it holds; it cannot be reset afterwards."""
        task, self._task = self._task, None
        if task is not None:
            task.close()

    def _open_task(self):
        if self._task is None:
            raise RuntimeError("This environment is closed: make a new one.")
        return self._task

    def _described(self, given):
        task = self._task
        return {
            "render_fps": given.true_frequency,
            "action_names": dimensions.action_names(task),
            "action_meanings": dimensions.action_meanings(task, given),
            "action_low": self._low.tolist(),
            "action_high": self._high.tolist(),
            "observation_names": dimensions.observation_names(task),
            "observation_meanings": dimensions.observation_meanings(task),
        }

    def _checked_action(self, action):
        action = np.asarray(action, np.float32)
        if action.shape != self._low.shape:
            raise ValueError(f"An action has shape {self._low.shape}, not {action.shape}.")
        if self._clips:
            action = np.clip(action, self._low, self._high)
        is_inside = (action >= self._low) & (action <= self._high)
        if not is_inside.all():
            raise ValueError(self._outside(action, int(np.argmin(is_inside))))
        return action

    def _outside(self, action, index):
        bounds = f"{self._low[index]:g} to {self._high[index]:g}"
        return f"Action {index} ({self.metadata['action_names'][index]}) is {action[index]:g}, outside {bounds}."

    def _tidied(self, observation):
        if _SUMS in observation:
            # BiGym multiplies the sums of the last episode by 0, which leaves -0.0: other bits than in the first episode.
            observation[_SUMS] += np.float32(0)
        for key in self._pixels:
            observation[key] = np.ascontiguousarray(observation[key])
        return observation


def _documentation(task):
    return _DOCUMENTATION.format(goal=task.goal, steps=task.max_episode_steps, seconds=task.seconds)


for _name, _task in TASKS.items():
    globals()[_name] = type(_name, (BiGymTask,), {"__doc__": _documentation(_task), "__module__": __name__})
