import {
  asNdArray,
  type DtypeName,
  isNdArray,
  isTypedArray,
  type NdArray,
  sizeOf,
} from '../nd-array.js';
import { Generator } from '../random/generator.js';
import { checkRange } from './integer-range.js';

/** An array of integers, element j in `start[j]` … `start[j] + nvec[j] - 1` (Gymnasium's MultiDiscrete). */
export class MultiDiscrete {
  readonly kind = 'MultiDiscrete';
  /** Number of values of each element, of the shape of a value. */
  readonly nvec: NdArray<Int32Array>;
  /** Smallest value of each element. */
  readonly start: NdArray<Int32Array>;
  readonly shape: readonly number[];
  /** The environment's own dtype; values here are held in an Int32Array. */
  readonly dtype: DtypeName;
  private generator: Generator | undefined;

  /** @throws RangeError if lengths differ, a count is below 1, or a value does not fit into 32 bits. */
  constructor(
    nvec: ArrayLike<number>,
    start: ArrayLike<number> | undefined = undefined,
    shape: readonly number[] = [nvec.length],
    dtype: DtypeName = 'int64',
  ) {
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

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /** A random value; equal to Gymnasium's for the same seed. */
  sample(): NdArray<Int32Array> {
    this.generator ??= new Generator();
    const { generator, nvec, start } = this;
    const values = new Int32Array(nvec.length);
    // NumPy: (random(nvec.shape) * nvec).astype(dtype) + start
    for (let i = 0; i < values.length; i++)
      values[i] = Math.floor(generator.random() * (nvec[i] as number)) + (start[i] as number);
    return asNdArray(values, this.shape, this.dtype);
  }

  /** Whether a value is an array of this shape (a plain array of numbers has one axis), each element within its range. */
  contains(value: unknown): boolean {
    const holds = (element: number, i: number) => {
      const index = element - (this.start[i] as number);
      return Number.isInteger(index) && index >= 0 && index < (this.nvec[i] as number);
    };
    return integerElements(value, this.shape)?.every(holds) ?? false;
  }

  /** A plain object for JSON. */
  toJSON(): object {
    const { kind, shape, dtype, nvec, start } = this;
    return { kind, shape, dtype, nvec: [...nvec], start: [...start] };
  }

  toString(): string {
    const start = this.start.some((least) => least !== 0)
      ? `, start=[${this.start.join(' ')}]`
      : '';
    return `MultiDiscrete([${this.nvec.join(' ')}]${start})`;
  }
}

/** The elements of an array of numbers of a shape; undefined for anything else. */
export function integerElements(
  value: unknown,
  shape: readonly number[],
): readonly number[] | undefined {
  if (Array.isArray(value)) {
    if (shape.length !== 1) return undefined;
  } else if (
    !isTypedArray(value) ||
    value instanceof BigInt64Array ||
    value instanceof BigUint64Array
  ) {
    return undefined;
  } else if (isNdArray(value) && value.shape.join() !== shape.join()) {
    return undefined;
  }
  const elements = Array.from(value as ArrayLike<number>);
  return elements.length === sizeOf(shape) ? elements : undefined;
}
