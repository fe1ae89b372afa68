/** Two halves in turn give what the plain loop gives, to the bit, for each sub-environment. */
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import {
  type AutoresetMode,
  type Connection,
  connect,
  type MakeVecOptions,
  type NdArray,
  type VectorStep,
} from './index.js';

let gym: Connection;
let stop: () => Promise<void>;

beforeAll(async () => {
  const server = await startServer();
  stop = server.stop;
  gym = await connect(server.address);
}, 180_000);

afterAll(async () => {
  await gym?.close();
  await stop?.();
});

type Cart = NdArray<Float32Array>;
/** Rows of each sub-environment that are compared. */
const length = 60;

const carts = (options: Partial<MakeVecOptions> = {}) =>
  gym.makeVec<Cart, NdArray<Int32Array> | number[]>('CartPole-v1', {
    numEnvs: 5,
    numWorkers: 2,
    ...options,
  });

/** What a row says of its sub-environment. */
function rowsOf({ observations, rewards, terminations, truncations, infos }: VectorStep<Cart>) {
  const finals = (infos.final_obs ?? []) as (Cart | null)[];
  return Array.from(rewards, (reward, row) => ({
    observation: [...observations.subarray(4 * row, 4 * row + 4)],
    final: finals[row] ? [...finals[row]] : null,
    reward,
    ended: terminations[row] === 1 || truncations[row] === 1,
  }));
}

type Row = ReturnType<typeof rowsOf>[number];

/** Falls soon, and depends on all that came before. */
const act = ({ observation }: Row) => ((observation[1] as number) > 0 ? 1 : 0);

/** What the plain loop gives; in mode Disabled those that ended are reset while the others wait. */
async function playPlainly(autoresetMode: AutoresetMode, seed: number): Promise<Row[][]> {
  await using envs = await carts({ autoresetMode });
  const asRows = (observations: Cart): Row[] =>
    Array.from({ length: envs.numEnvs }, (_, row) => ({
      observation: [...observations.subarray(4 * row, 4 * row + 4)],
      final: null,
      reward: 0,
      ended: false,
    }));
  let rows = asRows((await envs.reset({ seed })).observations);
  const tracks: Row[][] = rows.map((row) => [row]);
  while (tracks.some((track) => track.length < length)) {
    const mask = rows.map(({ ended }) => ended);
    if (autoresetMode === 'Disabled' && mask.includes(true)) {
      const before = rows;
      const { observations } = await envs.reset({ options: { reset_mask: mask } });
      rows = asRows(observations).map((row, env) => (mask[env] ? row : (before[env] as Row)));
      for (const [env, row] of rows.entries()) if (mask[env]) tracks[env]?.push(row);
    } else {
      rows = rowsOf(await envs.step(rows.map(act)));
      for (const [env, row] of rows.entries()) tracks[env]?.push(row);
    }
  }
  return tracks.map((track) => track.slice(0, length));
}

async function playInHalves(autoresetMode: AutoresetMode, seed: number): Promise<Row[][]> {
  await using envs = await carts({ autoresetMode });
  const tracks: Row[][] = Array.from({ length: envs.numEnvs }, () => []);
  for await (const batch of envs.batches({ seed })) {
    const { kinds } = batch.details();
    const found = rowsOf(batch);
    // After a reset of some, the others are where they were.
    const isReset = kinds.includes('reset');
    for (const [i, env] of batch.envIndices.entries())
      if (!isReset || kinds[i] === 'reset') tracks[env]?.push(found[i] as Row);
    if (tracks.every((track) => track.length >= length)) break;
    const mask = found.map(({ ended }, i) => ended && !(isReset && kinds[i] === 'reset'));
    if (autoresetMode === 'Disabled' && mask.includes(true))
      batch.reset({ options: { reset_mask: mask } });
    else batch.step(found.map(act));
  }
  return tracks.map((track) => track.slice(0, length));
}

test.each(['NextStep', 'SameStep', 'Disabled'] as const)(
  'in mode %s each sub-environment plays as in the plain loop',
  { timeout: 60_000 },
  async (autoresetMode) => {
    const halves = await playInHalves(autoresetMode, 7);
    expect(halves).toEqual(await playPlainly(autoresetMode, 7));
    for (const track of halves) expect(track.some(({ ended }) => ended)).toBe(true);
  },
);

test('both halves come in turn, and after the loop the plain one works', {
  timeout: 30_000,
}, async () => {
  await using envs = await carts();
  const turns: number[][] = [];
  for await (const batch of envs.batches()) {
    turns.push([...batch.envIndices]);
    batch.step(batch.envIndices.length === 3 ? [0, 1, 0] : [1, 0]);
    if (turns.length === 4) break;
  }
  expect(turns).toEqual([
    [0, 2, 4],
    [1, 3],
    [0, 2, 4],
    [1, 3],
  ]);
  expect((await envs.step([0, 1, 0, 1, 0])).rewards.length).toBe(5);
  expect([...envs.lastTransition().episodeSteps]).toEqual([3, 3, 3, 3, 3]);
});

test('the payloads of both halves in shared memory are whole', { timeout: 60_000 }, async () => {
  const play = async (sharedMemory: boolean) => {
    await using envs = await gym.makeVec<NdArray<Uint8Array>, number[]>('fixtures/Pixels-v0', {
      numEnvs: 6,
      numWorkers: 2,
      seed: 5,
      sharedMemory,
    });
    const sums: number[] = [];
    for await (const batch of envs.batches()) {
      sums.push(crc32(batch.observations));
      if (sums.length === 40) return sums;
      if (sums.length % 7 === 0) batch.reset();
      else batch.step([0, 0, 0]);
    }
    return sums;
  };
  expect(await play(true)).toEqual(await play(false));
});

test('a single sub-environment is a batch of its own', async () => {
  await using envs = await carts({ numEnvs: 1, numWorkers: 1 });
  const episodeSteps: number[] = [];
  for await (const batch of envs.batches()) {
    episodeSteps.push(...batch.details().episodeSteps);
    if (episodeSteps.length === 3) break;
    batch.step([0]);
  }
  expect(episodeSteps).toEqual([0, 1, 2]);
});

test('a batch is stepped once, with valid actions, before the loop goes on', async () => {
  await using envs = await carts();
  const loop = async () => {
    for await (const batch of envs.batches()) {
      if (batch.envIndices.length === 2) continue;
      expect(() => batch.step([0, 1])).toThrow(/3/);
      batch.step([0, 1, 0]);
      expect(() => batch.step([0, 1, 0])).toThrow(/already/);
    }
  };
  await expect(loop()).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
});

test('what the server refuses ends the loop, not the session', async () => {
  await using envs = await carts();
  const loop = async () => {
    for await (const batch of envs.batches())
      batch.step(batch.envIndices.length === 3 ? [0, 7, 0] : [0, 1]);
  };
  await expect(loop()).rejects.toMatchObject({ reason: 'INVALID_ACTION', envIndices: [2] });
  await envs.step([0, 1, 0, 1, 0]);
  // The other half’s step was done.
  expect([...envs.lastTransition().episodeSteps]).toEqual([1, 2, 1, 2, 1]);
});
