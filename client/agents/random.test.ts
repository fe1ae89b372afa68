import { expect, test } from 'vitest';
import { Random } from './random.js';

const draws = (seed: number, count = 5) => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.uint32());
};

test('the same seed gives the same draws, another seed others', () => {
  expect(draws(7)).toEqual(draws(7));
  expect(draws(8)).not.toEqual(draws(7));
  expect(draws(7 + 2 ** 32)).not.toEqual(draws(7));
});

test('the generator is xoshiro128**: outputs of its recurrence in 64-bit arithmetic', () => {
  const random = new Random(3);
  const state = [...(random as unknown as { state: Uint32Array }).state].map(BigInt) as bigint[];
  const word = (x: bigint) => BigInt.asUintN(32, x);
  const rotate = (x: bigint, k: bigint) => word((x << k) | (x >> (32n - k)));
  for (let draw = 0; draw < 100; draw++) {
    let [a, b, c, d] = state as [bigint, bigint, bigint, bigint];
    const expected = word(rotate(word(b * 5n), 7n) * 9n);
    const t = word(b << 9n);
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11n);
    state.splice(0, 4, a, b, c, d);
    expect(random.uint32()).toBe(Number(expected));
  }
});

test('uniform lies in [0, 1) with mean 1/2 and variance 1/12', () => {
  const random = new Random(0);
  const values = Array.from({ length: 20_000 }, () => random.uniform());
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  expect(mean).toBeCloseTo(1 / 2, 2);
  expect(variance).toBeCloseTo(1 / 12, 2);
});

test('integer takes every value below n equally often', () => {
  const random = new Random(1);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) {
    const drawn = random.integer(5);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  expect(counts).toHaveLength(5);
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(250);
});

test.each([-1, 1.5, Number.NaN, 2 ** 53])('the seed %s is refused', (seed) => {
  expect(() => new Random(seed)).toThrow(RangeError);
});
