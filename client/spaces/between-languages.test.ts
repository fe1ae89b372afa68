/** Random nested spaces between TypeScript and Python: spaces, values, bytes, samples, and what is malformed. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Space as SpaceMessage } from '../../proto/gen/gymlink/v1/space.js';
import { encodeActions } from '../actions.js';
import { Blocks } from '../blocks.js';
import { columnOf } from '../columns.js';
import { GymlinkError } from '../errors.js';
import { type Form, typed } from '../fixtures/space-forms.mjs';
import { broken, spaceMessages } from '../fixtures/space-messages.js';
import { anyValue } from '../fixtures/space-values.js';
import { Generator } from '../random/generator.js';
import { concatenate } from './batch.js';
import { fromSpaceMessage, type Sample, type Space } from './index.js';

/** What the Python client and the sidecar make of a payload (python-envs/tests/space_peer.py). */
interface Answer {
  readonly failed?: string;
  readonly refused?: string;
  readonly values?: readonly Form[];
  readonly again?: string | null;
  readonly contained?: readonly boolean[] | null;
  readonly invalid: string | null;
  readonly sampled?: string;
}

const cases = { numRuns: 2000, seed: 1 };
const limit = { timeout: 300_000 };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

let peer: ChildProcessByStdio<Writable, Readable, null>;
let lines: Interface;

beforeAll(() => {
  const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';
  const cwd = new URL('../../python-envs', import.meta.url);
  const env = { ...process.env, PYTHONPATH: '.', PYTHONWARNINGS: 'ignore' };
  peer = spawn(python, ['-m', 'tests.space_peer'], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  lines = createInterface(peer.stdout);
});

afterAll(async () => {
  const closed = once(peer, 'close');
  peer.stdin.end();
  expect(await closed).toEqual([0, null]);
});

async function ask(
  message: SpaceMessage,
  rows: number,
  payload: Uint8Array,
  seed: number | null = null,
): Promise<Answer> {
  const space = hex(SpaceMessage.encode(message).finish());
  peer.stdin.write(`${JSON.stringify({ space, rows, payload: hex(payload), seed })}\n`);
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(60_000) })) as [string];
  const answer = JSON.parse(line) as Answer;
  expect(answer.failed).toBeUndefined();
  return answer;
}

function layout(space: Space, values: readonly Sample[]): Uint8Array {
  return encodeActions(space, values.length, concatenate(space, values));
}

function valuesOf(space: Space, rows: number, seed: number): Sample[] {
  space.seed(seed);
  const generator = new Generator(seed);
  return Array.from({ length: rows }, () => anyValue(space, generator));
}

/** The rows of a payload, or why it is refused. */
function read(space: Space, rows: number, payload: Uint8Array): Sample[] | GymlinkError {
  const column = columnOf(space, rows);
  const blocks = new Blocks(payload);
  try {
    column.read(blocks, { count: rows, first: 0, rows: undefined });
    blocks.end();
  } catch (error) {
    if (error instanceof GymlinkError && error.reason === 'MALFORMED_REPLY') return error;
    throw error;
  }
  return Array.from({ length: rows }, (_, i) => column.row(i));
}

const rowCounts = fc.integer({ min: 1, max: 4 });
const seeds = fc.nat(1000);

describe('2,000 random nested spaces', limit, () => {
  test('have the same values, bytes and samples in Python', async () => {
    const property = fc.asyncProperty(
      spaceMessages,
      seeds,
      rowCounts,
      async (message, seed, rows) => {
        const space = fromSpaceMessage(message);
        const values = valuesOf(space, rows, seed);
        const payload = layout(space, values);
        const answer = await ask(message, rows, payload, seed);
        expect(answer.values).toEqual(values.map((value) => typed(space, value)));
        expect(answer).toMatchObject({ again: hex(payload), invalid: null });
        expect(answer.contained ?? []).not.toContain(false);
        expect(values.every((value) => space.contains(value))).toBe(true);
        space.seed(seed);
        const samples = Array.from({ length: rows }, () => space.sample());
        expect(hex(layout(space, samples))).toBe(answer.sampled);
      },
    );
    await fc.assert(property, cases);
  });

  test('take and refuse the same bytes as in Python', async () => {
    const parts = fc.tuple(spaceMessages, seeds, rowCounts).chain(([message, seed, rows]) => {
      const space = fromSpaceMessage(message);
      const payload = layout(space, valuesOf(space, rows, seed));
      return fc.tuple(fc.constant(message), fc.constant(rows), broken(payload));
    });
    const property = fc.asyncProperty(parts, async ([message, rows, payload]) => {
      const space = fromSpaceMessage(message);
      const found = read(space, rows, payload);
      const answer = await ask(message, rows, payload);
      const isRefused = found instanceof GymlinkError;
      // Python holds what does not fit into 32 bits; in a space where it should, it is no action all the same.
      if (isRefused && found.message.includes('32 bits')) {
        expect(answer.invalid).not.toBeNull();
        return;
      }
      expect(answer.refused).toBe(isRefused ? 'MALFORMED_REPLY' : undefined);
      const isWithin = !isRefused && found.every((value) => space.contains(value));
      expect(answer.invalid === null).toBe(isWithin);
      if (isRefused) return;
      expect(answer.values).toEqual(found.map((value) => typed(space, value)));
      if (isWithin) expect(answer.again).toBe(hex(layout(space, found)));
    });
    await fc.assert(property, cases);
  });
});
