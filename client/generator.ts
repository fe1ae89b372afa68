/**
 * NumPy's default random generator: SeedSequence (M. O'Neill's seed_seq, as NumPy documents it) and PCG64 XSL-RR (O'Neill, "PCG:
 * A Family of Simple Fast Space-Efficient Statistically Good Algorithms", 2014). The same seed gives the same integers and
 * doubles as `numpy.random.default_rng(seed)`.
 */
import { randomBytes } from 'node:crypto';

const mask64 = (1n << 64n) - 1n;
const mask128 = (1n << 128n) - 1n;
const multiplier = 0x2360ed051fc65da44385df649fccf645n;
const poolWords = 4;

function multiply32(a: number, b: number): number {
  return Math.imul(a, b) >>> 0;
}

/** A hash whose constant changes with each use. */
function hasher(initial: number, factor: number): (value: number) => number {
  let constant = initial;
  return (value) => {
    const mixed = (value ^ constant) >>> 0;
    constant = multiply32(constant, factor);
    const product = multiply32(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function mix(x: number, y: number): number {
  const result = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
  return (result ^ (result >>> 16)) >>> 0;
}

function toWords(seed: bigint): number[] {
  const words: number[] = [];
  for (let rest = seed; rest > 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
  return words;
}

function entropyPool(seed: bigint): number[] {
  const words = toWords(seed);
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: poolWords }, (_, i) => hash(words[i] ?? 0));
  for (let source = 0; source < poolWords; source++) {
    for (let i = 0; i < poolWords; i++) {
      if (i !== source) pool[i] = mix(pool[i] as number, hash(pool[source] as number));
    }
  }
  for (const word of words.slice(poolWords)) {
    for (let i = 0; i < poolWords; i++) pool[i] = mix(pool[i] as number, hash(word));
  }
  return pool;
}

/** Four 64-bit words of state, as SeedSequence(seed).generate_state(4, uint64) gives them. */
function seedState(seed: bigint): [bigint, bigint, bigint, bigint] {
  const pool = entropyPool(seed);
  const hash = hasher(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % poolWords] as number)));
  const pair = (i: number) => (words[i] as bigint) | ((words[i + 1] as bigint) << 32n);
  return [pair(0), pair(2), pair(4), pair(6)];
}

/** A seeded generator. Without a seed it draws one from the operating system. */
export class Generator {
  private state = 0n;
  private readonly increment: bigint;
  /** The high half of the last 64 bits, kept for the next 32-bit draw, as NumPy does. */
  private spare: number | undefined;

  constructor(seed: number | bigint = fromMachine()) {
    const [stateHigh, stateLow, sequenceHigh, sequenceLow] = seedState(BigInt(seed));
    this.increment = ((((sequenceHigh << 64n) | sequenceLow) << 1n) | 1n) & mask128;
    this.advance();
    this.state = (this.state + ((stateHigh << 64n) | stateLow)) & mask128;
    this.advance();
  }

  private advance(): void {
    this.state = (this.state * multiplier + this.increment) & mask128;
  }

  private next64(): bigint {
    this.advance();
    const mixed = (this.state >> 64n) ^ (this.state & mask64);
    const turn = this.state >> 122n;
    return ((mixed >> turn) | (mixed << (64n - turn))) & mask64;
  }

  private next32(): number {
    if (this.spare !== undefined) {
      const value = this.spare;
      this.spare = undefined;
      return value;
    }
    const bits = this.next64();
    this.spare = Number(bits >> 32n);
    return Number(bits & 0xffffffffn);
  }

  /** A double in [0, 1). */
  random(): number {
    return Number(this.next64() >> 11n) / 2 ** 53;
  }

  /**
   * An integer in [0, bound), each as likely as the others (Lemire, "Fast Random Integer Generation in an Interval", 2019).
   *
   * @param bound From 1 to 2³² - 1.
   */
  integer(bound: number): number {
    if (bound === 1) return 0;
    const threshold = (2 ** 32 - bound) % bound;
    for (;;) {
      const product = BigInt(this.next32()) * BigInt(bound);
      if (Number(product & 0xffffffffn) >= threshold) return Number(product >> 32n);
    }
  }

  /** A draw of the standard normal distribution (Box and Muller, 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
    return radius * Math.cos(2 * Math.PI * this.random());
  }

  /** A draw of the exponential distribution with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.random());
  }
}

function fromMachine(): bigint {
  return BigInt(`0x${randomBytes(16).toString('hex')}`);
}
