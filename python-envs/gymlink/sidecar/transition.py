"""One TRANSITION frame's payload, written row by row (session.proto, TransitionPart)."""

import copy

from gymlink.sidecar import wire
from gymlink.sidecar.infos import describe_infos
from gymlink.sidecar.layout import batch_bytes, is_fixed, pack, padded, writer
from gymlink.sidecar.values import magnitude

# Columns before the observations: name, memoryview format, bytes of an element.
_COLUMNS = (
    ("env_index", "I", 4),
    ("episode", "I", 4),
    ("episode_step", "I", 4),
    ("seq", "Q", 8),
    ("reward", "d", 8),
    ("terminated", "B", 1),
    ("truncated", "B", 1),
    ("kind", "B", 1),
    ("has_final", "B", 1),
)
COLUMN_BYTES = sum(size for _, _, size in _COLUMNS)


class Transition:
    """Buffer for the rows of one TRANSITION frame; used again for each.

    Attributes `env_index`, `episode`, `episode_step`, `seq`, `reward`, `terminated`, `truncated`, `kind` and `has_final` are
    writable views of `rows` elements.

    Args:
        space: Observation space of a sub-environment.
        rows: Number of rows.
    """

    def __init__(self, space, rows):
        self.rows, self._space, self._fixed = rows, space, is_fixed(space)
        columns = sum(padded(size * rows) for _, _, size in _COLUMNS)
        self._buffer = bytearray(columns + (batch_bytes(space, rows) if self._fixed else 0))
        view, at = memoryview(self._buffer), 0
        for name, form, size in _COLUMNS:
            setattr(self, name, view[at : at + size * rows].cast(form))
            at += padded(size * rows)
        self._values = [None] * rows
        if self._fixed:
            self.set_observation, _ = writer(space, rows, self._buffer, columns)
        else:
            self.set_observation = self._values.__setitem__
        self.begin()

    def begin(self):
        """Forgets what the last frame had besides its columns."""
        self.infos, self._finals, self._final_infos, self._seeds = [], [], [], []

    def add_final(self, row, observation, info):
        """Keeps the last observation and info of an episode whose sub-environment is reset next."""
        self.has_final[row] = 1
        self._finals.append(copy.deepcopy(observation))
        self._final_infos.append(info)

    def add_seed(self, row, seed):
        """Echoes the seed that a reset used."""
        self._seeds.append({"row": row, "seed": {"magnitude": magnitude(seed)}})

    def payload(self):
        """The payload's bytes, valid until the next frame."""
        if self._fixed and not self._finals:
            return self._buffer
        observations = b"" if self._fixed else pack(self._space, self._values)
        finals = pack(self._space, self._finals) if self._finals else b""
        return bytes(self._buffer) + observations + finals

    def details(self):
        """The serialized TransitionDetails; empty when there are none."""
        fields = {}
        infos, final_infos = describe_infos(self.infos), describe_infos(self._final_infos)
        if infos is not None:
            fields["infos"] = infos
        if final_infos is not None:
            fields["final_infos"] = final_infos
        if self._seeds:
            fields["seeds"] = self._seeds
        return wire.encode("TransitionDetails", fields) if fields else b""
