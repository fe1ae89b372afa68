import { createServer, type Server, type Socket } from 'node:net';
import { messageReader, writeMessage } from '../proto/session-socket.js';
import { ErrorReason, type RequestError, requestError } from './errors.js';
import { limits } from './limits.js';
import { listenPrivately } from './runtime-folder.js';
import type { ClientStream, SessionStream } from './session-stream.js';
import { errorMessage } from './slot.js';

/** What the server sent last may take this long to be read. */
const lingerMs = 10_000;

/** Takes Session streams of clients on this machine without gRPC (session.proto, "Session socket"). */
export class SessionListener {
  readonly #server: Server;

  /** @param open Begins a stream. */
  constructor(open: (stream: ClientStream) => SessionStream) {
    this.#server = createServer((socket) => accept(socket, open));
  }

  /** Listens on a Unix socket, which must lie in the server's private folder: whoever can connect may open sessions. */
  async listen(path: string): Promise<void> {
    await listenPrivately(this.#server, path);
  }

  /** Takes no connections any more. Those that are there end with their streams. */
  close(): void {
    this.#server.close();
  }
}

function accept(socket: Socket, open: (stream: ClientStream) => SessionStream): void {
  const held: Buffer[] = [];
  let isPaused = false;
  const stream = open({
    peer: 'session socket',
    send: (message) => writeMessage(socket, message),
    end: (error) => {
      if (error !== undefined) writeMessage(socket, errorMessage(0n, error));
      endSoon(socket);
    },
    pause: () => {
      isPaused = true;
      socket.pause();
    },
    resume: () => {
      isPaused = false;
      takeHeld();
      if (!isPaused) socket.resume();
    },
  });
  const takeHeld = (): void => {
    while (!isPaused && held.length > 0) stream.receive(held.shift() as Buffer);
  };
  // A chunk may have more messages than the stream takes now.
  const reader = messageReader(limits.maxMessageBytes, (message) => {
    if (isPaused) held.push(message);
    else stream.receive(message);
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      stream.terminate(tooLarge(error as RangeError));
    }
  });
  socket.on('drain', () => stream.drained());
  // 'close' follows.
  socket.on('error', () => undefined);
  socket.once('close', () => stream.cancelled());
}

function endSoon(socket: Socket): void {
  socket.end();
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function tooLarge({ message }: RangeError): RequestError {
  return requestError(ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE, message);
}
