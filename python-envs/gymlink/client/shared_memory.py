"""Payloads that a server on this machine gives in shared memory (session.proto, SharedSlot)."""

import os

from gymlink.client.errors import malformed

_HEADER_BYTES, _NONCE_BYTES = 64, 16


class SharedMemory:
    """The offered file, of which payloads are copies.

    Args:
        offer: The SharedMemoryOffer.

    Attributes:
        nonce: What the file begins with: the proof that this process can read it.

    Raises:
        OSError: It cannot be read here, for example because the server is on another machine.
    """

    def __init__(self, offer):
        self._slot_bytes, self._slots = offer["slot_bytes"], offer["slots"]
        self._file = os.open(offer["path"], os.O_RDONLY | os.O_CLOEXEC)
        self._is_open = True
        self.nonce = os.pread(self._file, _NONCE_BYTES, 0)

    def payload(self, place):
        """The bytes that a SharedSlot names.

        Raises:
            GymlinkError: MALFORMED_REPLY, if there is no such slot.
        """
        slot, length = place.get("slot", 0), place.get("length", 0)
        if slot >= self._slots or length > self._slot_bytes:
            raise malformed(f"{length} bytes in slot {slot} are not in the shared memory")
        payload = os.pread(self._file, length, _HEADER_BYTES + slot * self._slot_bytes)
        if len(payload) != length:
            raise malformed("the shared memory ends early")
        return payload

    def close(self):
        """Gives it up; may be called again."""
        if self._is_open:
            os.close(self._file)
        self._is_open = False
