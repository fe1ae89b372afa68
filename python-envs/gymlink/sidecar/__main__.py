"""Starts a family's warm parent, or one worker without it: ``python -m gymlink.sidecar --socket PATH --manifest FILE``."""

import argparse
import os
import signal

from gymlink.sidecar.parent import Parent, die_with_parent, load_manifest, run_worker


def main():
    """Runs until the server's socket ends."""
    options = argparse.ArgumentParser(prog="python -m gymlink.sidecar")
    options.add_argument("--socket", required=True, help="Unix socket that the server listens on")
    options.add_argument("--manifest", required=True, help="the family's family.json")
    options.add_argument("--worker", type=int, help="start this worker instead of a parent")
    arguments = options.parse_args()
    # A terminal's Ctrl-C reaches the whole group; the server decides when its sidecars leave.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if arguments.worker is not None:
        run_worker(arguments.socket, arguments.worker, load_manifest(arguments.manifest), os.getppid())
        return
    die_with_parent(os.getppid())
    Parent(arguments.socket, arguments.manifest).run()


if __name__ == "__main__":
    main()
