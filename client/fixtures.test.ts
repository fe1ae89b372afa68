/** The bytes of proto/fixtures, which the Python side reads and writes too (proto/fixtures/README.md). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Space as SpaceMessage } from '../proto/gen/gymlink/v1/space.js';
import { encodeActions } from './actions.js';
import { Blocks, columnOf } from './columns.js';
import { fromSpaceMessage, type Sample, type Space } from './spaces/index.js';

type Form =
  | { integer: number | string }
  | { array: { dtype: string; shape: number[]; data: (number | string | boolean)[] } }
  | { text: string }
  | { dict: Record<string, Form> }
  | { tuple: Form[] };

interface Fixture {
  readonly name: string;
  readonly space: string;
  readonly rows: number;
  readonly contained: boolean;
  readonly values: Form[];
  readonly payload: string;
}

const file = new URL('../proto/fixtures/layouts.json', import.meta.url);
const fixtures = JSON.parse(readFileSync(file, 'utf8')) as Fixture[];

function numberOf(item: number | string | boolean, dtype: string): number | bigint {
  if (dtype === 'int64' || dtype === 'uint64') return BigInt(item);
  const number = Number(item);
  if (dtype === 'float32') return Math.fround(number);
  return number;
}

/** What the client gives for a value of a fixture. */
function expectedOf(space: Space, form: Form): unknown {
  if ('integer' in form) return Number(form.integer);
  if ('text' in form) return form.text;
  if ('dict' in form && space.kind === 'Dict') {
    const entries = Object.entries(space.spaces);
    return Object.fromEntries(
      entries.map(([key, entry]) => [key, expectedOf(entry, form.dict[key] as Form)]),
    );
  }
  if ('tuple' in form && space.kind === 'Tuple')
    return space.spaces.map((entry, i) => expectedOf(entry, form.tuple[i] as Form));
  if (!('array' in form)) throw new Error(`No value of ${space.kind}: ${JSON.stringify(form)}`);
  const { dtype, shape, data } = form.array;
  const wire = space.kind === 'Box' ? dtype : 'int32';
  return { shape, elements: data.map((item) => numberOf(item, wire)) };
}

/** A value of the client in the same form; float16 of the fixtures is rounded already. */
function formOf(value: Sample): unknown {
  if (ArrayBuffer.isView(value))
    return { shape: value.shape, elements: Array.from(value as ArrayLike<number | bigint>) };
  if (Array.isArray(value)) return value.map(formOf);
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, formOf(item)]));
  return value;
}

/** Rows as `encodeActions` takes them: a Tuple's entries are batches. */
function batchOf(space: Space, rows: Sample[]): unknown {
  if (space.kind === 'Tuple')
    return space.spaces.map((entry, i) =>
      batchOf(
        entry,
        rows.map((row) => (row as Sample[])[i] as Sample),
      ),
    );
  if (space.kind !== 'Dict') return rows;
  const keys = Object.entries(space.spaces);
  return Object.fromEntries(
    keys.map(([key, entry]) => {
      return [
        key,
        batchOf(
          entry,
          rows.map((row) => (row as Record<string, Sample>)[key] as Sample),
        ),
      ];
    }),
  );
}

test('there are fixtures of all seven kinds', () => {
  const kinds = new Set(fixtures.map(({ space }) => space).map((space) => decode(space).kind));
  expect(kinds.size).toBe(7);
  expect(fixtures.length).toBeGreaterThanOrEqual(100);
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
    expect(found.map(formOf)).toEqual(values.map((form) => expectedOf(space, form)));
    expect(found.every((value) => space.contains(value))).toBe(contained);
    if (contained)
      expect(Buffer.from(encodeActions(space, rows, batchOf(space, found))).toString('hex')).toBe(
        payload,
      );
  });
}
