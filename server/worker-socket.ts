import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { FrameType, Hello, type Role } from '../proto/gen/gymlink/worker/v1/worker.js';
import { readFirstFrame } from './frames.js';
import type { Logger } from './log.js';
import { listenPrivately } from './runtime-folder.js';

/** What a sidecar process said about a new connection. */
export interface Greeting {
  readonly role: Role;
  readonly workerId: number;
  readonly pid: number;
}

type OnConnection = (socket: Socket, greeting: Greeting) => void;

const helloMs = 10_000;

/** The Unix socket on which sidecar processes report. A connection whose Hello lacks a token that is expected is closed. */
export class WorkerSocket {
  readonly #server: Server;
  readonly #log: Logger;
  readonly #expected = new Map<string, OnConnection>();

  constructor(log: Logger) {
    this.#log = log;
    this.#server = createServer((socket) => this.#greet(socket));
  }

  async listen(path: string): Promise<void> {
    await listenPrivately(this.#server, path);
  }

  /** Hands connections that carry `token` to `onConnection`, paused, with everything after the Hello unread. */
  expect(token: string, onConnection: OnConnection): void {
    this.#expected.set(token, onConnection);
  }

  forget(token: string): void {
    this.#expected.delete(token);
  }

  close(): void {
    this.#server.close();
  }

  #greet(socket: Socket): void {
    const deadline = setTimeout(() => socket.destroy(), helloMs);
    const ignoreError = (): void => undefined;
    socket.on('error', ignoreError);
    socket.once('close', () => clearTimeout(deadline));
    readFirstFrame(socket, (frame) => {
      clearTimeout(deadline);
      const hello = frame.type === FrameType.FRAME_TYPE_HELLO ? decodeHello(frame.body) : undefined;
      const onConnection = hello && this.#find(hello.token);
      if (hello === undefined || onConnection === undefined) {
        this.#log.warn(
          'closed a connection to the worker socket: its first frame is no valid Hello',
        );
        socket.destroy();
        return;
      }
      onConnection(socket, hello);
    });
  }

  #find(token: string): OnConnection | undefined {
    const given = Buffer.from(token);
    for (const [expected, onConnection] of this.#expected) {
      const wanted = Buffer.from(expected);
      if (wanted.length === given.length && timingSafeEqual(wanted, given)) return onConnection;
    }
    return undefined;
  }
}

function decodeHello(body: Buffer): Hello | undefined {
  try {
    return Hello.decode(body);
  } catch {
    return undefined;
  }
}
