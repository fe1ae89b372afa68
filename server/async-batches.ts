import { envIndicesOf, type Part } from './transition.js';

/** Longest wait that a timer of Node takes. */
const mostMs = 2 ** 31 - 1;

/** Rows of an asynchronous session that are ready, until enough of them make a delivery (session.proto). */
export class AsyncBatches {
  readonly #batchSize: number;
  readonly #maxWaitMs: number;
  readonly #deliver: (parts: readonly Part[]) => void;
  #ready: Part[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param maxWaitUs After which fewer rows are delivered; 0 waits for `batchSize`. */
  constructor(batchSize: number, maxWaitUs: bigint, deliver: (parts: readonly Part[]) => void) {
    this.#batchSize = batchSize;
    this.#maxWaitMs = Math.min(mostMs, Math.ceil(Number(maxWaitUs) / 1000));
    this.#deliver = deliver;
  }

  /** Takes a row. */
  add(row: Part): void {
    this.#ready.push(row);
    if (this.#ready.length === this.#batchSize) this.flush();
    else if (this.#maxWaitMs > 0)
      this.#timer ??= setTimeout(() => this.flush(), this.#maxWaitMs).unref();
  }

  /** Delivers what is ready, however little it is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#ready;
    if (rows.length === 0) return;
    this.#ready = [];
    this.#deliver(rows.sort((a, b) => envIndexOf(a) - envIndexOf(b)));
  }

  /** Gives up what is not delivered. */
  close(): void {
    clearTimeout(this.#timer);
    this.#ready = [];
  }
}

function envIndexOf(row: Part): number {
  return envIndicesOf(row)[0] ?? 0;
}
