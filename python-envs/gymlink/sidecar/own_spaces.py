"""Space classes of an environment's own, replaced by the standard spaces that they behave as."""

import importlib

from gymnasium import spaces


class SpaceRules:
    """The rules of a manifest.

    Args:
        rules: The manifest's "spaces": from the class, ``module:Class``, to a function, ``module:function``, that takes such a
            space and gives the standard one. A subclass counts as the first class of these that it is.

    Raises:
        ImportError: A module is not there.
        AttributeError: A module lacks the class or the function.
    """

    def __init__(self, rules):
        self._rules = [(_load(kind), _load(function)) for kind, function in rules.items()]

    def standard(self, space):
        """The space itself, or what stands for it or for the spaces within it."""
        for kind, convert in self._rules:
            if isinstance(space, kind):
                return convert(space)
        if isinstance(space, spaces.Dict):
            return self._same_or(space, {key: self.standard(item) for key, item in space.spaces.items()})
        if isinstance(space, spaces.Tuple):
            return self._same_or(space, tuple(map(self.standard, space.spaces)))
        return space

    def apply(self, env):
        """Gives an environment the standard spaces in place of its own."""
        if not self._rules:
            return
        for name in ("observation_space", "action_space"):
            space = getattr(env, name)
            standard = self.standard(space)
            if standard is not space:
                setattr(env, name, standard)

    @staticmethod
    def _same_or(space, items):
        inner = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        others = items.values() if isinstance(items, dict) else items
        return space if all(a is b for a, b in zip(inner, others)) else type(space)(items)


def _load(path):
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
