"""Failures of a request as exceptions (error.proto)."""

from gymnasium import error as gymnasium_error

from gymlink.protocol import schema

_PREFIX = "ERROR_REASON_"
_REASONS = {value: name[len(_PREFIX) :] for name, value in vars(schema).items() if name.startswith(_PREFIX)}


class GymlinkError(gymnasium_error.Error):
    """A request that failed; the message says what happened to which environment, and what to do.

    Where Gymnasium has a class of its own for the failure, the exception is of that class, too: ResetNeeded, InvalidAction,
    UnregisteredEnv, ClosedEnvironmentError. An INVALID_ACTION is a ValueError or TypeError as well; an attribute that is not
    there, or not on the allow-list, an AttributeError; spaces of sub-environments that do not go together, a RuntimeError.

    Attributes:
        reason: Why: a reason of error.proto without its prefix, for example ``INVALID_KWARGS``, or one of the client's own:
            ``CONNECTION_FAILED`` (the server cannot be reached, or the connection was lost), ``INVALID_ARGUMENT``.
        env_id: Id of the environment concerned; empty if none.
        env_indices: Sub-environments concerned.
        advanced_env_indices: Sub-environments that the failed request advanced all the same; they need a reset.
        exception: What the environment raised, as dict with ``type``, ``message`` and ``traceback``; None if nothing.
        suggestions: Names that may have been meant, nearest first.
    """

    def __init__(self, reason, message, *, env_id="", env_indices=(), advanced_env_indices=(), exception=None, suggestions=()):
        super().__init__(message)
        self.reason, self.env_id = reason, env_id
        self.env_indices, self.advanced_env_indices = list(env_indices), list(advanced_env_indices)
        self.exception, self.suggestions = exception, list(suggestions)


class _ResetNeeded(GymlinkError, gymnasium_error.ResetNeeded):
    pass


class _InvalidAction(GymlinkError, gymnasium_error.InvalidAction, ValueError):
    pass


class _InvalidActionType(GymlinkError, gymnasium_error.InvalidAction, TypeError):
    pass


class _NoAttribute(GymlinkError, AttributeError):
    pass


class _SpacesDiffer(GymlinkError, RuntimeError):
    pass


class _UnknownEnvironment(GymlinkError, gymnasium_error.UnregisteredEnv):
    pass


class _SessionClosed(GymlinkError, gymnasium_error.ClosedEnvironmentError):
    pass


_CLASSES = {
    "RESET_NEEDED": _ResetNeeded,
    "INVALID_ACTION": _InvalidAction,
    "UNKNOWN_ENVIRONMENT": _UnknownEnvironment,
    "SESSION_CLOSED": _SessionClosed,
}
for _class in (*_CLASSES.values(), _InvalidActionType, _NoAttribute, _SpacesDiffer):
    # What a traceback shows.
    _class.__name__ = _class.__qualname__ = "GymlinkError"


def failure(reason, message, **details):
    """The exception for a reason."""
    return _CLASSES.get(reason, GymlinkError)(reason, message, **details)


def invalid_action(message, cause):
    """The exception for an action that does not fit; a TypeError or ValueError, too, as Gymnasium's vector environments raise."""
    kind = _InvalidActionType if isinstance(cause, TypeError) else _InvalidAction
    return kind("INVALID_ACTION", message)


def no_attribute(error):
    """A GymlinkError as one that is an AttributeError, too."""
    return _as(_NoAttribute, error)


def spaces_differ(error):
    """A GymlinkError as one that is a RuntimeError, too, as Gymnasium's vector environments raise."""
    return _as(_SpacesDiffer, error)


def _as(kind, error):
    details = {name: value for name, value in vars(error).items() if name != "reason"}
    return kind(error.reason, str(error), **details)


def from_message(message):
    """A gymlink.v1.Error as exception. A reason that this client does not know counts as INTERNAL."""
    exception = message.get("exception")
    return failure(
        _REASONS.get(message.get("reason", 0), "INTERNAL"),
        message.get("message", ""),
        env_id=message.get("env_id", ""),
        env_indices=message.get("env_indices", ()),
        advanced_env_indices=message.get("advanced_env_indices", ()),
        exception=exception and {key: exception.get(key, "") for key in ("type", "message", "traceback")},
        suggestions=message.get("suggestions", ()),
    )


def malformed(what):
    """The exception for a reply that breaks the protocol."""
    return failure("MALFORMED_REPLY", f"The server broke the protocol: {what}.")
