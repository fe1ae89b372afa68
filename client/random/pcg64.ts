import { seedWords } from './seed-sequence.js';

type Words = Int32Array & Record<0 | 1 | 2 | 3, number>;

/**
 * PCG64 (XSL-RR), NumPy's default bit generator: M.E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically
 * Good Algorithms for Random Number Generation" (2014). Draws what `numpy.random.PCG64(seed)` draws.
 */
export class Pcg64 {
  /** Upper 32 bits of the last draw. */
  high = 0;
  /** Lower 32 bits of the last draw. */
  low = 0;
  /** 128 bits as four words, lowest first. */
  private readonly state = new Int32Array(4) as Words;
  private readonly increment = new Int32Array(4) as Words;

  /** @param seed An integer from 0, of any length. */
  constructor(seed: bigint) {
    const words = seedWords(seed, 8);
    const initial = to128(words.subarray(0, 4));
    setWords(this.increment, (to128(words.subarray(4)) << 1n) | 1n);
    this.next();
    setWords(this.state, fromWords(this.state) + initial);
    this.next();
  }

  /** Another that draws the same from here on. */
  copy(): Pcg64 {
    const copy = new Pcg64(0n);
    copy.state.set(this.state);
    copy.increment.set(this.increment);
    return copy;
  }

  /** Draws 64 bits, into `high` and `low`. */
  next(): void {
    this.advance();
    const s = this.state;
    const low = s[0] ^ s[2];
    const high = s[1] ^ s[3];
    const rotation = s[3] >>> 26;
    const a = rotation < 32 ? high : low;
    const b = rotation < 32 ? low : high;
    const bits = rotation & 31;
    // JavaScript shifts by 32 - 0 = 32 as by 0.
    this.high = bits === 0 ? a >>> 0 : ((a >>> bits) | (b << (32 - bits))) >>> 0;
    this.low = bits === 0 ? b >>> 0 : ((b >>> bits) | (a << (32 - bits))) >>> 0;
  }

  /**
   * state = state * 0x2360ED051FC65DA44385DF649FCCF645 + increment, modulo 2**128. Written out in 32-bit products: BigInt takes
   * twenty times as long.
   */
  private advance(): void {
    const s = this.state;
    const i = this.increment;
    const a = s[0];
    const b = s[1];
    const c = s[2];
    const d = s[3];
    let sum = (Math.imul(a, 0x9fccf645) >>> 0) + (i[0] >>> 0);
    s[0] = sum | 0;
    sum =
      (highHalf(a, 0xf645, 0x9fcc) >>> 0) +
      (Math.imul(a, 0x4385df64) >>> 0) +
      (Math.imul(b, 0x9fccf645) >>> 0) +
      (i[1] >>> 0) +
      carry(sum);
    s[1] = sum | 0;
    sum =
      (highHalf(a, 0xdf64, 0x4385) >>> 0) +
      (highHalf(b, 0xf645, 0x9fcc) >>> 0) +
      (Math.imul(a, 0x1fc65da4) >>> 0) +
      (Math.imul(b, 0x4385df64) >>> 0) +
      (Math.imul(c, 0x9fccf645) >>> 0) +
      (i[2] >>> 0) +
      carry(sum);
    s[2] = sum | 0;
    s[3] =
      highHalf(a, 0x5da4, 0x1fc6) +
      highHalf(b, 0xdf64, 0x4385) +
      highHalf(c, 0xf645, 0x9fcc) +
      Math.imul(a, 0x2360ed05) +
      Math.imul(b, 0x1fc65da4) +
      Math.imul(c, 0x4385df64) +
      Math.imul(d, 0x9fccf645) +
      i[3] +
      carry(sum);
  }
}

function carry(sum: number): number {
  return Math.floor(sum / 2 ** 32);
}

/** Upper 32 bits of the product of two unsigned 32-bit numbers, the second given in halves. */
function highHalf(a: number, low: number, high: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const cross = Math.imul(aLow, high);
  const otherCross = Math.imul(aHigh, low);
  const middle = (Math.imul(aLow, low) >>> 16) + (cross & 0xffff) + (otherCross & 0xffff);
  return (Math.imul(aHigh, high) + (cross >>> 16) + (otherCross >>> 16) + (middle >>> 16)) | 0;
}

/** NumPy joins words to 64-bit ones, lower half first, and 64-bit ones to 128 bits, upper half first. */
function to128(words: Uint32Array): bigint {
  const [a = 0n, b = 0n, c = 0n, d = 0n] = [...words].map(BigInt);
  return (b << 96n) | (a << 64n) | (d << 32n) | c;
}

function setWords(target: Int32Array, value: bigint): void {
  for (let i = 0; i < 4; i++) target[i] = Number((value >> BigInt(32 * i)) & 0xffffffffn);
}

function fromWords(words: Int32Array): bigint {
  return words.reduceRight((value, word) => (value << 32n) | BigInt(word >>> 0), 0n);
}
