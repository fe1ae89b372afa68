import { Generator } from '../random/generator.js';
import type { Sample, Space } from './index.js';

/** Spaces by position (Gymnasium's Tuple). */
export class Tuple {
  readonly kind = 'Tuple';
  readonly spaces: readonly Space[];

  constructor(spaces: readonly Space[]) {
    this.spaces = spaces;
  }

  /** Seeds each space with a number drawn from a generator of this seed, as Gymnasium does. */
  seed(seed: number | bigint): void {
    const seeds = new Generator(seed).integers(2 ** 31 - 1, this.spaces.length);
    for (const [i, space] of this.spaces.entries()) space.seed(seeds[i] as number);
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
