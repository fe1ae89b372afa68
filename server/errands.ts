import { FrameType } from '../proto/gen/gymlink/worker/v1/worker.js';
import type { EnvStates } from './env-states.js';
import { type Errand, sendErrand } from './errand.js';
import { ErrorReason, RequestError, requestError, toErrorMessage } from './errors.js';
import type { Logger } from './log.js';
import { mergeErrors } from './merge-errors.js';
import type { PlacedWorker } from './placed-workers.js';
import type { SharedSlot } from './shared-memory.js';
import type { Messages } from './slot.js';
import {
  encodedBytes,
  encodeTransition,
  envIndicesOf,
  isShared,
  type Part,
  readPart,
} from './transition.js';
import type { PendingRequest } from './worker.js';

/** Takes the reply to a request: encoded SessionResponse messages, or the failure. */
export type Reply = (outcome: Messages | RequestError) => void;

/** What the replies of a session must keep to and say. */
export interface Terms {
  readonly envId: string;
  readonly maxMessageBytes: number;
}

/** Runs a session's requests through its workers, and makes one reply or one failure of their answers. */
export class Errands {
  readonly #placed: readonly PlacedWorker[];
  readonly #states: EnvStates;
  readonly #terms: Terms;
  readonly #log: Logger;
  #unfinished = 0;
  #delivery = 0;
  /** Bytes of payloads delivered so far, and rows. */
  readonly #delivered = { rows: 0, messageBytes: 0, sharedBytes: 0 };
  /** Slots that belong to the client until it acknowledges the delivery. */
  readonly #lent: { readonly delivery: number; readonly slots: readonly SharedSlot[] }[] = [];

  constructor(placed: readonly PlacedWorker[], states: EnvStates, terms: Terms, log: Logger) {
    this.#placed = placed;
    this.#states = states;
    this.#terms = terms;
    this.#log = log;
  }

  /** Number of the last delivery. */
  get lastDelivery(): number {
    return this.#delivery;
  }

  /** Rows delivered so far, and bytes of their payloads in messages and in shared memory. */
  get delivered(): Readonly<{ rows: number; messageBytes: number; sharedBytes: number }> {
    return this.#delivered;
  }

  /** The client has taken all deliveries up to this one: their slots are free. */
  acknowledge(delivery: number): void {
    while (this.#lent[0] !== undefined && this.#lent[0].delivery <= delivery)
      for (const slot of this.#lent.shift()?.slots ?? []) slot.free();
  }

  /** Whether requests are on their way through workers. */
  get isBusy(): boolean {
    return this.#unfinished > 0;
  }

  /** Whether a request must wait for an earlier one, because both concern one sub-environment. */
  mustWait(envIndices: readonly number[]): boolean {
    return this.isBusy && (envIndices.length === 0 || this.#states.isInUse(envIndices));
  }

  /** Sends an errand; `finish` makes the reply from the workers' answers, and may raise. */
  run(
    errand: Errand,
    finish: (answers: readonly PendingRequest[]) => Messages,
    reply: Reply,
  ): void {
    this.#begin(errand.envIndices);
    sendErrand(this.#placed, errand, (answers) => {
      this.#end(errand.envIndices);
      reply(this.#outcome(errand, answers, finish));
    });
  }

  /**
   * Sends an errand of an asynchronous session: `take` gets each row when it comes, and its sub-environment is free then. Replies
   * with `accepted` when all workers have answered, or with the failure of what has not come.
   */
  runByRow(errand: Errand, take: (row: Part) => void, accepted: Messages, reply: Reply): void {
    const left = new Set(errand.envIndices);
    const lost: Part[] = [];
    this.#begin(errand.envIndices);
    const onBody = (body: Buffer, slot: SharedSlot | undefined): void => {
      const row = readPart(body, slot);
      if (row.slot === undefined) slot?.free();
      const [envIndex] = envIndicesOf(row);
      if (row.rows !== 1 || envIndex === undefined || !left.delete(envIndex))
        throw new RangeError('a row that was not asked for');
      this.#states.setInUse([envIndex], false);
      if (encodedBytes(row) <= this.#terms.maxMessageBytes) {
        take(row);
        return;
      }
      this.#states.markFailed([envIndex]);
      row.slot?.free();
      lost.push(row);
    };
    const onAnswered = (answers: readonly PendingRequest[]): void => {
      const missing = [...left];
      this.#end(missing);
      const finish = (): Messages => {
        if (lost.length > 0) throw this.#lost(lost);
        if (missing.length > 0) throw new RangeError(`${missing.length} rows are missing`);
        return accepted;
      };
      reply(this.#outcome({ ...errand, envIndices: missing }, answers, finish, lost));
    };
    sendErrand(this.#placed, errand, onAnswered, onBody);
  }

  /** MESSAGE_TOO_LARGE for rows that nobody gets. */
  #lost(rows: readonly Part[]): RequestError {
    const envIndices = rows.flatMap(envIndicesOf).sort((a, b) => a - b);
    const largest = Math.max(...rows.map(encodedBytes));
    return this.#tooLarge('Single rows with their infos', largest, envIndices);
  }

  /** Keeps sub-environments in use while `work` goes on; then calls `next`, or replies with the failure. */
  hold<T>(
    envIndices: readonly number[],
    work: Promise<T>,
    next: (result: T) => void,
    reply: Reply,
  ): void {
    this.#begin(envIndices);
    const end = (): void => this.#end(envIndices);
    work
      .then(
        (result) => {
          // In the same tick: otherwise a request that waits could begin before what follows.
          end();
          next(result);
        },
        (error) => {
          end();
          throw error;
        },
      )
      .catch((error) => reply(new RequestError(toErrorMessage(error, this.#log))));
  }

  /** The rows that answer an errand, one a sub-environment. Raises RangeError for another number. */
  parts({ envIndices }: Errand, answers: readonly PendingRequest[]): Part[] {
    const parts = answers.flatMap(partsOf);
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    if (rows !== envIndices.length)
      throw new RangeError(`${rows} rows for ${envIndices.length} sub-environments`);
    return parts;
  }

  /**
   * A delivery of rows, which gets its number when it leaves: one that was ready before an earlier request's is sent after it.
   * Raises RequestError MESSAGE_TOO_LARGE.
   */
  deliver(
    { seq, envIndices }: Pick<Errand, 'seq' | 'envIndices'>,
    parts: readonly Part[],
  ): Messages {
    const { maxMessageBytes } = this.#terms;
    const largest = Math.max(...parts.map(encodedBytes));
    if (largest > maxMessageBytes) {
      this.#states.markFailed(envIndices);
      throw this.#tooLarge('The rows of one worker with their infos', largest, [...envIndices]);
    }
    for (const part of parts) this.#count(part);
    const slots = parts.flatMap(({ slot }) => slot ?? []);
    return () => {
      this.#delivery += 1;
      if (slots.length > 0) this.#lent.push({ delivery: this.#delivery, slots });
      return encodeTransition(seq, this.#delivery, parts, maxMessageBytes);
    };
  }

  #count({ rows, payloadBytes, slot }: Part): void {
    this.#delivered.rows += rows;
    if (slot === undefined) this.#delivered.messageBytes += payloadBytes;
    else this.#delivered.sharedBytes += payloadBytes;
  }

  /** A message that is within the client's limit. Raises RequestError MESSAGE_TOO_LARGE. */
  fitting(what: string, message: Uint8Array): Uint8Array {
    if (message.length > this.#terms.maxMessageBytes) throw this.#tooLarge(what, message.length);
    return message;
  }

  #begin(envIndices: readonly number[]): void {
    this.#unfinished += 1;
    this.#states.setInUse(envIndices, true);
  }

  #end(envIndices: readonly number[]): void {
    this.#unfinished -= 1;
    this.#states.setInUse(envIndices, false);
  }

  #outcome(
    errand: Errand,
    answers: readonly PendingRequest[],
    finish: (answers: readonly PendingRequest[]) => Messages,
    lost: readonly Part[] = [],
  ): Messages | RequestError {
    try {
      this.#throwMerged(answers, lost);
      const messages = finish(answers);
      // Only rows are answered with slots; other answers' bodies have no flags.
      for (const { slots, bodies } of answers)
        if (slots.length > 0 && !bodies.some(isShared)) for (const slot of slots) slot.free();
      return messages;
    } catch (error) {
      for (const { slots } of answers) for (const slot of slots) slot.free();
      return this.#failure(error, errand);
    }
  }

  /** Raises the one failure that several workers' errors make together, with what advanced all the same. */
  #throwMerged(answers: readonly PendingRequest[], lost: readonly Part[]): void {
    if (answers.every(({ error }) => error === undefined)) return;
    const errors = answers.flatMap(({ error }) => (error === undefined ? [] : [error]));
    const parts = answers.flatMap((answer) =>
      answer.replyType === FrameType.FRAME_TYPE_TRANSITION ? partsOf(answer) : [],
    );
    const merged = mergeErrors(errors, [...lost, ...parts].flatMap(envIndicesOf));
    this.#states.markFailed(merged.advancedEnvIndices);
    if (merged.reason === ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED)
      this.#states.markFailed(merged.envIndices);
    throw new RequestError(merged);
  }

  /** What a client hears when a reply could not be made. Rows that were computed are lost then. */
  #failure(error: unknown, { envIndices, what, replyType }: Errand): RequestError {
    if (error instanceof RequestError) return error;
    const advancedEnvIndices = replyType === FrameType.FRAME_TYPE_TRANSITION ? [...envIndices] : [];
    this.#states.markFailed(advancedEnvIndices);
    const { envId } = this.#terms;
    return requestError(
      ErrorReason.ERROR_REASON_MALFORMED_REPLY,
      `A worker of ${envId} answered ${what} wrongly: ${(error as Error).message}. Reset the sub-environments.`,
      { envId, advancedEnvIndices },
    );
  }

  #tooLarge(what: string, bytes: number, advancedEnvIndices: number[] = []): RequestError {
    const { envId, maxMessageBytes } = this.#terms;
    return requestError(
      ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE,
      `${what} take ${bytes} bytes, over the client’s limit of ${maxMessageBytes}: ask for fewer sub-environments ` +
        'at a time, or open the session with a larger max_message_bytes.',
      { envId, advancedEnvIndices },
    );
  }
}

/** The rows of a worker's answer, whose first frame may have used a slot. */
function partsOf({ bodies, slots }: PendingRequest): Part[] {
  return bodies.map((body) => readPart(body, slots[0]));
}
