import { type DtypeName, dtypes } from '../nd-array.js';
import type { IntegerWidth } from '../random/generator.js';

/** What integers of a discrete space are held in. */
export type IntegerArray = Int32Array | Uint32Array | BigInt64Array | BigUint64Array;

export type IntegerArrayConstructor = {
  new (length: number): IntegerArray;
  readonly BYTES_PER_ELEMENT: number;
};

/**
 * The array that holds the values of a discrete space: an Int32Array where all fit into 32 bits, otherwise that of the dtype.
 *
 * @param counts How many values each element has, the first of them in `starts`.
 * @throws RangeError if a count is below 1, or a value fits neither into 32 bits nor into the dtype.
 */
export function holderOf(
  counts: ArrayLike<number | bigint>,
  starts: ArrayLike<number | bigint>,
  dtype: DtypeName,
  kind: string,
): IntegerArrayConstructor {
  let isWide = false;
  for (let i = 0; i < counts.length; i++) {
    const [n, start] = [counts[i] as number | bigint, starts[i] as number | bigint];
    if (!isWhole(n) || n < 1) throw new RangeError(`A ${kind} needs at least one value, not ${n}.`);
    if (!isWhole(start)) throw new RangeError(`A ${kind} cannot begin with ${start}.`);
    const last = BigInt(start) + BigInt(n) - 1n;
    if (start >= -(2 ** 31) && last < 2n ** 31n) continue;
    const [least, greatest] = limitsOf(dtype);
    if (start < least || last > greatest)
      throw new RangeError(`The values ${start} to ${last} of a ${kind} do not fit into ${dtype}.`);
    isWide = true;
  }
  return (isWide ? dtypes[dtype].Array : Int32Array) as IntegerArrayConstructor;
}

/** Integers in an array of their own; each must fit. */
export function hold(
  Held: IntegerArrayConstructor,
  values: ArrayLike<number | bigint>,
): IntegerArray {
  const array = new Held(values.length);
  const convert = array.BYTES_PER_ELEMENT === 8 ? BigInt : Number;
  for (let i = 0; i < array.length; i++) array[i] = convert(values[i] as number) as never;
  return array;
}

/** Whether a value is an integer that is exact: a bigint, or a number up to 2**53. */
export function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}

/** The value at an index of those from `start` on: a bigint where `start` is one. */
export function valueAt(start: number | bigint, index: number | bigint): number | bigint {
  return typeof start === 'bigint' ? start + BigInt(index) : start + Number(index);
}

/** The last of n values from `start` on. */
export function lastOf(start: number | bigint, n: number | bigint): number | bigint {
  return typeof start === 'bigint' ? start + BigInt(n) - 1n : start + Number(n) - 1;
}

/** The index of a value among the n from `start` on; -1 where it is none of them. */
export function indexOf(value: unknown, start: number | bigint, n: number | bigint): number {
  if (!isWhole(value) || value < start) return -1;
  if (typeof value === 'number' && typeof start === 'number')
    return value - start < n ? value - start : -1;
  const index = BigInt(value) - BigInt(start);
  return index < n ? Number(index) : -1;
}

/** An integer as JSON: text where it is a bigint. */
export function plainInteger(value: number | bigint): number | string {
  return typeof value === 'bigint' ? `${value}` : value;
}

/** Bits of the integers that NumPy draws for a dtype. */
export function integerWidth(dtype: DtypeName): IntegerWidth {
  return (dtypes[dtype].itemBytes * 8) as IntegerWidth;
}

/** Least and greatest value of an integer dtype; 0 and 1 of bool. */
export function limitsOf(dtype: DtypeName): readonly [bigint, bigint] {
  if (dtype === 'bool') return [0n, 1n];
  const bits = BigInt(dtypes[dtype].itemBytes * 8);
  if (dtype.startsWith('u')) return [0n, (1n << bits) - 1n];
  return [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}
