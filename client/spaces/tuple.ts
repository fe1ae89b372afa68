import { Generator } from '../generator.js';
import type { Sample, Space } from './index.js';

/** Spaces by position (Gymnasium's Tuple). */
export class Tuple {
  readonly kind = 'Tuple';
  readonly spaces: readonly Space[];

  constructor(spaces: readonly Space[]) {
    this.spaces = spaces;
  }

  /** Seeds each space with a number drawn from a generator of this seed. */
  seed(seed: number | bigint): void {
    const generator = new Generator(seed);
    for (const space of this.spaces) space.seed(generator.integer(2 ** 31 - 1));
  }

  /** A random value of each space. */
  sample(): Sample[] {
    return this.spaces.map((space) => space.sample());
  }

  /** Whether a value is an array of as many items, each within its space. */
  contains(value: unknown): boolean {
    return (
      Array.isArray(value) &&
      value.length === this.spaces.length &&
      this.spaces.every((space, i) => space.contains(value[i]))
    );
  }

  toString(): string {
    return `Tuple(${this.spaces.join(', ')})`;
  }
}
