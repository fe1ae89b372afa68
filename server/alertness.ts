import { availableParallelism } from 'node:os';

/** An answer that came within this time is waited for awake the next time, for at most as long. */
const quickMs = 0.6;

/**
 * Keeps the event loop turning, instead of asleep, while one quick request alone is on its way through a worker: a core that
 * went to sleep takes longer to wake than a quick environment takes to step (docs/architecture.md). With several requests
 * on their way, or a single core, the time belongs to the workers.
 */
export class Alertness {
  #requests = 0;
  #begun = 0;
  #quick = false;
  #turning = false;

  /** A request goes out. */
  begin(): void {
    this.#requests += 1;
    this.#begun = performance.now();
    if (!this.#quick || this.#turning || this.#requests > 1) return;
    this.#turning = true;
    setImmediate(this.#turn);
  }

  /** A request that went out is settled. */
  end(): void {
    this.#requests -= 1;
    this.#quick = performance.now() - this.#begun < quickMs;
  }

  readonly #turn = (): void => {
    this.#turning = this.#requests === 1 && performance.now() - this.#begun < quickMs;
    if (this.#turning) setImmediate(this.#turn);
  };
}

/** That of this process's event loop. */
export const alertness = availableParallelism() > 1 ? new Alertness() : undefined;
