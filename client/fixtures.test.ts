/** The bytes of proto/fixtures, which the Python side reads and writes too (proto/fixtures/README.md). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Space as SpaceMessage } from '../proto/gen/gymlink/v1/space.js';
import { encodeActions } from './actions.js';
import { Blocks } from './blocks.js';
import { columnOf } from './columns.js';
import { isTypedArray } from './nd-array.js';
import { concatenate, iterate } from './spaces/batch.js';
import { fromSpaceMessage, type GraphInstance, type Sample, type Space } from './spaces/index.js';

type Form =
  | { integer: number | string }
  | { array: { dtype: string; shape: number[]; data: (number | string | boolean)[] } }
  | { text: string }
  | { dict: Record<string, Form> }
  | { tuple: Form[] }
  | { sequence: Form[] }
  | { graph: { nodes: Form[]; edges: Form[] | null; edge_links: number[][] | null } }
  | { one_of: { variant: number; value: Form } };

interface Fixture {
  readonly name: string;
  readonly space: string;
  readonly rows: number;
  readonly contained: boolean;
  readonly values: Form[];
  readonly payload: string;
}

const fixtures = ['layouts', 'composite-layouts'].flatMap((name) => {
  const file = new URL(`../proto/fixtures/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Fixture[];
});

function numberOf(item: number | string | boolean, dtype: string): number | bigint {
  if (dtype === 'int64' || dtype === 'uint64') return BigInt(item);
  const number = Number(item);
  if (dtype === 'float32') return Math.fround(number);
  return number;
}

/** What the client gives for a value of a fixture. */
function expectedOf(space: Space, form: Form): unknown {
  if ('integer' in form && space.kind === 'Discrete')
    return typeof space.n === 'bigint' ? BigInt(form.integer) : Number(form.integer);
  if ('text' in form) return form.text;
  if ('dict' in form && space.kind === 'Dict') {
    const entries = Object.entries(space.spaces);
    return Object.fromEntries(
      entries.map(([key, entry]) => [key, expectedOf(entry, form.dict[key] as Form)]),
    );
  }
  if ('tuple' in form && space.kind === 'Tuple')
    return space.spaces.map((entry, i) => expectedOf(entry, form.tuple[i] as Form));
  if ('sequence' in form && space.kind === 'Sequence')
    return form.sequence.map((item) => expectedOf(space.featureSpace, item));
  if ('one_of' in form && space.kind === 'OneOf') {
    const { variant, value } = form.one_of;
    return [variant, expectedOf(space.spaces[variant] as Space, value)];
  }
  if ('graph' in form && space.kind === 'Graph') {
    const { nodes, edges, edge_links } = form.graph;
    return {
      nodes: nodes.map((node) => expectedOf(space.nodeSpace, node)),
      edges: edges?.map((edge) => expectedOf(space.edgeSpace as Space, edge)) ?? null,
      links: edge_links,
    };
  }
  if (!('array' in form)) throw new Error(`No value of ${space.kind}: ${JSON.stringify(form)}`);
  const { dtype, shape, data } = form.array;
  const isHeldInDtype =
    space.kind === 'Box' || (space.kind === 'MultiDiscrete' && space.Held !== Int32Array);
  const wire = isHeldInDtype ? dtype : 'int32';
  return { shape, elements: data.map((item) => numberOf(item, wire)) };
}

/** A value of the client in the same form; float16 of the fixtures is rounded already. */
function formOf(space: Space, value: Sample): unknown {
  const rows = (entry: Space, batch: unknown) =>
    iterate(entry, batch)?.map((row) => formOf(entry, row as Sample));
  switch (space.kind) {
    case 'Dict':
      return Object.fromEntries(
        space.entries.map(([key, entry]) => [
          key,
          formOf(entry, (value as Record<string, Sample>)[key] as Sample),
        ]),
      );
    case 'Tuple':
      return space.spaces.map((entry, i) => formOf(entry, (value as Sample[])[i] as Sample));
    case 'Sequence': {
      const { featureSpace, stack } = space;
      if (stack) return rows(featureSpace, value);
      return (value as Sample[]).map((item) => formOf(featureSpace, item));
    }
    case 'Graph': {
      const { nodes, edges, edgeLinks } = value as GraphInstance;
      const links = edgeLinks && Array.from(edgeLinks as Int32Array);
      return {
        nodes: rows(space.nodeSpace, nodes),
        edges: edges && rows(space.edgeSpace as Space, edges),
        links:
          links &&
          Array.from({ length: links.length / 2 }, (_, i) => links.slice(2 * i, 2 * i + 2)),
      };
    }
    case 'OneOf': {
      const [variant, item] = value as [number, Sample];
      return [variant, formOf(space.spaces[variant] as Space, item)];
    }
    default:
      if (!isTypedArray(value)) return value;
      return { shape: value.shape, elements: Array.from(value as ArrayLike<number | bigint>) };
  }
}

test('there are fixtures of all ten kinds', () => {
  const kinds = new Set(fixtures.map(({ space }) => space).map((space) => decode(space).kind));
  expect(kinds.size).toBe(10);
  expect(fixtures.length).toBeGreaterThanOrEqual(180);
});

function decode(space: string): Space {
  return fromSpaceMessage(SpaceMessage.decode(Buffer.from(space, 'base64')));
}

for (const { name, space: message, rows, values, payload, contained } of fixtures) {
  test(name, () => {
    const space = decode(message);
    const bytes = new Uint8Array(Buffer.from(payload, 'hex'));
    const column = columnOf(space, rows);
    const blocks = new Blocks(bytes);
    column.read(blocks, { count: rows, first: 0, rows: undefined });
    blocks.end();
    const found = Array.from({ length: rows }, (_, i) => column.row(i));
    expect(found.map((value) => formOf(space, value))).toEqual(
      values.map((form) => expectedOf(space, form)),
    );
    expect(found.every((value) => space.contains(value))).toBe(contained);
    if (contained)
      expect(
        Buffer.from(encodeActions(space, rows, concatenate(space, found))).toString('hex'),
      ).toBe(payload);
  });
}
