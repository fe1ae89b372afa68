"""Rows that were played, as payload and details of TRANSITION frames (session.proto, TransitionPart)."""

import struct
from functools import lru_cache

from gymlink.protocol import schema, wire
from gymlink.protocol.columns import BufferFull
from gymlink.protocol.layout import COLUMN_BYTES, InvalidRow, columns_bytes, has_greatest_size, known_bytes, padded
from gymlink.protocol.layout_writer import LayoutWriter
from gymlink.protocol.values import magnitude
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.infos import encode_infos

# Flags of a TRANSITION frame (worker.proto).
MORE, SHARED, COMPRESSED = 1, 2, 4


class Rows:
    """What the rows of one request gave, gathered in ascending order of their sub-environments.

    Args:
        count: Number of rows.
    """

    def __init__(self, count):
        self.count = count
        self.env_index = self.episode = self.episode_step = ()
        self.observations, self.reward, self.infos = [], [], []
        self.terminated, self.truncated = bytearray(count), bytearray(count)
        self.kind, self.has_final = bytearray(count), bytearray(count)
        # Of the rows with has_final 1, in row order.
        self.finals, self.final_infos = [], []
        # (row, seed) of the rows that a reset with a seed produced.
        self.seeds = []

    def slice(self, begin, end):
        """Rows begin … end - 1."""
        part = Rows(end - begin)
        for name in _ROW_COLUMNS:
            setattr(part, name, getattr(self, name)[begin:end])
        first_final = sum(self.has_final[:begin])
        finals = slice(first_final, first_final + sum(part.has_final))
        part.finals, part.final_infos = self.finals[finals], self.final_infos[finals]
        part.seeds = [(row - begin, seed) for row, seed in self.seeds if begin <= row < end]
        return part

    def write_columns(self, buffer, seq):
        """Writes blocks 1 to 9 of a payload to its begin; returns where they end. Raises InvalidRow."""
        columns = _columns(self.count)
        try:
            columns.pack_into(
                buffer,
                0,
                *self.env_index,
                *self.episode,
                *self.episode_step,
                seq.to_bytes(8, "little") * self.count,
                *self.reward,
                self.terminated,
                self.truncated,
                self.kind,
                self.has_final,
            )
        except struct.error as error:
            raise _first_invalid_reward(self.reward) from error
        return columns.size

    def write_observations(self, layout, begin):
        """Writes the observations with a LayoutWriter; returns where they end."""
        return layout.write(self.observations, begin)


# Larger messages are slower in the server and in clients on Node (docs/performance.md), so rows are spread over several.
_PREFERRED_BYTES = 2 << 20

_ROW_COLUMNS = (
    "env_index",
    "episode",
    "episode_step",
    "observations",
    "reward",
    "infos",
    "terminated",
    "truncated",
    "kind",
    "has_final",
)


@lru_cache(maxsize=256)
def _columns(count):
    """Blocks 1 to 9 of a payload, each padded to a multiple of 8 bytes."""
    forms = [f"{count}I"] * 3 + [f"{8 * count}s", f"{count}d"] + [f"{count}s"] * 4
    paddings = [padded(size * count) - size * count for size in COLUMN_BYTES]
    return struct.Struct("<" + "".join(f"{form}{pad}x" for form, pad in zip(forms, paddings)))


def _payload_bytes(space, rows, has_finals=True):
    """Most bytes of a payload (see known_bytes): if there are final observations at all, every row has one."""
    return columns_bytes(rows) + known_bytes(space, rows) * (2 if has_finals else 1)


class _Room:
    """A buffer for payloads.

    Args:
        space: Observation space of a sub-environment.
        buffer: The buffer.
    """

    def __init__(self, space, buffer):
        self.buffer, self.layout = memoryview(buffer), LayoutWriter(space, buffer)


class TransitionWriter:
    """Encodes rows into one buffer that is used again for every request, and grows for spaces without a greatest size.

    Args:
        env_id: Id of the environment, for messages.
        space: Observation space of a sub-environment.
        count: Most rows of a request.
        max_part_bytes: Greatest payload of a frame; 0 for no limit.
        encode: Encodes the infos of some rows, as `encode_infos`.
        has_finals: Whether rows may have final observations.

    Raises:
        RequestError: MESSAGE_TOO_LARGE, when a single row is over the limit.
    """

    def __init__(self, env_id, space, count, max_part_bytes, encode=encode_infos, has_finals=True):
        self._space, self._max_bytes, self._has_finals = space, max_part_bytes or 1 << 62, has_finals
        self._slot_of, self._slots = None, {}
        self._check_row(env_id, _payload_bytes(space, 1))
        self._rows_per_part = _most_rows(space, count, min(self._max_bytes, _PREFERRED_BYTES), has_finals)
        self._allocate(_payload_bytes(space, self._rows_per_part, has_finals))
        self._encode_infos, self._unsupported = encode, set()

    def _allocate(self, length):
        self._room = _Room(self._space, bytearray(length))

    def most_bytes(self, rows):
        """Most bytes of a payload with so many rows; 0 where there is no greatest size."""
        return _payload_bytes(self._space, rows, self._has_finals) if has_greatest_size(self._space) else 0

    def share(self, memory):
        """Has payloads of requests that name a slot written to a SharedMemory, whose slots hold `most_bytes` of their rows."""
        self._slot_of = memory.slot

    def _room_in(self, slot_of, number):
        room = self._slots.get(number)
        if room is None:
            room = self._slots[number] = _Room(self._space, slot_of(number))
        return room

    def _check_row(self, env_id, size):
        if size > self._max_bytes:
            message = (
                f"One row of {env_id} takes up to {size} bytes, but at most {self._max_bytes} fit into a message. "
                "Open the session with a larger max_message_bytes."
            )
            raise RequestError(schema.ERROR_REASON_MESSAGE_TOO_LARGE, message)

    def write(self, seq, rows, send, slot=None):
        """Encodes rows, in as many parts as the limit needs, or into a slot of shared memory.

        Args:
            seq: The request that the rows answer.
            rows: The Rows.
            send: Called with each part: number of rows, payload, details, flags (MORE, SHARED). The payload is valid within
                the call.
            slot: The number of a slot, or None.

        Raises:
            InvalidRow: An observation, a reward or an info is not what it should be.
        """
        if slot is not None and self._slot_of is not None:
            payload = self._payload(seq, rows, self._room_in(self._slot_of, slot))
            send(rows.count, payload, self._details(rows), SHARED)
            return
        begin, step = 0, self._rows_per_part
        while begin < rows.count:
            step = min(step, rows.count - begin)
            part = rows if step == rows.count else rows.slice(begin, begin + step)
            try:
                payload, details = self._payload(seq, part, self._room), self._details(part)
            except InvalidRow as error:
                raise InvalidRow(str(error), None if error.row is None else begin + error.row) from error
            except BufferFull as full:
                if step > 1 and full.needed > self._max_bytes:
                    step //= 2
                else:
                    self._allocate(2 * full.needed)
                continue
            if step > 1 and len(payload) + len(details) > self._max_bytes:
                step //= 2
                continue
            begin += step
            send(step, payload, details, MORE if begin < rows.count else 0)

    def unsupported(self):
        """Class names of info values that could not travel so far."""
        return self._unsupported

    def _payload(self, seq, rows, room):
        end = rows.write_observations(room.layout, rows.write_columns(room.buffer, seq))
        if rows.finals:
            end = _write_finals(rows, end, room)
        return room.buffer[:end]

    def _details(self, rows):
        fields = {}
        infos = self._encode_infos(rows.infos, self._unsupported)
        if infos:
            fields["infos"] = infos
        if rows.finals:
            final_infos = self._encode_infos(rows.final_infos, self._unsupported)
            if final_infos:
                fields["final_infos"] = final_infos
        if rows.seeds:
            fields["seeds"] = [{"row": row, "seed": {"magnitude": magnitude(seed)}} for row, seed in rows.seeds]
        return wire.encode("TransitionDetails", fields) if fields else b""


def _most_rows(space, count, limit, has_finals):
    """The greatest number of rows, at most `count`, whose payload is within the limit."""
    low, high = 1, count
    while low < high:
        middle = (low + high + 1) // 2
        if _payload_bytes(space, middle, has_finals) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _first_invalid_reward(rewards):
    for row, reward in enumerate(rewards):
        try:
            struct.pack("<d", reward)
        except struct.error:
            return InvalidRow(f"its reward {reward!r} is not a number", row)
    return InvalidRow("a reward is not a number")


def _write_finals(rows, begin, room):
    try:
        return room.layout.write(rows.finals, begin)
    except InvalidRow as error:
        with_final = [row for row in range(rows.count) if rows.has_final[row]]
        raise InvalidRow(str(error), None if error.row is None else with_final[error.row]) from error
