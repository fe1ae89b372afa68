"""Compares transcripts with what scenarios.json expects, and with each other; see README.md.

    python check.py SCENARIOS NAME=TRANSCRIPT...

A NAME that ends with `*` is a library, whose records have only what its interface tells. Prints a JSON
object from scenario names to defects.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

_MISSING = "(missing)"


def find(record: Any, path: list[str]) -> Any:
    """Gives what is at a path of a record, or `(missing)`."""
    for place, part in enumerate(path):
        if part == "*" and isinstance(record, list):
            return [find(one, path[place + 1 :]) for one in record]
        if part.startswith("@") and isinstance(record, list):
            record = next((v for k, v in record if k == {"text": part[1:]}), _MISSING)
        elif isinstance(record, list) and part.isdigit() and int(part) < len(record):
            record = record[int(part)]
        elif isinstance(record, dict) and part in record:
            record = record[part]
        else:
            return _MISSING
    return record


def _referred(reference: str, name: str, transcript: dict[str, Any]) -> Any:
    scenario, _, rest = reference.partition("#")
    step, _, path = rest.partition(":")
    return find(transcript[scenario or name][int(step)], path.split("."))


def _floats(found: Any) -> list[float]:
    return [struct.unpack("<d", bytes.fromhex(one))[0] for one in found]


_MATCHERS = {
    "$in": lambda found, wanted, refer: found in wanted,
    "$ne": lambda found, wanted, refer: found not in (wanted, _MISSING),
    "$contains": lambda found, wanted, refer: all(one in found for one in wanted),
    "$sorted": lambda found, wanted, refer: found == sorted(found),
    "$at_least": lambda found, wanted, refer: found >= wanted,
    "$at_most": lambda found, wanted, refer: found <= wanted,
    "$float64": lambda found, wanted, refer: _floats(found) == wanted,
    "$ref": lambda found, wanted, refer: found == refer(wanted) != _MISSING,
    "$unlike": lambda found, wanted, refer: found not in (refer(wanted), _MISSING),
    "$seeds_from": lambda found, wanted, refer: (
        found == [str(int(refer(wanted)) + i) for i in range(len(found))]
    ),
}


def _matches(found: Any, wanted: Any, refer: Any) -> bool:
    if isinstance(wanted, dict) and wanted and all(key.startswith("$") for key in wanted):
        try:
            return all(_MATCHERS[key](found, value, refer) for key, value in wanted.items())
        except (TypeError, ValueError):
            return False
    return found == wanted


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"


def unexpected(scenario: dict[str, Any], transcript: dict[str, Any]) -> list[str]:
    """Tells where the records of a scenario differ from its expectations."""
    name = scenario["name"]
    records = transcript[name]
    defects = []
    for number, (step, record) in enumerate(zip(scenario["steps"], records)):
        if "skipped" in record:
            continue
        for path, wanted in step.get("expect", {}).items():
            found = find(record, path.split("."))
            if not _matches(found, wanted, lambda at: _referred(at, name, transcript)):
                context = f" in {_short(record)}" if found == _MISSING else ""
                defects.append(
                    f"step {number} {step['op']} {path}: {_short(found)}, expected {_short(wanted)}{context}"
                )
    if len(records) != len(scenario["steps"]):
        defects.append(f"{len(records)} records for {len(scenario['steps'])} steps: {_short(records[-1:])}")
    return defects


def _told(whole: Any, library: Any) -> Any:
    """Gives what a whole record has of that which the record of a library tells."""
    if isinstance(whole, dict) and isinstance(library, dict):
        return {key: _told(whole[key], value) for key, value in library.items() if key in whole}
    if isinstance(whole, list) and isinstance(library, list) and len(whole) == len(library):
        return [_told(one, other) for one, other in zip(whole, library)]
    return whole


def differences(name: str, left: tuple[str, Any], right: tuple[str, Any]) -> list[str]:
    """Tells at which steps the transcript of a client differs from that of the first one."""
    is_library = right[0].endswith("*")
    defects = []
    for number, (whole, other) in enumerate(zip(left[1][name], right[1][name])):
        one = _told(whole, other) if is_library else whole
        if not other:
            defects.append(f"step {number}: {right[0]} tells nothing")
        elif one != other:
            defects.append(f"step {number}: {left[0]} has {_first_difference(one, other)} of {right[0]}")
    if len(right[1][name]) > len(left[1][name]):
        defects.append(f"{right[0]} has more records than {left[0]}")
    return defects


def _first_difference(one: Any, other: Any, path: str = "") -> str:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        key = next(key for key in one if one[key] != other[key])
        return _first_difference(one[key], other[key], f"{path}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        place = next(i for i, pair in enumerate(zip(one, other)) if pair[0] != pair[1])
        return _first_difference(one[place], other[place], f"{path}.{place}")
    return f"{path} {_short(one)}, unlike {_short(other)}"


def check(scenarios: list[dict[str, Any]], transcripts: dict[str, Any]) -> dict[str, list[str]]:
    """Gives the defects of each scenario; a client that left one out is not compared in it.

    Clients that see the wire must meet the expectations; with the first of them all others are compared.
    """
    report = {}
    for scenario in scenarios:
        name = scenario["name"]
        ran = [(client, records) for client, records in transcripts.items() if name in records]
        whole = [one for one in ran if not one[0].endswith("*")]
        libraries = [one for one in ran if one[0].endswith("*")]
        defects = [f"{client}: {one}" for client, records in whole for one in unexpected(scenario, records)]
        if scenario.get("compare", True) and whole:
            others = [*whole[1:], *libraries]
            defects += [one for other in others for one in differences(name, whole[0], other)]
        report[name] = defects if whole else ["no client that sees the wire ran it"]
    return report


def main(scenarios: str, *named: str) -> None:
    """Prints the report, and exits with 1 when there is a defect."""
    listed = json.loads(Path(scenarios).read_text(encoding="utf-8"))["scenarios"]
    pairs = (one.split("=", 1) for one in named)
    # A server counts states over all its clients.
    texts = {
        client: re.sub(r"saved state \d+", "saved state …", Path(path).read_text(encoding="utf-8"))
        for client, path in pairs
    }
    transcripts = {client: json.loads(text) for client, text in texts.items()}
    report = check(listed, transcripts)
    print(json.dumps(report, ensure_ascii=False, indent=1))
    sys.exit(1 if any(report.values()) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
