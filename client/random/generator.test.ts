import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Generator, type IntegerWidth } from './generator.js';
import { seedWords } from './seed-sequence.js';

// All numbers were drawn by NumPy 2.4: SeedSequence(seed).generate_state(6), default_rng(seed).random() and .integers().
const stateWords: readonly [bigint, readonly number[]][] = [
  [0n, [2968811710, 3677149159, 745650761, 2884920346, 2642120001, 549907821]],
  [42n, [3444837047, 2669555309, 2046530742, 3581440988, 1691623607, 2099784219]],
  [4294967296n, [3964924996, 1358922860, 3894904162, 2051610843, 908995353, 1006608236]],
  [
    170141183460469231731687303715884118073n,
    [2186558821, 1704074236, 1437698644, 2172745751, 662360043, 4275212492],
  ],
  [
    1606938044258990275541962092341162602522202993782792835301383n,
    [2294626902, 3521707233, 774261812, 2138812479, 2980439062, 3878746969],
  ],
];

test.each(stateWords)('SeedSequence(%d) spreads as in NumPy', (seed, words) => {
  expect([...seedWords(seed, 6)]).toEqual(words);
});

test('random() is NumPy’s, for a small seed and one of 101 bits', () => {
  const small = new Generator(42);
  expect(Array.from({ length: 4 }, () => small.random())).toEqual([
    0.7739560485559633, 0.4388784397520523, 0.8585979199113825, 0.6973680290593639,
  ]);
  const large = new Generator(2n ** 100n + 3n);
  expect(Array.from({ length: 3 }, () => large.random())).toEqual([
    0.778146097746641, 0.09782687380215593, 0.23095669722381318,
  ]);
});

test('bigInteger() is NumPy’s up to 64 bits', () => {
  // default_rng(7).integers(n, dtype=uint64), three times each.
  const draws: readonly [bigint, readonly bigint[]][] = [
    [2n ** 32n, [4058335883n, 2684764585n, 2938530453n]],
    [2n ** 32n + 1n, [3331544672n, 967257516n, 1289204377n]],
    [2n ** 40n, [960482170696n, 5789263593n, 902950195071n]],
    [
      2n ** 63n + 2n ** 62n + 5n,
      [11027501820875150090n, 4192471217678247223n, 3526135541720641333n],
    ],
    [2n ** 64n, [8210208707889251730n, 9307272605833099038n, 10210223999194073229n]],
    [3n, [2n, 1n, 2n]],
    [2n ** 63n, [7311015780355770033n, 5738590506739472347n, 9121547371692866743n]],
  ];
  const generator = new Generator(7);
  const drawn = draws.map(([n]) => [n, [0, 1, 2].map(() => generator.bigInteger(n))]);
  expect(drawn).toEqual(draws);
});

describe('integers', () => {
  // n, count, width of the dtype, draws: one default_rng(7) draws all rows in turn, then the single ones below.
  const rows: readonly [number, number, IntegerWidth, readonly number[]][] = [
    [4, 6, 64, [3, 2, 2, 3, 2, 3]],
    [1, 2, 64, [0, 0]],
    [2147483647, 3, 64, [1790251936, 483628757, 119253154]],
    [10, 5, 32, [3, 2, 8, 9, 0]],
    [3, 9, 8, [2, 0, 2, 1, 1, 0, 0, 2, 1]],
    [200, 7, 8, [194, 147, 9, 159, 25, 44, 96]],
    [256, 5, 8, [199, 149, 202, 119, 72]],
    [1000, 5, 16, [533, 303, 322, 341, 900]],
    [65536, 3, 16, [16112, 47151, 8735]],
    [5, 3, 64, [4, 2, 2]],
  ];

  test('are NumPy’s for every width, also one after another', () => {
    const generator = new Generator(7);
    const drawn = rows.map(([n, count, width]) => [...generator.integers(n, count, width)]);
    expect(drawn).toEqual(rows.map(([, , , draws]) => draws));
    const single = [2 ** 32, 3_000_000_000, 2 ** 32 - 1, 7].map((n) => generator.integer(n));
    expect(single).toEqual([2167018271, 1660492055, 2188059498, 6]);
  });

  test('take turns with doubles as in NumPy: half of 64 bits waits for the next integer', () => {
    const generator = new Generator(1);
    const drawn = Array.from({ length: 6 }, () => [generator.integer(5), generator.random()]);
    expect(drawn.flat()).toEqual([
      2, 0.9504636963259353, 2, 0.14415961271963373, 4, 0.31183145201048545, 4, 0.42332644897257565,
      1, 0.4091991363691613, 4, 0.5495936876730595,
    ]);
  });

  test('are NumPy’s where many draws are rejected', () => {
    const generator = new Generator(5);
    expect(generator.integers(6, 100_000).reduce((sum, draw) => sum + draw)).toBe(249_844);
    let sum = 0;
    for (let i = 0; i < 20_000; i++) sum += generator.integer(3 * 2 ** 30);
    expect(sum).toBe(32_262_083_328_036);
  });
});

describe('draws of 100,000 are NumPy’s to the bit, tails of the ziggurats included', () => {
  const digest = (draw: (generator: Generator) => number) => {
    const generator = new Generator(42);
    const draws = Float64Array.from({ length: 100_000 }, () => draw(generator));
    return createHash('sha256').update(new Uint8Array(draws.buffer)).digest('hex');
  };
  // sha256 of default_rng(42).normal(size=100000) and so on, as little-endian float64.
  const digests: readonly [string, (generator: Generator) => number, string][] = [
    [
      'normal',
      (generator) => generator.normal(),
      'f3e73604df68fe20d537824522cc0fec55e7aecc7c099b47634bc5637f560254',
    ],
    [
      'exponential',
      (generator) => generator.exponential(),
      'fa31fe98d72f1de304565d28ccb2934d7bb95443f8c4e68a63e33b36c148a605',
    ],
    [
      'geometric, by inversion',
      (generator) => generator.geometric(0.25),
      '3292e2f38fb2ee92539865b4c27e89715984bd00b72be0221290bcd265c24803',
    ],
    [
      'geometric, by search',
      (generator) => generator.geometric(0.4),
      'efbcff98695e048c29464bac22b0b6b701307ba736dfe75c764b18be16967f2a',
    ],
  ];
  test.each(digests)('%s', (_, draw, expected) => {
    expect(digest(draw)).toBe(expected);
  });
});

test('weighted choices are NumPy’s', () => {
  const generator = new Generator(9);
  const weights = [0.1, 0.2, 0.3, 0.15, 0.25];
  expect(Array.from({ length: 12 }, () => generator.choice(weights))).toEqual([
    4, 1, 3, 4, 3, 4, 4, 4, 0, 2, 2, 0,
  ]);
  expect(generator.choices([1 / 3, 1 / 3, 1 / 3], 10)).toEqual([0, 2, 2, 2, 0, 2, 0, 2, 0, 2]);
  expect(() => generator.choice([0.5, 0.4])).toThrow('sum to 1');
  expect(() => generator.choice([1.5, -0.5])).toThrow('-0.5');
});

test('a copy draws on as its original, and apart from it', () => {
  const generator = new Generator(3);
  generator.integer(5);
  const copy = generator.copy();
  const draws = Array.from({ length: 3 }, () => [generator.integer(9), generator.random()]);
  expect(Array.from({ length: 3 }, () => [copy.integer(9), copy.random()])).toEqual(draws);
});

test.each([-1, 1.5, Number.NaN, 2 ** 53, -1n])('refuses the seed %d', (seed) => {
  expect(() => new Generator(seed)).toThrow(RangeError);
});

test('seeds of its own differ', () => {
  expect(new Generator().random()).not.toBe(new Generator().random());
});
