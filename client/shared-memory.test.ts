/** Payloads in shared memory are those of messages, to the bit, and nobody notices but the statistics. */
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import {
  type AutoresetMode,
  type Connection,
  connect,
  type MakeVecOptions,
  type NdArray,
  type VectorReset,
} from './index.js';

let gym: Connection;
let stop: () => Promise<void>;
const numEnvs = 6;
type Pixels = NdArray<Uint8Array>;

beforeAll(async () => {
  const server = await startServer();
  stop = server.stop;
  gym = await connect(server.address);
}, 180_000);

afterAll(async () => {
  await gym?.close();
  await stop?.();
});

const pixels = (options: Partial<MakeVecOptions> = {}) =>
  gym.makeVec<Pixels, NdArray<Int32Array>>('fixtures/Pixels-v0', {
    numEnvs,
    numWorkers: 2,
    seed: 5,
    ...options,
  });

function checked(frames: Pixels): Pixels {
  const size = 210 * 160 * 3;
  for (let begin = 0; begin < frames.length; begin += size) {
    const frame = frames.subarray(begin, begin + size);
    const [sum] = new Uint32Array(frame.slice(0, 4).buffer);
    expect(sum).toBe(crc32(frame.subarray(4)));
  }
  return frames;
}

/** A result whose large arrays are texts, which are compared in no time. */
function plain({ observations, infos, ...rest }: VectorReset<Pixels>): object {
  const finals = ((infos.final_obs ?? []) as (Pixels | null)[]).map(
    (frame) => frame && crc32(checked(frame)),
  );
  return { ...rest, frames: crc32(checked(observations)), finals, keys: Object.keys(infos) };
}

test.each(['NextStep', 'SameStep'] as const)(
  'in mode %s everything is what it is in messages',
  { timeout: 60_000 },
  async (autoresetMode) => {
    await using shared = await pixels({ autoresetMode });
    await using told = await pixels({ autoresetMode, sharedMemory: false });
    const sessions = [shared, told];
    let both = await Promise.all(sessions.map((envs) => envs.reset()));
    for (let t = 0; t < 50; t++) {
      const [one, other] = both.map(plain);
      expect(one).toEqual(other);
      const reset_mask = Array.from({ length: numEnvs }, (_, i) => i % 3 === 1);
      const actions = shared.actionSpace.sample();
      both = await Promise.all(
        sessions.map((envs) =>
          t % 15 === 14 ? envs.reset({ options: { reset_mask } }) : envs.step(actions),
        ),
      );
    }
    expect(shared.lastTransition()).toEqual(told.lastTransition());
  },
);

/** What each sub-environment gives in an asynchronous session that sends its steps in batches. */
async function playReady(autoresetMode: AutoresetMode, sharedMemory: boolean): Promise<object[][]> {
  await using envs = await gym.makeVec<Pixels, number[]>('fixtures/Pixels-v0', {
    numEnvs,
    numWorkers: 2,
    batchSize: 2,
    seed: 5,
    autoresetMode,
    sharedMemory,
  });
  const tracks: object[][] = Array.from({ length: numEnvs }, () => []);
  envs.reset();
  while (tracks.some(({ length }) => length < 50)) {
    const { observations, envIndices, rewards, terminations, truncations, infos } =
      await envs.recv();
    const finals = (infos.final_obs ?? []) as (Pixels | null)[];
    const size = observations.length / envIndices.length;
    for (const [row, env] of envIndices.entries())
      tracks[env]?.push({
        frame: crc32(checked(observations.subarray(row * size, (row + 1) * size) as Pixels)),
        final: finals[row] ? crc32(checked(finals[row])) : null,
        reward: rewards[row],
        terminated: terminations[row],
        truncated: truncations[row],
      });
    envs.send([...envIndices].fill(1), envIndices);
  }
  return tracks.map((track) => track.slice(0, 50));
}

test.each(['NextStep', 'SameStep'] as const)(
  'an asynchronous session plays in mode %s as it does in messages',
  { timeout: 60_000 },
  async (autoresetMode) => {
    const shared = await playReady(autoresetMode, true);
    expect(shared).toEqual(await playReady(autoresetMode, false));
  },
);

test('rows that wait for recv keep their frames while others step', async () => {
  const play = async (sharedMemory: boolean) => {
    await using envs = await gym.makeVec<Pixels, number[]>('fixtures/Pixels-v0', {
      numEnvs: 3,
      numWorkers: 1,
      batchSize: 1,
      seed: 5,
      copy: false,
      sharedMemory,
    });
    const tracks: number[][] = [[], [], []];
    const recv = async (): Promise<number> => {
      const { observations, envIndices } = await envs.recv();
      const env = envIndices[0] as number;
      tracks[env]?.push(crc32(checked(observations)));
      return env;
    };
    const send = async (...named: number[]): Promise<void> => {
      envs.send(
        named.map(() => 1),
        named.sort((a, b) => a - b),
      );
      // Answered, with a refusal, when all rows are there.
      await envs.render().catch((error) => expect(error.reason).toBe('RENDER_UNAVAILABLE'));
    };
    envs.reset();
    for (let round = 0; round < 10; round++) {
      // The third row then lies behind those two, but comes before them.
      await send(await recv(), await recv());
      await send(await recv());
    }
    return tracks;
  };
  const shared = await play(true);
  expect(shared.flat().length).toBe(30);
  expect(shared).toEqual(await play(false));
});

test('several requests at a time, and a state that is restored, keep their frames', async () => {
  await using envs = await pixels();
  const actions = envs.actionSpace.sample();
  await envs.reset();
  const steps = await Promise.all(Array.from({ length: 8 }, () => envs.step(actions)));
  for (const { observations } of steps) checked(observations);
  const sums = new Set(steps.map(({ observations }) => crc32(observations)));
  expect(sums.size).toBe(8);
});

test('a single environment reads its frames from there, too', async () => {
  await using env = await gym.make<Pixels, number>('fixtures/Pixels-v0');
  const { observation } = await env.reset({ seed: 3 });
  expect(checked(observation).shape).toEqual([210, 160, 3]);
});
