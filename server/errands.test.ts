import { expect, test } from 'vitest';
import { FrameType } from '../proto/gen/gymlink/worker/v1/worker.js';
import { EnvStates } from './env-states.js';
import { Errands, type Reply } from './errands.js';
import { RequestError, unimplemented } from './errors.js';
import { createLog } from './log.js';
import type { PlacedWorker } from './placed-workers.js';
import { SharedSlots } from './shared-memory.js';
import type { Part } from './transition.js';
import type { PendingRequest, Worker } from './worker.js';

function errands(): Errands {
  const terms = { envId: 'CartPole-v1', maxMessageBytes: 1024 };
  return new Errands([], new EnvStates(2), terms, createLog('silent'));
}

test('what is held stays in use until what follows has begun', async () => {
  const held = errands();
  let begun = false;
  const next = (result: number): void => {
    begun = result === 7;
  };
  held.hold([1], Promise.resolve(7), next, () => expect.fail());
  while (!begun) {
    expect(held.mustWait([1])).toBe(true);
    expect(held.mustWait([0])).toBe(false);
    await Promise.resolve();
  }
  expect(held.mustWait([1])).toBe(false);
});

test('what fails is in use no more when its failure is told', async () => {
  const held = errands();
  const inUse = new Promise((resolve) => {
    const reply: Reply = (outcome) =>
      resolve(outcome instanceof RequestError && held.mustWait([1]));
    held.hold([1], Promise.reject(unimplemented('this')), () => expect.fail(), reply);
  });
  expect(await inUse).toBe(false);
  expect(held.isBusy).toBe(false);
});

/** A frame with one row whose payload is in a slot. */
function sharedRow(envIndex: number, detailsBytes: number): Buffer {
  const columnBytes = 72;
  const frame = Buffer.alloc(16 + columnBytes + detailsBytes);
  frame.writeUInt32LE(1, 0);
  frame.writeUInt32LE(10_000, 4);
  frame.writeUInt32LE(detailsBytes, 8);
  frame.writeUInt32LE(2, 12);
  frame.writeUInt32LE(envIndex, 16);
  return frame;
}

test('slots of rows that were not made, or that are lost, are free again', () => {
  const slots = new SharedSlots();
  slots.set(8, 4, 1);
  let pending: PendingRequest | undefined;
  const request: Worker['request'] = (asked) => {
    pending = asked;
  };
  const placed = [{ worker: { request }, first: 0, count: 4, slots } as unknown as PlacedWorker];
  const terms = { envId: 'CartPole-v1', maxMessageBytes: 1024 };
  const made = new Errands(placed, new EnvStates(4), terms, createLog('silent'));
  const errand = {
    seq: 1n,
    envIndices: [0, 1, 2, 3],
    what: 'Step',
    deadlineMs: 1000,
    type: FrameType.FRAME_TYPE_STEP,
    replyType: FrameType.FRAME_TYPE_TRANSITION,
    pieces: [],
  };
  const taken: Part[] = [];
  let outcome: unknown;
  made.runByRow(
    errand,
    (row) => taken.push(row),
    [],
    (found) => {
      outcome = found;
    },
  );
  const give = (body: Buffer) => pending?.onBody?.(body, pending.slots.shift());
  expect(slots.take(1, 1)).toEqual([]);
  give(sharedRow(2, 0));
  give(sharedRow(0, 2000));
  if (pending === undefined) expect.fail();
  pending.error = unimplemented('the third row').details;
  pending.onSettled(pending);
  expect((outcome as RequestError).details.advancedEnvIndices).toEqual([0]);
  expect(taken.map(({ slot }) => slot?.number)).toEqual([8]);
  expect(slots.take(3, 1).map(({ number }) => number)).toEqual([9, 10, 11]);
  expect(slots.take(1, 1)).toEqual([]);
});

test('slots are given side by side, for as many rows as they have room for', () => {
  const slots = new SharedSlots();
  const numbers = (count: number, rowsEach = 1) =>
    slots.take(count, rowsEach).map(({ number }) => number);
  expect(numbers(1)).toEqual([]);
  slots.set(4, 6, 1);
  expect(numbers(1, 2)).toEqual([]);
  const [first, second] = [slots.take(2, 1), slots.take(1, 1)];
  expect(numbers(2)).toEqual([7, 8]);
  for (const slot of first) slot.free();
  expect(numbers(3)).toEqual([]);
  for (const slot of second) slot.free();
  expect(numbers(3)).toEqual([4, 5, 6]);
  expect(numbers(1)).toEqual([9]);
});
