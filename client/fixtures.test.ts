/** The bytes of proto/fixtures, which the Python side reads and writes too (proto/fixtures/README.md). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Space as SpaceMessage } from '../proto/gen/gymlink/v1/space.js';
import { encodeActions } from './actions.js';
import { Blocks } from './blocks.js';
import { columnOf } from './columns.js';
import { type Form, typed } from './fixtures/space-forms.mjs';
import { concatenate } from './spaces/batch.js';
import { fromSpaceMessage, type Space } from './spaces/index.js';

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

function decode(space: string): Space {
  return fromSpaceMessage(SpaceMessage.decode(Buffer.from(space, 'base64')));
}

test('there are fixtures of all ten kinds', () => {
  const kinds = new Set(fixtures.map(({ space }) => decode(space).kind));
  expect(kinds.size).toBe(10);
  expect(fixtures.length).toBeGreaterThanOrEqual(180);
});

for (const { name, space: message, rows, values, payload, contained } of fixtures) {
  test(name, () => {
    const space = decode(message);
    const bytes = new Uint8Array(Buffer.from(payload, 'hex'));
    const column = columnOf(space, rows);
    const blocks = new Blocks(bytes);
    column.read(blocks, { count: rows, first: 0, rows: undefined });
    blocks.end();
    const found = Array.from({ length: rows }, (_, i) => column.row(i));
    expect(found.map((value) => typed(space, value))).toEqual(values);
    expect(found.every((value) => space.contains(value))).toBe(contained);
    if (contained)
      expect(
        Buffer.from(encodeActions(space, rows, concatenate(space, found))).toString('hex'),
      ).toBe(payload);
  });
}
