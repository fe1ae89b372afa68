"""The saved states that a worker holds, and their portable form (session.proto, PortableState)."""

from typing import Any, NamedTuple

from gymlink.protocol import schema, wire
from gymlink.protocol.spaces import of_space
from gymlink.protocol.values import InvalidValue, from_value, to_value
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.errors import RequestError, malformed
from gymlink.sidecar.recorder import pack_log, unpack_log
from gymlink.sidecar.snapshots import Snapshot

_FORM = 1


class Position(NamedTuple):
    """Where a sub-environment is in its episodes.

    Attributes:
        observation: Its last observation.
        info: The info that came with it.
        episode: Its episodes so far.
        episode_step: Steps in the last one.
        ended: Whether that has ended.
    """

    observation: Any
    info: Any
    episode: int
    episode_step: int
    ended: bool


class SavedState(NamedTuple):
    """The state of one sub-environment.

    Attributes:
        content: A Snapshot, or the plain data that its tier saved.
        position: Its Position.
        arguments: What the sub-environment was made with, serialized.
    """

    content: Any
    position: Position
    arguments: bytes

    def drop(self):
        """Ends what keeps it."""
        if isinstance(self.content, Snapshot):
            self.content.drop()


class SavedStates:
    """States by their ids, which the server gives."""

    def __init__(self):
        self._states = {}

    def add(self, ids, states):
        """Keeps states; returns the StatesHeld message."""
        kept = dict(zip(ids, states))
        self._states.update(kept)
        return {
            "ended": [number for number, state in kept.items() if state.position.ended],
            "forked": [number for number, state in kept.items() if isinstance(state.content, Snapshot)],
        }

    def get(self, number):
        """The state of an id."""
        if number not in self._states:
            raise RequestError(schema.ERROR_REASON_STATE_NOT_FOUND, f"There is no saved state {number} here.")
        return self._states[number]

    def drop(self, ids):
        """Forgets states; ids that are not here are ignored."""
        for number in ids:
            state = self._states.pop(number, None)
            if state is not None:
                state.drop()

    def clear(self):
        """Forgets all."""
        self.drop(list(self._states))


def export(state, env_id, within_session=False):
    """A state as serialized PortableState.

    Args:
        state: The SavedState.
        env_id: Id of its environment.
        within_session: Whether it is for a worker of the same session, which can go to the process that keeps it.

    Raises:
        RequestError: UNIMPLEMENTED, when something in it has no form on the wire.
    """
    unsupported = set()
    position = state.position
    message = {
        "form": _FORM,
        "env_id": env_id,
        "arguments": state.arguments,
        "episode": position.episode,
        "episode_step": position.episode_step,
        "ended": position.ended,
        "observation": to_value(position.observation, unsupported),
        "content": to_value(_content(state.content, env_id, within_session), unsupported),
        "info": to_value({key: value for key, value in position.info.items() if _travels(key) and _travels(value)}),
    }
    if unsupported:
        names = ", ".join(sorted(unsupported))
        message = f"A state of {env_id} holds values that cannot travel ({names}): it can be restored in its own worker only."
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, message)
    return wire.encode("PortableState", message)


def _content(content, env_id, within_session):
    if not isinstance(content, Snapshot):
        return pack_log(content)
    if within_session:
        return content.path
    try:
        return pack_log(content.plain())
    except NotCopied as error:
        message = f"A state of {env_id} is kept by a process and cannot leave its session: {error}."
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, message) from error


def _travels(value):
    unsupported = set()
    to_value(value, unsupported)
    return not unsupported


def import_state(data, env_id, places, check, space, within_session=False):
    """A SavedState from a serialized PortableState.

    Args:
        data: The bytes.
        env_id: Id of the environments here.
        places: The numbers of the environments here by what they were made with, serialized.
        check: Called with such a number and the content; raises NotCopied when this does not fit.
        space: The observation space of the environments here.
        within_session: Whether it is of a worker of the same session.

    Raises:
        RequestError: MALFORMED_REQUEST, or STATE_MISMATCH for a state of another environment or of other arguments.
    """
    message = wire.decode("PortableState", data)
    if message.get("form") != _FORM:
        raise malformed("This is no state that ExportState of this version of the server gave. Nothing was changed.")
    arguments = message.get("arguments", b"")
    if message.get("env_id") != env_id or arguments not in places:
        whose = f"{message.get('env_id', '')[:200]!r}" if message.get("env_id") != env_id else "other constructor arguments"
        text = f"The state is of {whose}, but this session is of {env_id}. Nothing was changed."
        raise RequestError(schema.ERROR_REASON_STATE_MISMATCH, text)
    try:
        observation, info, content = [from_value(message.get(name, {})) for name in ("observation", "info", "content")]
        if within_session and isinstance(content, str):
            content = Snapshot(content)
        else:
            content = unpack_log(content)
            check(places[arguments], content)
    except (NotCopied, InvalidValue) as error:
        raise malformed(f"The state does not fit {env_id}: {error}. Nothing was changed.") from error
    info = info if isinstance(info, dict) else {}
    episode, episode_step, ended = message.get("episode", 0), message.get("episode_step", 0), message.get("ended", False)
    position = Position(of_space(space, observation), info, episode, episode_step, ended)
    return SavedState(content, position, arguments)


def arguments_of(request, index):
    """What a sub-environment was made with, serialized so that equal arguments are equal bytes."""
    given = {}
    for source in (request.get("kwargs", {}), *request.get("env_kwargs", ())[index : index + 1]):
        given.update({str(entry.get("key")): entry for entry in source.get("entries", ())})
    entries = [given[name] for name in sorted(given)]
    parts = {"kwargs": {"entries": entries}, "wrappers": request.get("wrappers", ())}
    if request.get("max_episode_steps"):
        parts["max_episode_steps"] = request["max_episode_steps"]
    return wire.encode("OpenRequest", parts)
