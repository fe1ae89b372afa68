"""What a family needs of its machine: system libraries, and environment variables chosen by what is installed."""

import ctypes
import os


class MissingLibrary(Exception):
    """Raised when a system library is missing that the family cannot do without; the message says which package has it."""


def choose_variables(manifest):
    """Sets the variables for which a manifest's "environment" gives choices: the first whose libraries all load.

    A variable that is set already stays as it is. Call before anything is imported that reads them.

    Args:
        manifest: The family's manifest.
    """
    for name, choices in manifest.get("environment", {}).items():
        if isinstance(choices, list) and not os.environ.get(name):
            chosen = [choice["value"] for choice in choices if all(map(loads, choice.get("libraries", ())))]
            if chosen:
                os.environ[name] = chosen[0]


def check_libraries(manifest):
    """Checks the system libraries that a manifest names under "system"; a missing one that is optional is told on the log.

    Raises:
        MissingLibrary: One is missing that is not optional.
    """
    for entry in manifest.get("system", ()):
        if loads(entry["library"]):
            continue
        if not entry.get("optional"):
            raise MissingLibrary(f"The family {manifest['name']} does not start: {_lack(entry)}")
        print(f"gymlink: the family {manifest['name']} starts, but {_lack(entry)}")


def _lack(entry):
    """A sentence on a missing library and its remedy."""
    library, package, use = entry["library"], entry["package"], entry["for"]
    return f'{library} of the system package {package} is missing, needed for {use}: "sudo apt install {package}".'


def loads(library):
    """Whether a shared library can be loaded, found out in a process of its own: a loaded one might start threads here."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            # Its complaints are no news.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            ctypes.CDLL(library)
            status = 0
        except OSError:
            pass
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0
