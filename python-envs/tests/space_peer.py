"""Reads payloads as the Python client and the sidecar do: a request a line of standard input, an answer a line of output.

``python -m tests.space_peer`` (in python-envs; client/spaces/between-languages.test.ts asks). ``{space, rows, payload, seed}``, a
message and bytes in hexadecimal digits, gives what ``answer`` returns, or ``failed`` with an error that nobody should raise.
"""

import json
import sys
import traceback

from gymnasium import spaces

from gymlink.client.actions import encode_actions
from gymlink.client.batches import Blocks, read, snapshot
from gymlink.client.errors import GymlinkError
from gymlink.client.spaces import from_message
from gymlink.protocol import wire
from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.layout_writer import layout_bytes
from gymlink.sidecar.actions import ActionReader
from tests.make_fixtures import typed
from tests.reference import row_of
from tests.space_list import samples


def answer(message, rows, payload, seed):
    """What both make of a payload.

    Returns:
        A dict: ``refused``, the client's reason, or ``values`` in their typed form, ``again``, the payload that the client makes
        of them (None where the sidecar refuses them), and ``contained`` for each value (None where Gymnasium cannot tell);
        ``invalid``, why the sidecar does not take the payload as actions, or None; ``sampled``, the payload of samples after the
        seed, which may be None.
    """
    space = from_message(wire.decode("Space", message))
    result = {"invalid": _action_error(space, rows, payload)}
    if seed is not None:
        result["sampled"] = layout_bytes(space, samples(space, rows, seed)).hex()
    blocks = Blocks(payload)
    try:
        batch = snapshot(space, read(space, rows, blocks))
        blocks.end()
    except GymlinkError as error:
        return {**result, "refused": error.reason, "message": str(error)}
    values = [row_of(space, batch, row) for row in range(rows)]
    again = None if result["invalid"] else encode_actions(space, batch, rows).hex()
    contained = [space.contains(value) for value in values] if _can_tell(space) else None
    return {**result, "values": [typed(space, value) for value in values], "again": again, "contained": contained}


def _action_error(space, rows, payload):
    try:
        ActionReader(space).read(payload, rows, 0, rows)
    except InvalidRow as error:
        return str(error)
    return None


def _can_tell(space):
    """Whether Gymnasium can iterate over all that is stacked within."""
    if isinstance(space, (spaces.Dict, spaces.Tuple, spaces.OneOf)):
        entries = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        return all(map(_can_tell, entries))
    if isinstance(space, spaces.Sequence):
        return isinstance(space.feature_space, spaces.Box) or (not space.stack and _can_tell(space.feature_space))
    return True


def attempt(request):
    """The answer to a request."""
    message, payload = (bytes.fromhex(request[name]) for name in ("space", "payload"))
    try:
        return answer(message, request["rows"], payload, request["seed"])
    except Exception:
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), flush=True)
