import {
  Compression,
  type OpenedResponse,
  type OpenRequest,
  SessionRequest,
  type SessionResponse,
  type SharedMemoryOffer,
  type Transition,
} from '../proto/gen/gymlink/v1/session.js';
import { type Decompress, zstdDecompress } from './compression.js';
import { fromErrorMessage, GymlinkError } from './errors.js';
import { SharedMemory } from './shared-memory.js';
import { fromSpaceMessage } from './spaces/index.js';
import { Stacks } from './stacks.js';
import type { PayloadReaders } from './transition.js';

/** The bidirectional stream that carries a session, as the connection opens it. */
export interface SessionStream {
  /** Sends a serialized SessionRequest. */
  write(message: Uint8Array): void;
  onResponse(listener: (response: SessionResponse) => void): void;
  /** Called once, with the reason that the stream ended early, or without one. */
  onEnd(listener: (error: GymlinkError | undefined) => void): void;
  cancel(): void;
}

/** What a request asks for. */
export type Request = NonNullable<SessionRequest['request']>;
type Reply = NonNullable<SessionResponse['response']>;
type ReplyCase = Reply['$case'];
type ReplyValue<C extends ReplyCase> = Extract<Reply, { $case: C }>['value'];

/** Where transitions come that may be split over several messages. */
interface Delivered {
  /** The transition so far. */
  begun: Transition | undefined;
}

/** A request that was sent and not answered yet. */
interface Pending extends Delivered {
  readonly request: Request;
  readonly timer: NodeJS.Timeout;
  resolve(reply: Reply): void;
  reject(error: GymlinkError): void;
}

/**
 * One session's requests: numbered, each answered within its deadline. Any number may be made at a time; at most as many as
 * the server allows are on their way, the others wait here.
 */
export class Session {
  private readonly stream: SessionStream;
  private readonly timeoutMs: number;
  private readonly openTimeoutMs: number;
  private readonly pending = new Map<bigint, Pending>();
  /** Sends a request that waits for its turn, or rejects it. */
  private readonly waiting: ((ended: GymlinkError | undefined) => void)[] = [];
  private maxInFlight = 1;
  /** Largest message that the server takes, in bytes; told when the session is open. */
  private maxMessageBytes = Infinity;
  private seq = 0n;
  private acknowledged = 0n;
  private sharedMemory: SharedMemory | undefined;
  private decompress: Decompress | undefined;
  private stacks: Stacks | undefined;
  private ended: GymlinkError | undefined;
  private closing: Promise<void> | undefined;
  private readonly endListeners: ((reason: GymlinkError) => void)[] = [];
  private readonly pushed: Delivered = { begun: undefined };
  private deliveryListener: ((delivery: Transition) => void) | undefined;

  /**
   * @param timeoutMs Deadline of each request; above the server's own deadlines, so that those speak first.
   * @param openTimeoutMs The same for Open.
   */
  constructor(stream: SessionStream, timeoutMs: number, openTimeoutMs = timeoutMs) {
    this.openTimeoutMs = openTimeoutMs;
    this.stream = stream;
    this.timeoutMs = timeoutMs;
    stream.onResponse((response) => this.receive(response));
    stream.onEnd((error) => this.end(error));
  }

  /** Opens the session: the first request of a stream. */
  async open(request: OpenRequest): Promise<OpenedResponse> {
    const opened = await this.request({ $case: 'open', value: request }, 'opened');
    // A delivery beyond the window would wait for an acknowledgement, which the next request carries.
    this.maxInFlight = Math.max(1, Math.min(opened.maxInFlight, opened.deliveryWindow || Infinity));
    this.maxMessageBytes = Number(opened.maxMessageBytes);
    if (opened.compression === Compression.COMPRESSION_ZSTD)
      this.decompress = await zstdDecompress();
    if (opened.newestFrameOnly)
      this.stacks = new Stacks(fromSpaceMessage(opened.observationSpace), request.numEnvs);
    if (opened.sharedMemory !== undefined) await this.share(opened.sharedMemory);
    return opened;
  }

  /** What reads payloads that are not plainly in the messages. */
  get readers(): PayloadReaders {
    return { memory: this.sharedMemory, decompress: this.decompress };
  }

  /** Tells the server, with the next request, that a delivery and all before it were read. */
  acknowledge(delivery: bigint): void {
    if (delivery > this.acknowledged) this.acknowledged = delivery;
  }

  /** Takes the offer of shared memory, if this process can read it; otherwise payloads come in messages. */
  private async share(offer: SharedMemoryOffer): Promise<void> {
    const memory = SharedMemory.open(offer);
    if (memory === undefined) return;
    this.onEnd(() => memory.close());
    const proof = { nonce: memory.nonce };
    try {
      await this.request({ $case: 'sharedMemoryProof', value: proof }, 'sharedMemoryReady');
      this.sharedMemory = memory;
    } catch {
      memory.close();
    }
  }

  /** Sends a request; resolves to its reply, or rejects with its error. */
  request<C extends ReplyCase>(request: Request, reply: C): Promise<ReplyValue<C>> {
    return new Promise((resolve, reject) => {
      const take = (found: Reply) => {
        if (found.$case === reply) resolve(found.value as never);
        else reject(malformed(`it answered ${request.$case} with ${found.$case}`));
      };
      const send = (ended: GymlinkError | undefined) => {
        if (ended) reject(ended);
        else this.send(request, take, reject);
      };
      if (this.ended || this.pending.size < this.maxInFlight) send(this.ended);
      else this.waiting.push(send);
    });
  }

  /** Steps some sub-environments, or all without `envIndices`, with actions that are laid out already. */
  step(actions: Uint8Array, envIndices: readonly number[] = []): Promise<Transition> {
    const value = { envIndices: [...envIndices], actions };
    return this.request({ $case: 'step', value }, 'transition');
  }

  /** Closes the session on the server, after what was asked before. A session that has ended already is closed. */
  close(): Promise<void> {
    this.closing ??= this.ended ? Promise.resolve() : this.sendClose();
    return this.closing;
  }

  private async sendClose(): Promise<void> {
    try {
      await this.request({ $case: 'close', value: {} }, 'closed');
    } catch (error) {
      // With the stream the session has ended on the server, too.
      if ((error as GymlinkError).reason !== 'CONNECTION_FAILED') throw error;
    }
    this.end(new GymlinkError('SESSION_CLOSED', 'The environment was closed.'));
  }

  /** Gives the session up without a word to the server, which notices the end of the stream. */
  abandon(): void {
    this.end(new GymlinkError('SESSION_CLOSED', 'The session was given up.'));
    this.stream.cancel();
  }

  /** Calls back when the session has ended, for whatever reason. */
  onEnd(listener: (reason: GymlinkError) => void): void {
    this.endListeners.push(listener);
  }

  /** Has the transitions that answer no request, which those of an asynchronous session are, given to a listener. */
  onDelivery(listener: (delivery: Transition) => void): void {
    this.deliveryListener = listener;
  }

  /** Ends the session unless the timer is cleared within a request's time: for what must come without being a reply. */
  deadline(what: string): NodeJS.Timeout {
    return setTimeout(() => this.expire(what, this.timeoutMs), this.timeoutMs);
  }

  private send(request: Request, resolve: Pending['resolve'], reject: Pending['reject']): void {
    const seq = this.seq + 1n;
    const message = SessionRequest.encode({ seq, acknowledged: this.acknowledged, request });
    const bytes = message.finish();
    if (bytes.length > this.maxMessageBytes) {
      reject(tooLarge(request.$case, bytes.length, this.maxMessageBytes));
      this.waiting.shift()?.(this.ended);
      return;
    }
    this.seq = seq;
    const timeoutMs = request.$case === 'open' ? this.openTimeoutMs : this.timeoutMs;
    const timer = setTimeout(() => this.expire(request.$case, timeoutMs), timeoutMs);
    this.pending.set(seq, { request, timer, resolve, reject, begun: undefined });
    this.stream.write(bytes);
  }

  private receive(reply: SessionResponse): void {
    const { response } = reply;
    if (this.stacks !== undefined && response?.$case === 'transition')
      try {
        // In the order in which they come: callers may read them in another, or not at all.
        for (const [i, part] of response.value.parts.entries())
          response.value.parts[i] = this.stacks.whole(part, this.readers);
      } catch (error) {
        this.fail(error as GymlinkError);
        return;
      }
    this.take(reply);
  }

  private take({ seq, response }: SessionResponse): void {
    if (seq === 0n && response?.$case === 'transition' && this.deliveryListener !== undefined) {
      if (this.isWhole(this.pushed, response.value)) this.deliveryListener(response.value);
      return;
    }
    const pending = this.pending.get(seq);
    if (pending === undefined || response === undefined) {
      this.fail(malformed(`it answered request ${seq}, which nobody made, or without an answer`));
      return;
    }
    if (response.$case === 'transition' && !this.isWhole(pending, response.value)) return;
    this.pending.delete(seq);
    clearTimeout(pending.timer);
    if (response.$case === 'error') pending.reject(fromErrorMessage(response.value));
    else pending.resolve(response);
    this.waiting.shift()?.(this.ended);
  }

  /** Joins a transition that is split over messages; the last of them becomes the whole. */
  private isWhole(delivered: Delivered, transition: Transition): boolean {
    const { begun } = delivered;
    if (begun !== undefined) transition.parts.unshift(...begun.parts);
    delivered.begun = transition.more ? transition : undefined;
    if (transition.more) return false;
    // What is in shared memory has yet to be read.
    if (this.sharedMemory === undefined) this.acknowledge(transition.delivery);
    return true;
  }

  private expire(what: string, timeoutMs: number): void {
    const seconds = timeoutMs / 1000;
    const message = `The server did not answer ${what} within ${seconds} s, and the environment was given up. Make it again.`;
    this.fail(new GymlinkError('DEADLINE_EXCEEDED', message));
  }

  /** Ends the session because it cannot go on. */
  private fail(error: GymlinkError): void {
    this.end(error);
    this.stream.cancel();
  }

  private end(
    error = new GymlinkError('CONNECTION_FAILED', 'The server ended the session.'),
  ): void {
    if (this.ended) return;
    this.ended = error;
    for (const { timer, reject } of this.pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.pending.clear();
    for (const send of this.waiting.splice(0)) send(error);
    for (const listener of this.endListeners) listener(error);
  }
}

function tooLarge(what: string, bytes: number, limit: number): GymlinkError {
  const advice = 'send less at a time, or open fewer sub-environments in a session';
  const message = `The ${what} takes ${bytes} bytes, over the server’s limit of ${limit}, and was not sent: ${advice}.`;
  return new GymlinkError('MESSAGE_TOO_LARGE', message);
}

function malformed(what: string): GymlinkError {
  return new GymlinkError('MALFORMED_REPLY', `The server broke the protocol: ${what}.`);
}
