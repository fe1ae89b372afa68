const poolSize = 4;

/**
 * NumPy's SeedSequence: spreads a seed of any length over 32-bit words, so that alike seeds give unalike generators.
 * The algorithm is M.E. O'Neill's `seed_seq_fe`, with NumPy's constants.
 *
 * @param entropy The seed, an integer from 0.
 * @param count How many words to give.
 * @returns What `numpy.random.SeedSequence(entropy).generate_state(count)` gives.
 */
export function seedWords(entropy: bigint, count: number): Uint32Array {
  const pool = mixEntropy(toWords(entropy));
  const state = new Uint32Array(count);
  let constant = 0x8b51f9dd;
  for (let i = 0; i < count; i++) {
    let word = (pool[i % poolSize] as number) ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    word = Math.imul(word, constant);
    state[i] = word ^ (word >>> 16);
  }
  return state;
}

function toWords(entropy: bigint): number[] {
  const words: number[] = [];
  for (let left = entropy; left > 0n; left >>= 32n) words.push(Number(left & 0xffffffffn));
  return words.length > 0 ? words : [0];
}

function mixEntropy(words: readonly number[]): Uint32Array {
  const pool = new Uint32Array(poolSize);
  const hash = hashMix();
  for (let i = 0; i < poolSize; i++) pool[i] = hash(words[i] ?? 0);
  for (let source = 0; source < poolSize; source++) {
    for (let target = 0; target < poolSize; target++) {
      if (source !== target)
        pool[target] = mix(pool[target] as number, hash(pool[source] as number));
    }
  }
  for (const word of words.slice(poolSize)) {
    for (let target = 0; target < poolSize; target++)
      pool[target] = mix(pool[target] as number, hash(word));
  }
  return pool;
}

function hashMix(): (value: number) => number {
  let constant = 0x43b0d7e5;
  return (value) => {
    let word = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    word = Math.imul(word, constant);
    return word ^ (word >>> 16);
  };
}

function mix(x: number, y: number): number {
  const word = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
  return word ^ (word >>> 16);
}
