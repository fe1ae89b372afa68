"""Sub-environments of Gymnasium's tests, for workers of a server.

The functions that make them are closures within tests, which cannot travel. So a worker begins the very same test itself,
until it makes its vector environment, and takes the functions from there.
"""

import importlib
import io
import os
import sys
from contextlib import redirect_stdout

import gymnasium
import pytest
from checkout import CHECKOUT, pytest_arguments
from stand_ins import put_in_place

ENV_ID = "BegunTest-v0"


class _Found(BaseException):
    """Leaves a test; no `except Exception` of it holds this up."""


class _Beginning:
    """Begins tests.

    Attributes:
        wanted: Which vector environment of a test is looked for, from 0.
        found: The functions that make its sub-environments.
    """

    def __init__(self):
        self.wanted = self.made = 0
        self.found, self._all = None, {}

    def functions(self, test, vector_env):
        """The functions of a test's vector environment with this number."""
        key = test, vector_env
        if key not in self._all:
            self.wanted, self.made, self.found = vector_env, 0, None
            said = io.StringIO()
            with redirect_stdout(said):
                pytest.main([*pytest_arguments(test), "--capture=no"])
            if self.found is None:
                raise LookupError(f"{test} makes no vector environment {vector_env}: {said.getvalue()[-1000:]}")
            self._all[key] = self.found
        return self._all[key]

    def make(self, vectoriser, env_fns, kwargs):
        """Stands for a vectoriser: leaves the test with what was looked for; what comes before is made here."""
        number, self.made = self.made, self.made + 1
        if number == self.wanted:
            self.found = env_fns
            raise _Found
        return vectoriser(env_fns, **kwargs)


_beginning = _Beginning()


class _WithoutFirstSeed(gymnasium.Wrapper):
    """Drops the seed of the first reset, which is the server's."""

    def reset(self, *, seed=None, options=None):
        self.reset = self.env.reset
        return self.env.reset(options=options)


def make(test, vector_env, index, first_seed=True, render_mode=None):
    """Makes a sub-environment.

    Args:
        test: Node id of the test.
        vector_env: Which of its vector environments, from 0.
        index: Which sub-environment.
        first_seed: Whether the first reset is given the seed that the server draws.
        render_mode: Not used: the test's function gives the mode.
    """
    env = _beginning.functions(test, vector_env)[index]()
    if not env.has_wrapper_attr("max_count"):
        # The server refuses to set an attribute that is not there.
        env.unwrapped.max_count = None
    return env if first_seed else _WithoutFirstSeed(env)


# Workers are forked from the process that did these imports.
put_in_place(_beginning.make)
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
sys.path.insert(0, CHECKOUT)
for _module in ("tests.spaces.utils", "tests.testing_env", "tests.vector.testing_utils"):
    importlib.import_module(_module)
gymnasium.register(ENV_ID, make, order_enforce=False, disable_env_checker=True)
