"""pytest plugin that writes what came of each test to the file that OUTCOMES names.

The file holds a dict: node ids to ``{"outcome": "passed", "failed" or "skipped", "why": …, "remote": …}``, the last being the
number of RemoteVectorEnv that the test made.
"""

import json
import os

# Before pytest finds the checkout's own, so that both sides run with the version of the lock file.
import gymnasium  # noqa: F401

_outcomes = {}


def pytest_runtest_logreport(report):
    """Keeps the worst of a test's phases."""
    found = _outcomes.setdefault(report.nodeid, {"outcome": "passed", "why": "", "remote": 0})
    if report.outcome != "passed" and found["outcome"] != "failed":
        found.update(outcome=report.outcome, why=_reason(report))
    found.update(report.user_properties)


def pytest_collectreport(report):
    """Keeps files that could not be imported, or are skipped as a whole."""
    if report.outcome != "passed":
        _outcomes[report.nodeid] = {"outcome": report.outcome, "why": _reason(report), "remote": 0}


def pytest_sessionfinish():
    """Writes the file."""
    with open(os.environ["OUTCOMES"], "w", encoding="utf-8") as file:
        json.dump(_outcomes, file)


def _reason(report):
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else str(report.longrepr)
