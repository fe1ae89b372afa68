import { describe, expect, test } from 'vitest';
import { asNdArray, type DtypeName } from '../nd-array.js';
import { canCast, resultType } from './can-cast.js';
import {
  Box,
  batchSpace,
  Dict,
  Discrete,
  expectSpace,
  Graph,
  isBox,
  MultiBinary,
  MultiDiscrete,
  OneOf,
  Sequence,
  type Space,
  type SpaceSeed,
  spaceFromJSON,
  Text,
  Tuple,
} from './index.js';

const unit = new Box([-1], [1], [2], 'float32');
const nested = new Dict({
  position: unit,
  kind: new Tuple([new Discrete(2), new Text(0, 3, 'ab')]),
});

describe('contains', () => {
  const members: readonly [Space, unknown][] = [
    [unit, Float32Array.of(-1, 1)],
    [unit, [0, 0.5]],
    [unit, asNdArray(Float32Array.of(0, 0), [2], 'float16')],
    [new Box([0], [1], [], 'float64'), 0.5],
    [new Box([0], [9], [1, 2], 'int32'), asNdArray(Uint8Array.of(1, 9), [1, 2], 'uint8')],
    [new Box([0n], [9n], [1], 'int64'), BigInt64Array.of(9n)],
    [new Discrete(3, -1), -1],
    [new MultiDiscrete([2, 3], [5, -1]), Int32Array.of(6, 1)],
    [new MultiDiscrete([2]), BigInt64Array.of(1n)],
    [new Discrete(3), 2n],
    [new Discrete(3), asNdArray(Uint8Array.of(2), [], 'uint8')],
    [
      new Box([0], [1], [2, 2], 'float32'),
      [
        [0, 1],
        [1, 0.5],
      ],
    ],
    [new Box([0.1], [1], [], 'float32'), 0.1],
    [new MultiBinary([2, 1]), asNdArray(Int32Array.of(1, 0), [2, 1], 'int8')],
    [new Text(1, 2, 'é⠀'), '⠀é'],
    [nested, { position: [0, 0], kind: [1, ''] }],
  ];
  test.each(members)('%s has a member', (space, value) => {
    expect(space.contains(value)).toBe(true);
  });

  const strangers: readonly [string, Space, unknown][] = [
    ['beyond a bound', unit, Float32Array.of(0, 1.5)],
    ['NaN', unit, Float32Array.of(0, Number.NaN)],
    ['too short', unit, Float32Array.of(0)],
    ['of another shape', unit, asNdArray(Float32Array.of(0, 0), [1, 2], 'float32')],
    ['of a wider dtype', unit, Float64Array.of(0, 0)],
    ['text', unit, 'ab'],
    ['null', unit, null],
    ['an array of strings', unit, ['0', '0']],
    ['below start', new Discrete(3, -1), -2],
    ['above the end', new Discrete(3, -1), 2],
    ['a fraction', new Discrete(3), 0.5],
    ['a numeral', new Discrete(3), '1'],
    ['out of range', new MultiDiscrete([2, 3], [5, -1]), Int32Array.of(7, 0)],
    ['floats', new MultiDiscrete([2]), Float64Array.of(1)],
    [
      'of a wider integer',
      new MultiDiscrete([2], [0], [1], 'int8'),
      asNdArray(Int16Array.of(1), [1], 'int16'),
    ],
    ['a two', new MultiBinary([2]), Int32Array.of(0, 2)],
    ['flat where the space has two axes', new MultiBinary([2, 1]), [0, 1]],
    ['too long', new Text(1, 2, 'ab'), 'aba'],
    ['empty', new Text(1, 2, 'ab'), ''],
    ['of another character', new Text(1, 2, 'ab'), 'c'],
    ['short of a key', nested, { position: [0, 0] }],
    ['with a key too many', nested, { position: [0, 0], kind: [1, ''], more: 1 }],
    ['with an inherited key', nested, Object.create({ position: [0, 0], kind: [1, ''] })],
    ['a wrong element', nested, { position: [0, 0], kind: [2, ''] }],
    ['a shorter tuple', nested, { position: [0, 0], kind: [1] }],
  ];
  test.each(strangers)('what is %s is not in %s', (_, space, value) => {
    expect(space.contains(value)).toBe(false);
  });
});

test('canCast is NumPy’s can_cast', () => {
  // From numpy.can_cast(a, b) for all pairs, in the order of the names.
  const names = [
    'bool',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'float16',
    'float32',
    'float64',
  ] as const;
  const table = names.map((from) => names.map((to) => (canCast(from, to) ? '1' : '0')).join(''));
  expect(table).toEqual([
    '111111111111',
    '011110000111',
    '001110000011',
    '000110000001',
    '000010000001',
    '001111111111',
    '000110111011',
    '000010011001',
    '000000001001',
    '000000000111',
    '000000000011',
    '000000000001',
  ]);
});

test('a Dict keeps its own order, which an object with number-like keys cannot; a batch of it is sorted', () => {
  expect(Object.keys(new Dict({ b: unit, a: unit }).sample())).toEqual(['a', 'b']);
  const own = new Dict({ b: unit, a: unit }, { sortKeys: false });
  expect((batchSpace(own, 2) as Dict).entries.map(([key]) => key)).toEqual(['b', 'a']);
  // Code points, not the units of UTF-16, of which the first of 𝄞 is below ﬀ.
  expect(new Dict({ '𝄞': unit, ﬀ: unit }).entries.map(([key]) => key)).toEqual(['ﬀ', '𝄞']);
  const dict = new Dict([
    ['b', new Discrete(2)],
    ['10', new Discrete(3)],
    ['2', new Discrete(4)],
  ]);
  expect(dict.entries.map(([key]) => key)).toEqual(['b', '10', '2']);
  const batch = batchSpace(dict, 2) as Dict;
  expect(batch.entries.map(([key]) => key)).toEqual(['10', '2', 'b']);
  expect(`${dict}`).toBe("Dict('b': Discrete(2), '10': Discrete(3), '2': Discrete(4))");
});

test('a key __proto__ is a key like any other', () => {
  const sample = new Dict([['__proto__', new Discrete(1)]]).sample();
  expect(Object.keys(sample)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(sample)).toBe(Object.prototype);
});

describe('seed', () => {
  const all = new Dict({ a: new Tuple([new Discrete(1000)]), b: new Sequence(new Discrete(9)) });

  test('without a number draws one for each space, which repeats its samples', () => {
    const used = all.seed();
    const samples = [all.sample(), all.sample()];
    expect(JSON.stringify(all.seed(used), text)).toBe(JSON.stringify(used, text));
    expect([all.sample(), all.sample()]).toEqual(samples);
    expect(all.seed({ a: [null], b: [1, null] })).toMatchObject({ a: [expect.any(BigInt)] });
    expect(all.seed()).not.toEqual(used);
  });

  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);
  const refused: readonly [Space, SpaceSeed, typeof TypeError | typeof RangeError][] = [
    [new Discrete(3), [1], TypeError],
    [new Discrete(3), -1, RangeError],
    [new Discrete(3), 0.5, RangeError],
    [all, { a: [1] }, TypeError],
    [all, [1, 2], TypeError],
    [all, { a: [1], b: [1, 2, 3] }, TypeError],
    [new Tuple([unit, unit]), [1], TypeError],
    [new Tuple([unit]), { 0: 1 }, TypeError],
    [new Sequence(unit), [[1], 2], TypeError],
    [new Graph(unit), [1, 2, 3], TypeError],
    [new OneOf([unit]), [1], TypeError],
  ];
  test.each(refused)('%s refuses %j', (space, seed, error) => {
    expect(() => space.seed(seed)).toThrow(error);
  });
});

test('resultType is NumPy’s result_type', () => {
  const results: readonly (readonly [DtypeName[], DtypeName])[] = [
    [['int8', 'uint8'], 'int16'],
    [['bool', 'uint16', 'int8'], 'int32'],
    [['int64', 'uint64'], 'float64'],
    [['int8', 'uint8', 'float16'], 'float16'],
    [['int16', 'float16'], 'float32'],
    [['uint32', 'float32'], 'float64'],
  ];
  expect(results.map(([dtypes]) => resultType(dtypes))).toEqual(results.map(([, type]) => type));
});

describe('a space that cannot be', () => {
  const makers: readonly [string, () => unknown][] = [
    ['Discrete without values', () => new Discrete(0)],
    ['Discrete beyond its dtype', () => new Discrete(10, 2 ** 31 - 5, 'int32')],
    ['Discrete beyond 64 bits', () => new Discrete(10, 2n ** 63n - 5n)],
    ['Discrete of a fraction', () => new Discrete(2, 0.5)],
    ['MultiDiscrete of two lengths', () => new MultiDiscrete([1, 2], [0])],
    ['Box of three bounds for two elements', () => new Box([0, 0, 0], [1], [2], 'float32')],
    ['Box with a NaN', () => new Box([Number.NaN], [1], [2], 'float32')],
    ['Box with a bound above its dtype', () => new Box([0], [300], [2], 'int8')],
    ['Box with a bound below its dtype', () => new Box([-1], [3], [2], 'uint8')],
    ['Box of 64 bits with a bound beyond', () => new Box([0n], [2n ** 63n], [2], 'int64')],
    ['Box with a lower bound above the upper', () => new Box([0, 2], [1], [2], 'float32')],
    ['Text of negative length', () => new Text(-1, 2, 'a')],
    [
      'Dict with a key twice',
      () =>
        new Dict([
          ['a', unit],
          ['a', unit],
        ]),
    ],
  ];
  test.each(makers)('%s is refused', (_, make) => {
    expect(make).toThrow(RangeError);
  });
});

const texts: readonly [Space, string][] = [
  [unit, 'Box(-1, 1, (2,), float32)'],
  [new Box([0, -Infinity], [1, Infinity], [2], 'float64'), 'Box([0 -inf], [1 inf], (2,), float64)'],
  [new Discrete(3, -1, 'int8'), 'Discrete(3, start=-1, dtype=int8)'],
  [new MultiDiscrete([2, 3], [0, 1]), 'MultiDiscrete([2 3], start=[0 1])'],
  [new MultiBinary([4], true), 'MultiBinary(4)'],
  [new Text(1, 2, 'ba'), 'Text(1, 2, charset=ab)'],
  [new Tuple([new Discrete(2)]), 'Tuple(Discrete(2))'],
];
test.each(texts)('%s reads as in Gymnasium', (space, text) => {
  expect(`${space}`).toBe(text);
});

test('spaces have JSON: infinite bounds, -0 and 64-bit integers are text, equal bounds are one', () => {
  const space = new Dict(
    {
      box: new Box([0, -Infinity], [2, 2], [2], 'float32'),
      zero: new Box([-0], [Infinity], [3], 'float64'),
      long: new Box([-(2n ** 63n)], [5n], [1], 'int64'),
      open: new Box([-Infinity as number | bigint, -3n], [Infinity], [2], 'int64'),
      pair: new Tuple([new Discrete(2), new MultiDiscrete([3])]),
      wide: new Discrete(2n ** 63n, -(2n ** 63n)),
    },
    { sortKeys: false },
  );
  space.sample();
  const json = JSON.parse(JSON.stringify(space));
  expect(json).toEqual({
    kind: 'Dict',
    sortKeys: false,
    entries: [
      ['box', { kind: 'Box', shape: [2], dtype: 'float32', low: [0, '-Infinity'], high: [2] }],
      ['zero', { kind: 'Box', shape: [3], dtype: 'float64', low: ['-0'], high: ['Infinity'] }],
      [
        'long',
        { kind: 'Box', shape: [1], dtype: 'int64', low: ['-9223372036854775808'], high: ['5'] },
      ],
      [
        'open',
        { kind: 'Box', shape: [2], dtype: 'int64', low: ['-Infinity', '-3'], high: ['Infinity'] },
      ],
      [
        'pair',
        {
          kind: 'Tuple',
          spaces: [
            { kind: 'Discrete', n: 2, start: 0, dtype: 'int64' },
            { kind: 'MultiDiscrete', shape: [1], dtype: 'int64', nvec: [3], start: [0] },
          ],
        },
      ],
      [
        'wide',
        {
          kind: 'Discrete',
          n: '9223372036854775808',
          start: '-9223372036854775808',
          dtype: 'int64',
        },
      ],
    ],
  });
  expect(spaceFromJSON(json).toJSON()).toEqual(json);
});

test('narrowing: isBox tells the dtype, expectSpace the kind or why not', () => {
  expect(isBox(unit, 'float32')).toBe(true);
  expect(isBox(unit, 'float64')).toBe(false);
  expect(isBox(new Discrete(2), 'float32')).toBe(false);
  expect(expectSpace(new Discrete(5), 'Discrete').n).toBe(5);
  expect(() => expectSpace(unit, 'Discrete')).toThrow(
    'A Discrete space is needed, but this is Box(',
  );
});
