import type { Socket } from 'node:net';
import type { FrameReader } from '../proto/frame-reader.js';
import { type Exited, FrameType } from '../proto/gen/gymlink/worker/v1/worker.js';
import { Deadline } from './deadline.js';
import { ErrorMessage, ErrorReason, RequestError, requestError } from './errors.js';
import { type Frame, type FrameHead, frameReader, writeFrame } from './frames.js';
import { forwardLines, type Logger } from './log.js';
import type { SharedSlot } from './shared-memory.js';
import { hasMore } from './transition.js';

/** A request on its way through a worker, which fills `bodies` or `error` and then calls `onSettled`, once. */
export interface PendingRequest {
  readonly seq: bigint;
  /** What is asked, for error messages: `Step`. */
  readonly what: string;
  readonly deadlineMs: number;
  readonly replyType: FrameType;
  /** What the payloads of the reply's frames may be written to, one each, and are unless they are in the frames. */
  readonly slots: SharedSlot[];
  /** Bodies of the reply's frames, in order; not those that `onBody` takes. */
  readonly bodies: Buffer[];
  /** Takes each body when it comes, with the slot that its frame may use. */
  readonly onBody?: ((body: Buffer, slot: SharedSlot | undefined) => void) | undefined;
  error: ErrorMessage | undefined;
  readonly onSettled: (pending: PendingRequest) => void;
}

/** The sub-environments of one worker: `first` … `first + count - 1` of its session. */
export interface Holding {
  readonly envId: string;
  readonly first: number;
  readonly count: number;
}

type WorkerState =
  | { readonly kind: 'starting'; readonly settle: (error?: ErrorMessage) => void }
  | { readonly kind: 'idle'; readonly socket: Socket }
  | {
      readonly kind: 'busy';
      readonly socket: Socket;
      readonly pending: PendingRequest[];
    }
  | {
      readonly kind: 'stopping';
      readonly socket: Socket | undefined;
      readonly deadline: NodeJS.Timeout;
    }
  | { readonly kind: 'dead'; readonly error: ErrorMessage };

/** How long the end of the socket and the exit may lie apart. */
const exitReportMs = 1_000;
/** How long a killed process may take to be reaped. */
const reapMs = 5_000;

/** A process that holds sub-environments. Forked and killed by its family's warm parent; belongs to one session. */
export class Worker {
  readonly id: number;
  readonly name: string;
  /** Settles when the process has connected; rejects with RequestError when it ends before. */
  readonly ready: Promise<void>;
  readonly #kill: () => void;
  readonly #log: Logger;
  /** That of the first pending request: the worker takes them one after another. */
  readonly #deadline = new Deadline(() => this.#expire());
  #state: WorkerState;
  /** Set when the process was reaped; without a report when its parent has died. */
  #exit: { readonly report: Exited | undefined } | undefined;
  #disconnected = false;
  #onGone: () => void = () => undefined;
  /** Settles when the process is reaped, or given up. */
  readonly gone: Promise<void>;
  /** What the worker holds, for error messages. */
  holds: Holding | undefined;
  /** Called when the worker ends although nobody asked it to. */
  onDeath: (error: ErrorMessage) => void = () => undefined;

  constructor(id: number, name: string, kill: () => void, log: Logger) {
    this.id = id;
    this.name = name;
    this.#kill = kill;
    this.#log = log.child({ worker: name });
    const { promise, settle } = startSignal();
    this.ready = promise;
    this.#state = { kind: 'starting', settle };
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
  }

  /** Takes the process's frame socket. */
  attach(socket: Socket): void {
    const state = this.#state;
    if (state.kind !== 'starting') {
      socket.destroy();
      return;
    }
    const reader = frameReader((frame) => this.#receive(frame));
    socket.on('data', (chunk: Buffer) => this.#push(reader, chunk));
    socket.once('close', () => this.#disconnect());
    socket.resume();
    this.#setState({ kind: 'idle', socket });
    state.settle();
  }

  /** Takes the process's log socket: its standard output and error. */
  attachLog(socket: Socket): void {
    forwardLines(socket, (line, leftOut) =>
      this.#log.info(leftOut === 0 ? { line } : { line, leftOut }, 'sidecar output'),
    );
  }

  /** Sends a request. Its replies come in the order of the requests. A dead worker settles it at once with its error. */
  request(pending: PendingRequest, head: FrameHead, ...pieces: readonly Uint8Array[]): void {
    const state = this.#state;
    if (state.kind === 'idle') {
      this.#deadline.set(pending.deadlineMs);
      this.#setState({ kind: 'busy', socket: state.socket, pending: [pending] });
    } else if (state.kind === 'busy') {
      state.pending.push(pending);
    } else {
      settle(pending, state.kind === 'dead' ? state.error : this.#stoppedError());
      return;
    }
    writeFrame(state.socket, head, ...pieces);
  }

  /** Asks the process to close its sub-environments and leave; kills it after `graceMs`. Settles when it is gone. */
  close(graceMs: number): Promise<void> {
    const state = this.#state;
    if (state.kind === 'dead' || state.kind === 'stopping') return this.gone;
    const socket = 'socket' in state ? state.socket : undefined;
    if (socket !== undefined) writeFrame(socket, { type: FrameType.FRAME_TYPE_CLOSE, seq: 0n });
    const deadline = setTimeout(() => this.kill(), socket === undefined ? 0 : graceMs);
    this.#setState({ kind: 'stopping', socket, deadline });
    this.#abandon(state, this.#stoppedError());
    return this.gone;
  }

  /** Kills the process. Pending requests fail with `error`. */
  kill(error: ErrorMessage = this.#stoppedError()): void {
    this.#kill();
    this.#die(error, false);
    setTimeout(() => this.#giveUp(), reapMs).unref();
  }

  /** Takes the parent's report that the process was reaped; undefined when the parent itself has died. */
  exited(report: Exited | undefined): void {
    if (this.#exit !== undefined) return;
    this.#exit = { report };
    this.#log.debug({ report }, 'worker ended');
    const die = (): void => this.#die(this.#deathError(), true);
    // What it sent last may still be on its way.
    if (this.#disconnected || !('socket' in this.#state)) die();
    else setTimeout(die, exitReportMs).unref();
    this.#onGone();
  }

  #setState(state: WorkerState): void {
    this.#state = state;
  }

  #push(reader: FrameReader, chunk: Buffer): void {
    try {
      reader.push(chunk);
    } catch (error) {
      this.#log.error({ err: error }, 'worker broke the frame protocol');
      this.kill(
        this.#error(
          ErrorReason.ERROR_REASON_MALFORMED_REPLY,
          'broke the frame protocol and was ended',
        ),
      );
    }
  }

  #receive(frame: Frame): void {
    const state = this.#state;
    if (state.kind !== 'busy') return;
    const [pending] = state.pending;
    if (pending === undefined || frame.seq !== pending.seq)
      throw new RangeError('a reply to no request');
    if (frame.type === FrameType.FRAME_TYPE_ERROR) {
      this.#advance(state, pending, ErrorMessage.decode(frame.body));
      return;
    }
    if (frame.type !== pending.replyType) throw new RangeError(`a reply of type ${frame.type}`);
    if (pending.onBody === undefined) pending.bodies.push(frame.body);
    else pending.onBody(frame.body, pending.slots.shift());
    const more = frame.type === FrameType.FRAME_TYPE_TRANSITION && hasMore(frame.body);
    if (!more) this.#advance(state, pending, undefined);
  }

  /** The first pending request is answered; the deadline goes over to the next one. */
  #advance(
    state: Extract<WorkerState, { kind: 'busy' }>,
    pending: PendingRequest,
    error: ErrorMessage | undefined,
  ): void {
    this.#deadline.clear();
    state.pending.shift();
    const [next] = state.pending;
    if (next === undefined) this.#setState({ kind: 'idle', socket: state.socket });
    else this.#deadline.set(next.deadlineMs);
    settle(pending, error);
  }

  #expire(): void {
    const state = this.#state;
    const pending = state.kind === 'busy' ? state.pending[0] : undefined;
    if (pending === undefined) return;
    const seconds = pending.deadlineMs / 1000;
    const error = this.#error(
      ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
      `did not finish ${pending.what} within ${seconds} s and was ended`,
      'Close this session and open a new one, with another seed if it was a reset that did not end.',
    );
    this.#log.warn({ what: pending.what, seconds }, 'worker exceeded its deadline');
    this.kill(error);
  }

  #disconnect(): void {
    this.#disconnected = true;
    if (this.#exit !== undefined) this.#die(this.#deathError(), true);
    else setTimeout(() => this.#loseUnreported(), exitReportMs).unref();
  }

  /** The socket ended but no exit was reported: the process closed it and lives on, or its parent is stuck. */
  #loseUnreported(): void {
    if (this.#exit === undefined && this.#state.kind !== 'stopping') this.kill(this.#deathError());
  }

  #die(error: ErrorMessage, unasked: boolean): void {
    const state = this.#state;
    if (state.kind === 'dead') return;
    this.#setState({ kind: 'dead', error });
    if (state.kind === 'stopping') clearTimeout(state.deadline);
    if ('socket' in state) state.socket?.destroy();
    this.#abandon(state, error);
    if (state.kind === 'stopping') return;
    if (unasked) this.#log.warn({ reason: error.message }, 'worker died');
    this.onDeath(error);
  }

  #abandon(state: WorkerState, error: ErrorMessage): void {
    if (state.kind === 'starting') state.settle(error);
    if (state.kind !== 'busy') return;
    this.#deadline.clear();
    for (const pending of state.pending) settle(pending, error);
  }

  #giveUp(): void {
    if (this.#exit !== undefined) return;
    this.#log.error('worker was killed but never reported as ended');
    this.#onGone();
  }

  #deathError(): ErrorMessage {
    return this.#error(ErrorReason.ERROR_REASON_WORKER_DIED, howItEnded(this.#exit));
  }

  #stoppedError(): ErrorMessage {
    return this.#error(
      ErrorReason.ERROR_REASON_SESSION_CLOSED,
      'was ended because its session was closed',
    );
  }

  #error(
    reason: ErrorReason,
    predicate: string,
    advice = 'The server’s log may say why. Close this session and open a new one.',
  ): ErrorMessage {
    const subject = `Worker ${this.name}${this.holds === undefined ? '' : ` (${describe(this.holds)})`}`;
    if (reason === ErrorReason.ERROR_REASON_SESSION_CLOSED)
      return requestError(reason, `${subject} ${predicate}.`).details;
    return requestError(reason, `${subject} ${predicate}. ${advice}`, {
      envId: this.holds?.envId ?? '',
      envIndices: this.holds === undefined ? [] : heldEnvIndices(this.holds),
    }).details;
  }
}

function describe({ envId, first, count }: Holding): string {
  if (count === 1) return `${envId}, sub-environment ${first}`;
  return `${envId}, sub-environments ${first} to ${first + count - 1}`;
}

function heldEnvIndices({ first, count }: Holding): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function howItEnded(exit: { readonly report: Exited | undefined } | undefined): string {
  if (exit === undefined) return 'closed its connection';
  const { report } = exit;
  if (report?.signal !== undefined) return `was ended by signal ${report.signal}`;
  if (report?.exitStatus !== undefined) return `exited with status ${report.exitStatus}`;
  return 'ended together with its family’s parent process';
}

function settle(pending: PendingRequest, error: ErrorMessage | undefined): void {
  pending.error = error;
  pending.onSettled(pending);
}

function startSignal(): { promise: Promise<void>; settle: (error?: ErrorMessage) => void } {
  let settle: (error?: ErrorMessage) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(new RequestError(error)));
  });
  // Nobody may be waiting any more when a start fails.
  promise.catch(() => undefined);
  return { promise, settle };
}
