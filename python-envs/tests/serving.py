"""A `gymlink serve` of its own for tests of the Python client. It runs what was built in dist/."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60

_SERVE_FAMILY = """
import { serve } from %s;
const { address, close } = await serve(%s);
console.log(JSON.stringify({ address }));
process.on('SIGTERM', () => close().then(() => process.exit(0)));
"""


class GymlinkServer:
    """A server process with a folder of its own.

    Args:
        family: A family's folder, which the command has no option for; None for the default family.

    Attributes:
        address: Where it listens.
        process: The process.
    """

    def __init__(self, family=None):
        self._folder = tempfile.mkdtemp(prefix="gl-")
        listen = f"unix:{self._folder}/s.sock"
        arguments = [str(ROOT / "dist/cli.js"), "serve", "--listen", listen, "--json"]
        if family is not None:
            options = json.dumps({"listen": listen, "families": [str(family)], "logLevel": "warn"})
            module = json.dumps(str(ROOT / "dist/server/index.js"))
            arguments = ["--input-type=module", "-e", _SERVE_FAMILY % (module, options)]
        environment = {**os.environ, "XDG_RUNTIME_DIR": self._folder, "GYMLINK_PYTHON": sys.executable}
        with open(os.path.join(self._folder, "log"), "w") as log:
            self.process = subprocess.Popen(["node", *arguments], env=environment, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log()
        self.address = json.loads(line)["address"]

    def log(self):
        """What it wrote to standard error so far."""
        return (Path(self._folder) / "log").read_text()

    def close(self):
        """Ends the server; returns its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self._folder)
