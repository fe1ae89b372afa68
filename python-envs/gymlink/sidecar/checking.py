"""Checks a family: ``python -m gymlink.sidecar.checking --manifest FILE --folder DIR [--limit S] [ID-PATTERN...]``.

Each environment is examined in a process of its own, one after another (examining.py, examining_vectors.py). Standard output
gets lines of JSON: for the family ``{"ids", "chosen", "problems", "warnings"}``, each environment ``{"id", "problems",
"warnings", …}`` (Findings), and in the end ``{"problems", "warnings"}`` of all together.
"""

import argparse
import faulthandler
import gc
import json
import os
import re
import selectors
import signal
import statistics
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from fnmatch import fnmatchcase

import gymnasium

from gymlink.sidecar.catalogue import serves
from gymlink.sidecar.examining import Examination
from gymlink.sidecar.examining_vectors import VectorExamination
from gymlink.sidecar.parent import load_manifest
from gymlink.sidecar.processes import become_worker, die_with_parent, thread_names
from gymlink.sidecar.surroundings import MissingLibrary
from gymlink.sidecar.vectorised import is_vectorised

# Where a process was that crashed or hung, as faulthandler writes it.
_FRAME = re.compile(r'\(most recent call first\):\n  File "([^"]*)", line (\d+) in (.*)')
# Timings vary from machine to machine; what is further off, and by more than this, is a mistake.
_FACTOR = 5
_LEAST_US, _LEAST_MB = 100, 20
# What a process that hangs may take to say where.
_ANSWER_SECONDS = 1


def main():
    """Checks the family that the arguments name."""
    options = argparse.ArgumentParser(prog="python -m gymlink.sidecar.checking")
    options.add_argument("--manifest", required=True, type=os.path.abspath, help="the family's family.json")
    options.add_argument("--folder", required=True, type=os.path.abspath, help="private folder, which becomes the working folder")
    options.add_argument("--limit", type=float, default=120, help="seconds for each environment")
    options.add_argument("--report", type=int, help="examine one id here and write to this descriptor")
    options.add_argument("--parent", type=int, help="with --report: process id of the parent")
    options.add_argument("patterns", nargs="*", help="which ids; default: all")
    arguments = options.parse_args()
    os.chdir(arguments.folder)
    if arguments.report is not None:
        _become_subject(arguments.parent)
        _examine(arguments.patterns[0], load_manifest(arguments.manifest), arguments.folder, arguments.report)
        return
    # A terminal's Ctrl-C reaches the whole group; the command that started this ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(os.getppid())
    # Environments print; what they print must not come between the lines.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        try:
            Check(arguments, out).run()
        except MissingLibrary as error:
            sys.exit(f"gymlink: {error}")


class Check:
    """The check of one family.

    Args:
        arguments: Those of the command line.
        out: Takes the lines.
    """

    def __init__(self, arguments, out):
        self._arguments, self._out = arguments, out
        self._manifest = load_manifest(arguments.manifest)
        self._ids = sorted(env_id for env_id in gymnasium.registry if serves(self._manifest, env_id))

    def run(self):
        """Examines the environments and tells what was found."""
        patterns = self._arguments.patterns or ["*"]
        chosen = [env_id for env_id in self._ids if any(fnmatchcase(env_id, pattern) for pattern in patterns)]
        problems = unmatched_patterns(self._manifest, self._ids)
        self._tell({"ids": len(self._ids), "chosen": chosen, "problems": problems, "warnings": self._check_start()})
        found = []
        for env_id in chosen:
            found.append({"id": env_id, **self._examined(env_id)})
            self._tell(found[-1])
        are_all = found and len(found) == len(self._ids)
        unavailable = are_all and all(report.get("unavailable") for report in found)
        problems = ["None of its environments can be made, for the reasons that their warnings tell."] if unavailable else []
        self._tell({"problems": problems, "warnings": contradictions(self._manifest, found) if are_all else []})

    def _tell(self, message):
        print(json.dumps(message), file=self._out, flush=True)

    def _check_start(self):
        threads = len(thread_names())
        if self._starts_warm() or self._manifest.get("start") == "cold":
            return []
        return [
            f'Its "preload" modules start threads (there are {threads} then), so that workers start cold each time: leave out '
            'the one that does, or declare "start": "cold".'
        ]

    def _starts_warm(self):
        return len(thread_names()) == 1 and self._manifest.get("start") != "cold"

    def _examined(self, env_id):
        """The report on an environment, from a process of its own."""
        with tempfile.TemporaryFile() as output:
            reader, writer = os.pipe()
            try:
                pid = self._start(env_id, writer, output.fileno())
            finally:
                os.close(writer)
            with os.fdopen(reader, "rb", buffering=0) as pipe:
                told, is_over = _read(pipe, pid, self._arguments.limit)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            # What it has started ends with it.
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            output.seek(0)
            printed = output.read().decode(errors="replace")
        stages = [message["stage"] for message in told if "stage" in message]
        report = next((message for message in told if "problems" in message), None)
        if report is not None:
            return report
        where = f" in its {stages[-1]}" if stages else " while it was started"
        where += _place(printed)
        if is_over:
            message = (
                f"It took over {self._arguments.limit:g} s and was ended{where}: mend that, or give it more time by --limit."
            )
        else:
            how = f"exited with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
            message = f"Its process {how}{where}."
        return {"problems": [message], "warnings": []}

    def _start(self, env_id, writer, output):
        if self._starts_warm():
            return self._fork(env_id, writer, output)
        os.set_inheritable(writer, True)
        arguments = self._arguments
        options = ["--manifest", arguments.manifest, "--folder", arguments.folder]
        one = ["--report", str(writer), "--parent", str(os.getpid()), env_id]
        actions = [(os.POSIX_SPAWN_DUP2, output, number) for number in (1, 2)]
        command = [sys.executable, "-m", "gymlink.sidecar.checking", *options, *one]
        return os.posix_spawn(sys.executable, command, os.environ, file_actions=actions)

    def _fork(self, env_id, writer, output):
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.collect()
        gc.freeze()
        pid = os.fork()
        if pid != 0:
            return pid
        try:
            os.close(self._out.fileno())
            for number in (1, 2):
                os.dup2(output, number)
            _become_subject(parent)
            _examine(env_id, self._manifest, self._arguments.folder, writer)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: the parent's own cleanup is below on this stack.
            os._exit(0)


def _become_subject(parent):
    become_worker(parent)
    # A crash in native code says where it was, and so does what hangs, when it is asked.
    faulthandler.enable(sys.stderr)
    faulthandler.register(signal.SIGUSR1, sys.stderr, all_threads=False)


def _examine(env_id, manifest, folder, descriptor):
    """Examines one environment here; a line for each stage and one with the report go to a descriptor."""

    def tell(message):
        os.write(descriptor, json.dumps(message).encode() + b"\n")

    def enter(stage):
        tell({"stage": stage})

    vectorised = is_vectorised(env_id)
    examination = VectorExamination(env_id, manifest, enter) if vectorised else Examination(env_id, manifest, folder, enter)
    examination.run()
    tell(examination.report())


def _read(pipe, pid, limit):
    """The messages that a process wrote until it ended, and whether it was ended because it took longer than the limit."""
    end, text, is_over = time.monotonic() + limit, b"", False
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0, end - time.monotonic())):
                # First it is asked where it is, then it is killed.
                os.kill(pid, signal.SIGKILL if is_over else signal.SIGUSR1)
                is_over, end = True, time.monotonic() + _ANSWER_SECONDS
                continue
            piece = pipe.read(1 << 16)
            if not piece:
                return [json.loads(line) for line in text.splitlines()], is_over
            text += piece


def _place(printed):
    """Where it was, as far as it could say; else what it printed last."""
    frames = _FRAME.findall(printed)
    if frames:
        file, line, function = frames[-1]
        return f", at line {line} of {file} ({function})"
    lines = printed.strip().splitlines()
    return f"; it printed last: {lines[-1]}" if lines else ""


def unmatched_patterns(manifest, ids):
    """A sentence for each pattern of a manifest that matches none of the ids that the family serves."""
    if not ids:
        return ['The family has no environment: name modules that register some under "preload", or some under "environments".']
    keys = {key: manifest.get(key) or () for key in ("ids", "kwargs", "attributes", "states")}
    return [
        f'The pattern {pattern!r} of "{key}" matches no id of the family: correct or delete it.'
        for key, patterns in keys.items()
        for pattern in patterns
        if not any(fnmatchcase(env_id, pattern) for env_id in ids)
    ]


def contradictions(manifest, reports):
    """A sentence for each typical number of a manifest that is grossly another than what was measured, in the median."""
    rates = [report["steps_per_s"] for report in reports if "steps_per_s" in report]
    memory = [report["memory_mb"] for report in reports if "memory_mb" in report]
    found = []
    if rates:
        declared, measured = manifest.get("step_us", 25), 1e6 / statistics.median(rates)
        if _is_gross(declared, measured, _LEAST_US):
            told = f"a step took {measured:.0f} µs here in the median"
            found.append(f'"step_us" is {declared:g}, but {told}: correct it, unless this machine was busy.')
    if memory and "memory_mb" in manifest:
        declared, measured = manifest["memory_mb"], statistics.median(memory)
        if _is_gross(declared, measured, _LEAST_MB):
            found.append(f'"memory_mb" is {declared:g}, but a process took {measured:.0f} MB here in the median: correct it.')
    return found


def _is_gross(declared, measured, least):
    return abs(measured - declared) > least and not 1 / _FACTOR < measured / declared < _FACTOR


if __name__ == "__main__":
    main()
