import { type OpenRequest, SessionResponse } from '../proto/gen/gymlink/v1/session.js';
import {
  ErrorReason,
  malformed,
  RequestError,
  requestError,
  toErrorMessage,
  unimplemented,
} from './errors.js';
import { limits } from './limits.js';
import { checkOpen, checkProtocol } from './open-checks.js';
import { Session, type SessionHost } from './session.js';
import type { Sessions } from './sessions.js';
import {
  errorMessage,
  type Messages,
  messagesOf,
  type Request,
  readSlot,
  type Slot,
} from './slot.js';

/** The gRPC stream under a session, as far as the session knows it. */
export interface ClientStream {
  readonly peer: string;
  /** Sends a message; false when the client reads too slowly. */
  send(message: Uint8Array): boolean;
  /** Ends the stream: with OK, or with the status of an error. */
  end(error?: RequestError): void;
  pause(): void;
  resume(): void;
}

type Response = NonNullable<SessionResponse['response']>;

type StreamState =
  /** No session: before Open, or after one that failed. */
  | { readonly kind: 'fresh' }
  | { readonly kind: 'opening'; readonly abort: AbortController }
  | { readonly kind: 'open'; readonly session: Session }
  | { readonly kind: 'closing'; readonly session: Session }
  | { readonly kind: 'ended' };

/** The rules of one Session stream (session.proto): order, sequence numbers, flow, and the life of its session. */
export class SessionStream {
  readonly #stream: ClientStream;
  readonly #host: SessionHost;
  readonly #sessions: Sessions;
  readonly #slots: Slot[] = [];
  /** Slots that have not begun, because they wait for earlier ones. */
  readonly #waiting: Slot[] = [];
  #state: StreamState = { kind: 'fresh' };
  #lastSeq = 0n;
  #paused = false;
  /** The client reads too slowly: nothing more is read from it until what was sent has left. */
  #blocked = false;
  /** Nothing more is read: the stream ends after its last reply. */
  #deaf = false;

  constructor(stream: ClientStream, host: SessionHost, sessions: Sessions) {
    this.#stream = stream;
    this.#host = host;
    this.#sessions = sessions;
    sessions.add(this);
  }

  /** The session, while it is open. */
  get session(): Session | undefined {
    return 'session' in this.#state ? this.#state.session : undefined;
  }

  /** Whether the stream counts against the server's limit of sessions. */
  get hasSession(): boolean {
    return this.#state.kind !== 'fresh' && this.#state.kind !== 'ended';
  }

  /** Takes a serialized SessionRequest. */
  receive(bytes: Uint8Array): void {
    if (this.#deaf) return;
    const slot = readSlot(bytes, this.#lastSeq, this.session?.lastDelivery ?? 0);
    this.#slots.push(slot);
    this.session?.acknowledge(slot.acknowledged);
    if (slot.ends === 'no') {
      this.#lastSeq = slot.seq;
      this.#waiting.push(slot);
      if (slot.request?.$case === 'close') this.#limitClose();
      this.#pump();
    } else {
      this.#deaf = true;
      this.#flush();
    }
    this.#adjustReading();
  }

  /** What was sent has left: the client may be read again. */
  drained(): void {
    this.#blocked = false;
    this.#adjustReading();
  }

  /** The client will send nothing more: its session is closed when everything is answered. */
  halfClosed(): void {
    if (this.#deaf) return;
    const request: Request = { $case: 'close', value: {} };
    const slot: Slot = { seq: 0n, acknowledged: 0, request, reply: undefined, ends: 'no' };
    this.#deaf = true;
    this.#slots.push(slot);
    this.#waiting.push(slot);
    this.#limitClose();
    this.#pump();
  }

  /** The client is gone: its session is closed at once. */
  cancelled(): void {
    this.#leave();
  }

  /** Ends session and stream from the server's side. Unanswered requests fail with `error`. */
  async terminate(error: RequestError): Promise<void> {
    if (this.#state.kind === 'ended') return;
    for (const { seq, reply } of this.#slots.splice(0)) {
      const messages = reply ?? (seq === 0n ? [] : [errorMessage(seq, error)]);
      for (const message of messagesOf(messages)) this.#stream.send(message);
    }
    this.#stream.end(error);
    await this.#leave();
  }

  /** Begins waiting requests, as far as they need not wait for earlier ones. */
  #pump(): void {
    this.#flush();
    for (let slot = this.#nextToBegin(); slot !== undefined; slot = this.#nextToBegin()) {
      this.#waiting.splice(this.#waiting.indexOf(slot), 1);
      this.#begin(slot);
      this.#flush();
    }
  }

  /**
   * The first that waits, if it need not wait any more; in an asynchronous session also one behind it that concerns none of
   * the sub-environments of those before, and Ping and Close.
   */
  #nextToBegin(): Slot | undefined {
    const [first] = this.#waiting;
    if (first === undefined || this.#canBegin(first)) return first;
    if (this.#state.kind !== 'open' || !this.#state.session.isAsynchronous) return undefined;
    const before = new Set<number>();
    let isBarred = false;
    for (const slot of this.#waiting) {
      const { request } = slot;
      if (request?.$case === 'ping' || request?.$case === 'close') return slot;
      const envIndices = namedBy(request);
      isBarred ||= envIndices.length === 0;
      if (!isBarred && !envIndices.some((i) => before.has(i)) && this.#canBegin(slot)) return slot;
      for (const i of envIndices) before.add(i);
    }
    return undefined;
  }

  #canBegin(slot: Slot): boolean {
    const { kind } = this.#state;
    if (slot.reply !== undefined) return true;
    if (kind === 'opening' || kind === 'closing') return false;
    switch (slot.request?.$case) {
      case 'open':
        return this.#slots[0] === slot;
      case 'close':
        return this.#slots[0] === slot || this.session?.isAsynchronous === true;
      case 'reset':
      case 'step':
      case 'render':
      case 'call':
      case 'saveState':
        return !this.session?.mustWait(slot.request.value.envIndices);
      case 'dropState':
      case 'exportState':
      case 'importState':
        return !this.session?.isBusy;
      default:
        return true;
    }
  }

  #begin(slot: Slot): void {
    const { request } = slot;
    if (request === undefined || slot.reply !== undefined || this.#state.kind === 'ended') return;
    try {
      if (this.#state.kind !== 'open') this.#beginWithoutSession(slot, request);
      else this.#beginInSession(slot, request, this.#state.session);
    } catch (error) {
      this.#fail(slot, error);
    }
  }

  #beginWithoutSession(slot: Slot, request: Request): void {
    if (request.$case === 'open') {
      this.#open(slot, request.value);
    } else if (request.$case === 'attach') {
      checkProtocol(request.value.protocol);
      throw unimplemented('resuming of sessions (Attach)');
    } else if (slot.seq === 0n) {
      slot.reply = [];
      slot.ends = 'ok';
    } else {
      const error = malformed(
        `The stream has no session: ${request.$case} needs an Open before it.`,
      );
      slot.ends = error;
      this.#deaf = true;
      throw error;
    }
  }

  #beginInSession(slot: Slot, request: Request, session: Session): void {
    const reply = (outcome: Messages | RequestError): void => {
      if (outcome instanceof RequestError) this.#fail(slot, outcome);
      else slot.reply = outcome;
      this.#pump();
      this.#adjustReading();
    };
    if (request.$case !== 'close') session.checkWhole();
    switch (request.$case) {
      case 'step':
        session.step(slot.seq, request.value, reply);
        break;
      case 'reset':
        session.reset(slot.seq, request.value, reply);
        break;
      case 'render':
        session.render(slot.seq, request.value, reply);
        break;
      case 'call':
        session.call(slot.seq, request.value, reply);
        break;
      case 'saveState':
        session.savedStates.save(slot.seq, request.value, reply);
        break;
      case 'restoreState':
        session.savedStates.restore(slot.seq, request.value, reply);
        break;
      case 'dropState':
        session.savedStates.drop(slot.seq, request.value, reply);
        break;
      case 'exportState':
        session.savedStates.export(slot.seq, request.value, reply);
        break;
      case 'importState':
        session.savedStates.import(slot.seq, request.value, reply);
        break;
      case 'ping':
        this.#answer(slot, { $case: 'pong', value: {} });
        break;
      case 'close':
        this.#close(slot, session);
        break;
      case 'open':
      case 'attach':
        throw malformed(
          'This stream has a session already: open another stream for another session.',
        );
      case 'sharedMemoryProof':
        session
          .useSharedMemory(request.value.nonce)
          .then(
            () => this.#answer(slot, { $case: 'sharedMemoryReady', value: {} }),
            (error) => this.#fail(slot, error),
          )
          .then(() => {
            this.#pump();
            this.#adjustReading();
          });
    }
  }

  #open(slot: Slot, request: OpenRequest): void {
    checkProtocol(request.protocol);
    this.#sessions.checkRoom();
    const abort = new AbortController();
    this.#state = { kind: 'opening', abort };
    const opening = this.#openSession(request, abort.signal);
    opening.then(
      (session) => this.#opened(slot, session),
      (error) => {
        if (this.#state.kind === 'ended') return;
        this.#state = { kind: 'fresh' };
        this.#fail(slot, error);
        this.#pump();
        this.#adjustReading();
      },
    );
  }

  async #openSession(request: OpenRequest, signal: AbortSignal): Promise<Session> {
    // First of all: an unknown id says more than whatever else is wrong with the request.
    const entry = await this.#host.supervisor.find(request.envId);
    return Session.open(entry, checkOpen(request), this.#host, this.#stream.peer, signal);
  }

  #opened(slot: Slot, session: Session): void {
    if (this.#state.kind === 'ended') {
      session.close();
      return;
    }
    this.#state = { kind: 'open', session };
    session.onDelivery = (messages) => this.#push(messages);
    const bytes = this.#answer(slot, { $case: 'opened', value: session.opened });
    if (bytes > session.maxMessageBytes) {
      session.close();
      this.#state = { kind: 'fresh' };
      this.#fail(slot, openedTooLarge(bytes, session.maxMessageBytes));
    }
    this.#pump();
    this.#adjustReading();
  }

  #close(slot: Slot, session: Session): void {
    this.#state = { kind: 'closing', session };
    this.#deaf = true;
    for (const waiting of this.#waiting.splice(0)) this.#fail(waiting, overtaken());
    session.close().then(() => {
      if (slot.seq === 0n) slot.reply = [];
      else this.#answer(slot, { $case: 'closed', value: {} });
      slot.ends = 'ok';
      this.#flush();
    });
  }

  /** A Close waits for what came before it, but no longer than a close may take. */
  #limitClose(): void {
    setTimeout(() => this.session?.close(), this.#host.deadlines.closeMs).unref();
  }

  /** Sets the reply; returns its length in bytes. */
  #answer(slot: Slot, response: Response): number {
    const message = SessionResponse.encode({ seq: slot.seq, response }).finish();
    slot.reply = [message];
    return message.length;
  }

  #fail(slot: Slot, error: unknown): void {
    slot.reply = [errorMessage(slot.seq, new RequestError(toErrorMessage(error, this.#host.log)))];
  }

  /** Sends a delivery that answers no request, and begins what waited for its sub-environments. */
  #push(messages: readonly Uint8Array[]): void {
    if (this.#state.kind === 'ended') return;
    if (messages.length === 0 && this.#waiting.length === 0) return;
    for (const message of messages) if (!this.#stream.send(message)) this.#blocked = true;
    this.#pump();
    this.#adjustReading();
  }

  /** Sends the replies that are next in order; in an asynchronous session all, but for one that ends the stream. */
  #flush(): void {
    if (this.session?.isAsynchronous) {
      const isReady = ({ reply, ends }: Slot) => reply !== undefined && ends === 'no';
      // The first is sent below.
      const ready = this.#slots.filter((slot, i) => i > 0 && isReady(slot));
      for (const slot of ready) {
        this.#slots.splice(this.#slots.indexOf(slot), 1);
        for (const message of messagesOf(slot.reply ?? []))
          if (!this.#stream.send(message)) this.#blocked = true;
      }
    }
    for (let slot = this.#slots[0]; slot?.reply !== undefined; slot = this.#slots[0]) {
      this.#slots.shift();
      for (const message of messagesOf(slot.reply))
        if (!this.#stream.send(message)) this.#blocked = true;
      if (slot.ends === 'no') continue;
      this.#stream.end(slot.ends === 'ok' ? undefined : slot.ends);
      this.#leave();
      return;
    }
  }

  get #maxInFlight(): number {
    return this.session?.opened.maxInFlight ?? limits.maxInFlight;
  }

  #adjustReading(): void {
    const pause = this.#blocked || this.#slots.length >= this.#maxInFlight;
    if (pause === this.#paused || this.#state.kind === 'ended') return;
    this.#paused = pause;
    if (pause) this.#stream.pause();
    else this.#stream.resume();
  }

  async #leave(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'ended') return;
    this.#state = { kind: 'ended' };
    this.#deaf = true;
    this.#slots.length = 0;
    this.#waiting.length = 0;
    this.#sessions.remove(this);
    if (state.kind === 'opening') state.abort.abort();
    if (!('session' in state)) return;
    this.#host.log.info({ session: state.session.id }, 'closed');
    await state.session.close();
  }
}

/** The sub-environments that a request names which waits for those alone; none where it is for all of them, or for the session. */
function namedBy(request: Request | undefined): readonly number[] {
  switch (request?.$case) {
    case 'reset':
    case 'step':
    case 'render':
    case 'call':
    case 'saveState':
      return request.value.envIndices;
    default:
      return [];
  }
}

function overtaken(): RequestError {
  return requestError(
    ErrorReason.ERROR_REASON_SESSION_CLOSED,
    'The session was closed before this request began. No sub-environment advanced.',
  );
}

function openedTooLarge(bytes: number, limit: number): RequestError {
  return requestError(
    ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE,
    `The reply to Open takes ${bytes} bytes, over the client’s limit of ${limit}: open with a larger max_message_bytes.`,
  );
}
