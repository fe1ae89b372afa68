import { describe, expect, test } from 'vitest';
import { Blocks, columnOf, encodeActions } from './columns.js';
import { GymlinkError } from './errors.js';
import { fromFloat16, toFloat16 } from './nd-array.js';
import {
  Box,
  Dict,
  Discrete,
  MultiBinary,
  MultiDiscrete,
  type Sample,
  type Space,
  Text,
  Tuple,
} from './spaces/index.js';

const run = (count: number) => ({ count, first: 0, rows: undefined });

/** The bytes behind some others, so that they begin at an odd offset. */
function atOddOffset(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 3);
  longer.set(bytes, 3);
  return longer.subarray(3);
}

const spaces: [string, Space][] = [
  ...(['float16', 'float32', 'float64'] as const).map((dtype): [string, Space] => [
    `Box ${dtype}`,
    new Box([-2], [2], [3], dtype),
  ]),
  ...(['int8', 'int16', 'int32', 'uint8', 'uint16', 'uint32'] as const).map(
    (dtype): [string, Space] => [`Box ${dtype}`, new Box([0], [100], [2, 3], dtype)],
  ),
  ['Box int64', new Box([-(2n ** 60n)], [2n ** 60n], [2], 'int64')],
  ['Box bool', new Box([0], [1], [5], 'bool')],
  ['Box of shape ()', new Box([0], [1], [], 'float32')],
  ['Box without elements', new Box([0], [1], [0, 3], 'float32')],
  ['Discrete', new Discrete(7, -3)],
  ['MultiDiscrete', new MultiDiscrete([2, 9, 4])],
  ['MultiBinary', new MultiBinary([3, 3])],
  ['Text', new Text(0, 6, 'aé🙂')],
  [
    'nested',
    new Dict({
      b: new Tuple([new Discrete(3), new Text(1, 3, 'xy')]),
      a: new Box([0], [1], [3], 'uint8'),
    }),
  ],
];

/** Values of rows as `encodeActions` takes them: a Tuple's batch has its entries outside. */
function asBatch(space: Space, rows: Sample[]): unknown {
  if (space.kind === 'Tuple')
    return space.spaces.map((entry, i) =>
      asBatch(
        entry,
        rows.map((row) => (row as Sample[])[i] as Sample),
      ),
    );
  if (space.kind === 'Dict')
    return Object.fromEntries(
      Object.entries(space.spaces).map(([key, entry]) => [
        key,
        asBatch(
          entry,
          rows.map((row) => (row as Record<string, Sample>)[key] as Sample),
        ),
      ]),
    );
  return rows;
}

test.each(spaces)('rows of %s come back as they were sent, at any offset', (_, space) => {
  space.seed(1);
  const rows = Array.from({ length: 5 }, () => space.sample());
  const bytes = encodeActions(space, 5, asBatch(space, rows));
  expect(bytes.length % 8).toBe(0);
  const column = columnOf(space, 5);
  const blocks = new Blocks(atOddOffset(bytes));
  column.read(blocks, run(5));
  blocks.end();
  const found = rows.map((_, i) => column.row(i));
  // float16 was rounded on the way; a second passage changes nothing more.
  expect(encodeActions(space, 5, asBatch(space, found))).toEqual(bytes);
  if (!('dtype' in space && space.dtype === 'float16')) expect(found).toEqual(rows);
});

test('rows that are no run go to their places', () => {
  const space = new Box([-9], [9], [2], 'float32');
  const column = columnOf(space, 4);
  const bytes = encodeActions(space, 2, [1, 2, 3, 4]);
  column.read(new Blocks(bytes), { count: 2, first: 3, rows: [3, 1] });
  expect([...(column.batch(true) as Float32Array)]).toEqual([0, 0, 3, 4, 0, 0, 1, 2]);
});

describe('payloads that do not fit are refused', () => {
  const bytes = encodeActions(new Discrete(3), 4, [0, 1, 2, 0]);
  test.each([
    ['too short', bytes.subarray(8)],
    ['too long', new Uint8Array(bytes.length + 8)],
    ['cut', bytes.subarray(0, 20)],
  ])('%s', (_, payload) => {
    const blocks = new Blocks(payload);
    expect(() => {
      columnOf(new Discrete(3), 4).read(blocks, run(4));
      blocks.end();
    }).toThrow(GymlinkError);
  });

  test('offsets that decrease', () => {
    const payload = new Uint8Array(Uint32Array.of(0, 4, 2, 0).buffer);
    expect(() => columnOf(new Text(0, 9, 'a'), 2).read(new Blocks(payload), run(2))).toThrow(
      /decrease|fit/,
    );
  });
});

test.each<[string, Space, unknown]>([
  ['a fraction for a Discrete', new Discrete(3), [0.5, 1]],
  ['a string', new Discrete(3), ['0', 1]],
  ['too few', new Discrete(3), [0]],
  ['too many', new Box([0], [1], [2], 'float32'), new Float32Array(5)],
  [
    'a row too long',
    new Box([0], [1], [2], 'float32'),
    [
      [0, 0],
      [0, 0, 0],
    ],
  ],
  ['out of the dtype', new Box([0], [255], [1], 'uint8'), [1, 256]],
  ['nothing', new Box([0], [1], [1], 'float32'), undefined],
  ['a number for a Text', new Text(1, 2, 'a'), [1, 2]],
  ['a wrong number of entries', new Tuple([new Discrete(2)]), []],
])('actions that do not fit are refused: %s', (_, space, actions) => {
  expect(() => encodeActions(space, 2, actions)).toThrow(/does not fit/);
});

test('float16 rounds as NumPy does', () => {
  const pairs: [number, number][] = [
    [0, 0],
    [-0, 32768],
    [1, 15360],
    [-2.5, 49408],
    [65504, 31743],
    [65519, 31743],
    [65520, 31744],
    [1e-8, 0],
    [2 ** -24, 1],
    [6.1e-5, 1023],
    [0.1, 11878],
    [Infinity, 31744],
    [-Infinity, 64512],
    [2049, 26624],
    [2051, 26626],
  ];
  expect(pairs.map(([value]) => toFloat16(value))).toEqual(pairs.map(([, bits]) => bits));
  for (let bits = 0; bits < 0x7c00; bits++) expect(toFloat16(fromFloat16(bits))).toBe(bits);
  expect(fromFloat16(toFloat16(Number.NaN))).toBeNaN();
});
