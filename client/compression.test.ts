/** Compressed observations are those of Gymnasium, to the bit, in fewer bytes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zstdDecompress } from './compression.js';
import { compareEnv, compareVector, Oracle } from './fixtures/oracle.js';
import { type AutoresetMode, type Connection, launch } from './index.js';

let gym: Connection;
let oracle: Oracle;
const id = 'CarRacing-v3';
const compressed = { compression: 'zstd', sharedMemory: false } as const;

beforeAll(async () => {
  gym = await launch();
  oracle = new Oracle();
  await gym.environments();
}, 180_000);

afterAll(async () => {
  oracle?.close();
  await gym?.close();
});

test.each<AutoresetMode>(['NextStep', 'SameStep', 'Disabled'])(
  'frames in mode %s are those of Gymnasium, final ones too',
  async (mode) => {
    const options = { numEnvs: 4, numWorkers: 2, autoresetMode: mode, maxEpisodeSteps: 9 };
    await using envs = await gym.makeVec(id, { ...options, ...compressed });
    const settings = { id, num_envs: 4, mode, max_episode_steps: 9, steps: 30, seed: 3 };
    expect(await compareVector(envs, oracle, settings)).toBeGreaterThan(2);
  },
  120_000,
);

test('so are those of a single environment, and what is not worth compressing', async () => {
  for (const each of [id, 'Blackjack-v1', 'HalfCheetah-v5']) {
    await using env = await gym.make(each, { ...compressed, maxEpisodeSteps: 9 });
    const settings = { id: each, num_envs: 1, mode: 'Env', max_episode_steps: 9 } as const;
    expect(await compareEnv(env, oracle, { ...settings, steps: 20, seed: 3 })).toBeGreaterThan(1);
  }
}, 120_000);

test('a saved state comes back with its frame', async () => {
  await using env = await gym.make('CartPole-v1', compressed);
  await using racing = await gym.makeVec(id, { numEnvs: 2, ...compressed });
  await env.reset();
  await racing.reset({ seed: 3 });
  const { observations } = await racing.step(racing.actionSpace.sample());
  const states = await racing.saveState();
  await racing.step(racing.actionSpace.sample());
  expect((await racing.restoreState(states)).observations).toEqual(observations);
}, 60_000);

test('double buffering gives the same frames', async () => {
  const play = async (options: object) => {
    await using envs = await gym.makeVec(id, { numEnvs: 4, numWorkers: 2, ...options });
    const seen: unknown[] = [];
    for await (const batch of envs.batches({ seed: 3 })) {
      seen.push(batch.observations);
      if (seen.length === 12) break;
      batch.step(Object.assign(new Float32Array(6), { shape: [2, 3] }) as never);
    }
    return seen;
  };
  expect(await play(compressed)).toEqual(await play({ sharedMemory: false }));
}, 60_000);

test('so does an asynchronous session', async () => {
  const options = { numEnvs: 3, numWorkers: 1, batchSize: 2 } as const;
  await using envs = await gym.makeVec(id, { ...options, ...compressed });
  await using plain = await gym.makeVec(id, { numEnvs: 3, sharedMemory: false });
  const { observations } = await plain.reset({ seed: 3 });
  const size = observations.length / 3;
  envs.reset({ seed: 3 });
  const batch = await envs.recv();
  for (const [row, env] of batch.envIndices.entries())
    expect(batch.observations.subarray(row * size, (row + 1) * size)).toEqual(
      observations.subarray(env * size, (env + 1) * size),
    );
}, 60_000);

test('a compression that there is not is refused', async () => {
  const options = { compression: 'lz4' as 'zstd' };
  await expect(gym.make(id, options)).rejects.toMatchObject({
    reason: 'INVALID_ARGUMENT',
    message: 'There is no compression lz4; there are zstd.',
  });
});

test('a frame that is broken, or of another length than was told, is refused', async () => {
  const decompress = await zstdDecompress();
  // One block of three bytes as they are (RFC 8878).
  const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 7, 8, 9);
  expect([...decompress(frame, 3)]).toEqual([7, 8, 9]);
  const broken = frame.slice();
  broken[6] = 0x1f;
  for (const [bytes, length] of [
    [frame, 2],
    [frame, 4],
    [broken, 3],
    [frame.subarray(0, 10), 3],
    [new Uint8Array(20), 3],
    [new Uint8Array(), 3],
  ] as const)
    expect(() => decompress(bytes, length)).toThrow(/cannot be decompressed to/);
  expect([...decompress(frame, 3)]).toEqual([7, 8, 9]);
});
