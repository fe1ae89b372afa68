/**
 * A deadline that moves with every step. It keeps one timer, which looks when it fires whether the deadline has moved meanwhile:
 * setting and clearing a timer for each step would cost more than all else that the server does for it.
 */
export class Deadline {
  readonly #onExpiry: () => void;
  #at = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  constructor(onExpiry: () => void) {
    this.#onExpiry = onExpiry;
  }

  /** Expires in `ms` from now, instead of when it was set to before. */
  set(ms: number): void {
    this.#at = performance.now() + ms;
    if (this.#at < this.#firesAt) this.#arm(ms);
  }

  /** Does not expire until it is set again. */
  clear(): void {
    this.#at = Number.POSITIVE_INFINITY;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    const left = this.#at - performance.now();
    if (left > 0) {
      if (left !== Number.POSITIVE_INFINITY) this.#arm(Math.ceil(left));
      return;
    }
    this.clear();
    this.#onExpiry();
  }
}
