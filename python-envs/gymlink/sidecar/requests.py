"""Requests as they come from the server: decoded, and checked as a whole (worker.proto, "Requests are passed on whole")."""

import struct
from bisect import bisect_left
from collections import deque

from gymlink.protocol import schema, wire
from gymlink.protocol.values import text_map
from gymlink.sidecar.errors import RequestError, malformed

_MAX_SEED_BYTES = 32
_STEP_HEAD = struct.Struct("<II")


class Selection:
    """The sub-environments that a request names, and which of them are this worker's.

    Attributes:
        asked: All of them, ascending.
        begin: Position in `asked` of the first that is this worker's.
        end: Position behind the last one.
        numbers: This worker's.
        own: The same, numbered from 0 within the worker.
    """

    def __init__(self, asked, first, count):
        self.asked = asked
        self.begin, self.end = bisect_left(asked, first), bisect_left(asked, first + count)
        self.numbers = list(asked[self.begin : self.end])
        self.own = [i - first for i in self.numbers]


class Sieve:
    """Makes Selections for one worker.

    Args:
        num_envs: Sub-environments of the session.
        first: The worker's first one.
        count: How many it has.
    """

    def __init__(self, num_envs, first, count):
        self._num_envs, self._first, self._count = num_envs, first, count
        self._all = Selection(range(num_envs), first, count)

    def select(self, env_indices):
        """The Selection of a request's `env_indices`; empty for all.

        Raises:
            RequestError: INVALID_ENV_INDEX, for an index out of range, given twice, or out of order.
        """
        if not env_indices:
            return self._all
        previous = -1
        for index in env_indices:
            if not previous < index < self._num_envs:
                raise self._invalid(index)
            previous = index
        selection = Selection(env_indices, self._first, self._count)
        if not selection.own:
            raise malformed("The request names none of the worker's sub-environments.")
        return selection

    def _invalid(self, index):
        last = self._num_envs - 1
        message = f"{index} is not a valid index here: sub-environments are 0 to {last}, each once, in ascending order."
        return RequestError(schema.ERROR_REASON_INVALID_ENV_INDEX, message, env_indices=[index])


def decode_step(body):
    """Cuts up a STEP frame's body: ``(env_indices, actions)``."""
    count, _ = _STEP_HEAD.unpack_from(body)
    begin = _STEP_HEAD.size
    env_indices = struct.unpack_from(f"<{count}I", body, begin) if count else ()
    return env_indices, memoryview(body)[begin + (4 * count + 7 & ~7) :]


def decode_reset(body, sieve):
    """Reads a ResetRequest.

    Returns:
        ``(selection, seeds, options)``, the latter one for each of the selection's own sub-environments.

    Raises:
        RequestError: An index, a seed or an option is not valid.
    """
    request = wire.decode("ResetRequest", body)
    selection = sieve.select(request.get("env_indices", ()))
    seeds, options = _seeds(request, selection.asked), _options(request, selection.asked)
    return selection, seeds[selection.begin : selection.end], options[selection.begin : selection.end]


def read_plan(request, first, count):
    """Reads the seed plan of an OpenRequest.

    Args:
        request: The OpenRequest.
        first: The worker's first sub-environment.
        count: How many it has.

    Returns:
        For each of the worker's own sub-environments that has a plan, by its number within the worker, a deque of
        ``(seed or None, options or None)`` in the order in which its autoresets use them up.

    Raises:
        RequestError: An index or a seed is not valid, or there are no autoresets.
        InvalidValue: Options are not valid.
    """
    num_envs, planned, plan = request["num_envs"], request.get("plan", ()), {}
    if planned and request["autoreset_mode"] == schema.AUTORESET_MODE_DISABLED:
        raise malformed("There are no autoresets to plan in autoreset mode DISABLED.")
    for entry in planned:
        index = entry.get("env_index", 0)
        if index >= num_envs:
            message = f"The plan names sub-environment {index}, but there are 0 to {num_envs - 1}."
            raise RequestError(schema.ERROR_REASON_INVALID_ENV_INDEX, message, env_indices=[index])
        seed = _seed(entry["seed"]) if "seed" in entry else None
        options = text_map(entry["options"]) if "options" in entry else None
        if first <= index < first + count:
            plan.setdefault(index - first, deque()).append((seed, options))
    return plan


def decode_render(body, sieve):
    """Reads a RenderRequest: ``(selection, request)``."""
    request = wire.decode("RenderRequest", body)
    return sieve.select(request.get("env_indices", ())), request


def _invalid_seed(message):
    return RequestError(schema.ERROR_REASON_INVALID_SEED, message)


def _seed(message):
    data = message.get("magnitude", b"")
    if len(data) > _MAX_SEED_BYTES:
        raise _invalid_seed(f"A seed takes at most {_MAX_SEED_BYTES} bytes, but one of {len(data)} was given.")
    return int.from_bytes(data, "little")


def _seeds(request, asked):
    """A seed or None for each sub-environment asked for."""
    each = request.get("env_seeds", ())
    if "seed" in request:
        if each:
            raise malformed("Reset takes seed or env_seeds, not both.")
        seed = _seed(request["seed"])
        if asked and (seed + asked[-1]).bit_length() > 8 * _MAX_SEED_BYTES:
            raise _invalid_seed(
                f"The seed of sub-environment {asked[-1]}, {seed} + {asked[-1]}, takes more than {_MAX_SEED_BYTES} bytes."
            )
        return [seed + i for i in asked]
    if not each:
        return [None] * len(asked)
    if len(each) != len(asked):
        raise _invalid_seed(f"Reset was given {len(each)} seeds for {len(asked)} sub-environments.")
    return [_seed(item["seed"]) if "seed" in item else None for item in each]


def _options(request, asked):
    """Options or None for each sub-environment asked for; never one dict for two, because environments may change theirs."""
    each = request.get("env_options", ())
    if "options" in request:
        if each:
            raise malformed("Reset takes options or env_options, not both.")
        return [text_map(request["options"]) for _ in asked]
    if not each:
        return [None] * len(asked)
    if len(each) != len(asked):
        raise malformed(f"Reset was given {len(each)} options for {len(asked)} sub-environments.")
    return [text_map(item) for item in each]
