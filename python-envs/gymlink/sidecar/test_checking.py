"""The check of a family: what is wrong with each environment is told in words, and the check survives it."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gymnasium.utils import env_checker

from gymlink.sidecar.checking import contradictions, unmatched_patterns

FAULTY = Path(__file__).parents[2] / "tests/families/faulty"
MANIFEST = json.loads((FAULTY / "family.json").read_text())
LIMIT = 10


def check(folder, *patterns, limit=LIMIT, **changes):
    """Starts a check of the faulty family with changes in its manifest."""
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({**MANIFEST, **changes}))
    options = ["--manifest", manifest, "--folder", folder, "--limit", str(limit), "--", *patterns]
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(FAULTY), str(folder), str(Path(__file__).parents[2])])
    return subprocess.Popen(
        [sys.executable, "-m", "gymlink.sidecar.checking", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
    )


def lines_of(checker):
    out, printed = checker.communicate(timeout=100)
    assert checker.returncode == 0, printed
    return [json.loads(line) for line in out.splitlines()]


def reports(lines):
    return {line["id"]: line for line in lines if "id" in line}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """All lines of a check of everything but what hangs."""
    everything = [env_id for env_id in MANIFEST["environments"] if "Hang" not in env_id]
    return lines_of(check(tmp_path_factory.mktemp("check"), *everything))


WRONG = {
    "Constructor": r"Its constructor raised ValueError: no licence, at line \d+ of .*faulty\.py \(__init__\)\.",
    "Crash": r"Its process was ended by SIGSEGV in its step, at line \d+ of .*faulty\.py \(step\)\.",
    "Exit": r"Its process exited with status 3 in its step; it printed last: no more licences\.",
    "Random": r"Two episodes with seed 1 and the same actions differ in observation\['x'\] of the reset: draw all random .*",
    "Seed": r"Two episodes with seed 1 and the same actions differ in observation\['x'\] of the reset: draw all random .*",
    "Shape": r"It gave something that its spaces do not allow: .*shape \(3,\), its space \(2,\): correct that, or the space\.",
    "Space": r"Its observation\['x'\]\[0\] is 2\.0, but its space has 0\.0 to 1\.0 there: fix the space, or declare .*\"warn\".*",
    "State": r"After its saved state was restored, it went on differently in \['observation'\]\['x'\] of step 1: leave it out .*",
}
COLOUR = "Its constructor has no argument 'colour', which \"kwargs\" allows: correct or delete it there."


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_words(checked, name):
    (problem,) = [text for text in reports(checked)[f"Faulty/{name}-v0"]["problems"] if text != COLOUR]
    assert re.fullmatch(WRONG[name], problem)


def test_arguments_and_attributes_that_are_not_there_are_told(checked):
    found = reports(checked)
    assert [env_id for env_id, report in found.items() if COLOUR in report["problems"]] == ["Faulty/State-v0"]
    assert found["Faulty/None-v0"]["warnings"] == ["It has no attribute 'colour' after a reset, which \"attributes\" lists."]


def own_warnings(report):
    """What gymlink says of an environment itself: what the checkers of libraries say depends on their versions."""
    return [text for text in report["warnings"] if not text.startswith("Gymnasium's environment checker: ")]


def test_what_may_be_meant_is_a_warning(checked):
    found = reports(checked)
    (warning,) = own_warnings(found["Faulty/Info-v0"])
    assert warning.startswith("Two episodes with seed 1 differ in info['x'] of step 1: draw all random numbers from")
    assert own_warnings(found["Faulty/Render-v0"]) == ["Its render mode rgb_array does not work here: RuntimeError: no graphics."]
    missing = found["Faulty/Import-v0"]
    assert missing["unavailable"]
    assert "No module named 'faulty_and_absent': add what is missing to requirements.in" in missing["warnings"][0]
    assert all(found[f"Faulty/{name}-v0"]["problems"] == [] for name in ("Info", "Render", "Import", "Shared"))


@pytest.mark.skipif(not hasattr(env_checker, "check_returned_data_not_reused"), reason="This Gymnasium does not look for it.")
def test_what_gymnasium_finds_is_a_warning_where_it_may_be_meant(checked):
    found = reports(checked)
    assert found["Faulty/Info-v0"]["warnings"][1].startswith("Gymnasium's environment checker: ")
    (shared,) = found["Faulty/Shared-v0"]["warnings"]
    assert "share an object" in shared


def test_an_environment_that_is_well_is_measured(checked):
    report = reports(checked)["Faulty/None-v0"]
    assert report["problems"] == []
    assert not report["unavailable"]
    measured = ["construction_ms", "reset_ms", "steps_per_s", *(["memory_mb"] if sys.platform == "linux" else [])]
    assert all(report[name] > 0 for name in measured)


def test_an_environment_is_checked_as_its_constructor_wraps_it(checked):
    report = reports(checked)["Faulty/Wrapped-v0"]
    assert report["problems"] == []
    assert report["warnings"] == []


def test_several_agents_do_what_they_may(checked):
    report = reports(checked)["Faulty/Agents-v0"]
    assert report["problems"] == []
    absent = "PettingZoo's API test: It was not run: ModuleNotFoundError: No module named 'pettingzoo'."
    assert report["warnings"] == ([] if importlib.util.find_spec("pettingzoo") else [absent])
    assert report["steps_per_s"] > 0


def test_a_parent_with_threads_is_told_and_starts_them_cold(tmp_path):
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n"
    )
    first, report, _ = lines_of(check(tmp_path, "Faulty/None-v0", preload=["threaded"]))
    assert first["warnings"][0].startswith('Its "preload" modules start threads (there are 2 then)')
    assert report["problems"] == []


def test_the_family_is_told_first_and_what_all_tell_last(checked):
    first, *_, last = checked
    assert first["ids"] == len(MANIFEST["environments"])
    assert first["chosen"] == [env_id for env_id in sorted(MANIFEST["environments"]) if "Hang" not in env_id]
    assert first["problems"] == ["The pattern 'Nothing-*' of \"kwargs\" matches no id of the family: correct or delete it."]
    # Numbers of a part of a family say nothing of its manifest.
    assert last == {"problems": [], "warnings": []}


@pytest.mark.parametrize("start", ["fork", "cold"])
def test_what_hangs_is_ended_and_says_where(tmp_path, start):
    lines = lines_of(check(tmp_path, "Faulty/Hang-v0", "Faulty/None-v0", limit=12, start=start))
    (problem,) = reports(lines)["Faulty/Hang-v0"]["problems"]
    assert re.fullmatch(r"It took over 12 s and was ended in its reset, at line \d+ of .*faulty\.py \(reset\): mend .*", problem)
    assert reports(lines)["Faulty/None-v0"]["problems"] == []


@pytest.mark.parametrize(("wanted", "kind"), [("warn", "warnings"), ("refuse", "problems")])
def test_an_observation_outside_its_space_is_judged_by_the_manifest(tmp_path, wanted, kind):
    report = reports(lines_of(check(tmp_path, "Faulty/Space-v0", out_of_space=wanted, kwargs={})))["Faulty/Space-v0"]
    (text,) = [text for text in report[kind] if "Its observation['x'][0] is 2.0" in text]
    assert ("refuses that: fix the space" in text) == (wanted == "refuse")


def test_a_family_that_can_make_nothing_is_wrong(tmp_path):
    entry = MANIFEST["environments"]["Faulty/Import-v0"]
    lines = lines_of(check(tmp_path, environments={"Faulty/Import-v0": entry}))
    assert lines[-1]["problems"][0].startswith("None of its environments can be made")


@pytest.mark.skipif(sys.platform != "linux", reason="Processes end with their parent on Linux only.")
def test_nothing_is_left_of_a_check_that_is_killed(tmp_path):
    checker = check(tmp_path, "Faulty/Hang-v0", limit=100)
    assert checker.stdout is not None and "chosen" in checker.stdout.readline()
    children = Path(f"/proc/{checker.pid}/task/{checker.pid}/children")
    while not (pids := children.read_text().split()):
        time.sleep(0.01)
    checker.kill()
    checker.communicate()
    while any(Path(f"/proc/{pid}/stat").exists() for pid in pids):
        time.sleep(0.01)


def test_patterns_that_match_no_id_are_told():
    manifest = {"ids": ["A-*", "C-*"], "kwargs": {"A-v?": []}, "states": {"D": {"tier": "fork"}}, "attributes": {}}
    assert [text.split(" matches")[0] for text in unmatched_patterns(manifest, ["A-v0", "B-v0"])] == [
        "The pattern 'C-*' of \"ids\"",
        "The pattern 'D' of \"states\"",
    ]
    assert unmatched_patterns(manifest, [])[0].startswith("The family has no environment")


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({}, []),
        ({"step_us": 400, "memory_mb": 30}, []),
        (
            {"step_us": 10},
            ['"step_us" is 10, but a step took 1000 µs here in the median: correct it, unless this machine was busy.'],
        ),
        ({"step_us": 900, "memory_mb": 500}, ['"memory_mb" is 500, but a process took 50 MB here in the median: correct it.']),
    ],
)
def test_numbers_that_are_grossly_wrong_are_told(manifest, expected):
    reports = [{"steps_per_s": rate, "memory_mb": 50} for rate in (10, 1000, 5000)]
    assert contradictions({"step_us": 900, **manifest}, [*reports, {"unavailable": True}]) == expected
