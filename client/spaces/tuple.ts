import { isNdArray, isTypedArray } from '../nd-array.js';
import { iterateArray } from './batch.js';
import type { Sample, Space } from './index.js';
import type { SpaceJSON } from './json.js';
import { given, type Mask, partsOf, sampleWithin } from './masks.js';
import { type SpaceSeed, type SpaceSeeds, seedsOf } from './seeded.js';

/** Spaces by position (Gymnasium's Tuple). */
export class Tuple {
  readonly kind = 'Tuple';
  readonly spaces: readonly Space[];

  constructor(spaces: readonly Space[]) {
    this.spaces = spaces;
  }

  /**
   * Seeds each space, as Gymnasium does.
   *
   * @param seed An array of seeds, or an integer from 0 from which they are drawn; null, the default: each has one of its own.
   * @returns The seeds that the spaces used.
   * @throws TypeError if the form is another.
   */
  seed(seed: SpaceSeed = null): SpaceSeeds[] {
    const seeds = seedsOf(seed, this.spaces.length);
    return this.spaces.map((space, i) => space.seed(seeds[i]));
  }

  /**
   * A random value of each space.
   *
   * @param mask A mask for each space.
   * @param probability Instead of a mask, likewise with probabilities.
   * @throws TypeError if there is another number of them.
   */
  sample(mask?: Mask, probability?: Mask): Sample[] {
    const by = given(mask, probability);
    if (by === undefined) return this.spaces.map((space) => space.sample());
    const parts = partsOf(by, this.spaces.length);
    return this.spaces.map((space, i) => sampleWithin(space, parts[i], by));
  }

  /** Whether a value is an array of as many items, each within its space; of a typed array, the rows. */
  contains(value: unknown): boolean {
    const items = isNdArray(value) ? iterateArray(value) : value;
    if (!Array.isArray(items) && !isTypedArray(items)) return false;
    return (
      items.length === this.spaces.length &&
      this.spaces.every((space, i) => space.contains(items[i]))
    );
  }

  /** Whether another space has equal spaces at all positions. */
  equals(other: unknown): boolean {
    return (
      other instanceof Tuple &&
      this.spaces.length === other.spaces.length &&
      this.spaces.every((space, i) => space.equals(other.spaces[i]))
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    return { kind: this.kind, spaces: this.spaces.map((space) => space.toJSON()) };
  }

  toString(): string {
    return `Tuple(${this.spaces.join(', ')})`;
  }
}
