import { type DtypeName, isNdArray } from '../nd-array.js';
import { canCast } from './can-cast.js';
import { checkRange, integerWidth } from './integer-range.js';
import type { SpaceJSON } from './json.js';
import { checkProbabilities, chooseMasked, given, type Mask, numbersOf } from './masks.js';
import { Seeded } from './seeded.js';

/** The integers `start` … `start + n - 1` (Gymnasium's Discrete). */
export class Discrete extends Seeded {
  readonly kind = 'Discrete';
  readonly shape: readonly number[] = [];
  /** Number of values. */
  readonly n: number;
  /** Smallest value. */
  readonly start: number;
  /** The environment's own dtype; values here are numbers. */
  readonly dtype: DtypeName;

  /** @throws RangeError if n is below 1, or a value does not fit into 32 bits. */
  constructor(n: number, start = 0, dtype: DtypeName = 'int64') {
    super();
    checkRange(start, n, 'Discrete');
    this.n = n;
    this.start = start;
    this.dtype = dtype;
  }

  /**
   * A random value, each as likely as the others; equal to Gymnasium's for the same seed.
   *
   * @param mask n numbers: 1 where the value may be drawn, else 0. Where all are 0, the value is `start`.
   * @param probability n probabilities with the sum 1, instead of a mask.
   * @throws TypeError if there are not n of them.
   * @throws RangeError if one is out of range, or the sum is not 1.
   */
  sample(mask?: Mask, probability?: Mask): number {
    const by = given(mask, probability);
    if (by === undefined)
      return this.start + this.generator.integer(this.n, integerWidth(this.dtype));
    const numbers = numbersOf(by.name, by.value, this.n);
    if (by.name === 'mask') return this.start + chooseMasked(this.generator, numbers);
    checkProbabilities(numbers);
    return this.start + this.generator.choice(numbers);
  }

  /** Whether a value is an integer of this space: a number, a bigint, or an array without axes of a dtype that casts to this one. */
  contains(value: unknown): boolean {
    if (isNdArray(value)) {
      const fits = value.shape.length === 0 && canCast(value.dtype, this.dtype);
      return fits && value.dtype !== 'bool' && this.contains(Number(value[0]));
    }
    const isInteger = typeof value === 'bigint' || Number.isInteger(value);
    return isInteger && (value as number) >= this.start && (value as number) < this.start + this.n;
  }

  /** Whether another space is this one, seeds aside. */
  equals(other: unknown): boolean {
    return (
      other instanceof Discrete &&
      this.n === other.n &&
      this.start === other.start &&
      this.dtype === other.dtype
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, n, start, dtype } = this;
    return { kind, n, start, dtype };
  }

  override toString(): string {
    const start = this.start === 0 ? '' : `, start=${this.start}`;
    const dtype = this.dtype === 'int64' ? '' : `, dtype=${this.dtype}`;
    return `Discrete(${this.n}${start}${dtype})`;
  }
}
