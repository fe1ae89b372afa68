import type { Generator } from '../random/generator.js';
import { concatenate, iterate } from './batch.js';
import type { Sample, Space } from './index.js';
import type { SpaceJSON } from './json.js';
import { type Given, given, type Mask, numbersOf, partsOf, sampleWithin } from './masks.js';
import { Seeded, type SpaceSeed, type SpaceSeeds } from './seeded.js';

/**
 * Any number of values of one space (Gymnasium's Sequence): an array of them or, where the space stacks, a batch of them, as a
 * vector environment has it.
 */
export class Sequence extends Seeded {
  readonly kind = 'Sequence';
  /** Space of the elements. */
  readonly featureSpace: Space;
  /** Whether a value is one batch of all elements. */
  readonly stack: boolean;

  constructor(featureSpace: Space, stack = false) {
    super();
    this.featureSpace = featureSpace;
    this.stack = stack;
  }

  /**
   * Seeds the lengths and the elements, as Gymnasium does.
   *
   * @param seed Two seeds, or an integer from 0, which is the first and from which the second is drawn; null, the default: each has
   *   one of its own.
   * @returns The two seeds that were used.
   * @throws TypeError if the form is another.
   */
  override seed(seed: SpaceSeed = null): SpaceSeeds[] {
    return this.seedWith(seed, [this.featureSpace]);
  }

  /**
   * Some random elements: their number is geometric with p = 1/4, as in Gymnasium.
   *
   * @param mask Length and mask of the elements: as length null (drawn), a number, or an array of numbers to draw one of.
   * @param probability Instead of a mask, likewise with the probabilities of the elements.
   * @throws TypeError if the form is another.
   * @throws RangeError if a length is negative.
   */
  sample(mask?: Mask, probability?: Mask): Sample {
    const by = given(mask, probability);
    const [length = null, part] = by ? partsOf(by, 2) : [];
    const count = drawLength(this.generator, length, by?.name);
    const { featureSpace } = this;
    const values = Array.from({ length: count }, () =>
      by ? sampleWithin(featureSpace, part, by) : featureSpace.sample(),
    );
    return this.stack ? concatenate(featureSpace, values) : values;
  }

  /** Whether a value is an array (of a space that stacks: a batch) of values of the elements' space. */
  contains(value: unknown): boolean {
    const rows = this.stack ? iterate(this.featureSpace, value) : value;
    return Array.isArray(rows) && rows.every((row) => this.featureSpace.contains(row));
  }

  /** Whether another space stacks or not as this one does, and has equal elements. */
  equals(other: unknown): boolean {
    return (
      other instanceof Sequence &&
      this.stack === other.stack &&
      this.featureSpace.equals(other.featureSpace)
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, featureSpace, stack } = this;
    return { kind, featureSpace: featureSpace.toJSON(), stack };
  }

  override toString(): string {
    return `Sequence(${this.featureSpace}, stack=${this.stack ? 'True' : 'False'})`;
  }
}

function drawLength(generator: Generator, length: Mask, name: Given['name'] = 'mask'): number {
  if (length === null) return generator.geometric(0.25);
  const lengths =
    typeof length === 'number'
      ? [length]
      : numbersOf(name, length, (length as ArrayLike<number>).length);
  if (!lengths.every((choice) => Number.isInteger(choice) && choice >= 0))
    throw new RangeError(`A length is a whole number from 0; [${lengths}] were given.`);
  if (typeof length === 'number') return length;
  return lengths[generator.integer(lengths.length)] as number;
}
