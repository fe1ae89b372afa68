import { GymlinkError } from './errors.js';
import type { TypedArray } from './nd-array.js';
import { requestTimeoutMs } from './open-request.js';

/** Rows side by side in one array; the first axis of `shape` counts them. */
export type Rows<T extends TypedArray> = T & { readonly shape: readonly number[] };

/** Options of {@link PolicyBatcher}. */
export interface PolicyBatcherOptions<Observations extends TypedArray, Actions extends TypedArray> {
  /** A forward pass begins as soon as this many rows wait. */
  readonly minBatch: number;
  /** Most rows of a forward pass; what is over is left to the next. */
  readonly maxBatch: number;
  /** A forward pass begins with fewer than `minBatch` rows when the oldest has waited this long, in milliseconds. */
  readonly maxWaitMs: number;
  /** How long a forward pass may take, in milliseconds; 150,000 by default. */
  readonly timeoutMs?: number;
  /** Actions for a batch, equally many elements for each row, in order. The batch is a view that the next pass overwrites. */
  readonly policy: (batch: Rows<Observations>) => Actions | Promise<Actions>;
}

interface Waiting<Observations, Actions> {
  readonly observations: Observations;
  readonly count: number;
  readonly rowSize: number;
  readonly deadline: number;
  readonly resolve: (actions: Actions) => void;
  readonly reject: (error: unknown) => void;
  taken: number;
  actions: Actions | undefined;
  failed: boolean;
}

interface Piece<Observations, Actions> {
  readonly request: Waiting<Observations, Actions>;
  readonly from: number;
  readonly count: number;
}

/**
 * Lets several sessions, of several servers if need be, share one policy: their observations are gathered into one batch, and
 * its actions are handed back to each. One forward pass runs at a time; one that failed or took too long fails the requests
 * that it was for, and no others. Observations are copied when their pass begins: leave them as they are until `act` has answered.
 */
export class PolicyBatcher<Observations extends TypedArray, Actions extends TypedArray> {
  readonly #options: PolicyBatcherOptions<Observations, Actions>;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting<Observations, Actions>[] = [];
  #running: Piece<Observations, Actions>[] = [];
  #pool: Observations | undefined;
  #rowShape: readonly number[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws GymlinkError INVALID_ARGUMENT for a number that is out of its range. */
  constructor(options: PolicyBatcherOptions<Observations, Actions>) {
    const { minBatch, maxBatch, maxWaitMs, timeoutMs = requestTimeoutMs } = options;
    if (
      !Number.isInteger(minBatch) ||
      !Number.isInteger(maxBatch) ||
      minBatch < 1 ||
      maxBatch < minBatch
    )
      throw invalid('minBatch and maxBatch must be integers, 1 <= minBatch <= maxBatch');
    if (!(maxWaitMs >= 0 && maxWaitMs < 2 ** 31))
      throw invalid('maxWaitMs must be from 0 to 2^31 - 1');
    if (!(timeoutMs > 0 && timeoutMs < 2 ** 31))
      throw invalid('timeoutMs must be above 0 and at most 2^31 - 1');
    this.#options = options;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Actions for these rows, in their order.
   *
   * @throws What the policy threw. GymlinkError DEADLINE_EXCEEDED when it took longer than `timeoutMs`; INVALID_ARGUMENT for rows
   *   of another type or shape than the first ones had, or a number of actions that does not fit; SESSION_CLOSED after `close`.
   */
  act(observations: Rows<Observations>): Promise<Actions> {
    if (this.#closed) return Promise.reject(closed());
    const [count = 0, ...rowShape] = observations.shape;
    const rowSize = observations.length / count;
    if (count < 1 || rowSize !== rowShape.reduce((size, axis) => size * axis, 1))
      return Promise.reject(
        invalid('observations must have at least one row, and the length of their shape'),
      );
    this.#rowShape ??= rowShape;
    this.#pool ??= new (observations.constructor as new (length: number) => Observations)(
      this.#options.maxBatch * rowSize,
    );
    if (
      rowShape.join() !== this.#rowShape.join() ||
      observations.constructor !== this.#pool.constructor
    )
      return Promise.reject(
        invalid(`rows of a batcher must have one type and shape, [${this.#rowShape}]`),
      );
    const deadline = performance.now() + this.#options.maxWaitMs;
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        observations,
        count,
        rowSize,
        deadline,
        resolve,
        reject,
        taken: 0,
        actions: undefined,
        failed: false,
      });
      this.#proceed();
    });
  }

  /** Rejects whatever waits with the reason `SESSION_CLOSED`, a running forward pass included. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
    for (const { request } of this.#running) request.reject(closed());
    for (const request of this.#waiting.splice(0)) request.reject(closed());
  }

  #proceed(): void {
    const [oldest] = this.#waiting;
    if (this.#closed || this.#running.length > 0 || oldest === undefined) return;
    clearTimeout(this.#timer);
    const rows = this.#waiting.reduce((sum, request) => sum + request.count - request.taken, 0);
    const left = oldest.deadline - performance.now();
    if (rows >= this.#options.minBatch || left <= 0) void this.#pass();
    else this.#timer = setTimeout(() => this.#proceed(), Math.ceil(left));
  }

  async #pass(): Promise<void> {
    const pieces = this.#running;
    try {
      const batch = this.#gather(pieces);
      scatter(pieces, await this.#inTime(batch));
    } catch (error) {
      for (const { request } of pieces) {
        request.failed = true;
        request.reject(error);
      }
      if (this.#waiting[0]?.failed) this.#waiting.shift();
    }
    this.#running = [];
    this.#proceed();
  }

  async #inTime(batch: Rows<Observations>): Promise<Actions> {
    const late = new Promise<never>((_, reject) => {
      this.#deadline = setTimeout(() => {
        // The policy may go on reading what it was given.
        this.#pool = this.#pool?.slice() as Observations;
        reject(tooSlow(batch.shape[0] ?? 0, this.#timeoutMs));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#options.policy(batch), late]);
    } finally {
      clearTimeout(this.#deadline);
    }
  }

  #gather(pieces: Piece<Observations, Actions>[]): Rows<Observations> {
    const pool = this.#pool as Observations;
    let rows = 0;
    for (
      let next = this.#waiting[0];
      next && rows < this.#options.maxBatch;
      next = this.#waiting[0]
    ) {
      const count = Math.min(next.count - next.taken, this.#options.maxBatch - rows);
      const part = next.observations.subarray(
        next.taken * next.rowSize,
        (next.taken + count) * next.rowSize,
      );
      (pool as Float32Array).set(part as Float32Array, rows * next.rowSize);
      pieces.push({ request: next, from: next.taken, count });
      next.taken += count;
      rows += count;
      if (next.taken === next.count) this.#waiting.shift();
    }
    const rowShape = this.#rowShape ?? [];
    const size = rowShape.reduce((product, axis) => product * axis, rows);
    return Object.assign(pool.subarray(0, size) as Observations, { shape: [rows, ...rowShape] });
  }
}

function scatter<O, A extends TypedArray>(pieces: readonly Piece<O, A>[], actions: A): void {
  const rows = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const width = actions.length / rows;
  if (!Number.isInteger(width) || width < 1)
    throw invalid(`the policy returned ${actions.length} elements for ${rows} rows`);
  let row = 0;
  for (const { request, from, count } of pieces) {
    request.actions ??= new (actions.constructor as new (length: number) => A)(
      request.count * width,
    );
    const part = actions.subarray(row * width, (row + count) * width);
    (request.actions as Float32Array).set(part as Float32Array, from * width);
    row += count;
    if (from + count === request.count) request.resolve(request.actions);
  }
}

function invalid(message: string): GymlinkError {
  return new GymlinkError('INVALID_ARGUMENT', message);
}

function tooSlow(rows: number, timeoutMs: number): GymlinkError {
  const message = `The policy gave no actions for its ${rows} rows within ${timeoutMs / 1000} s.`;
  return new GymlinkError('DEADLINE_EXCEEDED', message);
}

function closed(): GymlinkError {
  return new GymlinkError('SESSION_CLOSED', 'the batcher is closed');
}
