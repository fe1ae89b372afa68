"""From checked arguments to BiGym's own objects.

BiGym is imported when a task is made, not before: its import opens the graphics library, which a warm parent must not hold.
"""

import importlib
import os

import numpy as np
from gymnasium import spaces


def build(module, name, arguments, render_mode):
    """Constructs a task of BiGym.

    Args:
        module: The module of `bigym.envs` that has it.
        name: Its class.
        arguments: The Arguments.
        render_mode: BiGym's.

    Returns:
        The `BiGymEnv`. It has an action mode object of its own: one that two share moves the wrong robot.

    Raises:
        RuntimeError: Pixels are asked for, and MUJOCO_GL says that there are none; or the copy of BiGym lacks a file.
        ValueError: Nothing would be observed.
    """
    if (arguments.cameras or render_mode) and os.environ.get("MUJOCO_GL", "").lower() in (
        "disable",
        "disabled",
        "off",
        "false",
        "0",
    ):
        raise RuntimeError(
            "Cameras and rendering need a graphics library, and MUJOCO_GL is disabled here: install libegl1 and libgl1, "
            "or libosmesa6, and start the server again."
        )
    task = getattr(importlib.import_module(f"bigym.envs.{module}"), name)
    frequency = arguments.control_frequency
    try:
        built = task(
            _action_mode(arguments),
            _observation_config(arguments),
            render_mode=render_mode,
            # Each reset gets a seed, so this one is never used; without it BiGym would draw from NumPy's global generator.
            start_seed=0,
            control_frequency=int(frequency) if frequency.is_integer() else frequency,
            robot_cls=_robot(arguments.robot),
        )
    except FileNotFoundError as error:
        # Some public copies of the repository lack two meshes of StretchRobot.
        lacking = os.path.basename(str(error).rstrip("'"))
        raise RuntimeError(f"This server's copy of BiGym lacks {lacking}, which {arguments.robot or name} needs.") from error
    if not built.observation_space.spaces:
        built.close()
        raise ValueError(f"{name} has no privileged_information, so nothing would be observed: leave proprioception on.")
    return built


def renew_scenes(task):
    """Has the next frames look as those of a task made anew.

    What MuJoCo draws depends on the camera of the frame before: with the scenes of an earlier episode, resets with the same seed
    would differ in thousands of pixels by a few levels.
    """
    import mujoco

    for renderer in task.obs_renderers.values():
        renderer._scene = mujoco.MjvScene(task.mojo.model, renderer.scene.maxgeom)
    for viewer in task.mujoco_renderer._viewers.values():
        viewer.scn = mujoco.MjvScene(task.mojo.model, viewer.scn.maxgeom)


def true_observation_space(task):
    """The observation space with the parts put right that BiGym declares otherwise than they are.

    Depth is in metres, declared 0 … 1; `plate_pose` is position and quaternion, declared as a position.
    """
    return spaces.Dict({key: _true_space(key, declared) for key, declared in task.observation_space.spaces.items()})


def _true_space(key, declared):
    if key.startswith("depth_"):
        return spaces.Box(0, np.inf, declared.shape, np.float32)
    if key == "plate_pose":
        return spaces.Box(-np.inf, np.inf, (7,), np.float32)
    return declared


def _action_mode(arguments):
    from bigym.action_modes import JointPositionActionMode, PelvisDof, TorqueActionMode

    base = {
        "floating_base": arguments.floating_base,
        "floating_dofs": [PelvisDof[name] for name in arguments.floating_dofs],
    }
    if arguments.action_mode == "torque":
        return TorqueActionMode(**base)
    return JointPositionActionMode(absolute=arguments.absolute, block_until_reached=arguments.block_until_reached, **base)


def _observation_config(arguments):
    from bigym.utils.observation_config import CameraConfig, ObservationConfig

    return ObservationConfig(
        cameras=[CameraConfig(camera.name, camera.rgb, camera.depth, camera.resolution) for camera in arguments.cameras],
        proprioception=arguments.proprioception,
        privileged_information=arguments.privileged_information,
    )


def _robot(name):
    if name is None:
        return None
    from bigym.robots.configs import google_robot, h1, stretch

    return next(getattr(module, name) for module in (h1, google_robot, stretch) if hasattr(module, name))
