"""A client of gymlink, written from the `.proto` files alone.

with Client("127.0.0.1:50051") as client:
    with client.session() as session:
        session.open(env_id="CartPole-v1", num_envs=2)
        transition = session.reset(seed=1)
        transition = session.step(np.array([0, 1]))
"""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import zstandard

from python_spaces import PayloadReader, encode, read
from python_stubs import error_pb2, service_pb2, service_pb2_grpc, session_pb2
from python_values import infos_from_proto, map_to_proto, seed_from_proto, seed_to_proto

PROTOCOL = (1, 0)
_CALL_TIMEOUT_S = 60.0
_STREAM_TIMEOUT_S = 300.0
_COLUMNS = (
    ("env_index", "<u4"),
    ("episode", "<u4"),
    ("episode_step", "<u4"),
    ("seq", "<u8"),
    ("reward", "<f8"),
    ("terminated", "u1"),
    ("truncated", "u1"),
    ("kind", "u1"),
    ("has_final", "u1"),
)


class GymlinkError(Exception):
    """A request that failed.

    Attributes:
        reason: Name of the reason, for example `INVALID_ACTION`.
        env_id: Id of the environment concerned; empty if none.
        env_indices: Sub-environments concerned.
        advanced_env_indices: Sub-environments that the failed request advanced all the same.
        exception: `(type, message, traceback)` of what the environment raised, or None.
        suggestions: Names that may have been meant.
        status: Name of the gRPC status code when the error came with one, else None.
    """

    def __init__(self, error: Any, status: str | None = None) -> None:
        """Takes over an Error message."""
        super().__init__(error.message)
        known = error.reason in error_pb2.ErrorReason.values()
        name = error_pb2.ErrorReason.Name(error.reason) if known else "ERROR_REASON_INTERNAL"
        self.reason = name[len("ERROR_REASON_") :]
        self.env_id = error.env_id
        self.env_indices = list(error.env_indices)
        self.advanced_env_indices = list(error.advanced_env_indices)
        raised = error.exception
        present = error.HasField("exception")
        self.exception = (raised.type, raised.message, raised.traceback) if present else None
        self.suggestions = list(error.suggestions)
        self.status = status


class StreamEndedError(Exception):
    """The server ended the stream.

    Attributes:
        status: Name of the gRPC status code.
        error: The Error of the trailing metadata as a GymlinkError, or None.
    """

    def __init__(self, status: str, error: GymlinkError | None) -> None:
        """Keeps status and error."""
        super().__init__(f"the stream ended with {status}")
        self.status = status
        self.error = error


def _error_of(failure: Any) -> GymlinkError | None:
    """Gives the Error in the trailing metadata of a failed call."""
    for key, value in failure.trailing_metadata() or ():
        if key == "gymlink-error-bin":
            return GymlinkError(error_pb2.Error.FromString(value), failure.code().name)
    return None


@dataclass
class Part:
    """The rows of one TransitionPart; the fields are those of its payload and details."""

    columns: dict[str, np.ndarray]
    observation: Any
    final_observation: Any
    infos: list[dict[Any, Any]]
    final_infos: list[dict[Any, Any]]
    seeds: dict[int, int]


@dataclass
class Transition:
    """One delivery, whole.

    Attributes:
        delivery: Its number.
        parts: Its parts in order.
        message_sizes: Bytes of each message that it came in.
    """

    delivery: int
    parts: list[Part] = field(default_factory=list)
    message_sizes: list[int] = field(default_factory=list)

    def column(self, name: str) -> np.ndarray:
        """Gives one of the nine columns for all rows, for example `reward`."""
        return np.concatenate([part.columns[name] for part in self.parts])


def _payload(message: Any) -> bytes:
    """Gives a part's payload as it was before compression."""
    if message.uncompressed_bytes == 0:
        return message.payload
    sizes = [np.dtype(dtype).itemsize * message.rows for _, dtype in _COLUMNS]
    begin = sum(size + -size % 8 for size in sizes)
    rest = zstandard.ZstdDecompressor().decompress(message.payload[begin:])
    if begin + len(rest) != message.uncompressed_bytes:
        raise ValueError(f"{begin + len(rest)} bytes, not {message.uncompressed_bytes}")
    return message.payload[:begin] + rest


def _read_stacks(
    space: Any, ended: np.ndarray, envs: np.ndarray, reader: PayloadReader, stacks: dict[int, Any]
) -> tuple[Any, Any]:
    """Reads final observations and observations of which only newest frames may be there."""
    order = [*ended.tolist(), *envs.tolist()]
    shifted = reader.block(np.dtype("u1"), (len(order),)).tolist()
    frame = type(space).FromString(space.SerializeToString())
    del frame.box.shape[0]
    newest = iter(read(frame, sum(shifted), reader) if any(shifted) else ())
    whole = iter(read(space, shifted.count(0), reader) if 0 in shifted else ())
    rows = []
    for env, is_shifted in zip(order, shifted):
        stacks[env] = np.stack([*stacks[env][1:], next(newest)]) if is_shifted else next(whole)
        rows.append(stacks[env])
    finals = np.stack(rows[: len(ended)]) if len(ended) else None
    return np.stack(rows[len(ended) :]), finals


def _read_part(message: Any, space: Any, stacks: dict[int, Any] | None) -> Part:
    rows = message.rows
    reader = PayloadReader(_payload(message))
    columns = {name: reader.block(np.dtype(dtype), (rows,)) for name, dtype in _COLUMNS}
    finals = int(columns["has_final"].sum())
    if stacks is None:
        observation = read(space, rows, reader)
        final_observation = read(space, finals, reader) if finals else None
    else:
        envs = columns["env_index"]
        ended = envs[columns["has_final"] == 1]
        observation, final_observation = _read_stacks(space, ended, envs, reader, stacks)
    reader.finish()
    details = session_pb2.TransitionDetails.FromString(message.details)
    infos = infos_from_proto(details.infos, rows)
    final_infos = infos_from_proto(details.final_infos, finals)
    seeds = {row.row: seed_from_proto(row.seed) for row in details.seeds}
    return Part(columns, observation, final_observation, infos, final_infos, seeds)


class Session:
    """One stream and its session; see session.proto."""

    def __init__(self, stub: Any) -> None:
        """Begins a stream; `open` comes next."""
        self._outgoing: queue.Queue[Any] = queue.Queue()
        self._call = stub.Session(iter(self._outgoing.get, None), timeout=_STREAM_TIMEOUT_S)
        self._seq = 0
        self._delivery = 0
        self.opened: Any = None
        self._stacks: dict[int, Any] = {}

    def send(self, seq: int | None = None, **request: Any) -> int:
        """Sends one request without waiting for its reply.

        Args:
            seq: Number of the request; None takes the next one.
            **request: One field of the oneof `request`, for example `ping=PingRequest()`.

        Returns:
            The number of the request.
        """
        number = self._seq + 1 if seq is None else seq
        self._seq = max(self._seq, number)
        message = session_pb2.SessionRequest(seq=number, acknowledged=self._delivery, **request)
        self._outgoing.put(message)
        return number

    def _next(self) -> Any:
        try:
            return next(self._call)
        except StopIteration:
            raise StreamEndedError("OK", None) from None
        except grpc.RpcError as failure:
            raise StreamEndedError(failure.code().name, _error_of(failure)) from failure

    def receive(self, seq: int) -> Any:
        """Takes the reply to a request; replies must be taken in the order of their requests.

        Returns:
            A Transition for the field `transition`, otherwise the message of the field that is set.

        Raises:
            GymlinkError: The request failed.
            StreamEndedError: The server ended the stream instead.
        """
        reply = self._next()
        if reply.seq != seq:
            raise RuntimeError(f"the reply to request {seq} carries seq {reply.seq}")
        kind = reply.WhichOneof("response")
        if kind == "error":
            raise GymlinkError(reply.error)
        return self._transition(reply, seq) if kind == "transition" else getattr(reply, kind)

    def _transition(self, reply: Any, seq: int) -> Transition:
        whole = Transition(reply.transition.delivery)
        space = self.opened.observation_space
        stacks = self._stacks if self.opened.newest_frame_only else None
        while True:
            whole.message_sizes.append(reply.ByteSize())
            whole.parts.extend(_read_part(part, space, stacks) for part in reply.transition.parts)
            if not reply.transition.more:
                break
            reply = self._next()
            if (reply.seq, reply.transition.delivery) != (seq, whole.delivery):
                raise RuntimeError(f"another message between those of delivery {whole.delivery}")
        if whole.delivery != self._delivery + 1:
            raise RuntimeError(f"delivery {whole.delivery} follows {self._delivery}")
        self._delivery = whole.delivery
        return whole

    def request(self, seq: int | None = None, **request: Any) -> Any:
        """Sends one request and takes its reply; see `send` and `receive`."""
        return self.receive(self.send(seq, **request))

    def open(self, env_id: str, num_envs: int, **fields: Any) -> Any:
        """Opens the session.

        Args:
            env_id: Id from the catalogue.
            num_envs: Number of sub-environments.
            **fields: Further fields of OpenRequest.

        Returns:
            The OpenedResponse.
        """
        protocol = session_pb2.ProtocolVersion(major=PROTOCOL[0], minor=PROTOCOL[1])
        fields.setdefault("protocol", protocol)
        request = session_pb2.OpenRequest(env_id=env_id, num_envs=num_envs, **fields)
        self.opened = self.request(open=request)
        return self.opened

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Transition:
        """Resets all sub-environments, number i with seed + i."""
        message = session_pb2.ResetRequest(seed=seed_to_proto(seed), options=map_to_proto(options))
        return self.request(reset=message)

    def step(self, actions: Any) -> Transition:
        """Steps all sub-environments with a batch of actions; see python_spaces."""
        payload = encode(self.opened.action_space, actions)
        return self.request(step=session_pb2.StepRequest(actions=payload))

    def render(self) -> list[Any]:
        """Renders all sub-environments.

        Returns:
            One Rendering a sub-environment.
        """
        return list(self.request(render=session_pb2.RenderRequest()).renderings)

    def close(self) -> None:
        """Closes the session, and waits until the server ended the stream."""
        self.request(close=session_pb2.CloseRequest())
        self.await_end()

    def await_end(self) -> StreamEndedError:
        """Waits until the server ends the stream, and tells how it did."""
        try:
            message = self._next()
        except StreamEndedError as end:
            return end
        raise RuntimeError(f"a message instead of the end of the stream: {message}")

    def half_close(self) -> None:
        """Tells the server that no further request follows."""
        self._outgoing.put(None)

    def cancel(self) -> None:
        """Drops the stream."""
        self._outgoing.put(None)
        self._call.cancel()

    def __enter__(self) -> Session:
        """Gives the session itself."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Drops the stream, which closes a session that is still open."""
        self.cancel()


class Client:
    """A connection to a server.

    Calls raise GymlinkError when the server answers with an Error, and grpc.RpcError when there is none.
    """

    def __init__(self, address: str) -> None:
        """Connects, without TLS.

        Args:
            address: `host:port` or `unix:path`.
        """
        self._channel = grpc.insecure_channel(address)
        self._stub = service_pb2_grpc.EnvironmentServiceStub(self._channel)

    def _unary(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request, timeout=_CALL_TIMEOUT_S)
        except grpc.RpcError as failure:
            error = _error_of(failure)
            if error is None:
                raise
            raise error from failure

    def server_info(self) -> Any:
        """Gives the GetServerInfoResponse."""
        return self._unary("GetServerInfo", service_pb2.GetServerInfoRequest())

    def list(self, contains: str = "") -> Any:
        """Gives the ListEnvironmentsResponse."""
        return self._unary("ListEnvironments", service_pb2.ListEnvironmentsRequest(contains=contains))

    def describe(self, env_id: str, **fields: Any) -> Any:
        """Gives the DescribeEnvironmentResponse; `fields` are further ones of the request."""
        request = service_pb2.DescribeEnvironmentRequest(env_id=env_id, **fields)
        return self._unary("DescribeEnvironment", request)

    def list_sessions(self) -> Any:
        """Gives the ListSessionsResponse."""
        return self._unary("ListSessions", service_pb2.ListSessionsRequest())

    def close_session(self, session_id: str) -> Any:
        """Closes a session from outside its stream."""
        return self._unary("CloseSession", service_pb2.CloseSessionRequest(session_id=session_id))

    def session(self) -> Session:
        """Begins a stream."""
        return Session(self._stub)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> Client:
        """Gives the client itself."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Closes the connection."""
        self.close()
