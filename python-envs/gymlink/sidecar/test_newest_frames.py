import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol import schema
from gymlink.protocol.layout import columns_bytes
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.newest_frames import NewestFrames
from gymlink.sidecar.transition import Rows, TransitionWriter

STACK = spaces.Box(-np.inf, np.inf, (3, 2), np.float32)


def shortened(newest, envs, observations, kind=schema.ROW_KIND_UNSPECIFIED, finals=()):
    """What is left behind the columns of a payload of these rows: which stacks are shifted, and all numbers."""
    rows = Rows(len(envs))
    rows.env_index, rows.episode, rows.episode_step = list(envs), [1] * rows.count, [0] * rows.count
    rows.observations, rows.reward, rows.infos = list(observations), [0.0] * rows.count, [{}] * rows.count
    rows.kind[:] = bytes([kind]) * rows.count
    for row, final in finals:
        rows.has_final[row] = 1
        rows.finals.append(final)
        rows.final_infos.append({})
    sent = []
    writer = TransitionWriter("X-v0", STACK, rows.count, 0)
    writer.write(7, rows, lambda count, payload, details, flags: sent.append((bytes(payload), newest.shorten(payload, count))))
    (whole, short), columns = sent[0], columns_bytes(rows.count)
    assert short[:columns] == whole[:columns]
    shifted = short[columns : columns + 8]
    return list(shifted[: rows.count + len(finals)]), np.frombuffer(short[columns + 8 :], "<f4").tolist()


def stack(*numbers):
    return np.array(numbers, np.float32).reshape(3, 2)


def test_only_the_newest_frame_is_left_of_what_goes_on():
    newest = NewestFrames("X-v0", STACK, 5, 2)
    reset = schema.ROW_KIND_RESET
    begin = stack(1, 2, 1, 2, 1, 2), stack(3, 4, 3, 4, 3, 4)
    assert shortened(newest, (5, 6), begin, reset) == ([0, 0], [1, 2] * 3 + [3, 4] * 3)
    both = stack(1, 2, 1, 2, 5, 6), stack(3, 4, 3, 4, 7, 8)
    assert shortened(newest, (5, 6), both) == ([1, 1], [5, 6, 7, 8])
    # One that jumps, and one alone.
    both = stack(9, 9, 1, 2, 5, 6), stack(3, 4, 7, 8, 9, 0)
    assert shortened(newest, (5, 6), both) == ([0, 1], [9, 0, 9, 9, 1, 2, 5, 6])
    assert shortened(newest, (6,), [stack(7, 8, 9, 0, 1, 1)]) == ([1], [1, 1])


def test_a_final_observation_goes_on_and_the_one_after_it_is_whole():
    newest = NewestFrames("X-v0", STACK, 0, 2)
    shortened(newest, (0, 1), [stack(1, 2, 1, 2, 1, 2)] * 2, schema.ROW_KIND_RESET)
    rows = stack(3, 3, 3, 3, 3, 3), stack(1, 2, 1, 2, 4, 4)
    final = stack(1, 2, 1, 2, 5, 5)
    assert shortened(newest, (0, 1), rows, finals=[(0, final)]) == ([1, 0, 1], [5, 5, 4, 4] + [3] * 6)
    assert shortened(newest, (0,), [stack(3, 3, 3, 3, 6, 6)]) == ([1], [6, 6])


def test_a_reset_is_whole_whatever_came_before():
    newest = NewestFrames("X-v0", STACK, 0, 1)
    same = stack(1, 2, 1, 2, 1, 2)
    for _ in range(2):
        assert shortened(newest, (0,), [same], schema.ROW_KIND_RESET) == ([0], [1, 2] * 3)
    assert shortened(newest, (0,), [same], schema.ROW_KIND_AUTORESET) == ([1], [1, 2])


def test_bits_count_not_numbers():
    newest = NewestFrames("X-v0", STACK, 0, 1)
    begin = stack(0, 0, np.nan, 1, -0.0, 2)
    shortened(newest, (0,), [begin], schema.ROW_KIND_RESET)
    assert shortened(newest, (0,), [stack(np.nan, 1, -0.0, 2, 3, 4)]) == ([1], [3, 4])
    assert shortened(newest, (0,), [stack(0.0, 2, 3, 4, 5, 6)])[0] == [0]


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(3),
        spaces.Box(0, 1, (4,)),
        spaces.Box(0, 1, (1, 4)),
        spaces.Box(0, 1, ()),
        spaces.MultiDiscrete([[2, 2], [2, 2]]),
        spaces.Dict(a=spaces.Box(0, 1, (4, 4))),
        spaces.Tuple([spaces.Box(0, 1, (4, 4))]),
    ],
    ids=str,
)
def test_what_is_no_stack_is_refused(space):
    with pytest.raises(RequestError, match="observations of X-v0 are of ") as raised:
        NewestFrames("X-v0", space, 0, 1)
    assert raised.value.reason == schema.ERROR_REASON_MALFORMED_REQUEST
    assert str(space) in str(raised.value)
