import {
  asNdArray,
  type DtypeName,
  dtypes,
  fromFloat16,
  isNdArray,
  isTypedArray,
  type NdArray,
  sizeOf,
  type TypedArray,
  toFloat16,
} from '../nd-array.js';
import { Generator } from '../random/generator.js';
import { canCast } from './can-cast.js';

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
   * @param low Lower bounds, one for each element in C order or one for all; minus infinity is unbounded.
   * @param high Upper bounds, likewise.
   * @param shape Shape of a value; `[]` for a 0-dimensional array.
   * @param dtype Element type; int64 and uint64 take bounds as bigint.
   * @throws RangeError if there is another number of bounds, or one is NaN.
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

  /**
   * Seeds `sample`.
   *
   * @throws RangeError if the seed is not an integer from 0.
   */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /**
   * A random value: uniform between two finite bounds, exponential beyond one, normal without any, as Gymnasium draws them.
   * Bounded values equal Gymnasium's for the same seed; exponential and normal ones are other numbers of those distributions.
   */
  sample(): NdArray<T> {
    this.generator ??= new Generator();
    const draws = new Float64Array(this.low.length);
    // Gymnasium draws the elements of one kind of interval after those of another.
    for (const { holds, draw } of intervals) {
      for (let i = 0; i < draws.length; i++) {
        const low = Number(this.low[i]);
        const high = Number(this.high[i]);
        if (holds(low > -Infinity, high < Infinity))
          draws[i] = draw(this.generator, low, isReal(this.dtype) ? high : high + 1);
      }
    }
    return asNdArray(this.cast(draws), this.shape, this.dtype);
  }

  private cast(draws: Float64Array): T {
    const array = new dtypes[this.dtype].Array(draws.length);
    if (this.dtype === 'float16')
      for (let i = 0; i < draws.length; i++) array[i] = fromFloat16(toFloat16(draws[i] as number));
    else if (isReal(this.dtype)) array.set(draws as never);
    else for (let i = 0; i < draws.length; i++) array[i] = this.integer(draws[i] as number, i);
    return array as T;
  }

  /** A draw as element i: near the limits of 64-bit integers a double may lie beyond the bounds. */
  private integer(draw: number, i: number): never {
    const low = this.low[i] as number | bigint;
    const high = this.high[i] as number | bigint;
    const value = typeof low === 'bigint' ? BigInt(Math.floor(draw)) : Math.floor(draw);
    return (value < low ? low : value > high ? high : value) as never;
  }

  /**
   * Whether a value has this space's shape, a dtype that casts to this one without loss, and lies within the bounds. A plain
   * array of numbers is an array with one axis, a number one with none.
   */
  contains(value: unknown): boolean {
    const elements = this.elements(value);
    if (elements?.length !== this.low.length) return false;
    for (let i = 0; i < elements.length; i++) {
      const element = elements[i] as number;
      if (!(element >= (this.low[i] as number) && element <= (this.high[i] as number)))
        return false;
    }
    return true;
  }

  private elements(value: unknown): ArrayLike<unknown> | undefined {
    if (typeof value === 'number') return this.shape.length === 0 ? [value] : undefined;
    if (Array.isArray(value))
      return this.shape.length === 1 && value.every(isNumber) ? value : undefined;
    if (!isTypedArray(value)) return undefined;
    if (!isNdArray(value)) return value instanceof dtypes[this.dtype].Array ? value : undefined;
    const fits = value.shape.join() === this.shape.join() && canCast(value.dtype, this.dtype);
    return fits ? value : undefined;
  }

  toString(): string {
    const shape = `${this.shape.join(', ')}${this.shape.length === 1 ? ',' : ''}`;
    return `Box(${short(this.low)}, ${short(this.high)}, (${shape}), ${this.dtype})`;
  }

  /** A plain object for JSON: an infinite bound becomes null, a 64-bit integer text. */
  toJSON(): object {
    const plain = (bounds: NdArray) =>
      Array.from(bounds as ArrayLike<number | bigint>, (x) => (typeof x === 'bigint' ? `${x}` : x));
    const { kind, shape, dtype } = this;
    return { kind, shape, dtype, low: plain(this.low), high: plain(this.high) };
  }
}

const intervals: readonly {
  holds(boundedBelow: boolean, boundedAbove: boolean): boolean;
  draw(generator: Generator, low: number, high: number): number;
}[] = [
  { holds: (below, above) => !below && !above, draw: (generator) => generator.normal() },
  {
    holds: (below, above) => below && !above,
    draw: (generator, low) => generator.exponential() + low,
  },
  {
    holds: (below, above) => !below && above,
    draw: (generator, _, high) => high - generator.exponential(),
  },
  {
    holds: (below, above) => below && above,
    draw: (generator, low, high) => generator.uniform(low, high),
  },
];

function isReal(dtype: DtypeName): boolean {
  return dtype.startsWith('float');
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function bound(
  values: ArrayLike<number | bigint>,
  shape: readonly number[],
  dtype: DtypeName,
): NdArray {
  const array = new dtypes[dtype].Array(sizeOf(shape));
  if (values.length !== 1 && values.length !== array.length)
    throw new RangeError(
      `A Box of shape [${shape}] takes ${array.length} bounds or one, not ${values.length}.`,
    );
  for (let i = 0; i < array.length; i++) {
    array[i] = values[values.length === 1 ? 0 : i] as never;
    if (Number.isNaN(array[i])) throw new RangeError('A bound of a Box cannot be NaN.');
  }
  return asNdArray(array, shape, dtype);
}

/** Bounds as Gymnasium prints them: one number where all are equal. */
function short(bounds: NdArray): string {
  const texts = Array.from(bounds as ArrayLike<number | bigint>, (x) =>
    `${x}`.replace('Infinity', 'inf'),
  );
  const [first] = texts;
  return first !== undefined && texts.every((text) => text === first)
    ? first
    : `[${texts.join(' ')}]`;
}
