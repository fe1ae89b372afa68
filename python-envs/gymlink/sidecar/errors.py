"""Failures of a request, and how they are told to the server."""

import traceback

from gymlink.sidecar import schema
from gymlink.sidecar.layout import InvalidLayout
from gymlink.sidecar.values import InvalidValue
from gymlink.sidecar.wire import WireError


class RequestError(Exception):
    """A request that fails, with everything that gymlink.v1.Error says.

    Args:
        reason: An ERROR_REASON of the schema.
        message: One or two sentences for a person.
        env_indices: Sub-environments concerned.
        advanced: Sub-environments that the request advanced all the same.
        cause: What the environment raised, if it did.
    """

    def __init__(self, reason, message, env_indices=(), advanced=(), cause=None):
        super().__init__(message)
        self.reason, self.env_indices, self.advanced, self.cause = reason, env_indices, advanced, cause


def exception_message(error):
    """An exception as gymlink.v1.PythonException."""
    kind = type(error)
    lines = traceback.format_exception(kind, error, error.__traceback__)
    return {"type": f"{kind.__module__}.{kind.__qualname__}", "message": str(error), "traceback": "".join(lines)}


def as_request_error(error, env_id):
    """Any exception of a handler as RequestError."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, (WireError, InvalidValue)):
        return RequestError(schema.ERROR_REASON_MALFORMED_REQUEST, f"The request is malformed: {error}.")
    if isinstance(error, InvalidLayout):
        message = f"{env_id} broke its observation space: {error}."
        return RequestError(schema.ERROR_REASON_MALFORMED_REPLY, message, cause=error)
    message = f"The sidecar failed on {env_id}: {error!r}. This is a defect of gymlink; the traceback is in the server's log."
    return RequestError(schema.ERROR_REASON_INTERNAL, message, cause=error)


def error_message(error, env_id):
    """A RequestError as gymlink.v1.Error."""
    message = {
        "reason": error.reason,
        "message": str(error),
        "env_id": env_id,
        "env_indices": error.env_indices,
        "advanced_env_indices": error.advanced,
    }
    if error.cause is not None:
        message["exception"] = exception_message(error.cause)
    return message
