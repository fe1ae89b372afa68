"""Attributes and methods of sub-environments."""

from gymlink.client.errors import GymlinkError, failure, no_attribute
from gymlink.client.infos import UnsupportedInfo
from gymlink.client.opening import arguments
from gymlink.protocol.values import from_value, to_value


def call(session, name, args=(), kwargs=None, env_indices=()):
    """Reads an attribute of some sub-environments, or calls it where it can be called.

    Args:
        session: The session.
        name: Name on the environment's allow-list.
        args: Arguments of a method.
        kwargs: Named arguments of a method.
        env_indices: The sub-environments, ascending; none for all.

    Returns:
        One result each; an UnsupportedInfo stands for what cannot travel.

    Raises:
        GymlinkError: NOT_ALLOWED, which is an AttributeError, too; ENVIRONMENT_RAISED; INVALID_ARGUMENT.
    """
    request = {"env_indices": list(env_indices), "name": name}
    if args:
        request["args"] = {"values": [_value(item) for item in args]}
    if kwargs:
        request["kwargs"] = arguments(kwargs, "argument")
    return [from_value(result, UnsupportedInfo) for result in _request(session, request).get("results", ())]


def set_values(session, name, values, env_indices=()):
    """Sets an attribute of some sub-environments, one value each.

    Raises:
        GymlinkError: As `call` does.
    """
    request = {"env_indices": list(env_indices), "name": name, "set_values": [_value(value) for value in values]}
    _request(session, request)


def _request(session, request):
    try:
        return session.request("call", request, "called")
    except GymlinkError as error:
        raised = (error.exception or {}).get("type")
        if error.reason == "NOT_ALLOWED" or raised == "builtins.AttributeError":
            raise no_attribute(error) from None
        raise


def _value(value):
    unsupported = set()
    message = to_value(value, unsupported)
    if unsupported:
        what = ", ".join(sorted(unsupported))
        raise failure("INVALID_ARGUMENT", f"An argument holds a value of type {what}, which cannot travel.")
    return message
