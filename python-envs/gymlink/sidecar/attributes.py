"""Attributes and methods of environments that a client may read, set or call."""

import inspect
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

import numpy as np

from gymlink.protocol import schema, wire
from gymlink.protocol.values import from_value, text_map, to_value
from gymlink.sidecar.errors import RequestError, malformed
from gymlink.sidecar.wrapper_attributes import has_wrapper_attr, set_wrapper_attr


class AllowList:
    """What the family's manifest lets a client do with an environment.

    Its entry ``attributes`` maps ids, or patterns of them such as ``Taxi-*``, to ``{"read": [...], "set": [...], "call":
    [...]}``; an environment has the names of every pattern that it fits.

    Args:
        manifest: The manifest.
        env_id: Id of the environment.
    """

    def __init__(self, manifest, env_id):
        self._env_id = env_id
        self._rules = [rule for pattern, rule in manifest.get("attributes", {}).items() if fnmatchcase(env_id, pattern)]

    def check(self, call):
        """Raises RequestError NOT_ALLOWED for a Call that is not on the list."""
        verbs = ("set",) if call.sets else ("read", "call")
        names = sorted({name for rule in self._rules for verb in verbs for name in rule.get(verb, ())})
        if call.name not in names or call.name.startswith("__"):
            given = call.name[:200]
            message = (
                f"{given!r} of {self._env_id} may not be {'set' if call.sets else 'read or called'}; "
                f"allowed are: {', '.join(names) or 'none'}. Nothing was changed."
            )
            nearest = sorted(names, key=lambda name: -SequenceMatcher(None, name, given).ratio())
            raise RequestError(schema.ERROR_REASON_NOT_ALLOWED, message, suggestions=nearest)
        call.may_call = any(call.name in rule.get("call", ()) for rule in self._rules)


def listed_names(manifest, env_id):
    """The names of every attribute that a manifest lists for an environment, sorted."""
    rules = [rule for pattern, rule in manifest.get("attributes", {}).items() if fnmatchcase(env_id, pattern)]
    return sorted({name for rule in rules for names in rule.values() for name in names})


class Call:
    """A CallRequest.

    Attributes:
        selection: The Selection of sub-environments.
        name: Name of the attribute or method.
        sets: Whether the attribute is set.
        values: What it is set to, one for each of the selection's own sub-environments; None where it is not set.
        may_call: Whether it may be called.
    """

    def __init__(self, selection, name, args, kwargs, values):
        self.selection, self.name, self.sets = selection, name, values is not None
        self._args, self._kwargs = args, kwargs
        self.values = [None] * len(selection.own) if values is None else values
        self.may_call = False

    def check_on(self, env, env_id):
        """Raises RequestError unless it can be done on an environment."""
        if not has_wrapper_attr(env, self.name):
            message = f"{env_id} has no attribute {self.name!r} now. Nothing was changed."
            raise RequestError(schema.ERROR_REASON_NOT_ALLOWED, message)
        if self.sets:
            return
        found = env.get_wrapper_attr(self.name)
        if callable(found):
            if not self.may_call:
                message = f"{self.name!r} of {env_id} is a method and may not be called. Nothing was changed."
                raise RequestError(schema.ERROR_REASON_NOT_ALLOWED, message)
            self._check_arguments(found, env_id)
        elif self._args or self._kwargs:
            raise malformed(f"{self.name!r} of {env_id} is no method: it takes no arguments.")

    def _check_arguments(self, method, env_id):
        try:
            signature = inspect.signature(method)
        except (TypeError, ValueError):
            # One that is not written in Python may have none.
            return
        try:
            signature.bind(*self._args, **self._kwargs)
        except TypeError as error:
            raise malformed(f"{self.name!r} of {env_id} does not take these arguments: {error}. Nothing was changed.") from error

    def make(self, env, value):
        """Reads, sets or calls it on one environment; returns the result as Value."""
        if self.sets:
            set_wrapper_attr(env, self.name, value)
            return to_value(None)
        found = env.get_wrapper_attr(self.name)
        return to_value(sendable(found(*self._args, **self._kwargs) if callable(found) else found))


def decode_call(body, sieve):
    """Reads a CallRequest.

    Returns:
        The Call.

    Raises:
        RequestError: An index is not valid, or the values are not one a sub-environment.
    """
    request = wire.decode("CallRequest", body)
    selection = sieve.select(request.get("env_indices", ()))
    args = [from_value(item) for item in request.get("args", {}).get("values", ())]
    kwargs = text_map(request.get("kwargs", {}))
    values = [from_value(item) for item in request.get("set_values", ())]
    if values and (args or kwargs):
        raise malformed("Call takes arguments or set_values, not both.")
    if values and len(values) != len(selection.asked):
        raise malformed(f"Call was given {len(values)} values for {len(selection.asked)} sub-environments.")
    own = values[selection.begin : selection.end] if values else None
    return Call(selection, request.get("name", ""), args, kwargs, own)


def sendable(value):
    """Texts and bytes out of NumPy (the map of FrozenLake), which has no Dtype for them."""
    is_text = isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "SU"
    return value.tolist() if is_text else value
