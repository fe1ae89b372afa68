"""The saved states that a worker holds, and their portable form (session.proto, PortableState)."""

from gymlink.protocol import schema, wire
from gymlink.protocol.values import InvalidValue, from_value, to_value
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.errors import RequestError, malformed
from gymlink.sidecar.tiers import pack_log, unpack_log

_FORM = 1


class SavedState:
    """The state of one sub-environment.

    Attributes:
        content: What its tier saved.
        observation: Its last observation.
        info: The info that came with it.
        episode: Its episodes so far.
        episode_step: Steps in the last one.
        ended: Whether that has ended.
        arguments: What the sub-environment was made with, serialized.
    """

    __slots__ = ("arguments", "content", "ended", "episode", "episode_step", "info", "observation")

    def __init__(self, content, observation, info, episode, episode_step, ended, arguments):
        self.content, self.observation, self.info = content, observation, info
        self.episode, self.episode_step, self.ended, self.arguments = episode, episode_step, ended, arguments


class SavedStates:
    """States by their ids, which the server gives."""

    def __init__(self):
        self._states = {}

    def add(self, ids, states):
        """Keeps states; returns the StatesHeld message."""
        self._states.update(zip(ids, states))
        return {"ended": [number for number, state in zip(ids, states) if state.ended]}

    def get(self, number):
        """The state of an id."""
        if number not in self._states:
            raise RequestError(schema.ERROR_REASON_STATE_NOT_FOUND, f"There is no saved state {number} here.")
        return self._states[number]

    def drop(self, ids):
        """Forgets states; ids that are not here are ignored."""
        for number in ids:
            self._states.pop(number, None)


def export(state, env_id):
    """A state as serialized PortableState.

    Args:
        state: The SavedState.
        env_id: Id of its environment.

    Raises:
        RequestError: UNIMPLEMENTED, when something in it has no form on the wire.
    """
    unsupported = set()
    message = {
        "form": _FORM,
        "env_id": env_id,
        "arguments": state.arguments,
        "episode": state.episode,
        "episode_step": state.episode_step,
        "ended": state.ended,
        "observation": to_value(state.observation, unsupported),
        "content": to_value(pack_log(state.content), unsupported),
        "info": to_value({key: value for key, value in state.info.items() if _travels(key) and _travels(value)}),
    }
    if unsupported:
        names = ", ".join(sorted(unsupported))
        message = f"A state of {env_id} holds values that cannot travel ({names}): it can be restored in its own worker only."
        raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, message)
    return wire.encode("PortableState", message)


def _travels(value):
    unsupported = set()
    to_value(value, unsupported)
    return not unsupported


def import_state(data, env_id, envs, check):
    """A SavedState from a serialized PortableState.

    Args:
        data: The bytes.
        env_id: Id of the environments here.
        envs: The environments by what they were made with, serialized.
        check: Called with an environment and the content; raises NotCopied when this does not fit.

    Raises:
        RequestError: MALFORMED_REQUEST, or STATE_MISMATCH for a state of another environment or of other arguments.
    """
    message = wire.decode("PortableState", data)
    if message.get("form") != _FORM:
        raise malformed("This is no state that ExportState of this version of the server gave. Nothing was changed.")
    arguments = message.get("arguments", b"")
    if message.get("env_id") != env_id or arguments not in envs:
        whose = f"{message.get('env_id', '')[:200]!r}" if message.get("env_id") != env_id else "other constructor arguments"
        text = f"The state is of {whose}, but this session is of {env_id}. Nothing was changed."
        raise RequestError(schema.ERROR_REASON_STATE_MISMATCH, text)
    try:
        observation, info, content = [from_value(message.get(name, {})) for name in ("observation", "info", "content")]
        content = unpack_log(content)
        check(envs[arguments], content)
    except (NotCopied, InvalidValue) as error:
        raise malformed(f"The state does not fit {env_id}: {error}. Nothing was changed.") from error
    info = info if isinstance(info, dict) else {}
    episode, episode_step, ended = message.get("episode", 0), message.get("episode_step", 0), message.get("ended", False)
    return SavedState(content, observation, info, episode, episode_step, ended, arguments)


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
