"""Starts a family's warm parent, or one worker without it: ``python -m gymlink.sidecar --socket PATH --manifest FILE``."""

import argparse
import os
import signal
import sys

from gymlink.sidecar.parent import Parent, load_manifest
from gymlink.sidecar.processes import become_worker, die_with_parent
from gymlink.sidecar.surroundings import MissingLibrary
from gymlink.sidecar.worker import serve


def main():
    """Runs until the server's socket ends."""
    options = argparse.ArgumentParser(prog="python -m gymlink.sidecar")
    options.add_argument("--socket", required=True, type=os.path.abspath, help="Unix socket that the server listens on")
    options.add_argument("--manifest", required=True, type=os.path.abspath, help="the family's family.json")
    options.add_argument("--worker", type=int, help="start this worker instead of a parent")
    options.add_argument("--parent", type=int, help="with --worker: process id of the parent")
    arguments = options.parse_args()
    # What environments drop into their working folder (MUJOCO_LOG.TXT) goes with the server's runtime folder.
    os.chdir(os.path.dirname(arguments.socket))
    # Their temporary files, too: Gymnasium-Robotics leaves one for each maze.
    os.environ["TMPDIR"] = os.getcwd()
    if arguments.worker is not None:
        become_worker(arguments.parent)
        serve(arguments.socket, arguments.worker, load_manifest(arguments.manifest))
        return
    # A terminal's Ctrl-C reaches the whole group; the server decides when its sidecars leave.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(os.getppid())
    try:
        Parent(arguments.socket, arguments.manifest).run()
    except MissingLibrary as error:
        sys.exit(f"gymlink: {error}")


if __name__ == "__main__":
    main()
