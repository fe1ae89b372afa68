import { randomBytes } from 'node:crypto';
import { Pcg64 } from './pcg64.js';

/** Width in bits of the integers that NumPy draws for a dtype. */
export type IntegerWidth = 8 | 16 | 32 | 64;

/**
 * The draws of NumPy's `Generator(PCG64(seed))` that Gymnasium's spaces make: the same seed gives the same numbers, bit for
 * bit, except for {@link Generator.normal} and {@link Generator.exponential}.
 */
export class Generator {
  private readonly bits: Pcg64;
  /** Upper half of the last 64 bits, which the next 32-bit draw takes; -1 when there is none. */
  private half = -1;
  /** Bits that narrow draws of one array share, and how many draws are left in them. */
  private shared = 0;
  private sharedLeft = 0;

  /**
   * @param seed An integer from 0, of any length; default one that the operating system draws.
   * @throws RangeError if the seed is not an integer from 0.
   */
  constructor(seed: number | bigint = systemSeed()) {
    const valid = typeof seed === 'bigint' || Number.isSafeInteger(seed);
    if (!valid || seed < 0) throw new RangeError(`A seed must be an integer from 0, not ${seed}.`);
    this.bits = new Pcg64(BigInt(seed));
  }

  /** An integer, uniform in [0, 2**32). */
  uint32(): number {
    if (this.half >= 0) {
      const half = this.half;
      this.half = -1;
      return half;
    }
    this.bits.next();
    this.half = this.bits.high;
    return this.bits.low;
  }

  /** A multiple of 2**-53, uniform in [0, 1). */
  random(): number {
    this.bits.next();
    return (this.bits.high * 2097152 + (this.bits.low >>> 11)) / 2 ** 53;
  }

  /** Real numbers as NumPy's `uniform` draws one, in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /**
   * Integers, uniform in [0, n), as NumPy's `integers` draws an array of them.
   *
   * @param n From 1 to 2**31, at most 2**width.
   * @param count How many.
   * @param width Bits of the dtype: narrow draws share 32 random bits.
   */
  integers(n: number, count: number, width: IntegerWidth = 64): Int32Array {
    const draws = new Int32Array(count);
    this.sharedLeft = 0;
    for (let i = 0; i < count; i++) draws[i] = this.bounded(n, width);
    return draws;
  }

  /** One integer, uniform in [0, n), as NumPy's `integers` draws a single one; n from 1 to 2**32, `width` as in `integers`. */
  integer(n: number, width: IntegerWidth = 64): number {
    this.sharedLeft = 0;
    return this.bounded(n, width);
  }

  /** D. Lemire, "Fast Random Integer Generation in an Interval" (2019), as NumPy does it. */
  private bounded(n: number, width: IntegerWidth): number {
    if (n === 1) return 0;
    const bits = width === 64 ? 32 : width;
    const size = 2 ** bits;
    if (n === size) return this.narrow(bits);
    // n below 2**32 and a draw below 2**32: the product is exact only as two parts.
    let draw = this.narrow(bits);
    let rest = lowPart(draw, n, size);
    if (rest < n) {
      const threshold = (size - n) % n;
      while (rest < threshold) {
        draw = this.narrow(bits);
        rest = lowPart(draw, n, size);
      }
    }
    return highPart(draw, n, rest, size);
  }

  private narrow(bits: 8 | 16 | 32): number {
    if (bits === 32) return this.uint32();
    if (this.sharedLeft === 0) {
      this.shared = this.uint32();
      this.sharedLeft = 32 / bits;
    } else {
      this.shared >>>= bits;
    }
    this.sharedLeft--;
    return this.shared & (2 ** bits - 1);
  }

  /** Standard normal, by Box and Muller (1958). NumPy uses a ziggurat: same distribution, other numbers. */
  normal(): number {
    return Math.sqrt(2 * this.exponential()) * Math.cos(2 * Math.PI * this.random());
  }

  /** Standard exponential, by inversion. NumPy uses a ziggurat: same distribution, other numbers. */
  exponential(): number {
    return -Math.log1p(-this.random());
  }
}

function systemSeed(): bigint {
  return BigInt(`0x${randomBytes(16).toString('hex')}`);
}

/** The product modulo 2**bits. */
function lowPart(draw: number, n: number, size: number): number {
  return size === 2 ** 32 ? Math.imul(draw, n) >>> 0 : (draw * n) % size;
}

/** The product's part above `rest`, in units of 2**bits; exact, because only the rounding of the product is in doubt. */
function highPart(draw: number, n: number, rest: number, size: number): number {
  return Math.round((draw * n - rest) / size);
}
