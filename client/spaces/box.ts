import { Generator } from '../generator.js';
import {
  asNdArray,
  type DtypeName,
  dtypes,
  type NdArray,
  sizeOf,
  type TypedArray,
} from '../nd-array.js';

/** An array within bounds (Gymnasium's Box). */
export class Box<T extends TypedArray = TypedArray> {
  readonly kind = 'Box';
  /** Inclusive lower bounds: one for each element. */
  readonly low: NdArray<T>;
  /** Inclusive upper bounds: one for each element. */
  readonly high: NdArray<T>;
  readonly shape: readonly number[];
  readonly dtype: DtypeName;
  private generator: Generator | undefined;

  /**
   * @param low Lower bounds, one for each element or one for all; minus infinity is unbounded.
   * @param high Upper bounds, likewise.
   */
  constructor(
    low: ArrayLike<number | bigint>,
    high: ArrayLike<number | bigint>,
    shape: readonly number[],
    dtype: DtypeName,
  ) {
    this.shape = shape;
    this.dtype = dtype;
    this.low = bound(low, shape, dtype) as NdArray<T>;
    this.high = bound(high, shape, dtype) as NdArray<T>;
  }

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /**
   * A random value: uniform between two finite bounds, exponential beyond one, normal without any, as Gymnasium draws them.
   * Bounded values of floating dtypes equal Gymnasium's for the same seed.
   */
  sample(): NdArray<T> {
    this.generator ??= new Generator();
    const array = new dtypes[this.dtype].Array(this.low.length);
    for (let i = 0; i < array.length; i++) this.fill(array, i, this.generator);
    return asNdArray(array, this.shape, this.dtype) as NdArray<T>;
  }

  private fill(array: TypedArray, i: number, generator: Generator): void {
    const isInteger = !this.dtype.startsWith('float');
    const low = Number(this.low[i]);
    const value = drawBetween(low, Number(this.high[i]) + (isInteger ? 1 : 0), generator);
    if (typeof array[i] === 'bigint') array[i] = BigInt(Math.floor(value));
    else array[i] = isInteger ? Math.floor(value) : value;
  }

  /** Whether a value has this space's shape and lies within its bounds. */
  contains(value: unknown): boolean {
    if (!ArrayBuffer.isView(value) && !Array.isArray(value)) return false;
    const array = value as ArrayLike<number | bigint> & {
      shape?: readonly number[];
      dtype?: string;
    };
    if (array.length !== this.low.length) return false;
    if (array.shape !== undefined && array.shape.join() !== this.shape.join()) return false;
    for (let i = 0; i < array.length; i++) {
      const element = array[i] as number;
      if (!(element >= (this.low[i] as number) && element <= (this.high[i] as number)))
        return false;
    }
    return true;
  }

  toString(): string {
    const [low, high] = [this.low, this.high].map((bounds) => range(bounds));
    return `Box(${low}, ${high}, (${this.shape.join(', ')}${this.shape.length === 1 ? ',' : ''}), ${this.dtype})`;
  }
}

function bound(
  values: ArrayLike<number | bigint>,
  shape: readonly number[],
  dtype: DtypeName,
): NdArray {
  const array = new dtypes[dtype].Array(sizeOf(shape));
  for (let i = 0; i < array.length; i++) array[i] = values[values.length === 1 ? 0 : i] as never;
  return asNdArray(array, shape, dtype);
}

function drawBetween(low: number, high: number, generator: Generator): number {
  const [below, above] = [Number.isFinite(low), Number.isFinite(high)];
  if (below && above) return low + (high - low) * generator.random();
  if (below) return low + generator.exponential();
  if (above) return high - generator.exponential();
  return generator.normal();
}

function range(bounds: ArrayLike<number | bigint>): string {
  const first = bounds[0];
  for (let i = 1; i < bounds.length; i++) if (bounds[i] !== first) return `[${first} …]`;
  return String(first);
}
