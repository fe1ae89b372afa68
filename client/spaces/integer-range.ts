import { type DtypeName, dtypes } from '../nd-array.js';
import type { IntegerWidth } from '../random/generator.js';

/**
 * Checks that the integers `start` to `start + n - 1` can be elements of an Int32Array.
 *
 * @throws RangeError if n is below 1, or a value does not fit into 32 bits.
 */
export function checkRange(start: number, n: number, kind: string): void {
  if (!Number.isSafeInteger(n) || n < 1)
    throw new RangeError(`A ${kind} needs at least one value, not ${n}.`);
  if (!Number.isSafeInteger(start) || start < -(2 ** 31) || start + n > 2 ** 31)
    throw new RangeError(
      `The values ${start} to ${start + n - 1} of a ${kind} do not fit into 32 bits.`,
    );
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
