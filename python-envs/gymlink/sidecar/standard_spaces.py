"""Standard spaces in the place of Space classes that only their package knows (a manifest's "spaces")."""

import importlib
from copy import copy

import gymnasium
from gymnasium import spaces

from gymlink.protocol import schema
from gymlink.sidecar.errors import RequestError, named


class SpaceRules:
    """The rules of a manifest's "spaces".

    Args:
        manifest: The family's: ``{"module:Class": "module:function"}`` under "spaces". The function takes a space of the class
            and returns the standard space that it behaves as.

    Raises:
        RequestError: ENVIRONMENT_UNAVAILABLE, when a class or a function cannot be imported here.
    """

    def __init__(self, manifest):
        rules = manifest.get("spaces", {})
        self._rules = [(name, _load(name), _load(function)) for name, function in rules.items()]

    def apply(self, env):
        """Has an environment show standard spaces, also to the wrappers that it has.

        Values pass as they are. The environment itself keeps its own spaces.

        Returns:
            The environment, in a wrapper if it had none that could hold the spaces.

        Raises:
            RequestError: ENVIRONMENT_UNAVAILABLE, when a function raises or returns no space.
        """
        if not self._rules:
            return env
        for layer in reversed(_wrappers(env)):
            self._show_standard(layer)
        outer = gymnasium.Wrapper(env)
        return outer if self._show_standard(outer) else env

    def _show_standard(self, wrapper):
        """Puts standard spaces into a wrapper that shows others; whether there were any."""
        is_other = False
        for name in ("observation_space", "action_space"):
            space = getattr(wrapper, name)
            standard = self._standard(space)
            if standard is not space:
                is_other = True
                try:
                    setattr(wrapper, name, standard)
                except AttributeError:
                    # A property of the wrapper: the next one shows the standard space.
                    continue
        return is_other

    def _standard(self, space):
        """The standard space in the place of a space: itself where no rule concerns it."""
        for name, kind, function in self._rules:
            if isinstance(space, kind):
                return _called(name, function, space)
        if isinstance(space, spaces.Dict):
            return _with_entries(space, {key: self._standard(entry) for key, entry in space.spaces.items()})
        if isinstance(space, spaces.Tuple):
            return _with_entries(space, tuple(map(self._standard, space.spaces)))
        return space


def _wrappers(env):
    """The wrappers of an environment, outermost first."""
    found = []
    while isinstance(env, gymnasium.Wrapper):
        found.append(env)
        env = env.env
    return found


def _with_entries(space, entries):
    """A Dict or Tuple space with other entries; itself if they are the same."""
    own, other = (list(one.values()) if isinstance(one, dict) else one for one in (space.spaces, entries))
    if all(before is after for before, after in zip(own, other)):
        return space
    # Not made anew: the constructor might sort keys, which the values do not.
    changed = copy(space)
    changed.spaces = entries
    return changed


def _called(name, function, space):
    try:
        standard = function(space)
    except Exception as error:
        raise _failure(f'The rule for {name} under "spaces" of the family\'s manifest raised: {named(error)}', error) from error
    if not isinstance(standard, gymnasium.Space):
        given = type(standard).__name__
        raise _failure(
            f'The rule for {name} under "spaces" of the family\'s manifest gave no space, but a value of type {given}.'
        )
    return standard


def _load(name):
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        message = f'{name} under "spaces" of the family\'s manifest cannot be imported on this server: {named(error)}'
        raise _failure(message, error) from error


def _failure(message, cause=None):
    return RequestError(schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE, message, cause=cause)
