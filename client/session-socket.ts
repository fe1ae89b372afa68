import { connect, type Socket } from 'node:net';
import { SessionResponse } from '../proto/gen/gymlink/v1/session.js';
import { messageReader, writeMessage } from '../proto/session-socket.js';
import { fromErrorMessage, GymlinkError } from './errors.js';
import { maxMessageBytes } from './open-request.js';
import type { SessionStream } from './session.js';

/**
 * Opens a stream over the session socket of a server on this machine (session.proto, "Session socket").
 *
 * @param path The socket, as the server tells it.
 * @param address The server's address, for error messages.
 * @returns The stream; undefined where the socket cannot be reached, for example because the server is in another container.
 */
export function openSessionSocket(
  path: string,
  address: string,
): Promise<SessionStream | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(undefined));
    socket.once('connect', () => resolve(sessionStream(socket, address)));
  });
}

function sessionStream(socket: Socket, address: string): SessionStream {
  let onResponse: (response: SessionResponse) => void = () => undefined;
  let onEnd: (error: GymlinkError | undefined) => void = () => undefined;
  const take = (message: Uint8Array): void => {
    const response = SessionResponse.decode(message);
    if (response.seq === 0n && response.response?.$case === 'error')
      onEnd(fromErrorMessage(response.response.value));
    else onResponse(response);
  };
  const reader = messageReader(maxMessageBytes, take);
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      socket.destroy();
      const message = `The server at ${address} broke the protocol: ${(error as Error).message}`;
      onEnd(new GymlinkError('MALFORMED_REPLY', message, { cause: error }));
    }
  });
  const lose = (why: string, cause?: Error): void => {
    const message = `The connection to the server at ${address} was lost: ${why}.`;
    onEnd(new GymlinkError('CONNECTION_FAILED', message, { cause }));
  };
  socket.once('error', (error) => lose(error.message, error));
  // Of a session that was closed, nobody hears it any more.
  socket.once('close', () => lose('it was closed'));
  return {
    write: (message) => void writeMessage(socket, message),
    onResponse: (listener) => {
      onResponse = listener;
    },
    onEnd: (listener) => {
      onEnd = listener;
    },
    cancel: () => socket.destroy(),
  };
}
