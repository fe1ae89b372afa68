import { type DtypeName, isNdArray } from '../nd-array.js';
import { canCast } from './can-cast.js';
import {
  holderOf,
  type IntegerArrayConstructor,
  indexOf,
  integerWidth,
  plainInteger,
  valueAt,
} from './integer-range.js';
import type { SpaceJSON } from './json.js';
import {
  checkProbabilities,
  chooseMasked,
  type Given,
  given,
  type Mask,
  numbersOf,
} from './masks.js';
import { Seeded } from './seeded.js';

/**
 * The integers `start` … `start + n - 1` (Gymnasium's Discrete): numbers, in arrays Int32Array, where all fit into 32 bits;
 * otherwise what the array of the dtype has, which for int64 and uint64 is bigint, also as `n` and `start`: a `Discrete<bigint>`.
 */
export class Discrete<V extends number | bigint = number> extends Seeded {
  readonly kind = 'Discrete';
  readonly shape: readonly number[] = [];
  /** Number of values. */
  readonly n: V;
  /** Smallest value. */
  readonly start: V;
  /** The environment's own dtype. */
  readonly dtype: DtypeName;
  /** What several values are held in. */
  readonly Held: IntegerArrayConstructor;

  /** @throws RangeError if n is below 1, or a value fits neither into 32 bits nor into the dtype. */
  constructor(n: number | bigint, start: number | bigint = 0, dtype: DtypeName = 'int64') {
    super();
    this.Held = holderOf([n], [start], dtype, 'Discrete');
    const convert = this.Held.BYTES_PER_ELEMENT === 8 ? BigInt : Number;
    this.n = convert(n) as V;
    this.start = convert(start) as V;
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
  sample(mask?: Mask, probability?: Mask): V {
    const by = given(mask, probability);
    return valueAt(this.start, by === undefined ? this.draw() : this.choose(by)) as V;
  }

  private draw(): number | bigint {
    const n: number | bigint = this.n;
    if (typeof n === 'bigint') return this.generator.bigInteger(n);
    return this.generator.integer(n, integerWidth(this.dtype));
  }

  private choose({ name, value }: Given): number {
    const numbers = numbersOf(name, value, Number(this.n));
    if (name === 'mask') return chooseMasked(this.generator, numbers);
    checkProbabilities(numbers);
    return this.generator.choice(numbers);
  }

  /** Whether a value is an integer of this space: a number, a bigint, or an array without axes of a dtype that casts to this one. */
  contains(value: unknown): boolean {
    if (isNdArray(value)) {
      const fits = value.shape.length === 0 && canCast(value.dtype, this.dtype);
      return fits && value.dtype !== 'bool' && this.contains(value[0]);
    }
    return indexOf(value, this.start, this.n) !== -1;
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
    return { kind, n: plainInteger(n), start: plainInteger(start), dtype };
  }

  override toString(): string {
    const start = Number(this.start) === 0 ? '' : `, start=${this.start}`;
    const dtype = this.dtype === 'int64' ? '' : `, dtype=${this.dtype}`;
    return `Discrete(${this.n}${start}${dtype})`;
  }
}
