import { asNdArray, type DtypeName, dtypes, type NdArray, sizeOf } from '../nd-array.js';
import { canCast } from './can-cast.js';
import { elementsOf, hasShape } from './elements.js';
import { checkRange } from './integer-range.js';
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

/** An array of integers, element j in `start[j]` … `start[j] + nvec[j] - 1` (Gymnasium's MultiDiscrete). */
export class MultiDiscrete extends Seeded {
  readonly kind = 'MultiDiscrete';
  /** Number of values of each element, of the shape of a value. */
  readonly nvec: NdArray<Int32Array>;
  /** Smallest value of each element. */
  readonly start: NdArray<Int32Array>;
  readonly shape: readonly number[];
  /** The environment's own dtype; values here are held in an Int32Array. */
  readonly dtype: DtypeName;

  /** @throws RangeError if lengths differ, a count is below 1, or a value does not fit into 32 bits. */
  constructor(
    nvec: ArrayLike<number>,
    start: ArrayLike<number> | undefined = undefined,
    shape: readonly number[] = [nvec.length],
    dtype: DtypeName = 'int64',
  ) {
    super();
    const least = start ?? new Int32Array(nvec.length);
    if (sizeOf(shape) !== nvec.length || least.length !== nvec.length)
      throw new RangeError(
        `nvec, start and shape of a MultiDiscrete differ: ${nvec.length}, ${least.length}, [${shape}].`,
      );
    for (let i = 0; i < nvec.length; i++)
      checkRange(least[i] as number, nvec[i] as number, 'MultiDiscrete');
    this.shape = shape;
    this.dtype = dtype;
    this.nvec = asNdArray(Int32Array.from(nvec), shape, dtype);
    this.start = asNdArray(Int32Array.from(least), shape, dtype);
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
  sample(mask?: Mask, probability?: Mask): NdArray<Int32Array> {
    const by = given(mask, probability);
    const { nvec, start, shape } = this;
    const values = new Int32Array(nvec.length);
    const indices = by && this.indices(by);
    // NumPy: (random(nvec.shape) * nvec).astype(dtype) + start
    for (let i = 0; i < values.length; i++) {
      const index = indices?.[i] ?? Math.floor(this.generator.random() * (nvec[i] as number));
      values[i] = index + (start[i] as number);
    }
    return asNdArray(values, shape, this.dtype);
  }

  private indices({ name, value }: Given): number[] {
    const masks = shapedLeaves(name, value, this.shape);
    return masks.map((leaf, i) => {
      const numbers = numbersOf(name, leaf, this.nvec[i] as number);
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
    return Array.from(elements, Number).every((element, i) => {
      const index = element - (this.start[i] as number);
      return Number.isInteger(index) && index >= 0 && index < (this.nvec[i] as number);
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
      this.nvec.every((n, i) => n === other.nvec[i]) &&
      this.start.every((least, i) => least === other.start[i])
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, shape, dtype, nvec, start } = this;
    return { kind, shape, dtype, nvec: [...nvec], start: [...start] };
  }

  override toString(): string {
    const start = this.start.some((least) => least !== 0)
      ? `, start=[${this.start.join(' ')}]`
      : '';
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
