import struct

import pytest

from gymlink.protocol import schema, wire
from gymlink.protocol.values import magnitude
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.requests import Sieve, decode_render, decode_reset, decode_step


def reset(sieve, **fields):
    return decode_reset(wire.encode("ResetRequest", fields), sieve)


def seed(value):
    return {"magnitude": magnitude(value)}


def options(**entries):
    return {"entries": [{"key": {"text": key}, "value": {"integer": value}} for key, value in entries.items()]}


# Sub-environments 3, 4, 5 of 8.
SIEVE = Sieve(8, 3, 3)


def test_a_request_without_indices_asks_for_all():
    selection = SIEVE.select(())
    assert (list(selection.asked), selection.begin, selection.end) == (list(range(8)), 3, 6)
    assert (selection.numbers, selection.own) == ([3, 4, 5], [0, 1, 2])


def test_a_worker_takes_its_own_among_those_asked_for():
    selection = SIEVE.select((0, 3, 5, 7))
    assert (selection.begin, selection.end, selection.numbers, selection.own) == (1, 3, [3, 5], [0, 2])


@pytest.mark.parametrize(("indices", "named"), [((8,), 8), ((3, 3), 3), ((4, 3), 3), ((3, 99), 99)])
def test_invalid_indices_are_named(indices, named):
    with pytest.raises(RequestError, match=f"^{named} is not a valid index here") as raised:
        SIEVE.select(indices)
    assert raised.value.reason == schema.ERROR_REASON_INVALID_ENV_INDEX
    assert raised.value.env_indices == [named]


def test_a_request_that_names_none_of_a_workers_is_malformed():
    with pytest.raises(RequestError) as raised:
        SIEVE.select((0, 7))
    assert raised.value.reason == schema.ERROR_REASON_MALFORMED_REQUEST


def test_step_frames_are_cut_up():
    indices, actions = decode_step(struct.pack("<II3I4x", 3, 0, 1, 4, 5) + b"actions!")
    assert (indices, bytes(actions)) == ((1, 4, 5), b"actions!")
    indices, actions = decode_step(struct.pack("<II", 0, 0) + b"actions!")
    assert (indices, bytes(actions)) == ((), b"actions!")


def test_a_seed_is_that_of_sub_environment_0():
    _, seeds, given = reset(SIEVE, seed=seed(1 << 100))
    assert seeds == [(1 << 100) + 3, (1 << 100) + 4, (1 << 100) + 5]
    assert given == [None, None, None]
    _, seeds, _ = reset(SIEVE, env_indices=[1, 4, 7], seed=seed(0))
    assert seeds == [4]


def test_no_seed_is_none():
    assert reset(SIEVE)[1:] == ([None] * 3, [None] * 3)


def test_seeds_and_options_go_to_the_rows_in_order():
    each = [{"seed": seed(9)}, {}, {"seed": seed(7)}]
    selection, seeds, given = reset(SIEVE, env_indices=[0, 3, 5], env_seeds=each, env_options=[options(a=i) for i in range(3)])
    assert (selection.own, seeds, given) == ([0, 2], [None, 7], [{"a": 1}, {"a": 2}])


def test_options_are_a_dict_of_its_own_for_each():
    _, _, given = reset(SIEVE, options=options(x=1))
    assert given == [{"x": 1}] * 3
    assert given[0] is not given[1]
    assert reset(SIEVE, options={})[2] == [{}, {}, {}]


GREATEST = (1 << 256) - 1


@pytest.mark.parametrize(
    ("fields", "reason", "says"),
    [
        ({"seed": {"magnitude": bytes(33)}}, "INVALID_SEED", "at most 32 bytes, but one of 33"),
        ({"seed": seed(GREATEST - 6)}, "INVALID_SEED", "seed of sub-environment 7"),
        ({"env_seeds": [{}] * 7}, "INVALID_SEED", "7 seeds for 8"),
        ({"env_indices": [3], "env_seeds": [{}] * 8}, "INVALID_SEED", "8 seeds for 1"),
        ({"env_seeds": [{"seed": {"magnitude": bytes(33)}}] + [{}] * 7}, "INVALID_SEED", "33"),
        ({"seed": seed(1), "env_seeds": [{}] * 8}, "MALFORMED_REQUEST", "not both"),
        ({"options": {}, "env_options": [{}] * 8}, "MALFORMED_REQUEST", "not both"),
        ({"env_options": [{}] * 7}, "MALFORMED_REQUEST", "7 options for 8"),
        ({"env_indices": [8]}, "INVALID_ENV_INDEX", "8 is not"),
    ],
)
def test_invalid_resets_are_refused(fields, reason, says):
    with pytest.raises(RequestError, match=says) as raised:
        reset(SIEVE, **fields)
    assert raised.value.reason == getattr(schema, f"ERROR_REASON_{reason}")


def test_the_greatest_seeds_are_taken():
    assert reset(SIEVE, seed=seed(GREATEST - 7))[1] == [GREATEST - 4, GREATEST - 3, GREATEST - 2]
    assert reset(SIEVE, env_indices=[3], env_seeds=[{"seed": seed(GREATEST)}])[1] == [GREATEST]
    assert reset(SIEVE, env_indices=[3], env_seeds=[{"seed": {"magnitude": b"\x05\0\0"}}])[1] == [5]


def test_a_render_names_its_sub_environments_and_form():
    fields = {"env_indices": [4, 6], "encoding": schema.FRAME_ENCODING_PNG, "width": 64}
    selection, request = decode_render(wire.encode("RenderRequest", fields), SIEVE)
    assert (selection.numbers, request["encoding"], request["width"]) == ([4], schema.FRAME_ENCODING_PNG, 64)
