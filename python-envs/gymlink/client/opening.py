"""How sessions are opened."""

import operator
import os

from gymlink.client.errors import failure
from gymlink.client.session import Session
from gymlink.protocol.values import magnitude, to_value

DEFAULT_ADDRESS = "localhost:50051"
# Longer than any deadline of the server, which then says itself what took too long.
DEFAULT_TIMEOUT_S = 150.0
# The same for Open, for which the server may have to build a family's Python environment first.
_BUILD_TIMEOUT_S = 35 * 60.0
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_TEXTS = ("env_id", "render_mode")
_COUNTS = ("num_envs", "max_episode_steps", "num_workers")


def open_session(env_id, address, timeout_s, fields, kwargs, session_type=Session):
    """Opens a session.

    Args:
        env_id: Id from the server's catalogue.
        address: ``HOST:PORT`` or ``unix:PATH``; None for the environment variable GYMLINK_ADDRESS, else localhost:50051.
        timeout_s: Seconds within which the server must answer each request. With the default, opening may take longer, since
            a family may have to be built for it.
        fields: Fields of OpenRequest; those that are None are left out.
        kwargs: Constructor arguments.
        session_type: Class of the session.

    Returns:
        ``(Session, OpenedResponse)``.

    Raises:
        GymlinkError: As the server says; CONNECTION_FAILED; INVALID_ARGUMENT, if an argument cannot travel or a number is none.
    """
    request = {
        "protocol": {"major": 1, "minor": 0},
        "env_id": env_id,
        "kwargs": arguments(kwargs, "constructor argument"),
        "max_message_bytes": _MAX_MESSAGE_BYTES,
        "shared_memory": True,
        **{name: value for name, value in fields.items() if value is not None},
    }
    for name in _TEXTS:
        if not isinstance(request.get(name, ""), str):
            raise failure("INVALID_ARGUMENT", f"{name} must be a text, not {request[name]!r}.")
    for name in _COUNTS:
        if name in request and not 1 <= operator.index(request[name]) < 1 << 32:
            raise failure("INVALID_ARGUMENT", f"{name} must be a whole number from 1 to {(1 << 32) - 1}, not {request[name]}.")
    session = session_type(address or os.environ.get("GYMLINK_ADDRESS") or DEFAULT_ADDRESS, timeout_s)
    return session, session.open(request, _BUILD_TIMEOUT_S if timeout_s == DEFAULT_TIMEOUT_S else timeout_s)


def arguments(values, what):
    """A dict with text keys as MapValue.

    Raises:
        GymlinkError: INVALID_ARGUMENT, if a key is no text or a value cannot travel.
    """
    unsupported = set()
    if not all(isinstance(key, str) for key in values):
        raise failure("INVALID_ARGUMENT", f"The name of each {what} must be a text: {values!r}.")
    message = to_value(values, unsupported)
    if unsupported:
        raise failure(
            "INVALID_ARGUMENT", f"A {what} holds a value of type {', '.join(sorted(unsupported))}, which cannot travel."
        )
    return message["map"]


def seed_message(seed):
    """A seed as message.

    Raises:
        GymlinkError: INVALID_SEED, if it is negative.
    """
    if seed < 0:
        raise failure("INVALID_SEED", f"A seed must be at least 0, not {seed}.")
    return {"magnitude": magnitude(int(seed))}


def seed_from(message):
    """The seed that a message holds."""
    return int.from_bytes(message.get("magnitude", b""), "little")
