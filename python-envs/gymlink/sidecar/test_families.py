"""What a manifest says of a family: libraries, variables, environments that register nothing."""

import os

import gymnasium
import pytest

from gymlink.sidecar.arguments import allowed_kwargs, describe_arguments
from gymlink.sidecar.catalogue import serves
from gymlink.sidecar.registering import register_environments
from gymlink.sidecar.surroundings import MissingLibrary, check_libraries, choose_variables, loads

ABSENT = {"library": "libabsent.so.9", "package": "libabsent9", "for": "pictures"}


def test_a_library_that_is_missing_is_named_with_its_package(capsys):
    with pytest.raises(MissingLibrary, match=r'family mine .* libabsent\.so\.9 .* pictures: "sudo apt install libabsent9"'):
        check_libraries({"name": "mine", "system": [ABSENT]})
    check_libraries({"name": "mine", "system": [{**ABSENT, "optional": True}]})
    assert "mine starts, but libabsent.so.9 of the system package libabsent9 is missing" in capsys.readouterr().out


def test_libraries_are_tried_in_a_process_of_their_own():
    assert loads("libc.so.6")
    assert not loads("libabsent.so.9")


@pytest.mark.parametrize(("given", "expected"), [(None, "second"), ("operator", "operator")])
def test_the_first_choice_that_is_installed_is_taken(monkeypatch, given, expected):
    monkeypatch.delenv("GYMLINK_CHOICE", raising=False)
    if given:
        monkeypatch.setenv("GYMLINK_CHOICE", given)
    choices = [{"value": "first", "libraries": ["libc.so.6", "libabsent.so.9"]}, {"value": "second", "libraries": ["libc.so.6"]}]
    choose_variables({"environment": {"GYMLINK_CHOICE": [*choices, {"value": "third"}], "OTHER": "text"}})
    assert os.environ["GYMLINK_CHOICE"] == expected
    assert "OTHER" not in os.environ
    del os.environ["GYMLINK_CHOICE"]


def test_environments_that_register_nothing_get_an_id():
    entry = {"constructor": "gymnasium.envs.classic_control:PendulumEnv", "kwargs": {"g": 2.5}}
    register_environments({"environments": {"OwnPendulum-v0": {**entry, "max_episode_steps": 7}}})
    try:
        env = gymnasium.make("OwnPendulum-v0")
        assert env.unwrapped.g == 2.5
        assert env.spec.max_episode_steps == 7
        assert serves({"environments": {"OwnPendulum-v0": entry}}, "OwnPendulum-v0")
    finally:
        del gymnasium.registry["OwnPendulum-v0"]


@pytest.mark.parametrize(
    ("manifest", "env_id", "expected"),
    [
        ({}, "CartPole-v1", False),
        ({}, "GymV21Environment-v0", False),
        ({"ids": ["Cart*"]}, "CartPole-v1", True),
        ({"ids": ["Taxi*"]}, "CartPole-v1", False),
        ({"ids": ["*"]}, "CartPole-v1", True),
    ],
)
def test_ids_of_a_family(manifest, env_id, expected):
    assert serves(manifest, env_id) is expected


def test_arguments_are_told_as_their_constructor_has_them():
    class Base:
        def __init__(self, width: int = 3, path=None):
            pass

    class Derived(Base):
        def __init__(self, size, weights: "list[float] | None" = None, key=object(), **kwargs):  # noqa: B008 - no plain data
            pass

    names = ["size", "weights", "key", "width", "unknown"]
    told = describe_arguments(Derived, names, {"width": 5})
    assert [message["name"] for message in told] == names
    assert told[0] == {"name": "size", "required": True}
    assert told[1]["type"] == "list[float] | None"
    assert "default" not in told[2]
    assert "required" not in told[2]
    assert told[3] == {"name": "width", "type": "int", "default": {"integer": 5}}
    assert told[4] == {"name": "unknown"}


def test_allowed_arguments_are_those_of_every_matching_pattern():
    manifest = {"kwargs": {"*": ["a"], "B-*": ["b", "a"]}}
    assert allowed_kwargs(manifest, "B-v0") == ["a", "b"]
    assert allowed_kwargs({}, "B-v0") == []
