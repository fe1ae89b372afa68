import { expect, test } from 'vitest';
import {
  Box,
  Dict,
  Discrete,
  Graph,
  MultiBinary,
  MultiDiscrete,
  OneOf,
  Sequence,
  type Space,
  Text,
  Tuple,
} from '../index.js';
import { zeroOf } from './zero.js';

const above = new Box([1, -1], [2, 1], [2], 'float32');

/** What Gymnasium 1.4's `create_zero_array` gives. */
const zeros: readonly (readonly [Space, unknown])[] = [
  [above, { elements: [1, 0], shape: [2] }],
  [new Box([-5], [-1], [1], 'int8'), { elements: [-1], shape: [1] }],
  [new Box([2n], [5n], [1], 'int64'), { elements: [2n], shape: [1] }],
  [new Discrete(3, 4), 4],
  [new MultiDiscrete([2, 3], [5, 6], [2]), { elements: [5, 6], shape: [2] }],
  [new MultiBinary([1, 2]), { elements: [0, 0], shape: [1, 2] }],
  [new Text(2, 4, 'zab'), 'aa'],
  [new Dict({ a: new Discrete(2), b: above }), { a: 0, b: { elements: [1, 0], shape: [2] } }],
  [new Tuple([new Discrete(2), new Discrete(2, 7)]), [0, 7]],
  [new Sequence(above), []],
  [new Sequence(above, true), { elements: [1, 0], shape: [1, 2] }],
  [new OneOf([new Discrete(2, 1), above]), [0, 1]],
  [
    new Graph(above, new Discrete(3)),
    {
      nodes: { elements: [1, 0], shape: [1, 2] },
      edges: { elements: [0], shape: [1] },
      edgeLinks: { elements: [0, 0], shape: [1, 2] },
    },
  ],
  [new Graph(above), { nodes: { elements: [1, 0], shape: [1, 2] }, edges: null, edgeLinks: null }],
];

/** Arrays as plain objects. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const array = value as unknown as Iterable<unknown> & { shape: readonly number[] };
    return { elements: [...array], shape: array.shape };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

test.each(zeros.map(([space, zero]) => [`${space}`, space, zero] as const))(
  'the value of %s nearest to zero',
  (_text, space, zero) => {
    expect(plain(zeroOf(space))).toEqual(zero);
    expect(space.contains(zeroOf(space))).toBe(true);
  },
);
