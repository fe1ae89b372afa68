import { expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import { connect, type NdArray } from './index.js';
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

test('sessions of two servers take the steps that they take without a batcher', async () => {
  type Act = (observations: NdArray<Float32Array>) => Int32Array | Promise<Int32Array>;
  const policy = (batch: Float32Array) =>
    Int32Array.from({ length: batch.length / 4 }, (_, row) =>
      (batch[4 * row + 2] ?? 0) + (batch[4 * row + 3] ?? 0) > 0 ? 1 : 0,
    );
  const servers = [await startServer(), await startServer()];
  const gyms = await Promise.all(servers.map(({ address }) => connect(address)));
  const play = async (act: Act) =>
    Promise.all(
      [0, 1, 2, 3].map(async (index) => {
        const gym = gyms[index % 2] as (typeof gyms)[number];
        await using envs = await gym.makeVec<NdArray<Float32Array>, Int32Array>('CartPole-v1', {
          numEnvs: 3,
        });
        let { observations } = await envs.reset({ seed: 10 * index });
        const seen = [[...observations]];
        for (let t = 0; t < 50; t++) {
          ({ observations } = await envs.step(await act(observations)));
          seen.push([...observations]);
        }
        return seen;
      }),
    );
  try {
    const batcher = new PolicyBatcher<Float32Array, Int32Array>({
      minBatch: 12,
      maxBatch: 12,
      maxWaitMs: 20,
      policy,
    });
    expect(await play((observations) => batcher.act(observations))).toEqual(await play(policy));
    batcher.close();
  } finally {
    await Promise.all(gyms.map((gym) => gym.close()));
    await Promise.all(servers.map(({ stop }) => stop()));
  }
}, 120_000);

test('what cannot be joined or handed back is refused, and later requests go on', async () => {
  const batcher = new PolicyBatcher<Float32Array, Float32Array>({
    minBatch: 1,
    maxBatch: 2,
    maxWaitMs: 0,
    policy: (batch) => (batch[0] === 9 ? new Float32Array(1) : doubled(batch)),
  });
  expect([...(await batcher.act(rows(1)))]).toEqual([2]);
  const wide = Object.assign(new Float32Array(2), { shape: [1, 2] });
  await expect(batcher.act(wide)).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
  await expect(batcher.act(rows())).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
  await expect(batcher.act(rows(9, 9))).rejects.toThrow('1 elements for 2 rows');
  expect([...(await batcher.act(rows(3)))]).toEqual([6]);
}, 10_000);

test('a pass that takes too long fails its own requests, and its batch is not written to any more', async () => {
  const batches: Float32Array[] = [];
  const batcher = new PolicyBatcher<Float32Array, Float32Array>({
    minBatch: 1,
    maxBatch: 2,
    maxWaitMs: 0,
    timeoutMs: 50,
    policy: (batch) => {
      batches.push(batch);
      return batch[0] === 1 ? new Promise(() => {}) : doubled(batch);
    },
  });
  const stuck = batcher.act(rows(1, 2));
  const next = batcher.act(rows(3));
  await expect(stuck).rejects.toMatchObject({
    reason: 'DEADLINE_EXCEEDED',
    message: 'The policy gave no actions for its 2 rows within 0.05 s.',
  });
  expect([...(await next)]).toEqual([6]);
  expect([...(batches[0] ?? [])]).toEqual([1, 2]);
}, 10_000);

test('a pass waits for the least batch, and begins with less after the longest wait', async () => {
  const sizes: number[] = [];
  const batcher = new PolicyBatcher<Float32Array, Float32Array>({
    minBatch: 3,
    maxBatch: 8,
    maxWaitMs: 500,
    policy: (batch) => {
      sizes.push(batch.length);
      return doubled(batch);
    },
  });
  const first = batcher.act(rows(1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sizes).toEqual([]);
  await Promise.all([first, batcher.act(rows(2, 3))]);
  await batcher.act(rows(4));
  expect(sizes).toEqual([3, 1]);
}, 10_000);

test.each([
  { minBatch: 0 },
  { minBatch: 5 },
  { maxBatch: 1.5 },
  { maxWaitMs: Number.NaN },
  { timeoutMs: 0 },
])('%o is refused', (wrong) => {
  const options = { minBatch: 1, maxBatch: 4, maxWaitMs: 1, policy: doubled };
  expect(() => new PolicyBatcher({ ...options, ...wrong })).toThrow(
    expect.objectContaining({ reason: 'INVALID_ARGUMENT' }),
  );
});
