import { describe, expect, test } from 'vitest';
import { isTypedArray } from '../nd-array.js';
import {
  Box,
  batchSpace,
  Dict,
  Discrete,
  MultiBinary,
  MultiDiscrete,
  type Sample,
  type Space,
  Text,
  Tuple,
} from './index.js';

const alphanumeric = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A sample as plain lists and numbers. */
function plain(sample: Sample): unknown {
  if (isTypedArray(sample)) return Array.from(sample as ArrayLike<number | bigint>, Number);
  if (Array.isArray(sample)) return sample.map(plain);
  if (typeof sample !== 'object') return sample;
  return Object.fromEntries(Object.entries(sample).map(([key, item]) => [key, plain(item)]));
}

// What Gymnasium 1.4 with NumPy 2.4 samples three times after seed(123); of batches (batch_space), two times.
const samples: readonly [Space, readonly unknown[]][] = [
  [new Discrete(6), [0, 4, 3]],
  [new Discrete(3, -1), [-1, 1, 0]],
  [new Discrete(5, 0, 'int8'), [4, 2, 0]],
  [new Discrete(300, 0, 'int16'), [273, 183, 127]],
  [
    new Box([-1], [2], [2, 2], 'float32'),
    [
      [1.0470556020736694, -0.8385369181632996, -0.33892038464546204, -0.4468845725059509],
      [-0.4722822904586792, 1.4362834692001343, 1.7700350284576416, -0.17027680575847626],
      [1.4592636823654175, 1.6696780920028687, 0.5389113426208496, -0.265106201171875],
    ],
  ],
  [
    new Box([-1, 0.5], [1, 3.25], [2], 'float32'),
    [
      [0.3647037148475647, 0.6480078101158142],
      [-0.559280276298523, 1.007022500038147],
      [-0.6481881737709045, 2.733259916305542],
    ],
  ],
  [
    new Box([-0.1], [0.3], [3], 'float64'),
    [
      [0.17294074529925738, -0.07847159247911094, -0.011856050890955455],
      [-0.026251275720532125, -0.02963763956598786, 0.2248378026623095],
      [0.2693379992108226, 0.010629759118842494, 0.22790182463720085],
    ],
  ],
  [
    new Box([-3], [3], [4], 'float16'),
    [
      [1.09375, -2.677734375, -1.677734375, -1.8935546875],
      [-1.9443359375, 1.873046875, 2.541015625, -1.3408203125],
      [1.9189453125, 2.33984375, 0.07781982421875, -1.5302734375],
    ],
  ],
  [
    new Box([0], [255], [4], 'uint8'),
    [
      [174, 13, 56, 47],
      [45, 207, 236, 70],
      [209, 227, 131, 62],
    ],
  ],
  [
    new Box([-10], [10], [3], 'int32'),
    [
      [4, -9, -6],
      [-7, -7, 7],
      [9, -5, 7],
    ],
  ],
  [
    new Box([-5n], [5n], [2], 'int64'),
    [
      [2, -5],
      [-3, -3],
      [-4, 3],
    ],
  ],
  [
    new Box([0], [1], [6], 'bool'),
    [
      [1, 0, 0, 0, 0, 1],
      [1, 0, 1, 1, 1, 0],
      [1, 0, 1, 1, 1, 0],
    ],
  ],
  [
    new Box([0], [1], [], 'float32'),
    [[0.6823518872261047], [0.05382101982831955], [0.22035987675189972]],
  ],
  [
    new MultiDiscrete([3, 5, 2]),
    [
      [2, 0, 0],
      [0, 0, 1],
      [2, 1, 1],
    ],
  ],
  [
    new MultiDiscrete([2, 3, 10, 20], [1, -1, 0, 5], [2, 2]),
    [
      [2, -1, 2, 8],
      [1, 1, 9, 10],
      [2, 1, 5, 9],
    ],
  ],
  [
    new MultiBinary([11], true),
    [
      [1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1],
      [1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0],
      [0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0],
    ],
  ],
  [
    new MultiBinary([2, 3]),
    [
      [1, 1, 1, 0, 1, 1],
      [0, 0, 1, 1, 1, 0],
      [1, 1, 1, 1, 0, 1],
    ],
  ],
  [new Text(1, 12, alphanumeric), ['3', 'DBAovHotV', 'pDjd']],
  [new Text(0, 5, 'ab⠀é'), ['', 'aaaa', 'éb']],
  [
    new Dict([
      ['b', new Discrete(10)],
      ['a', new Box([0], [1], [2], 'float32')],
      ['2', new MultiBinary([3], true)],
      ['1', new Discrete(100)],
    ]),
    [
      { b: 4, a: [0.4964408278465271, 0.1371248960494995], '2': [0, 0, 0], '1': 67 },
      { b: 2, a: [0.9805910587310791, 0.03165355697274208], '2': [0, 1, 1], '1': 58 },
      { b: 2, a: [0.8253543376922607, 0.41907772421836853], '2': [0, 1, 0], '1': 60 },
    ],
  ],
  [
    new Tuple([
      new Discrete(5),
      new Tuple([new Text(1, 3, alphanumeric), new MultiDiscrete([4, 4])]),
    ]),
    [
      [2, ['jFr', [2, 2]]],
      [1, ['fU', [3, 0]]],
      [1, ['9', [1, 1]]],
    ],
  ],
];

const batches: readonly [Space, number, readonly unknown[]][] = [
  [
    new Discrete(4, 2),
    5,
    [
      [4, 2, 2, 2, 2],
      [5, 5, 3, 5, 5],
    ],
  ],
  [
    new MultiDiscrete([3, 5], [1, -2]),
    3,
    [
      [3, -2, 1, -2, 1, 2],
      [3, -1, 3, 2, 2, -1],
    ],
  ],
  [
    new MultiBinary([3], true),
    2,
    [
      [1, 0, 0, 0, 0, 1],
      [1, 0, 1, 1, 1, 0],
    ],
  ],
  [
    new Box([-1], [1], [2], 'float32'),
    2,
    [
      [0.3647037148475647, -0.8923579454421997, -0.559280276298523, -0.6312564015388489],
      [-0.6481881737709045, 0.624189019203186, 0.8466899991035461, -0.4468511939048767],
    ],
  ],
  [
    new Dict({ x: new Discrete(3), y: new Box([0], [1], [1], 'float32') }),
    3,
    [
      { x: [0, 0, 0], y: [0.4964408278465271, 0.1371248960494995, 0.9805910587310791] },
      { x: [1, 0, 2], y: [0.03165355697274208, 0.8253543376922607, 0.41907772421836853] },
    ],
  ],
];

describe('samples are Gymnasium’s for the same seed', () => {
  test.each(samples)('%s', (space, expected) => {
    space.seed(123);
    expect(expected.map(() => plain(space.sample()))).toEqual(expected);
    for (let i = 0; i < 100; i++) expect(space.contains(space.sample())).toBe(true);
  });

  test.each(batches)('a batch of %s × %d', (space, n, expected) => {
    const batch = batchSpace(space, n);
    batch.seed(123);
    expect(expected.map(() => plain(batch.sample()))).toEqual(expected);
  });
});

test('unbounded sides of a Box are drawn, and integers stay within 64 bits', () => {
  const sides = new Box([-Infinity, 2, -Infinity], [Infinity, Infinity, -3], [3], 'float64');
  sides.seed(1);
  const draws = Array.from({ length: 200 }, () => sides.sample());
  for (const draw of draws) expect(sides.contains(draw)).toBe(true);
  expect(new Set(draws.map(([x]) => Math.sign(x as number)))).toEqual(new Set([-1, 1]));
  const wide = new Box<BigInt64Array>([-(2n ** 63n)], [2n ** 63n - 1n], [50], 'int64');
  wide.seed(1);
  expect(wide.contains(wide.sample())).toBe(true);
});

test('spaces without a seed draw different numbers', () => {
  const space = new Box([0], [1], [4], 'float64');
  expect(plain(space.sample())).not.toEqual(plain(new Box([0], [1], [4], 'float64').sample()));
});

test('sampled arrays carry shape and dtype', () => {
  const pixels = new Box<Uint8Array>([0], [255], [2, 3], 'uint8').sample();
  expect(pixels).toBeInstanceOf(Uint8Array);
  expect(pixels).toMatchObject({ shape: [2, 3], dtype: 'uint8' });
  const actions = batchSpace(new Discrete(4), 3).sample();
  expect(actions).toBeInstanceOf(Int32Array);
  expect(actions).toMatchObject({ shape: [3], dtype: 'int64' });
});
