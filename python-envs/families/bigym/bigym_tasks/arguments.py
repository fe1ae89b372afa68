"""The plain constructor arguments of BiGym's tasks, checked. Needs no BiGym, so that bad values are refused at once."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Optional

_ALL_CAMERAS = ("head", "left_wrist", "right_wrist", "external")
_ACTION_MODES = ("joint_position", "torque")
_FLOATING_DOFS = ("X", "Y", "Z", "RZ")
_FREQUENCIES = (20, 500)
# MuJoCo's offscreen buffer for BiGym's models.
_MOST_HEIGHT, _MOST_WIDTH = 480, 640


@dataclass(frozen=True)
class Robot:
    """What a robot allows.

    Attributes:
        cameras: Names of cameras, the world's among them.
        floating_dofs: Degrees of freedom that its floating base may have.
        has_torque: Whether its motors take torques.
    """

    cameras: tuple
    floating_dofs: tuple
    has_torque: bool


_H1 = Robot(_ALL_CAMERAS, _FLOATING_DOFS, has_torque=True)
_ARM_ON_WHEELS = Robot(("external",), ("X", "Y", "RZ"), has_torque=False)
ROBOTS = {"H1": _H1, "H1FineManipulation": _H1, "GoogleRobot": _ARM_ON_WHEELS, "StretchRobot": _ARM_ON_WHEELS}


@dataclass(frozen=True)
class Camera:
    """One camera of the observation.

    Attributes:
        name: The camera's name.
        rgb: Whether its colours are observed.
        depth: Whether its depth is observed.
        resolution: Height and width in pixels.
    """

    name: str
    rgb: bool
    depth: bool
    resolution: tuple


@dataclass(frozen=True)
class Arguments:
    """Checked arguments, under the names that the constructor has for them."""

    action_mode: str
    absolute: bool
    block_until_reached: bool
    floating_base: bool
    floating_dofs: tuple
    cameras: tuple
    proprioception: bool
    privileged_information: bool
    control_frequency: float
    robot: Optional[str]
    clip_actions: bool

    @property
    def true_frequency(self):
        """Control steps a second: BiGym rounds the time of a step to whole physics steps of 2 ms."""
        return 500 / round(500 / self.control_frequency)


def checked(
    *,
    action_mode,
    absolute,
    block_until_reached,
    floating_base,
    floating_dofs,
    cameras,
    resolution,
    proprioception,
    privileged_information,
    control_frequency,
    robot,
    clip_actions,
):
    """Checks what a caller gave to a task's constructor, which says what each means.

    Returns:
        The Arguments.

    Raises:
        ValueError: A value is not allowed; the message says which ones are.
    """
    _check_choice("robot", robot, (None, *ROBOTS))
    allowed = _H1 if robot is None else ROBOTS[robot]
    arguments = Arguments(
        action_mode=_action_mode(action_mode, robot, allowed),
        absolute=_flag("absolute", absolute),
        block_until_reached=_flag("block_until_reached", block_until_reached),
        floating_base=_flag("floating_base", floating_base),
        floating_dofs=_floating_dofs(floating_dofs, allowed),
        cameras=_cameras(cameras, _resolution("resolution", resolution), allowed),
        proprioception=_flag("proprioception", proprioception),
        privileged_information=_flag("privileged_information", privileged_information),
        control_frequency=_frequency(control_frequency),
        robot=robot,
        clip_actions=_flag("clip_actions", clip_actions),
    )
    if arguments.action_mode == "torque" and (arguments.absolute or arguments.block_until_reached):
        raise ValueError("absolute and block_until_reached are for action_mode 'joint_position', not for 'torque'.")
    if not (arguments.proprioception or arguments.cameras or arguments.privileged_information):
        raise ValueError("Nothing would be observed: leave proprioception on, name cameras or ask for privileged_information.")
    return arguments


def _check_choice(name, value, allowed):
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in allowed):
        raise ValueError(f"{name} is {_listed(allowed)}, not {value!r}.")


def _listed(choices):
    *most, last = [repr(choice) for choice in choices]
    return f"{', '.join(most)} or {last}" if most else last


def _flag(name, value):
    if not isinstance(value, bool):
        raise ValueError(f"{name} is True or False, not {value!r}.")
    return value


def _action_mode(value, robot, allowed):
    _check_choice("action_mode", value, _ACTION_MODES)
    if value == "torque" and not allowed.has_torque:
        able = [name for name, other in ROBOTS.items() if other.has_torque]
        raise ValueError(f"action_mode 'torque' is for robot {_listed(able)}, not for {robot!r}.")
    return value


def _floating_dofs(value, allowed):
    names = list(value) if isinstance(value, (list, tuple)) else [value]
    for name in names:
        _check_choice("Each of floating_dofs", name, allowed.floating_dofs)
    if len(set(names)) < len(names):
        raise ValueError(f"floating_dofs names a degree of freedom twice: {names!r}.")
    # BiGym's own order, whatever the caller's.
    return tuple(name for name in _FLOATING_DOFS if name in names)


def _frequency(value):
    least, most = _FREQUENCIES
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value <= most:
        raise ValueError(f"control_frequency is a number of Hz from {least} to {most}, not {value!r}.")
    return float(value)


def _resolution(name, value):
    pair = tuple(value) if _is_sequence(value) else (value, value)
    if len(pair) == 2 and all(map(_is_whole, pair)) and 1 <= pair[0] <= _MOST_HEIGHT and 1 <= pair[1] <= _MOST_WIDTH:
        return int(pair[0]), int(pair[1])
    raise ValueError(
        f"{name} is height and width in pixels, at most {_MOST_HEIGHT} and {_MOST_WIDTH}, or one number for both, not {value!r}."
    )


def _is_sequence(value):
    return not isinstance(value, (str, dict)) and hasattr(value, "__len__") and hasattr(value, "__iter__")


def _is_whole(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def _cameras(value, resolution, allowed):
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"cameras is a list of names or of {{name, rgb, depth, resolution}}, not {value!r}.")
    cameras = tuple(_camera(entry, resolution, allowed) for entry in value)
    names = [camera.name for camera in cameras]
    if len(set(names)) < len(names):
        raise ValueError(f"cameras names a camera twice: {names!r}; one entry can have both rgb and depth.")
    return cameras


def _camera(entry, resolution, allowed):
    given = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(given, dict) or "name" not in given or not set(given) <= {"name", "rgb", "depth", "resolution"}:
        raise ValueError(f"Each of cameras is a name or has name and perhaps rgb, depth and resolution, unlike {entry!r}.")
    name = given["name"]
    _check_choice("The name of a camera", name, allowed.cameras)
    rgb = _flag(f"rgb of camera {name!r}", given.get("rgb", True))
    depth = _flag(f"depth of camera {name!r}", given.get("depth", False))
    if not (rgb or depth):
        raise ValueError(f"Camera {name!r} has neither rgb nor depth.")
    return Camera(name, rgb, depth, _resolution(f"resolution of camera {name!r}", given.get("resolution", resolution)))
