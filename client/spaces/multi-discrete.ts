import { Generator } from '../generator.js';
import { asNdArray, type DtypeName, type NdArray } from '../nd-array.js';

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

  constructor(
    nvec: ArrayLike<number>,
    start: ArrayLike<number> | undefined = undefined,
    shape: readonly number[] = [nvec.length],
    dtype: DtypeName = 'int64',
  ) {
    this.shape = shape;
    this.dtype = dtype;
    this.nvec = asNdArray(Int32Array.from(nvec), shape, 'int32');
    this.start = asNdArray(
      start ? Int32Array.from(start) : new Int32Array(nvec.length),
      shape,
      'int32',
    );
  }

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /** A random value; equal to Gymnasium's for the same seed. */
  sample(): NdArray<Int32Array> {
    this.generator ??= new Generator();
    const generator = this.generator;
    // NumPy: (random(nvec.shape) * nvec).astype(dtype) + start
    const values = Int32Array.from(
      this.nvec,
      (n, i) => Math.floor(generator.random() * n) + (this.start[i] as number),
    );
    return asNdArray(values, this.shape, this.dtype);
  }

  /** Whether a value has as many elements as this space, each within its range. */
  contains(value: unknown): boolean {
    if (!ArrayBuffer.isView(value) && !Array.isArray(value)) return false;
    const array = value as ArrayLike<number>;
    return (
      array.length === this.nvec.length &&
      this.nvec.every((n, i) => {
        const element = Number(array[i]) - (this.start[i] as number);
        return Number.isInteger(element) && element >= 0 && element < n;
      })
    );
  }

  toString(): string {
    return `MultiDiscrete([${this.nvec.join(' ')}])`;
  }
}
