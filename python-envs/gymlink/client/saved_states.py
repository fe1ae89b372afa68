"""Saved states of sub-environments (session.proto, SaveStateRequest)."""

import operator

from gymlink.client.errors import failure
from gymlink.client.indices import chosen


def save(session, env_indices=None):
    """Saves the states of some sub-environments, of all for None; returns their ids."""
    return _ids(session.request("save_state", {"env_indices": chosen(env_indices)}, "state_saved"))


def restore(session, state_ids, env_indices=None):
    """Restores sub-environments, each from its state; returns the parts of the transition."""
    request = {"env_indices": chosen(env_indices), "state_ids": _numbers(state_ids)}
    return session.request("restore_state", request, "transition")


def drop(session, state_ids):
    """Forgets saved states."""
    session.request("drop_state", {"state_ids": _numbers(state_ids)}, "state_dropped")


def export(session, state_ids):
    """Saved states as bytes."""
    reply = session.request("export_state", {"state_ids": _numbers(state_ids)}, "state_exported")
    return [bytes(state) for state in reply.get("states", ())]


def take_in(session, states):
    """Takes exported states in; returns their ids."""
    if not all(isinstance(state, bytes) for state in states):
        raise failure("INVALID_ARGUMENT", "An exported state is bytes, as export_state gives it.")
    return _ids(session.request("import_state", {"states": list(states)}, "state_saved"))


def _ids(reply):
    return list(reply.get("state_ids", ()))


def _numbers(state_ids):
    numbers = [operator.index(state_id) for state_id in state_ids]
    if any(not 0 <= number < 1 << 64 for number in numbers):
        raise failure("INVALID_ARGUMENT", f"A saved state is a number that save_state or import_state gave: {numbers}.")
    return numbers
