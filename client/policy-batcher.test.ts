import { expect, test } from 'vitest';

import { PolicyBatcher } from './policy-batcher.js';

const rows = (...values: number[]) =>
  Object.assign(Float32Array.from(values), { shape: [values.length, 1] });
const doubled = (batch: Float32Array) => batch.map((value) => 2 * value);

test('requests share a pass, larger ones are cut, and each gets its own actions in order', async () => {
  const sizes: number[] = [];
  const batcher = new PolicyBatcher<Float32Array, Float32Array>({
    minBatch: 3,
    maxBatch: 4,
    maxWaitMs: 5,
    policy: async (batch) => {
      sizes.push(batch.shape[0] ?? 0);
      return doubled(batch);
    },
  });
  const answers = await Promise.all([batcher.act(rows(1)), batcher.act(rows(2, 3, 4, 5, 6))]);
  expect(answers.map((answer) => [...answer])).toEqual([[2], [4, 6, 8, 10, 12]]);
  expect(sizes).toEqual([4, 2]);
}, 10_000);

test('a failing pass rejects its own requests only', async () => {
  const batcher = new PolicyBatcher<Float32Array, Float32Array>({
    minBatch: 1,
    maxBatch: 2,
    maxWaitMs: 1000,
    policy: (batch) => {
      if (batch[0] === 1) throw new Error('no');
      return doubled(batch);
    },
  });
  const failing = batcher.act(rows(1, 2, 3));
  const next = batcher.act(rows(7));
  await expect(failing).rejects.toThrow('no');
  expect([...(await next)]).toEqual([14]);
}, 10_000);

test('closing rejects what waits and what is in a pass', async () => {
  const batcher = new PolicyBatcher<Float32Array, Float32Array>({
    minBatch: 1,
    maxBatch: 1,
    maxWaitMs: 1000,
    policy: () => new Promise(() => {}),
  });
  const waits = [batcher.act(rows(1)), batcher.act(rows(2))];
  batcher.close();
  for (const wait of [...waits, batcher.act(rows(3))])
    await expect(wait).rejects.toMatchObject({ reason: 'SESSION_CLOSED' });
}, 10_000);
