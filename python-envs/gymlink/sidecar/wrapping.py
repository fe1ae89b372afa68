"""The wrappers of an OpenRequest: named by the client, found in the family's manifest."""

import importlib

from gymlink.protocol import schema
from gymlink.protocol.values import text_map
from gymlink.sidecar.errors import RequestError, named


def find_wrappers(request, allowed):
    """Finds the wrappers that an OpenRequest names.

    Args:
        request: The OpenRequest.
        allowed: The manifest's wrappers: `module:Class` by name.

    Returns:
        ``(name, class, kwargs)`` of each, innermost first.

    Raises:
        RequestError: NOT_ALLOWED for another name; ENVIRONMENT_UNAVAILABLE for one that cannot be imported here.
    """
    return [
        (spec.get("name", ""), _load(spec.get("name", ""), allowed), text_map(spec.get("kwargs", {})))
        for spec in request.get("wrappers", ())
    ]


def _load(name, allowed):
    if name not in allowed:
        message = f"The wrapper {name!r} may not be used; allowed are: {', '.join(allowed) or 'none'}."
        raise RequestError(schema.ERROR_REASON_NOT_ALLOWED, message, suggestions=list(allowed))
    module, _, attribute = allowed[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        message = f"The wrapper {name} cannot be imported on this server: {named(error)}"
        raise RequestError(schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE, message, cause=error) from error
