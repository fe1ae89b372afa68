"""Slots of shared memory, which the server has reserved for payloads (session.proto, SharedSlot)."""

import mmap
import os

_HEADER_BYTES = 64


class SharedMemory:
    """The slots of a file, mapped for as long as anything refers to them.

    Args:
        path: The file.
        slot_bytes: Bytes of a slot.

    Raises:
        OSError: It cannot be mapped.
    """

    def __init__(self, path, slot_bytes):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._bytes = memoryview(mmap.mmap(descriptor, 0))
        finally:
            os.close(descriptor)
        self._slot_bytes = slot_bytes

    def slot(self, number):
        """The bytes of a slot."""
        begin = _HEADER_BYTES + number * self._slot_bytes
        return self._bytes[begin : begin + self._slot_bytes]
