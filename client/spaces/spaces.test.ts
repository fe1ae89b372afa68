import { describe, expect, test } from 'vitest';
import { asNdArray } from '../nd-array.js';
import {
  Box,
  batchSpace,
  Dict,
  Discrete,
  MultiBinary,
  MultiDiscrete,
  type Space,
  Text,
  Tuple,
} from './index.js';

const nested = () =>
  new Dict({
    position: new Box([-1], [1], [2], 'float32'),
    choice: new Tuple([new Discrete(3, 5), new MultiBinary([2, 2])]),
    word: new Text(1, 4, 'abc'),
  });

describe('samples equal Gymnasium’s for the same seed', () => {
  test('Discrete', () => {
    const space = new Discrete(4, -1);
    space.seed(42);
    const samples = Array.from({ length: 12 }, () => space.sample());
    expect(samples).toEqual([-1, 2, 1, 0, 0, 2, -1, 1, -1, -1, 1, 2]);
  });

  test('MultiDiscrete', () => {
    const space = new MultiDiscrete([5, 2, 7]);
    space.seed(42);
    const samples = Array.from({ length: 4 }, () => [...space.sample()]);
    expect(samples).toEqual([
      [3, 0, 6],
      [3, 0, 6],
      [3, 1, 0],
      [2, 0, 6],
    ]);
  });

  test('bounded Box of reals', () => {
    const space = new Box<Float32Array>([-1, 0], [1, 5], [2], 'float32');
    space.seed(42);
    const samples = Array.from({ length: 3 }, () => [...space.sample()]);
    expect(samples).toEqual([
      [0.5479121208190918, 2.194392204284668],
      [0.7171958684921265, 3.48684024810791],
      [-0.8116453289985657, 4.878111839294434],
    ]);
  });

  test('bounded Box of integers', () => {
    const space = new Box<Uint8Array>([0], [255], [3], 'uint8');
    space.seed(42);
    const samples = Array.from({ length: 3 }, () => [...space.sample()]);
    expect(samples).toEqual([
      [198, 112, 219],
      [178, 24, 249],
      [194, 201, 32],
    ]);
  });
});

test.each<[string, Space]>([
  ['Box', new Box([-1], [1], [3], 'float64')],
  ['Box without bounds', new Box([-Infinity], [Infinity], [3], 'float32')],
  ['Box with one bound', new Box([2], [Infinity], [2], 'float32')],
  ['Box of int64', new Box([-5n], [5n], [2], 'int64')],
  ['0-dimensional Box', new Box([0], [1], [], 'float32')],
  ['Discrete', new Discrete(3, -2)],
  ['MultiDiscrete', new MultiDiscrete([2, 3], [10, -1])],
  ['MultiBinary', new MultiBinary([2, 3])],
  ['Text', new Text(2, 5, 'xyz')],
  ['Dict', nested()],
  ['batch of a Dict', batchSpace(nested(), 3)],
])('%s contains its samples, and repeats them from a seed', (_, space) => {
  space.seed(3);
  const first = Array.from({ length: 20 }, () => space.sample());
  for (const sample of first) expect(space.contains(sample)).toBe(true);
  space.seed(3);
  expect(Array.from({ length: 20 }, () => space.sample())).toEqual(first);
});

test('values outside are not contained', () => {
  const box = new Box([-1], [1], [2], 'float32');
  expect(box.contains([0, 1.5])).toBe(false);
  expect(box.contains([0, Number.NaN])).toBe(false);
  expect(box.contains([0])).toBe(false);
  expect(box.contains(asNdArray(new Float32Array(2), [1, 2], 'float32'))).toBe(false);
  expect(new Discrete(3, 1).contains(0)).toBe(false);
  expect(new Discrete(3).contains(0.5)).toBe(false);
  expect(new MultiDiscrete([2, 2]).contains([1, 2])).toBe(false);
  expect(new MultiBinary([2]).contains([0, 2])).toBe(false);
  expect(new Text(1, 2, 'ab').contains('abc')).toBe(false);
  expect(new Text(1, 2, 'ab').contains('c')).toBe(false);
  const dict = nested();
  expect(dict.contains({ ...dict.sample(), more: 1 })).toBe(false);
  expect(new Tuple([new Discrete(2)]).contains([0, 0])).toBe(false);
});

test('spaces are told apart by kind, and print like Gymnasium’s', () => {
  expect(`${new Box([0], [255], [96, 96, 3], 'uint8')}`).toBe('Box(0, 255, (96, 96, 3), uint8)');
  expect(`${new Discrete(4)} ${new Discrete(3, 5)}`).toBe('Discrete(4) Discrete(3, start=5)');
  expect(`${new MultiDiscrete([2, 3])}`).toBe('MultiDiscrete([2 3])');
  expect(nested().kind).toBe('Dict');
});
