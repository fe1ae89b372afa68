import type { Sample, Space } from './index.js';
import type { SpaceJSON } from './json.js';
import { given, type Mask, partsOf, sampleWithin } from './masks.js';
import { Seeded, type SpaceSeed, type SpaceSeeds } from './seeded.js';

/** A value of exactly one of several spaces (Gymnasium's OneOf): `[index, value]`, the space's index and a value of that space. */
export class OneOf extends Seeded {
  readonly kind = 'OneOf';
  readonly spaces: readonly Space[];

  /** @throws RangeError if there are no spaces. */
  constructor(spaces: readonly Space[]) {
    super();
    if (spaces.length === 0) throw new RangeError('A OneOf needs at least one space.');
    this.spaces = spaces;
  }

  /**
   * Seeds the choice and each space, as Gymnasium does.
   *
   * @param seed A seed for the choice and one for each space, or an integer from 0, which is that of the choice and from which the
   *   others are drawn; null, the default: each has one of its own.
   * @returns The seeds that were used, that of the choice first.
   * @throws TypeError if the form is another.
   */
  override seed(seed: SpaceSeed = null): SpaceSeeds[] {
    return this.seedWith(seed, this.spaces);
  }

  /**
   * A random value of a random space.
   *
   * @param mask A mask for each space.
   * @param probability Instead of a mask, likewise with probabilities.
   * @throws TypeError if there is another number of them.
   */
  sample(mask?: Mask, probability?: Mask): [index: number, value: Sample] {
    const by = given(mask, probability);
    const parts = by && partsOf(by, this.spaces.length);
    const index = this.generator.integer(this.spaces.length);
    const space = this.spaces[index] as Space;
    return [index, by ? sampleWithin(space, parts?.[index], by) : space.sample()];
  }

  /** Whether a value is a pair of the index of a space and a value of it. */
  contains(value: unknown): boolean {
    if (!Array.isArray(value) || value.length !== 2 || !Number.isInteger(value[0])) return false;
    return this.spaces[value[0]]?.contains(value[1]) ?? false;
  }

  /** Whether another space has equal spaces in the same order. */
  equals(other: unknown): boolean {
    return (
      other instanceof OneOf &&
      this.spaces.length === other.spaces.length &&
      this.spaces.every((space, i) => space.equals(other.spaces[i]))
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    return { kind: this.kind, spaces: this.spaces.map((space) => space.toJSON()) };
  }

  override toString(): string {
    return `OneOf(${this.spaces.join(', ')})`;
  }
}
