/** Stacks of which only the newest frame travels are the same, to the bit. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TransitionPart } from '../proto/gen/gymlink/v1/session.js';
import { compareEnv, Oracle } from './fixtures/oracle.js';
import {
  type AutoresetMode,
  Box,
  type Connection,
  Discrete,
  launch,
  type MakeVecOptions,
  type NdArray,
} from './index.js';
import { Stacks } from './stacks.js';

let gym: Connection;
let oracle: Oracle;
const id = 'CarRacing-v3';
const modes: readonly AutoresetMode[] = ['NextStep', 'SameStep', 'Disabled'];

beforeAll(async () => {
  gym = await launch();
  oracle = new Oracle();
  await gym.environments();
}, 180_000);

afterAll(async () => {
  oracle?.close();
  await gym?.close();
});

const wrappers = [{ name: 'FrameStackObservation', kwargs: { stack_size: 4 } }];
const four = { wrappers, newestFrameOnly: true };

/** A value with its arrays by their digests: to compare frames number by number takes seconds. */
function digest(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    const { shape, dtype } = value as unknown as Partial<NdArray>;
    return { shape, dtype, bytes: createHash('sha256').update(bytes).digest('hex') };
  }
  if (Array.isArray(value)) return value.map(digest);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, digest(item)]));
}

/** Plays the same in two vector environments; everything must be equal. Returns the fewest episodes that one has ended. */
async function samePlay(
  envId: string,
  options: MakeVecOptions,
  newest: Partial<MakeVecOptions>,
  steps: number,
): Promise<number> {
  const { numEnvs } = options;
  await using ours = await gym.makeVec(envId, { ...options, ...newest });
  await using theirs = await gym.makeVec(envId, options);
  expect(digest(await ours.reset({ seed: 3 }))).toEqual(digest(await theirs.reset({ seed: 3 })));
  theirs.actionSpace.seed(3);
  const ended = new Array<number>(numEnvs).fill(0);
  for (let i = 0; i < steps; i++) {
    const actions = theirs.actionSpace.sample();
    const [found, expected] = [await ours.step(actions), await theirs.step(actions)];
    expect(digest(found)).toEqual(digest(expected));
    const mask = Array.from(ended, (_, env) =>
      Boolean(expected.terminations[env] || expected.truncations[env]),
    );
    mask.forEach((has, env) => {
      if (has) ended[env] = (ended[env] ?? 0) + 1;
    });
    if (options.autoresetMode !== 'Disabled' || !mask.includes(true)) continue;
    const again = { options: { reset_mask: mask } };
    expect(digest(await ours.reset(again))).toEqual(digest(await theirs.reset(again)));
  }
  return Math.min(...ended);
}

describe('equal to a session without it', { timeout: 120_000 }, () => {
  test.each(modes)('frames in mode %s, final ones too', async (autoresetMode) => {
    const options = { numEnvs: 4, numWorkers: 2, autoresetMode, maxEpisodeSteps: 9, wrappers };
    const zstd = { newestFrameOnly: true, compression: 'zstd' } as const;
    expect(await samePlay(id, options, zstd, 60)).toBeGreaterThan(4);
    const inline = { newestFrameOnly: true, sharedMemory: false };
    expect(await samePlay(id, options, inline, 20)).toBeGreaterThan(1);
  });

  test.each(modes)('vectors in mode %s, padded with zeros', async (autoresetMode) => {
    const kwargs = { stack_size: 3, padding_type: 'zero' };
    const padded = [{ name: 'FrameStackObservation', kwargs }];
    const options = { numEnvs: 5, numWorkers: 2, autoresetMode, wrappers: padded };
    expect(await samePlay('CartPole-v1', options, { newestFrameOnly: true }, 400)).toBeGreaterThan(
      5,
    );
  });
});

describe('equal to Gymnasium', { timeout: 120_000 }, () => {
  test('a single environment', async () => {
    await using env = await gym.make(id, { ...four, maxEpisodeSteps: 9 });
    const played = { wrappers: [['FrameStackObservation', [], { stack_size: 4 }]] } as const;
    const settings = { id, num_envs: 1, mode: 'Env', max_episode_steps: 9, ...played } as const;
    expect(await compareEnv(env, oracle, { ...settings, steps: 40, seed: 3 })).toBeGreaterThan(2);
  });

  test('images that are no stacks of frames', async () => {
    await using env = await gym.make(id, { newestFrameOnly: true });
    const settings = { id, num_envs: 1, mode: 'Env', max_episode_steps: 0, steps: 20, seed: 3 };
    await compareEnv(env, oracle, settings as never);
  });
});

const still = (rows: number) =>
  Object.assign(new Float32Array(3 * rows), { shape: [rows, 3] }) as never;

test('a restored state goes on from its own stack', async () => {
  await using envs = await gym.makeVec(id, { numEnvs: 3, numWorkers: 2, ...four });
  await envs.reset({ seed: 3 });
  const { observations } = await envs.step(still(3));
  const states = await envs.saveState();
  const { observations: next } = await envs.step(still(3));
  await envs.reset({ options: { reset_mask: [false, true, false] } });
  await envs.step(still(3));
  expect(digest((await envs.restoreState(states)).observations)).toEqual(digest(observations));
  expect(digest((await envs.step(still(3))).observations)).toEqual(digest(next));
}, 60_000);

test('double buffering and asynchronous sessions give the same stacks', async () => {
  const options = { numEnvs: 4, numWorkers: 2, maxEpisodeSteps: 5 } as const;
  const perEnv = async (play: (seen: unknown[][]) => Promise<void>) => {
    const seen: unknown[][] = [[], [], [], []];
    await play(seen);
    return seen.map((rows) => rows.slice(0, 8));
  };
  const note = (seen: unknown[][], envIndices: Int32Array, observations: unknown) => {
    const all = observations as Uint8Array;
    const size = all.length / envIndices.length;
    for (const [row, env] of envIndices.entries())
      seen[env]?.push(digest(all.slice(row * size, (row + 1) * size)));
  };
  const expected = await perEnv(async (seen) => {
    await using envs = await gym.makeVec(id, { ...options, wrappers });
    const all = Int32Array.of(0, 1, 2, 3);
    note(seen, all, (await envs.reset({ seed: 3 })).observations);
    for (let i = 0; i < 7; i++) note(seen, all, (await envs.step(still(4))).observations);
  });
  const buffered = await perEnv(async (seen) => {
    await using envs = await gym.makeVec(id, { ...options, ...four });
    let left = 16;
    for await (const { envIndices, observations, step } of envs.batches({ seed: 3 })) {
      note(seen, envIndices, observations);
      if (--left === 0) break;
      step(still(2));
    }
  });
  const asynchronous = await perEnv(async (seen) => {
    await using envs = await gym.makeVec(id, { ...options, ...four, batchSize: 2 });
    envs.reset({ seed: 3 });
    while (seen.some((rows) => rows.length < 8)) {
      const { envIndices, observations } = await envs.recv();
      note(seen, envIndices, observations);
      envs.send(still(2), [...envIndices]);
    }
  });
  expect(buffered).toEqual(expected);
  expect(asynchronous).toEqual(expected);
}, 120_000);

test('what is no stack is refused, and named', async () => {
  const refused: [string, object, RegExp][] = [
    ['CartPole-v1', {}, /observations of CartPole-v1 are of Box\(\[.*\(4,\), float32\)/],
    ['Blackjack-v1', {}, /are of Tuple\(/],
    ['FrozenLake-v1', {}, /are of Discrete\(16\)/],
    [
      'CartPole-v1',
      { wrappers: [{ name: 'FrameStackObservation', kwargs: { stack_size: 1 } }] },
      /are of Box\(.*\(1, 4\), float32\)/,
    ],
  ];
  for (const [each, options, message] of refused)
    await expect(gym.make(each, { ...options, newestFrameOnly: true })).rejects.toMatchObject({
      reason: 'MALFORMED_REQUEST',
      message: expect.stringMatching(message),
    });
}, 60_000);

describe('a payload', () => {
  /** Rows of sub-environments with stacks of three frames of two bytes, behind their columns. */
  const part = (
    rows: readonly { env: number; hasFinal?: boolean }[],
    ...blocks: readonly (readonly number[])[]
  ): TransitionPart => {
    const pad = (bytes: Uint8Array) =>
      Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
    const { length } = rows;
    const value = Buffer.concat([
      pad(new Uint8Array(Uint32Array.from(rows, ({ env }) => env).buffer)),
      Buffer.alloc(2 * Math.ceil(length / 2) * 8 + 16 * length + 3 * Math.ceil(length / 8) * 8),
      pad(Uint8Array.from(rows, ({ hasFinal }) => Number(hasFinal ?? false))),
      ...blocks.map((block) => pad(Uint8Array.from(block))),
    ]);
    const location = { $case: 'payload', value } as const;
    return { rows: length, location, details: new Uint8Array(), uncompressedBytes: 0n };
  };
  const space = new Box([0], [255], [3, 2], 'uint8');
  const columnsOf = (rows: number) =>
    3 * Math.ceil(rows / 2) * 8 + 16 * rows + 4 * Math.ceil(rows / 8) * 8;
  const read = (stacks: Stacks, given: TransitionPart) => {
    const { location } = stacks.whole(given, {});
    if (location?.$case !== 'payload') throw new Error('no payload');
    return [...location.value.subarray(columnsOf(given.rows))];
  };
  const begin = part([{ env: 0 }, { env: 1 }], [0, 0], [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]);

  test('is put together from the stacks before, final observations first', () => {
    const stacks = new Stacks(space, 3);
    expect(read(stacks, begin).slice(0, 12)).toEqual([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]);
    const ended = part([{ env: 1, hasFinal: true }], [1, 0], [17, 18], [20, 21, 22, 23, 24, 25]);
    expect(read(stacks, ended)).toEqual([
      ...[20, 21, 22, 23, 24, 25, 0, 0],
      ...[13, 14, 15, 16, 17, 18, 0, 0],
    ]);
    const shifted = part([{ env: 0 }, { env: 1 }], [1, 1], [7, 8, 26, 27]);
    expect(read(stacks, shifted).slice(0, 12)).toEqual([3, 4, 5, 6, 7, 8, 22, 23, 24, 25, 26, 27]);
  });

  const broken: readonly [string, TransitionPart][] = [
    ['that goes on from nothing', part([{ env: 2 }], [1], [7, 8])],
    ['of a sub-environment that there is not', part([{ env: 3 }], [1], [7, 8])],
    ['that is neither shifted nor not', part([{ env: 0 }], [2], [7, 8])],
    ['without its frame', part([{ env: 0 }], [1])],
    ['without its stack', part([{ env: 0 }], [0])],
    ['with something behind it', part([{ env: 0 }], [1], [7, 8], [9])],
    ['of more rows than it has', { ...part([{ env: 0 }], [1], [7, 8]), rows: 1_000_000 }],
    ['that is nowhere', { ...part([{ env: 0 }]), location: undefined }],
  ];
  test.each(broken)('%s is MALFORMED_REPLY', (_, given) => {
    const stacks = new Stacks(space, 3);
    read(stacks, begin);
    expect(() => read(stacks, given)).toThrow(
      expect.objectContaining({ reason: 'MALFORMED_REPLY' }),
    );
  });

  test('of what is no stack cannot be read at all', () => {
    for (const other of [new Box([0], [1], [4], 'uint8'), new Discrete(3n)])
      expect(() => new Stacks(other, 1)).toThrow(
        expect.objectContaining({ reason: 'MALFORMED_REPLY' }),
      );
  });
});
