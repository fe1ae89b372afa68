/** Real numbers as integers in units of 2**-128: exact enough to round to the nearest double what Math leaves to the engine. */

const bits = 128n;
/** The number 1. */
export const one = 1n << bits;

/** A double of at least 2**-75 in size, exactly. */
export function toFixedPoint(value: number): bigint {
  // The first product is exact, and whole: a double has 53 bits.
  return BigInt(value * 2 ** 127) << 1n;
}

/** The double nearest to a number. */
export function toDouble(value: bigint): number {
  return Number(value) / 2 ** 128;
}

/** a · b */
export function times(a: bigint, b: bigint): bigint {
  return (a * b) >> bits;
}

/** a / b */
export function over(a: bigint, b: bigint): bigint {
  return (a << bits) / b;
}

/** e**-x for x from 0 to about 64: the series at x / 2**8, squared eight times. */
export function expOfMinus(x: bigint): bigint {
  let term = one;
  let sum = one;
  for (let n = 1n; term !== 0n; n++) {
    term = -times(term, x >> 8n) / n;
    sum += term;
  }
  for (let i = 0; i < 8; i++) sum = times(sum, sum);
  return sum;
}

/** Natural logarithm of y > 0, by Newton's method on e**-x = y from the double that is nearest. */
export function log(y: bigint): bigint {
  let x = -toFixedPoint(Math.log(toDouble(y)));
  for (let i = 0; i < 2; i++) x += one - over(y, expOfMinus(x));
  return -x;
}
