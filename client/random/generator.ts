import { randomBytes } from 'node:crypto';
import { Pcg64 } from './pcg64.js';
import {
  exponentialTail,
  exponentialZiggurat,
  normalTail,
  normalZiggurat,
  type Ziggurat,
} from './ziggurat.js';

/** Width in bits of the integers that NumPy draws for a dtype. */
export type IntegerWidth = 8 | 16 | 32 | 64;

// Made when they are first needed, which takes some milliseconds.
let normals: Ziggurat | undefined;
let exponentials: Ziggurat | undefined;

/**
 * The draws of NumPy's `Generator(PCG64(seed))` that Gymnasium's spaces make: the same seed gives the same numbers, bit for
 * bit. As with NumPy on other machines, the rare draws from a tail (1 in 2000 exponential ones, 1 in 4000 normal ones) depend on
 * the last bit of log1p: V8's and that of glibc make 1 of 20,000 of them differ.
 */
export class Generator {
  private bits: Pcg64;
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

  /** Another that draws the same from here on. */
  copy(): Generator {
    const copy = new Generator(0);
    copy.bits = this.bits.copy();
    copy.half = this.half;
    return copy;
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

  /** One integer of 64 bits, uniform in [0, n), as NumPy's `integers` draws a single one; n from 1 to 2**64. */
  bigInteger(n: bigint): bigint {
    if (n <= 2n ** 32n) return BigInt(this.integer(Number(n)));
    let product = this.uint64() * n;
    // Without bias: draws are refused as in `bounded`. Of all 2**64 numbers none is.
    const threshold = (2n ** 64n - n) % n;
    while ((product & 0xffffffffffffffffn) < threshold) product = this.uint64() * n;
    return product >> 64n;
  }

  private uint64(): bigint {
    this.bits.next();
    return (BigInt(this.bits.high) << 32n) | BigInt(this.bits.low);
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

  /** Standard normal, as NumPy's `normal` draws it. */
  normal(): number {
    normals ??= normalZiggurat();
    const { width, inside, density } = normals;
    for (;;) {
      this.bits.next();
      const { high, low } = this.bits;
      const strip = low & 0xff;
      const draw = (high & 0x1fffffff) * 2 ** 23 + (low >>> 9);
      const size = draw * (width[strip] as number);
      const x = low & 0x100 ? -size : size;
      if (draw < (inside[strip] as number)) return x;
      if (strip === 0) return (low >>> 17) & 1 ? -this.normalTail() : this.normalTail();
      if (this.isUnder(density, strip, Math.exp(-0.5 * x * x))) return x;
    }
  }

  /** G. Marsaglia, "Generating a Variable from the Tail of the Normal Distribution" (1964). */
  private normalTail(): number {
    for (;;) {
      const x = -(1 / normalTail) * Math.log1p(-this.random());
      const y = -Math.log1p(-this.random());
      if (y + y > x * x) return normalTail + x;
    }
  }

  /** Standard exponential, as NumPy's `exponential` draws it. */
  exponential(): number {
    exponentials ??= exponentialZiggurat();
    const { width, inside, density } = exponentials;
    for (;;) {
      this.bits.next();
      const { high, low } = this.bits;
      const strip = (low >>> 3) & 0xff;
      const draw = high * 2 ** 21 + (low >>> 11);
      const x = draw * (width[strip] as number);
      if (draw < (inside[strip] as number)) return x;
      if (strip === 0) return exponentialTail - Math.log1p(-this.random());
      if (this.isUnder(density, strip, Math.exp(-x))) return x;
    }
  }

  /** Whether a point of a strip, at random height, lies under the density there. */
  private isUnder(density: Float64Array, strip: number, height: number): boolean {
    const top = density[strip - 1] as number;
    const bottom = density[strip] as number;
    return (top - bottom) * this.random() + bottom < height;
  }

  /** Tosses until the first success, each a success with probability p, as NumPy's `geometric` draws it; p in (0, 1]. */
  geometric(p: number): number {
    if (p < 1 / 3) return Math.ceil(-this.exponential() / Math.log1p(-p));
    const draw = this.random();
    let count = 1;
    let probability = p;
    for (let sum = p; draw > sum; sum += probability) {
      probability *= 1 - p;
      count++;
    }
    return count;
  }

  /**
   * Index of one of some weights, as NumPy's `choice(len(p), p=p)` draws it.
   *
   * @param p Probabilities; their sum may be off 1 by 1.4e-8.
   * @throws RangeError if their sum is another, or one is negative.
   */
  choice(p: ArrayLike<number>): number {
    return this.choices(p, 1)[0] as number;
  }

  /** Several of {@link Generator.choice}, as `choice(len(p), size=count, p=p)` draws them. */
  choices(p: ArrayLike<number>, count: number): number[] {
    const sums = new Float64Array(p.length);
    let sum = 0;
    for (let i = 0; i < sums.length; i++) {
      if (!((p[i] as number) >= 0)) throw new RangeError(`A probability cannot be ${p[i]}.`);
      sum += p[i] as number;
      sums[i] = sum;
    }
    if (!(Math.abs(sum - 1) <= 2 ** -26))
      throw new RangeError(`Probabilities must sum to 1, not to ${sum}.`);
    const cumulative = sums.map((value) => value / sum);
    return Array.from({ length: count }, () => upperBound(cumulative, this.random()));
  }
}

/** Index of the first of some ascending numbers that is above `value`. */
function upperBound(ascending: Float64Array, value: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((ascending[middle] as number) <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** A seed of 128 bits that the operating system draws. */
export function systemSeed(): bigint {
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
