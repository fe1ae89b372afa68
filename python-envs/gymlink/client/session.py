"""One session on its stream: requests in order, each answered within a deadline (session.proto)."""

import contextlib
from collections import deque
from typing import Any

from gymlink.client.compression import decompressor
from gymlink.client.errors import GymlinkError, failure, from_message, malformed
from gymlink.client.shared_memory import SharedMemory
from gymlink.client.spaces import from_message as space_from_message
from gymlink.client.stacks import Stacks
from gymlink.client.streams import open_stream
from gymlink.protocol import wire

_CLOSE_TIMEOUT_S = 30.0


class Session:
    """The requests of one session. Not for several threads at a time.

    Args:
        address: ``HOST:PORT`` or ``unix:/path/to/socket``.
        timeout_s: Seconds within which each request must be answered.

    Raises:
        GymlinkError: CONNECTION_FAILED or DEADLINE_EXCEEDED.
    """

    def __init__(self, address, timeout_s):
        self._timeout_s = timeout_s
        self._stream = open_stream(address, timeout_s)
        self._seq = self._acknowledged = 0
        self._max_message_bytes, self._memory, self._decompress, self._stacks = 0, None, None, None
        self._ended = None

    def open(self, request, timeout_s):
        """Opens the session with an OpenRequest within some seconds; returns the OpenedResponse."""
        later, self._timeout_s = self._timeout_s, timeout_s
        try:
            self._decompress = decompressor(request)
            opened = self.request("open", request, "opened")
            if opened.get("newest_frame_only"):
                self._stacks = Stacks(space_from_message(opened.get("observation_space", {})), request["num_envs"])
        except BaseException:
            self.abandon()
            raise
        self._timeout_s = later
        self._max_message_bytes = opened.get("max_message_bytes", 0)
        if "shared_memory" in opened:
            self._share(opened["shared_memory"])
        return opened

    def _share(self, offer):
        """Takes the offer of shared memory, if this process can read it; otherwise payloads come in messages."""
        with contextlib.suppress(OSError):
            memory = SharedMemory(offer)
            try:
                self.request("shared_memory_proof", {"nonce": memory.nonce}, "shared_memory_ready")
                self._memory = memory
            except GymlinkError:
                memory.close()

    def request(self, kind, message, reply):
        """Makes a request and waits for its reply.

        Args:
            kind: Field of SessionRequest.
            message: The request.
            reply: Field of SessionResponse that must answer it.

        Returns:
            The reply; of a Transition the list of its parts.

        Raises:
            GymlinkError: The request failed, or the session has ended.
        """
        return self.receive(self.send(kind, message), reply)

    def send(self, kind, message):
        """Sends a request without waiting for its reply; returns its number."""
        if self._ended is not None:
            raise self._ended
        seq = self._seq + 1
        data = wire.encode("SessionRequest", {"seq": seq, "acknowledged": self._acknowledged, kind: message})
        if self._max_message_bytes and len(data) > self._max_message_bytes:
            raise failure(
                "MESSAGE_TOO_LARGE",
                f"The {kind} takes {len(data)} bytes, over the server's limit of {self._max_message_bytes}, and was not sent: "
                "send less at a time, or open fewer sub-environments in a session.",
            )
        self._seq = seq
        try:
            self._stream.write(data, self._timeout_s)
        except GymlinkError as error:
            raise self._broken(error) from error
        return seq

    def receive(self, seq, reply) -> Any:
        """Waits for the reply to a request; replies to earlier ones are dropped."""
        parts = []
        while True:
            response = self._next()
            number = response.pop("seq", 0)
            if number < seq:
                # Nobody waited for its reply; the delivery is taken all the same.
                self._drop(response.get("transition"))
                continue
            if number > seq:
                raise self._broken(malformed(f"it answered request {number} before {seq}"))
            found = self._answer(response, reply)
            if reply != "transition":
                return found
            parts += [self._whole(part) for part in found.get("parts", ())]
            if self._acknowledge(found):
                return parts

    def close(self):
        """Closes the session on the server, and the stream. One that has ended already is closed."""
        if self._ended is None:
            self._timeout_s = min(self._timeout_s, _CLOSE_TIMEOUT_S)
            # With the stream the session has ended on the server, too.
            with contextlib.suppress(GymlinkError):
                self.request("close", {}, "closed")
        self.abandon()

    def abandon(self):
        """Gives the session up without a word to the server, which notices the end of the stream."""
        self._end(failure("SESSION_CLOSED", "The environment was closed. Make it again."))

    def _answer(self, response, reply):
        """The reply in a response to a request; raises the GymlinkError in it."""
        if "error" in response:
            raise from_message(response["error"])
        if reply not in response:
            raise self._broken(malformed(f"it answered with {', '.join(response) or 'nothing'} instead of {reply}"))
        return response[reply]

    def _drop(self, transition):
        if transition is not None:
            for part in transition.get("parts", ()) if self._stacks is not None else ():
                self._whole(part)
            self._acknowledge(transition)

    def _whole(self, part):
        """A part with its whole payload."""
        part = self._uncompressed(part)
        if self._stacks is None:
            return part
        try:
            return {**part, "payload": self._stacks.whole(part.get("payload", b""), part.get("rows", 0))}
        except GymlinkError as error:
            # What comes later goes on from it.
            self._end(error)
            raise

    def _uncompressed(self, part):
        if "uncompressed_bytes" in part:
            if self._decompress is None:
                raise self._broken(malformed("a payload is compressed although nobody asked for it"))
            return {**part, "payload": self._decompress(part)}
        if "slot" not in part:
            return part
        if self._memory is None:
            raise self._broken(malformed("a payload is in shared memory that was not asked for"))
        return {**part, "payload": self._memory.payload(part["slot"])}

    def _acknowledge(self, transition):
        """Whether a transition is the last message of its delivery, which is then taken."""
        if transition.get("more"):
            return False
        self._acknowledged = transition.get("delivery", 0)
        return True

    def _next(self):
        if self._ended is not None:
            raise self._ended
        try:
            response = wire.decode("SessionResponse", self._stream.read(self._timeout_s))
        except wire.WireError as error:
            raise self._broken(malformed(str(error))) from error
        except GymlinkError as error:
            raise self._broken(error) from error
        except BaseException:
            # Ctrl-C, for example: what was asked for may come yet, and nobody would take it.
            self._end(
                failure("SESSION_CLOSED", "The environment was closed, because a wait for it was interrupted. Make it again.")
            )
            raise
        if "error" in response and response.get("seq", 0) == 0:
            raise self._broken(from_message(response["error"]))
        return response

    def _broken(self, error):
        self._end(error)
        return error

    def _end(self, error):
        if self._ended is not None:
            return
        self._ended = error
        self._stream.close()
        if self._memory is not None:
            self._memory.close()


class AsyncSession(Session):
    """A session whose rows come in deliveries that answer no request. Replies come in any order.

    Args:
        address: As for Session.
        timeout_s: Seconds within which anything must come that is waited for.
    """

    def __init__(self, address, timeout_s):
        super().__init__(address, timeout_s)
        self._begun, self._kept = [], deque()

    def receive(self, seq, reply):
        """Waits for the reply to a request; what comes before it is kept for `arrival`."""
        while True:
            arrived = self._take()
            if arrived[0] == seq:
                return self._answer(arrived[1], reply)
            self._kept.append(arrived)

    def arrival(self):
        """Waits for what comes next.

        Returns:
            ``(0, parts)`` for a delivery; ``(request, None)`` for a request that was accepted, ``(request, error)`` for one that
            failed.

        Raises:
            GymlinkError: The session has ended.
        """
        seq, response = self._kept.popleft() if self._kept else self._take()
        if seq == 0:
            return seq, self._answer(response, "transition")
        if "error" in response:
            return seq, from_message(response["error"])
        self._answer(response, "accepted")
        return seq, None

    @property
    def has_arrival(self):
        """Whether `arrival` answers without a wait."""
        return bool(self._kept) or self._ended is not None

    def _take(self):
        """``(seq, response)`` of the next response; of a Transition, which is whole, the response is its parts."""
        while True:
            response = self._next()
            seq, transition = response.pop("seq", 0), response.get("transition")
            if transition is None:
                return seq, response
            self._begun += [self._whole(part) for part in transition.get("parts", ())]
            if self._acknowledge(transition):
                parts, self._begun = self._begun, []
                return seq, {"transition": parts}
