import type {
  OpenedResponse,
  OpenRequest,
  SessionRequest,
  SessionResponse,
  Transition,
  TransitionPart,
} from '../proto/gen/gymlink/v1/session.js';
import { fromErrorMessage, GymlinkError } from './errors.js';

/** The bidirectional stream that carries a session, as the connection opens it. */
export interface SessionStream {
  write(request: SessionRequest): void;
  onResponse(listener: (response: SessionResponse) => void): void;
  /** Called once, with the reason that the stream ended early, or without one. */
  onEnd(listener: (error: GymlinkError | undefined) => void): void;
  cancel(): void;
}

type Request = NonNullable<SessionRequest['request']>;
type Reply = NonNullable<SessionResponse['response']>;
type ReplyCase = Reply['$case'];
type ReplyValue<C extends ReplyCase> = Extract<Reply, { $case: C }>['value'];

interface Pending {
  resolve(reply: Reply): void;
  reject(error: GymlinkError): void;
  readonly timer: NodeJS.Timeout;
  /** Parts of a transition that was split over several messages. */
  parts: TransitionPart[];
}

/** One session's requests: numbered, answered in any order, each within its deadline. */
export class Session {
  private readonly stream: SessionStream;
  private readonly timeoutMs: number;
  private readonly pending = new Map<bigint, Pending>();
  private seq = 0n;
  private acknowledged = 0n;
  private ended: GymlinkError | undefined;
  private readonly endListeners: (() => void)[] = [];

  /** @param timeoutMs Deadline of each request; above the server's own deadlines, so that those speak first. */
  constructor(stream: SessionStream, timeoutMs: number) {
    this.stream = stream;
    this.timeoutMs = timeoutMs;
    stream.onResponse((response) => this.take(response));
    stream.onEnd((error) => this.end(error));
  }

  /** Opens the session: the first request of a stream. */
  async open(request: OpenRequest): Promise<OpenedResponse> {
    return this.request({ $case: 'open', value: request }, 'opened');
  }

  /** Sends a request; resolves to its reply, or rejects with its error. */
  request<C extends ReplyCase>(request: Request, reply: C): Promise<ReplyValue<C>> {
    if (this.ended) return Promise.reject(this.ended);
    this.seq += 1n;
    const seq = this.seq;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.expire(seq, request.$case), this.timeoutMs);
      this.pending.set(seq, {
        resolve: (found) => {
          if (found.$case === reply) resolve(found.value as never);
          else
            reject(
              new GymlinkError(
                'MALFORMED_REPLY',
                `The server answered ${request.$case} with ${found.$case}.`,
              ),
            );
        },
        reject,
        timer,
        parts: [],
      });
      this.stream.write({ seq, acknowledged: this.acknowledged, request });
    });
  }

  /** Steps every sub-environment with actions that are laid out already. */
  step(actions: Uint8Array): Promise<Transition> {
    return this.request({ $case: 'step', value: { envIndices: [], actions } }, 'transition');
  }

  /** Closes the session on the server. A session that has ended already is closed. */
  async close(): Promise<void> {
    if (this.ended) return;
    await this.request({ $case: 'close', value: {} }, 'closed');
    this.end(new GymlinkError('SESSION_CLOSED', 'The session was closed.'));
  }

  /** Gives the session up without a word to the server, which notices the end of the stream. */
  abandon(): void {
    this.stream.cancel();
    this.end();
  }

  /** Calls back when the session has ended, for whatever reason. */
  onEnd(listener: () => void): void {
    this.endListeners.push(listener);
  }

  private take({ seq, response }: SessionResponse): void {
    const pending = this.pending.get(seq);
    if (pending === undefined || response === undefined) return;
    if (response.$case === 'transition') {
      if (response.value.more) {
        pending.parts.push(...response.value.parts);
        return;
      }
      if (pending.parts.length > 0) response.value.parts.unshift(...pending.parts);
      this.acknowledged = response.value.delivery;
    }
    this.pending.delete(seq);
    clearTimeout(pending.timer);
    if (response.$case === 'error') pending.reject(fromErrorMessage(response.value));
    else pending.resolve(response);
  }

  private expire(seq: bigint, what: string): void {
    this.pending
      .get(seq)
      ?.reject(
        new GymlinkError(
          'DEADLINE_EXCEEDED',
          `The server did not answer ${what} within ${this.timeoutMs / 1000} s.`,
        ),
      );
    this.pending.delete(seq);
    this.stream.cancel();
  }

  private end(
    error = new GymlinkError('CONNECTION_FAILED', 'The server ended the session.'),
  ): void {
    if (this.ended) return;
    this.ended = error;
    for (const pending of this.pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.pending.clear();
    for (const listener of this.endListeners) listener();
  }
}
