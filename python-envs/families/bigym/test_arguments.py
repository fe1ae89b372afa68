import inspect
import json
from pathlib import Path

import pytest
from bigym_tasks import arguments, environments
from bigym_tasks.tasks import TASKS

MANIFEST = json.loads((Path(__file__).parent / "family.json").read_text())
SIGNATURE = inspect.signature(environments.BiGymTask).parameters
DEFAULTS = {name: parameter.default for name, parameter in SIGNATURE.items() if name != "render_mode"}


def checked(**given):
    return arguments.checked(**{**DEFAULTS, **given})


def test_defaults_are_bigyms_own_at_50_hz():
    given = checked()
    assert given.action_mode == "joint_position"
    assert given.floating_dofs == ("X", "Y", "RZ")
    assert given.cameras == ()
    assert given.control_frequency == 50
    assert (given.absolute, given.floating_base, given.privileged_information) == (False, True, False)


def test_cameras_are_names_or_plain_data():
    cameras = ["head", {"name": "external", "rgb": False, "depth": True, "resolution": [40, 60]}]
    assert checked(cameras=cameras, resolution=84).cameras == (
        arguments.Camera("head", True, False, (84, 84)),
        arguments.Camera("external", False, True, (40, 60)),
    )


def test_floating_dofs_come_in_bigyms_order():
    assert checked(floating_dofs=["RZ", "Z", "X"]).floating_dofs == ("X", "Z", "RZ")
    assert checked(floating_dofs=[]).floating_dofs == ()


@pytest.mark.parametrize(("asked", "true"), [(50, 50), (20, 20), (500, 500), (60, 62.5), (30.0, 500 / 17)])
def test_frequency_is_rounded_to_physics_steps(asked, true):
    assert checked(control_frequency=asked).true_frequency == true


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"action_mode": "velocity"}, "action_mode is 'joint_position' or 'torque', not 'velocity'."),
        ({"action_mode": ["torque"]}, "action_mode is 'joint_position' or 'torque', not ['torque']."),
        ({"absolute": 1}, "absolute is True or False, not 1."),
        ({"clip_actions": "yes"}, "clip_actions is True or False, not 'yes'."),
        ({"action_mode": "torque", "absolute": True}, "absolute and block_until_reached are for action_mode 'joint_position'"),
        (
            {"action_mode": "torque", "robot": "GoogleRobot"},
            "'torque' is for robot 'H1' or 'H1FineManipulation', not for 'GoogleRobot'.",
        ),
        ({"floating_dofs": ["X", "RX"]}, "Each of floating_dofs is 'X', 'Y', 'Z' or 'RZ', not 'RX'."),
        ({"floating_dofs": 3}, "Each of floating_dofs is 'X', 'Y', 'Z' or 'RZ', not 3."),
        ({"floating_dofs": ["X", "X"]}, "floating_dofs names a degree of freedom twice: ['X', 'X']."),
        ({"floating_dofs": ["Z"], "robot": "StretchRobot"}, "Each of floating_dofs is 'X', 'Y' or 'RZ', not 'Z'."),
        ({"robot": "H2"}, "robot is None, 'H1', 'H1FineManipulation', 'GoogleRobot' or 'StretchRobot', not 'H2'."),
        ({"robot": True}, "robot is None, 'H1', "),
        ({"control_frequency": 10}, "control_frequency is a number of Hz from 20 to 500, not 10."),
        ({"control_frequency": True}, "control_frequency is a number of Hz from 20 to 500, not True."),
        ({"control_frequency": float("nan")}, "control_frequency is a number of Hz from 20 to 500, not nan."),
        ({"cameras": "head"}, "cameras is a list of names or of {name, rgb, depth, resolution}, not 'head'."),
        ({"cameras": ["front"]}, "The name of a camera is 'head', 'left_wrist', 'right_wrist' or 'external', not 'front'."),
        ({"cameras": ["head"], "robot": "GoogleRobot"}, "The name of a camera is 'external', not 'head'."),
        ({"cameras": [{"rgb": True}]}, "Each of cameras is a name or has name and perhaps rgb, depth and resolution"),
        ({"cameras": [{"name": "head", "fov": 3}]}, "Each of cameras is a name or has name and perhaps"),
        ({"cameras": [{"name": "head", "rgb": False}]}, "Camera 'head' has neither rgb nor depth."),
        ({"cameras": ["head", "head"]}, "cameras names a camera twice: ['head', 'head']"),
        ({"cameras": ["head"], "resolution": [481, 640]}, "resolution is height and width in pixels, at most 480 and 640"),
        ({"cameras": [{"name": "head", "resolution": 0}]}, "resolution of camera 'head' is height and width in pixels"),
        ({"resolution": 1.5}, "resolution is height and width in pixels"),
        ({"proprioception": False}, "Nothing would be observed"),
    ],
)
def test_other_values_are_refused_in_words(given, words):
    with pytest.raises(ValueError) as refusal:
        checked(**given)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_manifest_allows_every_argument_but_the_render_mode():
    assert MANIFEST["kwargs"] == {"bigym/*": list(DEFAULTS)}


def test_each_of_the_40_tasks_has_a_documented_class():
    assert len(TASKS) == 40
    for name, task in TASKS.items():
        kind = getattr(environments, name)
        assert kind.__name__ == name
        assert kind.__doc__.startswith(task.goal)
        assert f"truncated after {task.max_episode_steps}" in kind.__doc__


def test_a_bad_argument_is_refused_without_bigym():
    with pytest.raises(ValueError, match="robot is None"):
        environments.ReachTarget(robot="H2")
