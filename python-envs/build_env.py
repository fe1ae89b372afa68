"""Builds the virtual environment of a family at its final path: ``python build_env.py FOLDER LOCK INSTALLER SOURCES``.

Installs exactly what the lock file LOCK names, with INSTALLER (``uv`` or ``pip``), puts the packages of the JSON list SOURCES on
its path, and writes FOLDER/complete last. A source is ``{"package", "checkout"}``, a folder that is used in place, or
``{"package", "git", "commit"}``, a repository that is fetched into the environment.

At most one builder works on a folder: the kernel holds the lock for it and its children, and drops it however they end, so a
builder that was killed leaves nothing to take over but half a folder, which the next one removes. Ends, with its children, when
standard input closes. Standard library only: it runs before anything is installed.
"""

import fcntl
import glob
import itertools
import json
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


def create(folder: str, installer: str) -> list[str]:
    """The command that makes an empty environment."""
    if installer == "uv":
        return ["uv", "venv", "--quiet", "--python", sys.executable, folder]
    return [sys.executable, "-I", "-m", "venv", folder]


def install(folder: str, requirements: str, installer: str) -> list[str]:
    """The command that installs the packages."""
    python = os.path.join(folder, "bin", "python")
    command = (
        ["uv", "pip", "install", "--python", python, "--compile-bytecode"]
        if installer == "uv"
        else [python, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    )
    return [*command, "--require-hashes", "-r", requirements]


def fetch(folder: str, sources: list[dict[str, str]]) -> Iterator[list[str]]:
    """The commands that fetch the sources that are no local checkouts."""
    for source in sources:
        if "git" in source:
            checkout = os.path.join(folder, "sources", source["package"])
            print(f"Fetching {source['git']} at {source['commit']}", flush=True)
            yield ["git", "init", "--quiet", checkout]
            yield ["git", "-C", checkout, "fetch", "--quiet", "--depth", "1", source["git"], source["commit"]]
            yield ["git", "-C", checkout, "checkout", "--quiet", "FETCH_HEAD"]


def put_on_path(folder: str, sources: list[dict[str, str]]) -> None:
    """Has the environment import the sources from where they lie, and know them as installed packages."""
    if sources:
        paths = [source.get("checkout") or os.path.join(folder, "sources", source["package"]) for source in sources]
        [site_packages] = glob.glob(os.path.join(folder, "lib", "python3*", "site-packages"))
        for source in sources:
            describe(site_packages, source)
        with open(os.path.join(site_packages, "gymlink_sources.pth"), "w", encoding="utf-8") as file:
            file.write("".join(f"{path}\n" for path in paths))


def describe(site_packages: str, source: dict[str, str]) -> None:
    """Writes the metadata of a source: packages such as BiGym ask for their own version when they are imported."""
    version = f"0+{source.get('commit', 'checkout')}"
    metadata = os.path.join(site_packages, f"{source['package'].replace('-', '_')}-{version}.dist-info")
    os.makedirs(metadata)
    with open(os.path.join(metadata, "METADATA"), "w", encoding="utf-8") as file:
        file.write(f"Metadata-Version: 2.1\nName: {source['package']}\nVersion: {version}\n")


def build(folder: str, requirements: str, installer: str, sources: list[dict[str, str]], lock: int) -> int:
    """Builds the environment from nothing, and returns the exit status."""
    shutil.rmtree(folder, ignore_errors=True)
    env = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    # Git would otherwise ask for a password on the terminal where a repository is not there.
    env["GIT_TERMINAL_PROMPT"] = "0"
    # The sources come first: what cannot be fetched is then known before packages are downloaded.
    fetched = itertools.chain([create(folder, installer)], fetch(folder, sources))
    for command in itertools.chain(fetched, [install(folder, requirements, installer)]):
        # In the folder above, so that no settings of the current project reach the installer.
        cwd = os.path.dirname(folder)
        try:
            status = subprocess.run(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, pass_fds=[lock], check=False).returncode
        except FileNotFoundError:
            print(f"ERROR: {command[0]} is not installed", flush=True)
            return 1
        if status != 0:
            return status
    put_on_path(folder, sources)
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8") as marker:
        marker.write(sys.version + "\n")
    return 0


def main(folder: str, requirements: str, installer: str, sources: str) -> int:
    """Waits for its turn, then builds unless another has."""
    threading.Thread(target=follow_owner, daemon=True).start()
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    lock = os.open(folder + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Waiting for another process that builds this environment", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return 0 if is_complete(folder) else build(folder, requirements, installer, json.loads(sources), lock)


if __name__ == "__main__":
    os.dup2(1, 2)
    sys.exit(main(*sys.argv[1:]))
