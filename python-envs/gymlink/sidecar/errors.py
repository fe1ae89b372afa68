"""Failures of a request, and how they are told to the server."""

import os
import traceback

from gymlink.protocol import schema
from gymlink.protocol.values import InvalidValue
from gymlink.protocol.wire import WireError


class RequestError(Exception):
    """A request that fails, with everything that gymlink.v1.Error says.

    Args:
        reason: An ERROR_REASON of the schema.
        message: One or two sentences for a person.
        env_indices: Sub-environments concerned, ascending.
        advanced: Sub-environments that the request advanced all the same, ascending.
        cause: What the environment raised, if it did.
        suggestions: Names that the client may have meant.
    """

    def __init__(self, reason, message, *, env_indices=(), advanced=(), cause=None, suggestions=()):
        super().__init__(message)
        self.reason, self.env_indices, self.advanced = reason, env_indices, advanced
        self.cause, self.suggestions = cause, suggestions


class Relayed(Exception):
    """What was raised in another process.

    Args:
        described: What `described` said of it there.
    """

    def __init__(self, described):
        super().__init__(described["message"])
        self.described = described


def malformed(message):
    """The RequestError for a request that breaks the protocol."""
    return RequestError(schema.ERROR_REASON_MALFORMED_REQUEST, message)


def formatted(error):
    """The traceback of an exception as text."""
    if isinstance(error, Relayed):
        return error.described["traceback"]
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def named(error):
    """An exception in one line, as Python prints it; of one of our own the message alone."""
    kind = error.described["type"] if isinstance(error, Relayed) else f"{type(error).__module__}."
    if kind.startswith("gymlink."):
        return str(error)
    if isinstance(error, Relayed):
        return f"{kind.removeprefix('builtins.')}: {error}"
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def as_request_error(error, seq):
    """Any exception of a handler as RequestError."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, (WireError, InvalidValue)):
        return malformed(f"The request is malformed: {error}.")
    message = f"The sidecar failed: {named(error)}. The traceback is in the server's log under {os.getpid()}/{seq}."
    return RequestError(schema.ERROR_REASON_INTERNAL, message, cause=error)


def described(error):
    """An exception as gymlink.v1.PythonException."""
    if isinstance(error, Relayed):
        return error.described
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return {"type": name, "message": _utf8(error), "traceback": _utf8(formatted(error))}


def _utf8(text):
    """Text that can travel: an exception's may hold lone surrogates (undecodable file names)."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def error_message(error, env_id):
    """A RequestError as gymlink.v1.Error."""
    message = {
        "reason": error.reason,
        "message": _utf8(error),
        "env_id": env_id,
        "env_indices": error.env_indices,
        "advanced_env_indices": error.advanced,
        "suggestions": error.suggestions,
    }
    if error.cause is not None:
        message["exception"] = described(error.cause)
    return message
