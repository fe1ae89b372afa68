"""Random nested spaces between Python and TypeScript: spaces, values, bytes, samples, and what is malformed."""

import json
import random
import subprocess

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from hypothesis import given, note
from hypothesis import strategies as st

from gymlink.client.actions import encode_actions
from gymlink.client.batches import Blocks
from gymlink.client.batches import read as read_batch
from gymlink.client.errors import GymlinkError
from gymlink.protocol import wire
from gymlink.protocol.layout import InvalidRow
from gymlink.protocol.layout_writer import layout_bytes
from gymlink.protocol.spaces import describe
from gymlink.sidecar.actions import ActionReader
from tests.make_fixtures import typed
from tests.random_masks import mask_form, random_mask
from tests.random_values import broken, values
from tests.reference import elements_of, row_of, unstacked
from tests.serving import ROOT
from tests.space_list import samples
from tests.test_properties import MANY, ROWS, SEEDS, SOME, SPACES

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore:.*WARN.*:UserWarning")]


class Peer:
    """The TypeScript client in a process of its own (client/fixtures/space-peer.mjs)."""

    def __init__(self):
        arguments = ["node", str(ROOT / "client/fixtures/space-peer.mjs")]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, space, rows, payload, seed=None, **more):
        """What it reads from a payload, what it samples after a seed, and what more it makes of the space."""
        message = wire.encode("Space", describe(space)).hex()
        request = {"space": message, "rows": rows, "payload": payload.hex(), "seed": seed, **more}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline(), parse_int=_integer)
        assert "failed" not in answer, answer["failed"]
        return answer

    def close(self):
        """Ends it."""
        self._process.stdin.close()
        assert self._process.wait(60) == 0


def _integer(digits):
    """JavaScript writes doubles beyond 2**53 as their shortest digits."""
    return int(digits) if len(digits) < 16 else float(digits) if abs(int(digits)) >= 1 << 53 else int(digits)


@pytest.fixture(scope="module")
def peer():
    one = Peer()
    yield one
    one.close()


@MANY
@given(SPACES, SEEDS, ROWS)
def test_values_are_the_same_in_both(peer, space, seed, rows):
    given_values = values(space, rows, seed)
    payload = layout_bytes(space, given_values)
    answer = peer.ask(space, rows, payload, seed)
    assert answer["values"] == json_of([typed(space, value) for value in given_values])
    assert answer["contained"] == [True] * rows
    assert answer["again"] == payload.hex()
    assert answer["sampled"] == layout_bytes(space, samples(space, rows, seed)).hex()


@SOME
@given(SPACES, SEEDS, st.sampled_from(["mask", "probability"]))
def test_samples_with_masks_are_the_same_in_both(peer, space, seed, kind):
    mask = random_mask(space, random.Random(seed), kind == "probability")
    space.seed(seed)
    drawn = layout_bytes(space, [space.sample(**{kind: mask}) for _ in range(3)])
    answer = peer.ask(space, 3, drawn, seed, **{kind: mask_form(mask)})
    assert answer["sampled"] == drawn.hex()


@SOME
@given(SPACES, SEEDS, ROWS)
def test_batches_and_flat_values_are_the_same_in_both(peer, space, seed, rows):
    given_values = values(space, rows, seed)
    answer = peer.ask(space, rows, layout_bytes(space, given_values), seed, isDerived=True)
    assert answer["batched"] == or_none(lambda: batched(space, rows, seed))
    flat_space = or_none(lambda: spaces.flatten_space(space))
    flat = or_none(lambda: [spaces.flatten(space, value) for value in given_values])
    if flat_space is None or flat is None:
        return
    assert answer["flat"]["values"] == json_of([typed(flat_space, value) for value in flat])
    back = or_none(lambda: [typed(space, spaces.unflatten(space, value)) for value in flat])
    assert back is None or answer["flat"]["back"] == json_of(back)
    there = peer.ask(flat_space, rows, layout_bytes(flat_space, flat), seed, isDerived=True)
    assert answer["flat"]["space"] == there["json"]


def batched(space, rows, seed):
    batch = batch_space(space, rows)
    batch.seed(seed)
    return encode_actions(space, batch.sample(), rows).hex()


def or_none(make):
    """What Gymnasium makes; None where it fails, for example to draw up to 2**63, or to find a text in an array of floats."""
    try:
        return make()
    except Exception as error:
        note(repr(error))
        return None


@MANY
@given(SPACES, SEEDS, ROWS, st.data())
def test_the_same_bytes_are_malformed_in_both(peer, space, seed, rows, data):
    payload = data.draw(broken(layout_bytes(space, values(space, rows, seed))))
    answer = peer.ask(space, rows, payload)
    note(f"TypeScript: {answer}")
    read, refused = reply(space, rows, payload)
    assert answer.get("refused") in (None, "MALFORMED_REPLY")
    if "refused" in answer and refused is None:
        assert "32 bits" in answer["message"] and has_wide_integers(space, read)
        assert action_error(space, rows, payload)
        return
    assert ("refused" in answer) == (refused is not None), refused
    if refused is None:
        assert answer["values"] == json_of([typed(space, value) for value in read])
    within = refused is None and all(answer["contained"])
    assert (action_error(space, rows, payload) is None) == within


def json_of(value):
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value))


def reply(space, rows, payload):
    """The rows that the Python client reads, or the reason why not."""
    blocks = Blocks(payload)
    try:
        batch = read_batch(space, rows, blocks)
        blocks.end()
    except GymlinkError as error:
        assert error.reason == "MALFORMED_REPLY"
        return None, str(error)
    return [row_of(space, batch, row) for row in range(rows)], None


def action_error(space, rows, payload):
    """Why the sidecar does not take a payload as actions; None if it does."""
    try:
        ActionReader(space).read(payload, rows, 0, rows)
    except InvalidRow as error:
        assert str(error)
        return str(error)
    return None


def has_wide_integers(space, found):
    """Whether a discrete space within has all its values in 32 bits, but not all that were found."""
    return any(_has_wide_integers(space, value) for value in found)


def _has_wide_integers(space, value):
    if isinstance(space, spaces.Dict):
        return any(_has_wide_integers(entry, value[key]) for key, entry in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return any(map(_has_wide_integers, space.spaces, value))
    if isinstance(space, spaces.OneOf):
        return _has_wide_integers(space.spaces[value[0]], value[1])
    if isinstance(space, spaces.Sequence):
        return has_wide_integers(space.feature_space, elements_of(space, value))
    if isinstance(space, spaces.Graph):
        edges = [] if value.edges is None else unstacked(space.edge_space, value.edges)
        nodes = unstacked(space.node_space, value.nodes)
        return has_wide_integers(space.node_space, nodes) or has_wide_integers(space.edge_space, edges)
    if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return False
    counts = space.n if isinstance(space, spaces.Discrete) else space.nvec
    starts = np.ravel(space.start).tolist()
    ends = [start + count for start, count in zip(starts, np.ravel(counts).tolist())]
    return _is_within_32_bits([*starts, *[end - 1 for end in ends]]) and not _is_within_32_bits(np.ravel(value).tolist())


def _is_within_32_bits(integers):
    return all(-(1 << 31) <= integer < 1 << 31 for integer in integers)
