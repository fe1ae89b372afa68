import numpy as np
import pytest
from gymnasium import spaces

from gymlink.protocol import schema
from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.transition import Rows, TransitionWriter
from tests.infos import decode_details
from tests.reference import read_part, same
from tests.space_list import SPACES, samples


def played(space, count, finals=()):
    """Rows as a request might give them."""
    rows = Rows(count)
    rows.env_index = [10 + row for row in range(count)]
    rows.episode = [1 + row % 3 for row in range(count)]
    rows.episode_step = [100 * row for row in range(count)]
    rows.observations = samples(space, count)
    rows.reward = [row - 0.5 for row in range(count)]
    rows.infos = [{"row": row} for row in range(count)]
    for row in finals:
        rows.terminated[row], rows.truncated[row], rows.has_final[row] = row % 2, 1, 1
    rows.finals = samples(space, len(finals), seed=1)
    rows.final_infos = [{"final of": row} for row in finals]
    rows.kind[0] = schema.ROW_KIND_RESET
    rows.seeds = [(row, 1 << row) for row in range(0, count, 2)]
    return rows


def parts(writer, rows, seq=7):
    """The parts of rows, with payloads that stay valid."""
    sent = []
    writer.write(seq, rows, lambda count, payload, details, more: sent.append((count, bytes(payload), details, more)))
    return sent


def joined(space, writer, rows, seq=7):
    """All parts of rows, one after another."""
    whole = {name: [] for name in ("sizes", "env_index", "episode", "episode_step", "reward", "kind", "truncated", "infos")}
    whole.update(final_infos=[], finals=[], seeds=[], more=[], observations=[])
    for count, payload, details, more in parts(writer, rows, seq):
        part = read_part(space, count, payload)
        finals = int(part["has_final"].sum())
        infos, final_infos, seeds = decode_details(details, count, finals)
        done = len(whole["env_index"])
        assert (part["seq"] == seq).all()
        for name in ("env_index", "episode", "episode_step", "reward", "kind", "truncated", "observations"):
            whole[name].extend(part[name])
        whole["finals"].extend(part["finals"] if finals else [])
        whole["infos"].extend(infos)
        whole["final_infos"].extend(final_infos)
        whole["seeds"].extend((done + row, seed) for row, seed in seeds.items())
        whole["sizes"].append(len(payload))
        whole["more"].append(more)
    return whole


BOX = SPACES["box, float32"]


@pytest.mark.parametrize(("limit", "parts"), [(0, 1), (1 << 20, 1), (600, 3), (300, 9)])
def test_rows_are_split_at_the_limit_and_nothing_is_lost(limit, parts):
    rows = played(BOX, 9, finals=(1, 4, 5))
    whole = joined(BOX, TransitionWriter("X-v0", BOX, 9, limit), rows)
    assert whole["more"] == [True] * (parts - 1) + [False]
    assert all(size <= limit for size in whole["sizes"]) or limit == 0
    assert whole["env_index"] == rows.env_index
    assert whole["episode"] == rows.episode
    assert whole["episode_step"] == rows.episode_step
    assert whole["reward"] == rows.reward
    assert bytes(whole["kind"]) == rows.kind
    assert bytes(whole["truncated"]) == rows.truncated
    assert same(whole["observations"], rows.observations)
    assert same(whole["finals"], rows.finals)
    assert whole["infos"] == rows.infos
    assert whole["final_infos"] == rows.final_infos
    assert whole["seeds"] == rows.seeds


def test_parts_hold_2_mib_at_most_whatever_the_limit():
    frame = spaces.Box(0, 255, (300, 1000), np.uint8)
    writer = TransitionWriter("X-v0", frame, 16, 64 << 20, has_finals=False)
    assert [count for count, *_ in parts(writer, played(frame, 16))] == [6, 6, 4]


def test_large_infos_split_rows_too():
    rows = played(BOX, 8)
    rows.infos = [{"image": np.full(300, row, np.uint8)} for row in range(8)]
    whole = joined(BOX, TransitionWriter("X-v0", BOX, 8, 1000), rows)
    assert len(whole["more"]) > 2
    assert same(whole["infos"], rows.infos)


def test_one_row_over_the_limit_by_its_infos_is_sent():
    rows = played(BOX, 2)
    rows.infos = [{"image": np.zeros(5000)}, {}]
    whole = joined(BOX, TransitionWriter("X-v0", BOX, 2, 1000), rows)
    assert same(whole["infos"], rows.infos)


def test_one_row_over_the_limit_is_refused_at_once():
    image = SPACES["box, image"]
    with pytest.raises(RequestError, match="takes up to 200 bytes, but at most 199 fit") as raised:
        TransitionWriter("X-v0", image, 4, 199)
    assert raised.value.reason == schema.ERROR_REASON_MESSAGE_TOO_LARGE
    TransitionWriter("X-v0", image, 4, 200)


def test_nothing_beside_the_payload_when_infos_are_empty():
    rows = Rows(2)
    rows.env_index, rows.episode, rows.episode_step = [0, 1], [1, 1], [1, 1]
    rows.observations, rows.reward, rows.infos = samples(BOX, 2), [0.0, 0.0], [{}, {}]
    ((_, _, details, _),) = parts(TransitionWriter("X-v0", BOX, 2, 0), rows)
    assert details == b""


@pytest.mark.parametrize("reward", [1, np.float32(1), np.array(1.0), np.array(1, ">i2"), True, np.True_, np.int64(1)])
def test_rewards_of_any_numeric_type_are_taken(reward):
    rows = played(BOX, 3)
    rows.reward[1] = reward
    assert joined(BOX, TransitionWriter("X-v0", BOX, 3, 0), rows)["reward"] == [-0.5, 1.0, 1.5]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows.reward.__setitem__(3, None), "its reward None is not a number"),
        (lambda rows: rows.reward.__setitem__(3, np.zeros(2)), "is not a number"),
        (lambda rows: rows.observations.__setitem__(3, np.zeros(2, np.float32)), r"shape \(2,\), its space \(2, 3\)"),
        (lambda rows: rows.finals.__setitem__(1, None), "its space"),
        (lambda rows: rows.infos.__setitem__(3, [1]), "not a dict"),
    ],
)
@pytest.mark.parametrize("limit", [0, 300])
def test_the_row_that_breaks_its_space_is_named(change, says, limit):
    rows = played(BOX, 5, finals=(1, 3))
    change(rows)
    with pytest.raises(InvalidRow, match=says) as raised:
        parts(TransitionWriter("X-v0", BOX, 5, limit), rows)
    assert raised.value.row == 3


def test_variable_lengths_are_split_by_their_greatest_length():
    space = spaces.Dict(said=spaces.Text(50, charset="aé→"), place=spaces.Discrete(9))
    rows = played(space, 6, finals=(0, 5))
    rows.infos = [{}] * 6
    rows.final_infos = [{}] * 2
    rows.seeds = []
    found = []
    for count, payload, details, more in parts(TransitionWriter("X-v0", space, 6, 800), rows):
        assert (len(payload) <= 800, details) == (True, b"")
        found.append((read_part(space, count, payload), more))
    assert [more for _, more in found] == [True] * (len(found) - 1) + [False]
    assert [text for part, _ in found for text in part["observations"]["said"]] == [value["said"] for value in rows.observations]
    finals = [text for part, _ in found if part["finals"] for text in part["finals"]["said"]]
    assert finals == [value["said"] for value in rows.finals]


SEQUENCE = spaces.Sequence(spaces.Box(0, 255, (4,), np.uint8))


def of_lengths(lengths, finals=()):
    """Rows with sequences of such lengths."""
    rows = played(SEQUENCE, len(lengths), finals)
    rows.observations = [tuple(np.full((length, 4), row, np.uint8)) for row, length in enumerate(lengths)]
    return rows


def test_the_buffer_grows_with_what_has_no_greatest_size():
    writer = TransitionWriter("X-v0", SEQUENCE, 4, 0)
    for lengths in ((0, 0, 0, 0), (1, 2, 0, 5), (0, 3000, 0, 9), (1, 0, 2, 0), (90000, 1, 2, 70000)):
        rows = of_lengths(lengths, finals=(1, 2))
        whole = joined(SEQUENCE, writer, rows)
        assert whole["more"] == [False]
        assert same(whole["observations"], rows.observations)
        assert same(whole["finals"], rows.finals)
        assert (whole["reward"], whole["infos"], whole["final_infos"]) == (rows.reward, rows.infos, rows.final_infos)


def test_rows_without_a_greatest_size_are_split_at_the_limit():
    writer = TransitionWriter("X-v0", SEQUENCE, 8, 2000)
    rows = of_lengths((0, 100, 200, 100, 50, 400, 10, 300), finals=(3, 7))
    whole = joined(SEQUENCE, writer, rows)
    assert all(size <= 2000 for size in whole["sizes"])
    assert len(whole["sizes"]) > 2
    assert whole["env_index"] == rows.env_index
    assert same(whole["observations"], rows.observations)
    assert same(whole["finals"], rows.finals)
    assert whole["infos"] == rows.infos


def test_one_row_over_the_limit_by_its_length_is_sent_alone():
    writer = TransitionWriter("X-v0", SEQUENCE, 4, 2000)
    rows = of_lengths((1, 100000, 1, 1))
    whole = joined(SEQUENCE, writer, rows)
    assert [size > 2000 for size in whole["sizes"]].count(True) == 1
    assert same(whole["observations"], rows.observations)


def test_a_limit_holds_back_the_buffer():
    writer = TransitionWriter("X-v0", SEQUENCE, 64, 4000)
    joined(SEQUENCE, writer, of_lengths([100] * 64))
    assert len(writer._room.buffer) <= 2 * 4000


def test_the_row_that_breaks_a_space_without_greatest_size_is_named():
    rows = of_lengths((1, 2000, 2, 3))
    rows.observations[2] = (np.zeros(4, np.uint8), np.zeros(5, np.uint8))
    with pytest.raises(InvalidRow, match=r"shape \(5,\), its space \(4,\)") as raised:
        parts(TransitionWriter("X-v0", SEQUENCE, 4, 0), rows)
    assert raised.value.row == 2
