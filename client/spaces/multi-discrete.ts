import { asNdArray, type DtypeName, dtypes, type NdArray, sizeOf } from '../nd-array.js';
import { canCast } from './can-cast.js';
import { elementsOf, hasShape } from './elements.js';
import {
  hold,
  holderOf,
  type IntegerArray,
  type IntegerArrayConstructor,
  indexOf,
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
  sum,
} from './masks.js';
import { Seeded } from './seeded.js';

/**
 * An array of integers, element j in `start[j]` … `start[j] + nvec[j] - 1` (Gymnasium's MultiDiscrete): an Int32Array where all
 * values of the space fit into 32 bits, otherwise the array of the dtype.
 */
export class MultiDiscrete<T extends IntegerArray = Int32Array> extends Seeded {
  readonly kind = 'MultiDiscrete';
  /** Number of values of each element, of the shape of a value. */
  readonly nvec: NdArray<T>;
  /** Smallest value of each element. */
  readonly start: NdArray<T>;
  readonly shape: readonly number[];
  /** The environment's own dtype. */
  readonly dtype: DtypeName;
  /** What values are held in. */
  readonly Held: IntegerArrayConstructor;

  /** @throws RangeError if lengths differ, a count is below 1, or a value fits neither into 32 bits nor into the dtype. */
  constructor(
    nvec: ArrayLike<number | bigint>,
    start: ArrayLike<number | bigint> | undefined = undefined,
    shape: readonly number[] = [nvec.length],
    dtype: DtypeName = 'int64',
  ) {
    super();
    const least = start ?? new Int32Array(nvec.length);
    if (sizeOf(shape) !== nvec.length || least.length !== nvec.length)
      throw new RangeError(
        `nvec, start and shape of a MultiDiscrete differ: ${nvec.length}, ${least.length}, [${shape}].`,
      );
    this.Held = holderOf(nvec, least, dtype, 'MultiDiscrete');
    this.shape = shape;
    this.dtype = dtype;
    this.nvec = asNdArray(hold(this.Held, nvec) as T, shape, dtype);
    this.start = asNdArray(hold(this.Held, least) as T, shape, dtype);
  }

  /**
   * A random value; equal to Gymnasium's for the same seed.
   *
   * @param mask For each element an array with 1 where a value may be drawn, else 0; nested as the space has axes. Where all are
   *   0, the element is its `start`.
   * @param probability Instead of a mask, likewise with probabilities, each array with the sum 1.
   * @throws TypeError if the form is another.
   * @throws RangeError if a number is out of range, or a sum is not 1.
   */
  sample(mask?: Mask, probability?: Mask): NdArray<T> {
    const by = given(mask, probability);
    const { nvec, start, shape } = this;
    const values = new this.Held(nvec.length);
    const indices = by && this.indices(by);
    // NumPy: (random(nvec.shape) * nvec).astype(dtype) + start
    for (let i = 0; i < values.length; i++) {
      const index = indices?.[i] ?? Math.floor(this.generator.random() * Number(nvec[i]));
      values[i] = valueAt(start[i] as number, index) as never;
    }
    return asNdArray(values as T, shape, this.dtype);
  }

  private indices({ name, value }: Given): number[] {
    const masks = shapedLeaves(name, value, this.shape);
    return masks.map((leaf, i) => {
      const numbers = numbersOf(name, leaf, Number(this.nvec[i]));
      if (name === 'mask') return chooseMasked(this.generator, numbers);
      return this.weighted(numbers);
    });
  }

  private weighted(probabilities: readonly number[]): number {
    checkProbabilities(probabilities);
    const total = sum(probabilities);
    if (!(Math.abs(total - 1) <= 1e-5 + 1e-8))
      throw new RangeError(`Probabilities must sum to 1, not to ${total}.`);
    // Gymnasium leaves zeros out, which changes the rounding of none but the sums.
    return this.generator.choice(probabilities.map((p) => p / total));
  }

  /**
   * Whether a value is an array of this shape, of a dtype that casts to this one, each element within its range. Plain arrays
   * are int64, as in NumPy; a typed array without a shape needs as many elements.
   */
  contains(value: unknown): boolean {
    const found = elementsOf(value);
    if (found === undefined || !hasShape(found, this.shape, this.nvec.length)) return false;
    const { elements, shape, dtype } = found;
    const fits = shape === undefined ? this.holds(elements) : canCast(dtype ?? 'int64', this.dtype);
    if (!fits) return false;
    return Array.from(elements).every((element, i) => {
      return indexOf(element, this.start[i] as number, this.nvec[i] as number) !== -1;
    });
  }

  private holds(elements: ArrayLike<unknown>): boolean {
    return elements instanceof Int32Array || elements instanceof dtypes[this.dtype].Array;
  }

  /** Whether another space is this one, seeds aside. */
  equals(other: unknown): boolean {
    return (
      other instanceof MultiDiscrete &&
      this.dtype === other.dtype &&
      this.shape.join() === other.shape.join() &&
      `${this.nvec}` === `${other.nvec}` &&
      `${this.start}` === `${other.start}`
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, shape, dtype, nvec, start } = this;
    const plain = (values: IntegerArray) =>
      Array.from(values as ArrayLike<number | bigint>, plainInteger);
    return { kind, shape, dtype, nvec: plain(nvec), start: plain(start) };
  }

  override toString(): string {
    const least = this.start.join(' ');
    const start = /[1-9]/.test(least) ? `, start=[${least}]` : '';
    return `MultiDiscrete([${this.nvec.join(' ')}]${start})`;
  }
}

/** The masks of elements in C order, out of arrays that are nested as the shape is. */
function shapedLeaves(name: string, value: Mask, shape: readonly number[]): Mask[] {
  const [length, ...rest] = shape;
  if (length === undefined) return [value];
  if (!Array.isArray(value) || value.length !== length)
    throw new TypeError(`The ${name} must be nested arrays of the shape of the space.`);
  return value.flatMap((part) => shapedLeaves(name, part, rest));
}
