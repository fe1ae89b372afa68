"""Chosen sub-environments of a request."""

import operator

from gymlink.client.errors import failure


def chosen(env_indices):
    """The field ``env_indices`` of a request; empty for None, which is all of them.

    Raises:
        GymlinkError: INVALID_ARGUMENT, if it names none, which on the wire would be all, or something that is no index.
    """
    if env_indices is None:
        return []
    indices = [operator.index(index) for index in env_indices]
    if not indices or any(not 0 <= index < 1 << 32 for index in indices):
        raise failure("INVALID_ARGUMENT", f"env_indices names sub-environments by numbers from 0 on, not {indices}.")
    return indices
