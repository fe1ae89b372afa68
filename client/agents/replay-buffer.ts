import type { Random } from './random.js';

/** A vector environment's transitions in rows; row i belongs to sub-environment i. */
export interface Transitions {
  /** Rows of `observationSize` numbers: what the action answered. */
  readonly observations: ArrayLike<number>;
  /** Action indices, 0 to `numActions - 1`. */
  readonly actions: ArrayLike<number>;
  readonly rewards: ArrayLike<number>;
  /**
   * Non-zero where `nextObservations` is a terminal state. Truncation does not belong here: a
   * truncated episode would have gone on, so its last state still has a value to bootstrap from.
   */
  readonly terminations: ArrayLike<number>;
  /** Rows of `observationSize` numbers; the true final observation at an episode's end. */
  readonly nextObservations: ArrayLike<number>;
}

/** Transitions in arrays that `sample` fills; made once by `createBatch`, then reused. */
export interface Batch extends Transitions {
  readonly size: number;
  readonly observations: Float32Array;
  readonly actions: Int32Array;
  readonly rewards: Float32Array;
  readonly terminations: Uint8Array;
  readonly nextObservations: Float32Array;
}

/** Arrays for `size` transitions. */
export function createBatch(size: number, observationSize: number): Batch {
  return {
    size,
    observations: new Float32Array(size * observationSize),
    actions: new Int32Array(size),
    rewards: new Float32Array(size),
    terminations: new Uint8Array(size),
    nextObservations: new Float32Array(size * observationSize),
  };
}

/**
 * Uniform experience replay (Lin, 1992; Mnih et al., 2015): the last `capacity` transitions in
 * arrays that are allocated once; nothing is allocated when transitions are added or sampled.
 */
export class ReplayBuffer {
  readonly capacity: number;
  private readonly observationSize: number;
  private readonly stored: Batch;
  private next = 0;
  private filled = 0;

  constructor(capacity: number, observationSize: number) {
    this.capacity = capacity;
    this.observationSize = observationSize;
    this.stored = createBatch(capacity, observationSize);
  }

  /** Number of transitions held, at most `capacity`. */
  get size(): number {
    return this.filled;
  }

  /** Copies row `row` of the transitions in; when full, over the oldest one. */
  add(from: Transitions, row: number): void {
    copyRow(from, row, this.stored, this.next, this.observationSize);
    this.next = (this.next + 1) % this.capacity;
    this.filled = Math.min(this.filled + 1, this.capacity);
  }

  /**
   * Fills the batch with transitions drawn uniformly with replacement.
   *
   * @throws RangeError if the buffer is empty.
   */
  sample(random: Random, into: Batch): void {
    if (this.filled === 0) throw new RangeError('An empty replay buffer cannot be sampled.');
    for (let row = 0; row < into.size; row++) {
      copyRow(this.stored, random.integer(this.filled), into, row, this.observationSize);
    }
  }
}

function copyRow(from: Transitions, source: number, to: Batch, target: number, size: number): void {
  for (let j = 0; j < size; j++) {
    to.observations[target * size + j] = from.observations[source * size + j] as number;
    to.nextObservations[target * size + j] = from.nextObservations[source * size + j] as number;
  }
  to.actions[target] = from.actions[source] as number;
  to.rewards[target] = from.rewards[source] as number;
  to.terminations[target] = from.terminations[source] ? 1 : 0;
}
