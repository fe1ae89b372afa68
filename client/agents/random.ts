/**
 * Seeded pseudo-random numbers: xoshiro128** (Blackman and Vigna, "Scrambled Linear Pseudorandom
 * Number Generators", 2021), its state filled from the seed by SplitMix32. Integer arithmetic only,
 * so the same seed gives the same draws on every machine.
 */
export class Random {
  private readonly state = new Uint32Array(4);

  /**
   * @param seed An integer in [0, 2**53).
   * @throws RangeError if the seed is not such an integer.
   */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`A seed must be an integer from 0 to 2**53 - 1, not ${seed}.`);
    }
    const nextLow = splitMix32(seed >>> 0);
    const nextHigh = splitMix32(Math.floor(seed / 2 ** 32));
    for (let i = 0; i < 4; i++) this.state[i] = nextLow() ^ Math.imul(nextHigh(), 0x9e3779b1);
    if (this.state.every((word) => word === 0)) this.state[0] = 1;
  }

  /** An integer, uniform in [0, 2**32). */
  uint32(): number {
    const s = this.state as Uint32Array & { 0: number; 1: number; 2: number; 3: number };
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** A multiple of 2**-32, uniform in [0, 1). */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer, uniform in [0, n) for n from 1 to 2**32 (bias below n / 2**32). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function splitMix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}
