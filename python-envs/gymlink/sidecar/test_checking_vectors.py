"""The check of a family's vector environments: what is wrong with each is told in words."""

import re
import sys

import gymnasium
import pytest

from gymlink.sidecar.test_checking import check, lines_of, reports

# Fault, as tests/families/faulty/faulty_vectors.py knows them, and what is said of it.
WRONG = {
    "all": r"A step of sub-environment 1 alone \(env_id\) changed what sub-environment 0 gave in the step after it: .*",
    "batch": r"Its observation_space is .*, but 3 of its single_observation_space are .*: use gymnasium\.vector\.utils\..*",
    "count": r"Made with num_envs=3, it has num_envs 2: make as many as are asked for\.",
    "dtype": r"Its observations\['x'\] are an array of float64 with shape \(3, 2\), but 3 of .* float32 with shape .*",
    "early": r"It declares autoreset mode NextStep, but what step \d+ gives depends on actions of .*",
    "ended": r"The terminations of a step are an array of int8 with shape \(3,\): give an array of bool with shape \(3,\)\.",
    "final": r"It declares autoreset mode NextStep, but step \d+ has infos\[\"final_obs\"\], as in SameStep: .*",
    "first": r"A second reset with seeds \[1, 2, 3\] gives other observations than the first: draw all random numbers from .*",
    "infos": r"The infos of a step are a list: give a dict of arrays, as Gymnasium does\.",
    "key": r"Its observations have no \['x'\], which its single_observation_space has\.",
    "limit": r"Made with max_episode_steps=10, sub-environment \d played on: truncate episodes there\.",
    "mask": r"A reset of sub-environment 0 alone \(\"reset_mask\"\) changed what sub-environment 1 gave in the step after it: .*",
    "never": r"It declares autoreset mode NextStep, but sub-environment \d, .* got reward 1 in the next: that step is .*",
    "outside": r"Its observations\['x'\]\[0, 1\] is 2\.0, but its space has 0\.0 to 1\.5 there: fix the space, or declare .*",
    "paid": r"It declares autoreset mode NextStep, but sub-environment \d, .* got reward 1 in the next: that step is .*",
    "raise": r"Its step raised RuntimeError: no engine, at line \d+ of .*faulty_vectors\.py \(step\)\.",
    "reward": r"The rewards of a step are an array of int64 with shape \(3,\): give an array of a float with shape \(3,\)\.",
    "rewards": r"The rewards of a step are an array of float64 with shape \(3, 1\): give an array of a float with shape \(3,\)\.",
    "seed": r"Two plays with seeds \[1, 2, 3\] and the same actions differ in observation\['x'\] of the reset: draw all .*",
    "shape": r"Its observations\['x'\] are an array of float32 with shape \(3, 1\), but 3 of .* with shape \(3, 2\): correct .*",
    "sum": r"A reset with seed 1 for sub-environment 0 and none for the others gives it another observation than one with .*",
    "text": r"Its single_observation_space has Text\(.*\), but may have Box, Discrete, MultiDiscrete, MultiBinary, and Dicts .*",
    "untold": r'It does not tell its autoreset mode: put "autoreset_mode" into its metadata, .*',
}
LOST = (
    r'It declares autoreset mode SameStep, but step \d+ ended an episode of sub-environment \d without infos\["final_obs"\]: .*'
)
TOLD = "Made with autoreset_mode SameStep, it says that it has NextStep: do as told, or raise ValueError."
WELL = {
    "Well": {},
    "Endless": {"constructor": "faulty_vectors:Endless"},
    "SameStep": {"kwargs": {"mode": "SameStep"}},
    "Disabled": {"kwargs": {"mode": "Disabled"}},
    "Whole": {"kwargs": {"fault": "whole"}},
}
OTHERS = {
    "Argument": {"constructor": "faulty_vectors:Endless"},
    "Lost": {"kwargs": {"fault": "lost", "mode": "SameStep"}},
    "Nondeterministic": {"kwargs": {"fault": "seed"}, "nondeterministic": True},
    "Random": {"kwargs": {"fault": "random"}},
    "Told": {"constructor": "faulty_vectors:Told"},
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What a check says of each environment."""
    entries = {**{fault: {"kwargs": {"fault": fault}} for fault in WRONG}, **WELL, **OTHERS}
    form = {"constructor": "faulty_vectors:Vectors", "api": "vector"}
    environments = {f"Vector/{name}-v0": {**form, **entry} for name, entry in entries.items()}
    rest = {"kwargs": {"Vector/Argument-v0": ["fault", "colour"]}, "attributes": {}, "states": {}, "ids": []}
    return reports(lines_of(check(tmp_path_factory.mktemp("check"), environments=environments, **rest)))


def problems_of(checked, name):
    return checked[f"Vector/{name}-v0"]["problems"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_said_in_words(checked, fault):
    (problem,) = problems_of(checked, fault)
    assert re.fullmatch(WRONG[fault], problem), problem


@pytest.mark.parametrize("name", WELL)
def test_one_that_is_well_is_measured(checked, name):
    report = checked[f"Vector/{name}-v0"]
    assert (report["problems"], report["warnings"]) == ([], [])
    measured = ["construction_ms", "reset_ms", "steps_per_s", *(["memory_mb"] if sys.platform == "linux" else [])]
    assert all(report[key] > 0 for key in measured)


def test_final_observations_that_are_lost_are_told(checked):
    (problem,) = problems_of(checked, "Lost")
    assert re.fullmatch(LOST, problem), problem


@pytest.mark.skipif(not hasattr(gymnasium.vector, "AutoresetMode"), reason="This Gymnasium has no autoreset modes.")
def test_one_that_does_not_do_as_told_is_told(checked):
    assert problems_of(checked, "Told") == [TOLD]


def test_arguments_that_are_not_there_are_told(checked):
    message = "Its constructor has no argument 'colour', which \"kwargs\" allows: correct or delete it there."
    assert problems_of(checked, "Argument") == [message]


def test_what_may_be_meant_is_a_warning(checked):
    for name, told in {
        "Nondeterministic": "observation['x'] of the reset: it is nondeterministic.",
        "Random": "info['x'] of step 1: draw all random numbers from",
    }.items():
        (warning,) = checked[f"Vector/{name}-v0"]["warnings"]
        assert warning.startswith(f"Two plays with seeds [1, 2, 3] and the same actions differ in {told}")
        assert problems_of(checked, name) == []
