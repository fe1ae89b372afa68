"""What each number of BiGym's actions and observations means, as plain data for `metadata`."""

_POSE = ["x", "y", "z", "quaternion_w", "quaternion_x", "quaternion_y", "quaternion_z"]

_MEANINGS = {
    "proprioception": "positions of the robot's joints (rad; sliding joints m), then their velocities (per s)",
    "proprioception_grippers": "how far each gripper is closed, 0 (open) to 1",
    "proprioception_floating_base": "positions of the floating base (m; rz rad)",
    "proprioception_floating_base_actions": "sums of the base's actions since the reset, without the last one (m; rz rad)",
}


def action_names(task):
    """Names of the numbers of an action: the base's joints, those of the robot's actuators, the grippers."""
    robot = task.robot
    base = [actuator.name for actuator in robot.floating_base.all_actuators] if robot.floating_base else []
    limbs = [_actuated(actuator) for actuator in robot.limb_actuators]
    return base + limbs + _gripper_names(robot)


def action_meanings(task, arguments):
    """What the numbers of an action do, in the order of `action_names`."""
    robot = task.robot
    base = [_base_meaning(actuator.name) for actuator in robot.floating_base.all_actuators] if robot.floating_base else []
    if arguments.action_mode == "torque":
        limb = "torque on the joint, N·m"
    elif arguments.absolute:
        limb = "target position of the joint, rad (sliding joints m)"
    else:
        limb = "change of the joint's target position, rad (sliding joints m)"
    gripper = "target of the gripper, rounded to 0 (open) or 1 (closed)"
    return base + [limb] * len(robot.limb_actuators) + [gripper] * len(robot.grippers)


def observation_names(task):
    """Names of the numbers of each part of an observation, by key; pixels have none."""
    robot = task.robot
    joints = [_joint_name(joint) for joint in robot._joints]
    base = [actuator.name for actuator in robot.floating_base.all_actuators] if robot.floating_base else []
    known = {
        "proprioception": [f"{joint}.position" for joint in joints] + [f"{joint}.velocity" for joint in joints],
        "proprioception_grippers": _gripper_names(robot),
        "proprioception_floating_base": base,
        "proprioception_floating_base_actions": base,
    }
    names = {}
    for key in task.observation_space.spaces:
        if key in known:
            names[key] = known[key]
        elif key.endswith("_pose"):
            names[key] = _POSE
        elif key.startswith("target_position"):
            names[key] = _POSE[:3]
    return names


def observation_meanings(task):
    """What each part of an observation is, by key."""
    return {key: _MEANINGS.get(key) or _other_meaning(key) for key in task.observation_space.spaces}


def _other_meaning(key):
    if key.startswith("rgb_"):
        return "colours from 0 to 255; axes: channel, row, column"
    if key.startswith("depth_"):
        return "distance from the camera's plane, m (BiGym declares 0 to 1); axes: row, column"
    return "in the world's frame, m; rotations are unit quaternions"


def _base_meaning(name):
    return f"change of the base's {'heading, rad' if name.endswith('rz') else 'target position, m'}"


def _gripper_names(robot):
    return [f"{side.name.lower()}_gripper" for side in robot.grippers]


def _actuated(actuator):
    return actuator.joint.name if actuator.joint is not None else actuator.name


def _joint_name(joint):
    """MuJoCo's name without the robot's own part: both grippers have joints of the same names."""
    return joint.mjcf.full_identifier.partition("/")[2] or joint.mjcf.name
