import { expect, test } from 'vitest';
import { Generator } from './generator.js';

// The numbers are those of numpy.random.default_rng(seed) in NumPy 2.4.
test.each([
  [0, [0.6369616873214543, 0.2697867137638703, 0.04097352393619469]],
  [42, [0.7739560485559633, 0.4388784397520523, 0.8585979199113825]],
  [2n ** 100n + 3n, [0.778146097746641, 0.09782687380215593, 0.23095669722381318]],
])('doubles of seed %s are NumPy’s', (seed, numbers) => {
  const generator = new Generator(seed);
  expect(numbers.map(() => generator.random())).toEqual(numbers);
});

test('bounded integers are NumPy’s', () => {
  const generator = new Generator(7);
  const bounds = [4, 6, 2 ** 31 - 1, 10, 3, 1000, 5];
  expect(bounds.map((bound) => generator.integer(bound))).toEqual([3, 3, 1469265225, 8, 1, 775, 4]);
});

test('without a seed two generators differ', () => {
  expect(new Generator().random()).not.toBe(new Generator().random());
});
