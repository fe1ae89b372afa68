/** Payloads of observations and actions: the layout scenarios that all clients share, then what is special here. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DescribeEnvironmentResponse } from '../proto/gen/gymlink/v1/service.js';
import { encodeActions } from './actions.js';
import { Blocks } from './blocks.js';
import { columnOf } from './columns.js';
import {
  asNdArray,
  type DtypeName,
  decodeElements,
  dtypes,
  isTypedArray,
  toFloat16,
} from './nd-array.js';
import { concatenate, iterate } from './spaces/batch.js';
import {
  Box,
  batchSpace,
  Dict,
  Discrete,
  fromSpaceMessage,
  Graph,
  type GraphInstance,
  MultiBinary,
  MultiDiscrete,
  OneOf,
  type Sample,
  Sequence,
  type Space,
  Text,
  Tuple,
} from './spaces/index.js';

const proto = fileURLToPath(new URL('../proto', import.meta.url));

type RowJson =
  | { text: string }
  | { dict: [string, RowJson][] }
  | { tuple: RowJson[] }
  | { sequence: RowJson[] }
  | { graph: { nodes: RowJson[]; edges: RowJson[] | null; edge_links: RowJson | null } }
  | { one_of: [number, RowJson] }
  | { dtype: DtypeName; shape: number[]; data: string };

interface LayoutStep {
  readonly space: object;
  readonly rows: number;
  readonly payload: string;
  readonly expect: { readonly rows?: RowJson[]; readonly payload_refused?: true };
}

const definition = loadSync('gymlink/v1/service.proto', { includeDirs: [proto] });

function spaceFromJson(json: object): Space {
  const service = definition['gymlink.v1.EnvironmentService'] as unknown as Record<
    string,
    { responseSerialize(message: object): Buffer }
  >;
  const bytes = service.DescribeEnvironment?.responseSerialize({ observationSpace: json });
  return fromSpaceMessage(DescribeEnvironmentResponse.decode(bytes as Buffer).observationSpace);
}

/** The bytes at every alignment that they may have within a message. */
function* misaligned(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < 8; offset++) {
    const buffer = Buffer.alloc(bytes.length + offset, 0xff);
    buffer.set(bytes, offset);
    yield buffer.subarray(offset);
  }
}

function decode(space: Space, rows: number, payload: Uint8Array): Sample[] {
  const column = columnOf(space, rows);
  const blocks = new Blocks(payload);
  column.read(blocks, { count: rows, first: 0, rows: undefined });
  blocks.end();
  return Array.from({ length: rows }, (_, i) => column.row(i));
}

function expectRow(space: Space, sample: unknown, expected: RowJson): void {
  const items = sample as Record<string | number, unknown>;
  if ('text' in expected) expect(sample).toBe(expected.text);
  else if ('tuple' in expected)
    for (const [i, item] of expected.tuple.entries())
      expectRow((space as Tuple).spaces[i] as Space, items[i], item);
  else if ('dict' in expected)
    for (const [key, item] of expected.dict)
      expectRow((space as Dict).spaces[key] as Space, items[key], item);
  else if ('sequence' in expected)
    expectRows((space as Sequence).featureSpace, sample, expected.sequence);
  else if ('one_of' in expected) {
    const [variant, item] = expected.one_of;
    expect(items[0]).toBe(variant);
    expectRow((space as OneOf).spaces[variant] as Space, items[1], item);
  } else if ('graph' in expected) expectGraph(space as Graph, sample as GraphInstance, expected);
  else expectElements(sample, expected);
}

function expectRows(space: Space, batch: unknown, expected: readonly RowJson[]): void {
  const rows = iterate(space, batch) ?? [];
  expect(rows).toHaveLength(expected.length);
  for (const [i, row] of rows.entries()) expectRow(space, row, expected[i] as RowJson);
}

function expectGraph(
  { nodeSpace, edgeSpace }: Graph,
  { nodes, edges, edgeLinks }: GraphInstance,
  { graph: expected }: Extract<RowJson, { graph: object }>,
): void {
  expectRows(nodeSpace, nodes, expected.nodes);
  if (expected.edges === null) expect(edges).toBeNull();
  else expectRows(edgeSpace as Space, edges, expected.edges);
  if (expected.edge_links === null) expect(edgeLinks).toBeNull();
  else expectElements(edgeLinks, expected.edge_links as Extract<RowJson, { data: string }>);
}

function expectElements(sample: unknown, expected: Extract<RowJson, { data: string }>): void {
  const bytes = Buffer.from(expected.data, 'hex');
  const elements = decodeElements(bytes, expected.dtype) as ArrayLike<number>;
  const numbers = Array.from(elements, Number);
  if (typeof sample === 'number') expect([sample]).toEqual(numbers);
  else {
    expect(sample).toMatchObject({ shape: expected.shape, dtype: expected.dtype });
    expect(Array.from(sample as ArrayLike<number>, Number)).toEqual(numbers);
  }
}

describe('the layout scenarios of the protocol', () => {
  const { scenarios } = JSON.parse(readFileSync(`${proto}/conformance/scenarios.json`, 'utf8')) as {
    scenarios: { name: string; steps: LayoutStep[] }[];
  };
  const layouts = scenarios.filter(({ name }) => name.startsWith('layout-'));

  test('are there for all kinds', () => {
    expect(layouts.length).toBeGreaterThanOrEqual(10);
  });

  test.each(layouts)('$name', ({ steps }) => {
    expect(steps.length).toBeGreaterThan(1);
    for (const step of steps) {
      const space = spaceFromJson(step.space);
      for (const payload of misaligned(Buffer.from(step.payload, 'hex'))) {
        if (step.expect.payload_refused) {
          expect(() => decode(space, step.rows, payload)).toThrow(
            expect.objectContaining({ reason: 'MALFORMED_REPLY' }),
          );
          continue;
        }
        const samples = decode(space, step.rows, payload);
        const rows = step.expect.rows as RowJson[];
        expect(samples).toHaveLength(rows.length);
        for (const [i, row] of rows.entries()) expectRow(space, samples[i], row);
        const encoded = encodeActions(space, step.rows, concatenate(space, samples));
        expect(Buffer.from(encoded).toString('hex')).toBe(step.payload);
      }
    }
  });
});

const nested = new Dict([
  ['z', new Tuple([new Discrete(5, -2), new Box([-1], [1], [2, 2], 'float16')])],
  ['10', new Text(0, 9, 'aé⠀')],
  ['2', new MultiDiscrete([3, 400], [0, -7], [2], 'int16')],
  ['bits', new MultiBinary([3])],
]);
const unit = new Box([-1], [1], [2], 'float32');
const composites: readonly Space[] = [
  new Sequence(new Discrete(5, -2)),
  new Sequence(unit, true),
  new Sequence(nested),
  new Sequence(nested, true),
  new Sequence(new Sequence(new Text(0, 2, 'é'))),
  new Graph(unit),
  new Graph(new Discrete(4), unit),
  new Graph(nested, new Dict({ weight: new Box([0], [1], [], 'float64') })),
  new OneOf([new Discrete(3), unit, new Text(1, 2, 'ab')]),
  new OneOf([new Sequence(unit, true), new Tuple([new Graph(unit, new Discrete(3))])]),
];
const spaces: readonly Space[] = [
  ...(Object.keys(dtypes) as DtypeName[]).map((dtype) => {
    const bounds = dtype.endsWith('int64') ? [[0n], [1n]] : [[0], [1]];
    return new Box(bounds[0] as number[], bounds[1] as number[], [3], dtype);
  }),
  ...(['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const).map(
    (dtype) => new Discrete(100, 5, dtype),
  ),
  new Discrete(7, -2_000_000_000),
  new Box([0], [1], [], 'float64'),
  new Box([0], [1], [2, 0], 'float64'),
  nested,
  ...composites,
];

test.each(spaces.map((space) => [space]))('a batch of %s comes back as it was', (space) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), fc.nat(7), (n, seed, offset) => {
      const batch = batchSpace(space, n);
      batch.seed(seed);
      const sample = batch.sample();
      const payload = encodeActions(space, n, sample);
      expect(payload.length % 8).toBe(0);
      const moved = Buffer.alloc(payload.length + offset).fill(payload, offset);
      const column = columnOf(space, n);
      const blocks = new Blocks(moved.subarray(offset));
      column.read(blocks, { count: n, first: 0, rows: undefined });
      blocks.end();
      expect(column.batch(true)).toEqual(sample);
      const rows = iterate(space, sample) ?? [];
      expect(Array.from({ length: n }, (_, i) => column.row(i))).toEqual(rows);
      expect(rows.every((row) => space.contains(row))).toBe(true);
    }),
    { numRuns: 30, seed: 1 },
  );
});

test('rows go where they belong: to a run, or each to its own place', () => {
  const several = [new Box([0], [9], [2], 'float32'), nested, new Text(1, 3, 'ab'), ...composites];
  for (const space of several) {
    const batch = batchSpace(space, 4);
    batch.seed(1);
    const column = columnOf(space, 4);
    const all = encodeActions(space, 4, batch.sample());
    column.read(new Blocks(all), { count: 4, first: 0, rows: undefined });
    const before = [0, 1, 2, 3].map((i) => column.row(i));
    const two = encodeActions(
      space,
      2,
      concatenate(space, [before[0] as Sample, before[1] as Sample]),
    );
    column.read(new Blocks(two), { count: 2, first: 2, rows: undefined });
    expect([0, 1, 2, 3].map((i) => column.row(i))).toEqual([0, 1, 0, 1].map((i) => before[i]));
    const back = encodeActions(
      space,
      2,
      concatenate(space, [before[2] as Sample, before[3] as Sample]),
    );
    column.read(new Blocks(back), { count: 2, first: 0, rows: Uint32Array.of(0, 3) });
    expect([0, 1, 2, 3].map((i) => column.row(i))).toEqual([2, 1, 0, 3].map((i) => before[i]));
  }
});

test('copies stay, views are the column’s own memory', () => {
  const space = new Dict({ x: new Box([0], [9], [1], 'float32'), n: new Discrete(9) });
  const column = columnOf(space, 2);
  const read = (x: number[], n: number[]) =>
    column.read(new Blocks(encodeActions(space, 2, { x, n })), {
      count: 2,
      first: 0,
      rows: undefined,
    });
  read([1, 2], [3, 4]);
  const copy = column.batch(true);
  const view = column.batch(false);
  const row = column.row(1);
  read([5, 6], [7, 8]);
  const arrays = (x: number[], n: number[]) => ({
    x: asNdArray(Float32Array.from(x), [2, 1], 'float32'),
    n: asNdArray(Int32Array.from(n), [2], 'int64'),
  });
  expect(copy).toEqual(arrays([1, 2], [3, 4]));
  expect(view).toEqual(arrays([5, 6], [7, 8]));
  expect(row).toEqual({ x: asNdArray(Float32Array.of(2), [1], 'float32'), n: 4 });
});

test('every float16 comes through as NumPy reads it, and back', () => {
  const space = new Box([-Infinity], [Infinity], [65536], 'float16');
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const [values] = decode(space, 1, new Uint8Array(bits.buffer)) as unknown as [Float32Array];
  // numpy.arange(65536, dtype=numpy.uint16).view(numpy.float16), here and there.
  const samples = [0x0001, 0x03ff, 0x0400, 0x2e66, 0x3555, 0x3c00, 0x7bff, 0x7c00, 0xc000, 0xfc00];
  const numbers = [
    2 ** -24,
    6.097555160522461e-5,
    2 ** -14,
    0.0999755859375,
    0.333251953125,
    1,
    65504,
    Infinity,
    -2,
    -Infinity,
  ];
  expect(samples.map((i) => values[i])).toEqual(numbers);
  expect(Object.is(values[0x8000], -0)).toBe(true);
  const back = new Uint16Array(new Uint8Array(encodeActions(space, 1, values)).buffer);
  const changed = bits.filter((i) => back[i] !== i);
  // Only the many kinds of NaN become one.
  expect(changed.every((i) => Number.isNaN(values[i]))).toBe(true);
});

test('float16 rounds as NumPy does', () => {
  const pairs: readonly [number, number][] = [
    [-0, 0x8000],
    [-2.5, 0xc100],
    [65519.9, 0x7bff],
    [65520, 0x7c00],
    [1e-8, 0],
    [2.98e-8, 0],
    [2.99e-8, 1],
    [6.1e-5, 1023],
    [0.1, 11878],
    [2049, 26624],
    [2051, 26626],
    [-1e300, 0xfc00],
  ];
  expect(pairs.map(([value]) => toFloat16(value))).toEqual(pairs.map(([, bits]) => bits));
});

describe('payloads that break the layout are MALFORMED_REPLY', () => {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const broken: readonly [string, Space, number, Uint8Array][] = [
    ['a bool of 2', new Box([0], [1], [2], 'bool'), 1, words(0x0201, 0)],
    [
      'offsets without rows that do not begin at 0',
      new Sequence(new Text(0, 3, 'a')),
      1,
      words(0, 0, 1, 0, 97, 0),
    ],
    ['more elements of no bytes than may be', new Sequence(new Tuple([])), 1, words(0, 65_537)],
    ['an int64 beyond 32 bits', new Discrete(3), 1, words(1, 1)],
    ['a uint64 beyond 31 bits', new Discrete(3, 0, 'uint64'), 1, words(2 ** 31, 0)],
    ['the greatest uint64', new Discrete(3, 0, 'uint64'), 1, words(2 ** 32 - 1, 2 ** 32 - 1)],
    ['a uint32 beyond 31 bits', new Discrete(3, 0, 'uint32'), 1, words(2 ** 31, 0)],
    ['offsets that do not begin at 0', new Text(0, 3, 'a'), 1, words(1, 1, 97, 0)],
    ['offsets that decrease', new Text(0, 3, 'a'), 3, words(0, 2, 1, 1, 97, 0)],
    ['offsets beyond the payload', new Text(0, 3, 'a'), 1, words(0, 2 ** 32 - 1)],
    ['bytes that are not UTF-8', new Text(0, 3, 'a'), 1, words(0, 1, 0xff, 0)],
    ['a sequence longer than the payload', new Sequence(new Discrete(3)), 1, words(0, 2 ** 32 - 1)],
    ['offsets of a sequence that decrease', new Sequence(new Discrete(3)), 2, words(0, 1, 0, 0)],
    ['a variant that does not exist', new OneOf([new Discrete(3)]), 1, words(1, 0, 0, 0)],
    [
      'an edge to a node of no graph',
      new Graph(new Discrete(3, 0, 'int32')),
      1,
      words(0, 1, 0, 0, 1, 0, 0, 1, 0, 1),
    ],
    ['missing padding', new Discrete(3, 0, 'int8'), 1, new Uint8Array(1)],
  ];
  test.each(broken)('%s', (_, space, rows, payload) => {
    expect(() => decode(space, rows, payload)).toThrow(
      expect.objectContaining({ name: 'GymlinkError', reason: 'MALFORMED_REPLY' }),
    );
  });
});

test('typed arrays of every dtype are told from other values', () => {
  for (const { Array: ArrayOfDtype } of Object.values(dtypes))
    expect(isTypedArray(new ArrayOfDtype(1))).toBe(true);
  for (const value of [[1], new DataView(new ArrayBuffer(8)), null, 'a', 1])
    expect(isTypedArray(value)).toBe(false);
});
