import { availableParallelism } from 'node:os';

/** An answer that came within this time is waited for awake the next time, for at most as long. */
const quickMs = 0.6;

/**
 * Decides who waits awake. A core that went to sleep takes longer to wake than a quick environment takes to step
 * (docs/architecture.md), so this keeps the event loop turning while a single quick worker is waited for, and tells workers when they may
 * do the like. With several requests on their way, or a single core, waiting processes sleep, because others need the time.
 */
export class Alertness {
  readonly #cores: number;
  #requests = 0;
  #begun = 0;
  #quick = false;
  #turning = false;

  constructor(cores: number) {
    this.#cores = cores;
  }

  /** A request goes out to so many workers. Returns whether they may wait awake for the next one. */
  begin(workers: number): boolean {
    this.#requests += 1;
    this.#begun = performance.now();
    const alone = this.#requests === 1 && this.#cores > 1;
    if (alone && workers === 1 && this.#quick && !this.#turning) {
      this.#turning = true;
      setImmediate(this.#turn);
    }
    return alone;
  }

  /** A request that went out is answered by all its workers. */
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
export const alertness = new Alertness(availableParallelism());
