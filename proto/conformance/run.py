"""Runs all scenarios with any number of clients against one server, and prints the defects; see README.md.

python run.py [--address HOST:PORT | --serve COMMAND] CLIENT...
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from check import check

_FOLDER = Path(__file__).resolve().parent
_SCENARIOS = _FOLDER / "scenarios.json"
_SERVE = f"node {_FOLDER.parent.parent / 'server/fixtures/serve-test-family.mjs'}"
_CLIENT_TIMEOUT_S = 600.0


def _transcript(client: str, address: str, target: Path) -> Any:
    command = shlex.split(client[:-2] if client.endswith(" *") else client)
    subprocess.run([*command, address, _SCENARIOS, target], check=True, timeout=_CLIENT_TIMEOUT_S)
    return json.loads(target.read_text(encoding="utf-8"))


def _report(clients: list[str], address: str) -> dict[str, list[str]]:
    scenarios = json.loads(_SCENARIOS.read_text(encoding="utf-8"))["scenarios"]
    with tempfile.TemporaryDirectory() as folder:
        targets = [(client, Path(folder, f"{i}.json")) for i, client in enumerate(clients)]
        transcripts = {client: _transcript(client, address, target) for client, target in targets}
    for client, records in transcripts.items():
        steps = sum(map(len, records.values()))
        print(f"{client}: {steps} steps of {len(records)} scenarios", file=sys.stderr)
    return check(scenarios, transcripts)


def _served(clients: list[str], command: str) -> dict[str, list[str]]:
    with subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, text=True) as server:
        try:
            return _report(clients, json.loads(server.stdout.readline())["address"])
        finally:
            server.terminate()


def main() -> None:
    """Exits with 1 when there is a defect."""
    parser = argparse.ArgumentParser(description="Runs the conformance scenarios.")
    parser.add_argument("--address", help="a running server; without it one is started")
    parser.add_argument("--serve", default=_SERVE, help="command that starts one and prints its address")
    parser.add_argument("clients", nargs="+", metavar="CLIENT")
    given = parser.parse_args()
    report = _report(given.clients, given.address) if given.address else _served(given.clients, given.serve)
    defects = {name: found for name, found in report.items() if found}
    print(json.dumps(defects, ensure_ascii=False, indent=1))
    print(f"{len(report)} scenarios, {len(defects)} with defects", file=sys.stderr)
    sys.exit(1 if defects else 0)


if __name__ == "__main__":
    main()
