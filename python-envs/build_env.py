"""Builds the virtual environment of a family at its final path: ``python build_env.py FOLDER LOCK INSTALLER``.

Installs exactly what the lock file LOCK names, with INSTALLER (``uv`` or ``pip``), and writes FOLDER/complete last. At most one
builder works on a folder: the kernel holds the lock for it and its children, and drops it however they end, so a builder
that was killed leaves nothing to take over but half a folder, which the next one removes. Ends, with its children, when standard
input closes. Standard library only: it runs before anything is installed.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

# Each would make pip install somewhere else than into the folder.
MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")


def follow_owner() -> None:
    """Waits for the end of standard input, which is the end of whoever asked, and ends the process group."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def is_complete(folder: str) -> bool:
    """Whether the environment was finished and its interpreter (a link to the one it was built with) is still there."""
    return os.path.exists(os.path.join(folder, "complete")) and os.path.exists(os.path.join(folder, "bin", "python"))


def commands(folder: str, requirements: str, installer: str) -> Iterator[list[str]]:
    """The commands that build the environment."""
    python = os.path.join(folder, "bin", "python")
    if installer == "uv":
        yield ["uv", "venv", "--quiet", "--python", sys.executable, folder]
        install = ["uv", "pip", "install", "--python", python, "--compile-bytecode"]
    else:
        yield [sys.executable, "-I", "-m", "venv", folder]
        install = [python, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    yield [*install, "--require-hashes", "-r", requirements]


def build(folder: str, requirements: str, installer: str, lock: int) -> int:
    """Builds the environment from nothing, and returns the exit status."""
    shutil.rmtree(folder, ignore_errors=True)
    env = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    for command in commands(folder, requirements, installer):
        # In the folder above, so that no settings of the current project reach the installer.
        cwd = os.path.dirname(folder)
        status = subprocess.run(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, pass_fds=[lock], check=False).returncode
        if status != 0:
            return status
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8") as marker:
        marker.write(sys.version + "\n")
    return 0


def main(folder: str, requirements: str, installer: str) -> int:
    """Waits for its turn, then builds unless another has."""
    threading.Thread(target=follow_owner, daemon=True).start()
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    lock = os.open(folder + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Waiting for another process that builds this environment", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return 0 if is_complete(folder) else build(folder, requirements, installer, lock)


if __name__ == "__main__":
    os.dup2(1, 2)
    sys.exit(main(*sys.argv[1:]))
