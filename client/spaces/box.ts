import {
  asNdArray,
  type DtypeName,
  dtypes,
  fromFloat16,
  type NdArray,
  sizeOf,
  type TypedArray,
  toFloat16,
} from '../nd-array.js';
import type { Generator } from '../random/generator.js';
import { canCast } from './can-cast.js';
import { type Elements, elementsOf, hasShape } from './elements.js';
import { limitsOf } from './integer-range.js';
import type { SpaceJSON } from './json.js';
import type { Mask } from './masks.js';
import { Seeded } from './seeded.js';

/** An array within bounds (Gymnasium's Box). */
export class Box<T extends TypedArray = TypedArray> extends Seeded {
  readonly kind = 'Box';
  /** Inclusive lower bounds: one for each element. Where a signed integer has none, the least integer of the dtype. */
  readonly low: NdArray<T>;
  /** Inclusive upper bounds, likewise. */
  readonly high: NdArray<T>;
  /** For each element 1 where it has a lower bound, 0 where that was minus infinity. */
  readonly boundedBelow: Uint8Array;
  /** For each element 1 where it has an upper bound. */
  readonly boundedAbove: Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: DtypeName;

  /**
   * @param low Lower bounds, one for each element in C order or one for all; minus infinity is unbounded.
   * @param high Upper bounds, likewise.
   * @param shape Shape of a value; `[]` for a 0-dimensional array.
   * @param dtype Element type; int64 and uint64 take finite bounds as bigint.
   * @throws RangeError if there is another number of bounds, one is NaN or outside the dtype, an infinite one is of unsigned
   *   integers, or a lower one is above the upper one.
   */
  constructor(
    low: ArrayLike<number | bigint>,
    high: ArrayLike<number | bigint>,
    shape: readonly number[],
    dtype: DtypeName,
  ) {
    super();
    this.shape = shape;
    this.dtype = dtype;
    const [lows, boundedBelow] = bound(low, shape, dtype, -Infinity);
    const [highs, boundedAbove] = bound(high, shape, dtype, Infinity);
    const crossed = lows.findIndex((least, i) => least > (highs[i] as never));
    if (crossed >= 0)
      throw new RangeError(
        `Lower bounds of a Box must not be above the upper ones: ${lows[crossed]} is above ${highs[crossed]}.`,
      );
    this.low = lows as NdArray<T>;
    this.high = highs as NdArray<T>;
    this.boundedBelow = boundedBelow;
    this.boundedAbove = boundedAbove;
  }

  /**
   * A random value, equal to Gymnasium's for the same seed: uniform between two finite bounds, exponential beyond one, normal
   * without any.
   *
   * @param mask None: Gymnasium has no masks for a Box.
   * @throws TypeError if a mask is given.
   * @throws RangeError if the range between two bounds is not a finite number, as NumPy has it for int64 and float64.
   */
  sample(mask?: Mask, probability?: Mask): NdArray<T> {
    if ((mask ?? null) !== null || (probability ?? null) !== null)
      throw new TypeError('A Box is sampled without a mask and without probabilities.');
    const { generator, boundedBelow, boundedAbove } = this;
    const draws = new Float64Array(this.low.length);
    // Gymnasium draws the elements of one kind of interval after those of another.
    for (const { below, above, draw } of intervals) {
      for (let i = 0; i < draws.length; i++) {
        if (boundedBelow[i] === below && boundedAbove[i] === above)
          draws[i] = draw(generator, Number(this.low[i]), this.end(i));
      }
    }
    return asNdArray(this.cast(draws), this.shape, this.dtype);
  }

  /** Upper end of the interval to draw from: of integers one beyond the bound, in NumPy's int64. */
  private end(i: number): number {
    const high = this.high[i] as number | bigint;
    if (isReal(this.dtype)) return high as number;
    return typeof high === 'bigint' ? Number(BigInt.asIntN(64, high + 1n)) : high + 1;
  }

  private cast(draws: Float64Array): T {
    const array = new dtypes[this.dtype].Array(draws.length);
    if (this.dtype === 'float16')
      for (let i = 0; i < draws.length; i++) array[i] = fromFloat16(toFloat16(draws[i] as number));
    else if (isReal(this.dtype)) array.set(draws as never);
    else this.castIntegers(draws, array);
    return array as T;
  }

  private castIntegers(draws: Float64Array, array: TypedArray): void {
    const [least, greatest] = limitsOf(this.dtype).map(Number) as [number, number];
    for (let i = 0; i < draws.length; i++) {
      const draw = Math.min(Math.max(Math.floor(draws[i] as number), least), greatest);
      if (array instanceof BigInt64Array) array[i] = this.within(BigInt(draw), i);
      else array[i] = (array instanceof BigUint64Array ? BigInt(draw) : draw) as never;
    }
  }

  /** A draw of int64, which has more digits than a double; 2**63 wraps around as in NumPy. */
  private within(draw: bigint, i: number): bigint {
    const [low, high] = [this.low[i] as bigint, this.high[i] as bigint];
    const value = BigInt.asIntN(64, draw);
    return value < low ? low : value > high ? high : value;
  }

  /**
   * Whether a value has this space's shape, a dtype that casts to this one without loss, and lies within the bounds. Plain
   * (nested) arrays of numbers are cast to the dtype; a typed array without a shape needs the type of this space's values and as
   * many elements.
   */
  contains(value: unknown): boolean {
    const elements = this.elements(value);
    if (elements === undefined) return false;
    for (let i = 0; i < elements.length; i++) {
      const element = elements[i] as number;
      if (!(element >= (this.low[i] as number) && element <= (this.high[i] as number)))
        return false;
    }
    return true;
  }

  private elements(value: unknown): ArrayLike<number | bigint> | undefined {
    const found = elementsOf(value);
    if (found === undefined || !hasShape(found, this.shape, this.low.length)) return undefined;
    const { elements, shape, dtype } = found;
    if (dtype !== undefined) return canCast(dtype, this.dtype) ? elements : undefined;
    if (shape === undefined)
      return elements instanceof dtypes[this.dtype].Array ? elements : undefined;
    return this.castPlain(found);
  }

  private castPlain({ elements }: Elements): ArrayLike<number | bigint> {
    const plain = Array.from(elements);
    if (this.dtype === 'float64') return plain.map(Number);
    if (this.dtype === 'float32') return plain.map((x) => Math.fround(Number(x)));
    if (this.dtype === 'float16') return plain.map((x) => fromFloat16(toFloat16(Number(x))));
    return plain.map((x) => (typeof x === 'bigint' ? x : Math.trunc(x)));
  }

  /** Whether another space has this shape and dtype, and bounds that NumPy's `allclose` takes for the same. */
  equals(other: unknown): boolean {
    return (
      other instanceof Box &&
      this.shape.join() === other.shape.join() &&
      this.dtype === other.dtype &&
      areClose(this.low, other.low) &&
      areClose(this.high, other.high)
    );
  }

  override toString(): string {
    const shape = `${this.shape.join(', ')}${this.shape.length === 1 ? ',' : ''}`;
    return `Box(${short(this.low)}, ${short(this.high)}, (${shape}), ${this.dtype})`;
  }

  /** The bounds as the constructor takes them: infinite also where an integer has none. */
  private openBounds(): { low: ArrayLike<number | bigint>; high: ArrayLike<number | bigint> } {
    const open = (bounds: NdArray, bounded: Uint8Array, infinity: number) =>
      isReal(this.dtype) || bounded.every((is) => is === 1)
        ? (bounds as ArrayLike<number | bigint>)
        : Array.from(bounds as ArrayLike<number | bigint>, (x, i) => (bounded[i] ? x : infinity));
    return {
      low: open(this.low, this.boundedBelow, -Infinity),
      high: open(this.high, this.boundedAbove, Infinity),
    };
  }

  /**
   * A plain object for JSON; `spaceFromJSON` makes the space of it. Bounds that are all equal are one; infinities, -0 and 64-bit
   * integers are text.
   */
  toJSON(): SpaceJSON {
    const { kind, shape, dtype } = this;
    const { low, high } = this.openBounds();
    return { kind, shape, dtype, low: plainBounds(low), high: plainBounds(high) };
  }
}

const intervals: readonly {
  readonly below: number;
  readonly above: number;
  draw(generator: Generator, low: number, end: number): number;
}[] = [
  { below: 0, above: 0, draw: (generator) => generator.normal() },
  { below: 1, above: 0, draw: (generator, low) => generator.exponential() + low },
  { below: 0, above: 1, draw: (generator, _, end) => -generator.exponential() + end },
  {
    below: 1,
    above: 1,
    draw: (generator, low, end) => {
      if (!(end - low >= 0 && end - low < Infinity))
        throw new RangeError(`NumPy cannot draw between the bounds ${low} and ${end}.`);
      return generator.uniform(low, end);
    },
  },
];

function isReal(dtype: DtypeName): boolean {
  return dtype.startsWith('float');
}

function bound(
  values: ArrayLike<number | bigint>,
  shape: readonly number[],
  dtype: DtypeName,
  infinity: number,
): [NdArray, Uint8Array] {
  const array = new dtypes[dtype].Array(sizeOf(shape));
  if (values.length !== 1 && values.length !== array.length)
    throw new RangeError(
      `A Box of shape [${shape}] takes ${array.length} bounds or one, not ${values.length}.`,
    );
  const bounded = new Uint8Array(array.length).fill(1);
  // Pixels have millions of bounds, most like the one before.
  let [last, held]: (number | bigint | undefined)[] = [];
  for (let i = 0; i < array.length; i++) {
    const value = values[values.length === 1 ? 0 : i] as number | bigint;
    if (!Object.is(value, last)) [last, held] = [value, hold(value, dtype, infinity)];
    if (value === infinity) bounded[i] = 0;
    array[i] = held as never;
  }
  return [asNdArray(array, shape, dtype), bounded];
}

/** A bound in the dtype; the array rounds to float32 by itself. */
function hold(value: number | bigint, dtype: DtypeName, infinity: number): number | bigint {
  if (Number.isNaN(value)) throw new RangeError('A bound of a Box cannot be NaN.');
  if (dtype === 'float16') return fromFloat16(toFloat16(Number(value)));
  if (isReal(dtype)) return value;
  const [least, greatest] = limitsOf(dtype);
  if (value !== infinity) {
    if (value < least || value > greatest)
      throw new RangeError(
        `The bound ${value} of a Box is outside ${dtype}, ${least} to ${greatest}.`,
      );
    return value;
  }
  if (!dtype.startsWith('int')) throw new RangeError(`A Box of ${dtype} has no infinite bounds.`);
  const limit = infinity < 0 ? least : greatest;
  return dtype === 'int64' ? limit : Number(limit);
}

/** NumPy's `allclose`, with its tolerances. */
function areClose(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): boolean {
  return Array.from(a, Number).every((x, i) => {
    const y = Number(b[i]);
    if (!Number.isFinite(y)) return x === y;
    return Math.abs(x - y) <= 1e-8 + 1e-5 * Math.abs(y);
  });
}

function plainBounds(bounds: ArrayLike<number | bigint>): (number | string)[] {
  const plain = Array.from(bounds, (x) => {
    const isNumber = Number.isFinite(x) && !Object.is(x, -0);
    return isNumber ? (x as number) : Object.is(x, -0) ? '-0' : `${x}`;
  });
  return plain.every((x) => x === plain[0]) ? plain.slice(0, 1) : plain;
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
