/** Asynchronous vector environments: each sub-environment plays as in a synchronous one, and none waits for a slow one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import {
  type AsyncVectorEnv,
  type AutoresetMode,
  type Connection,
  connect,
  type GymlinkError,
  type MakeAsyncVecOptions,
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

const limit = { timeout: 60_000 };
type Cart = NdArray<Float32Array>;
/** Rows of each sub-environment that are compared. */
const length = 60;

const carts = (options: Partial<MakeAsyncVecOptions> = {}) =>
  gym.makeVec<Cart, NdArray<Int32Array> | number[]>('CartPole-v1', {
    numEnvs: 5,
    batchSize: 2,
    numWorkers: 2,
    ...options,
  });

const faulty = (options: Partial<MakeAsyncVecOptions> = {}) =>
  gym.makeVec<Cart, number[]>('fixtures/Faulty-v0', {
    numEnvs: 4,
    batchSize: 2,
    numWorkers: 4,
    ...options,
  });

const failure = (call: Promise<unknown> | (() => unknown)): Promise<GymlinkError> =>
  (typeof call === 'function' ? Promise.resolve().then(call) : call).then(
    () => expect.unreachable('it did not fail'),
    (error) => error,
  );

type Steps = Pick<VectorStep<Cart>, 'observations' | 'infos'> & Partial<VectorStep<Cart>>;

/** What a row says of its sub-environment; without rewards those are the rows of a reset. */
function rowsOf({ observations, rewards, terminations, truncations, infos }: Steps) {
  const finals = (infos.final_obs ?? []) as (Cart | null)[];
  return Array.from({ length: observations.length / 4 }, (_, row) => ({
    observation: [...observations.subarray(4 * row, 4 * row + 4)],
    final: finals[row] ? [...finals[row]] : null,
    reward: rewards?.[row] ?? 0,
    terminated: terminations?.[row] === 1,
    truncated: truncations?.[row] === 1,
  }));
}

type Row = ReturnType<typeof rowsOf>[number];
const act = ({ observation }: Row) => ((observation[1] as number) > 0 ? 1 : 0);
const hasEnded = ({ terminated, truncated }: Row) => terminated || truncated;
const maxEpisodeSteps = 12;

/** What a synchronous environment gives; in mode Disabled those that ended are reset while the others wait. */
async function playTogether(autoresetMode: AutoresetMode, seed: number): Promise<Row[][]> {
  await using envs = await gym.makeVec<Cart, number[]>('CartPole-v1', {
    numEnvs: 5,
    autoresetMode,
    maxEpisodeSteps,
  });
  let rows = rowsOf(await envs.reset({ seed }));
  const tracks = rows.map((row) => [row]);
  while (tracks.some((track) => track.length < length)) {
    const mask = rows.map(hasEnded);
    if (autoresetMode === 'Disabled' && mask.includes(true)) {
      const before = rows;
      const found = rowsOf(await envs.reset({ options: { reset_mask: mask } }));
      rows = found.map((row, env) => (mask[env] ? row : (before[env] as Row)));
      for (const [env, row] of rows.entries()) if (mask[env]) tracks[env]?.push(row);
    } else {
      rows = rowsOf(await envs.step(rows.map(act)));
      for (const [env, row] of rows.entries()) tracks[env]?.push(row);
    }
  }
  return tracks.map((track) => track.slice(0, length));
}

async function playAsReady(
  autoresetMode: AutoresetMode,
  options: Partial<MakeAsyncVecOptions>,
  start: (envs: AsyncVectorEnv<Cart, NdArray<Int32Array> | number[]>) => void,
): Promise<Row[][]> {
  await using envs = await carts({ autoresetMode, maxEpisodeSteps, ...options });
  start(envs);
  const tracks: Row[][] = Array.from({ length: 5 }, () => []);
  while (tracks.some((track) => track.length < length)) {
    const batch = await envs.recv();
    const found = rowsOf(batch);
    expect(found.length).toBe(batch.envIndices.length);
    const going: number[] = [];
    const over = new Array<boolean>(5).fill(false);
    for (const [i, row] of found.entries()) {
      const env = batch.envIndices[i] as number;
      tracks[env]?.push(row);
      if (autoresetMode === 'Disabled' && hasEnded(row)) over[env] = true;
      else going.push(i);
    }
    if (over.includes(true)) envs.reset({ options: { reset_mask: over } });
    if (going.length > 0)
      envs.send(
        going.map((i) => act(found[i] as Row)),
        going.map((i) => batch.envIndices[i] as number),
      );
  }
  return tracks.map((track) => track.slice(0, length));
}

describe.each(['NextStep', 'SameStep', 'Disabled'] as const)('in mode %s', (autoresetMode) => {
  test.each<[string, Partial<MakeAsyncVecOptions>]>([
    ['batches of two', {}],
    ['one worker', { numWorkers: 1, batchSize: 4 }],
    ['a wait', { batchSize: 4, maxWaitMs: 1 }],
    ['arrays that are used again', { copy: false, batchSize: 3, maxWaitMs: 2 }],
  ])('with %s each sub-environment plays as in a synchronous one', limit, async (_, options) => {
    const tracks = await playAsReady(autoresetMode, options, (envs) => envs.reset({ seed: 7 }));
    expect(tracks).toEqual(await playTogether(autoresetMode, 7));
    for (const track of tracks) {
      expect(track.some(hasEnded)).toBe(true);
      expect(track.some(({ final }) => final !== null)).toBe(autoresetMode === 'SameStep');
    }
  });
});

test(
  'sub-environment i is seeded with seed + i, at the first reset by that of the options',
  limit,
  async () => {
    const expected = await playTogether('NextStep', 3);
    expect(await playAsReady('NextStep', { seed: 3 }, (envs) => envs.reset())).toEqual(expected);
  },
);

test('batches have as many rows as they should, and say whose they are', limit, async () => {
  await using envs = await carts({ seed: 1 });
  envs.reset();
  const counts = new Array<number>(5).fill(0);
  for (let t = 0; t < 50; t++) {
    const { envIndices, observations, rewards, details } = await envs.recv();
    expect(envIndices.length).toBe(2);
    expect(observations.shape).toEqual([2, 4]);
    expect(rewards.shape).toEqual([2]);
    const [first, second] = envIndices as unknown as [number, number];
    expect(first).toBeLessThan(second);
    const { kinds, episodes, seeds } = details();
    for (const [i, env] of envIndices.entries()) {
      if (counts[env] === 0) {
        expect(kinds[i]).toBe('reset');
        expect(episodes[i]).toBe(1);
        expect(seeds.get(i)).toBe(1n + BigInt(env));
      }
      (counts[env] as number) += 1;
    }
    envs.send([0, 1], envIndices);
  }
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(100);
});

test('infos are by row', limit, async () => {
  await using told = await gym.makeVec<NdArray<Float32Array>, number[]>('fixtures/Echo-v0', {
    kwargs: { name: 'box, float32' },
    numEnvs: 3,
    batchSize: 2,
    seed: 40,
  });
  told.reset();
  const { envIndices, infos } = await told.recv();
  expect([...(infos.seed as Int32Array)].map(Number)).toEqual(
    [...envIndices].map((env) => 40 + env),
  );
});

test('a slow sub-environment does not hold up the others', limit, async () => {
  await using envs = await faulty();
  const wait = { where: 'step', fault: 'wait' };
  envs.reset({ envOptions: [{}, wait, {}, {}] });
  const rows = new Array<number>(4).fill(0);
  const count = (envIndices: Int32Array) => {
    for (const env of envIndices) (rows[env] as number) += 1;
  };
  for (let t = 0; t < 2; t++) count((await envs.recv()).envIndices);
  expect(rows).toEqual([1, 1, 1, 1]);
  envs.send([0, 0, 0, 0], [0, 1, 2, 3]);
  while (rows[1] === 1) {
    const { envIndices } = await envs.recv();
    count(envIndices);
    envs.send([0, 0], envIndices);
  }
  // In the half second of its one step they make hundreds.
  const [first, , third, fourth] = rows as [number, number, number, number];
  expect(first + third + fourth).toBeGreaterThan(30);
});

test('after maxWaitMs a batch comes with fewer, and all can be received', limit, async () => {
  await using envs = await faulty({ batchSize: 3, maxWaitMs: 20 });
  envs.reset({ envOptions: [{}, { where: 'step', fault: 'wait' }, {}, {}] });
  let rows = 0;
  while (rows < 4) rows += (await envs.recv()).envIndices.length;
  envs.send([0, 0], [0, 1]);
  const { envIndices, observations, rewards } = await envs.recv();
  expect([...envIndices]).toEqual([0]);
  expect(observations.shape).toEqual([1, 2]);
  expect([...observations]).toEqual([0.5, 0.5]);
  expect([...rewards]).toEqual([1]);
  expect([...(await envs.recv()).envIndices]).toEqual([1]);
  expect((await failure(envs.recv())).message).toMatch(/0 sub-environments are under way/);
  envs.reset();
  expect((await envs.recv()).envIndices.length).toBeGreaterThan(0);
});

test('what cannot be sent or received is said at once and changes nothing', limit, async () => {
  await using envs = await carts({ seed: 1 });
  expect(await failure(envs.recv())).toMatchObject({
    reason: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/0 sub-environments are under way, and a batch takes 2/),
  });
  envs.reset();
  const reception = envs.recv();
  expect((await failure(envs.recv())).message).toMatch(/Another recv waits/);
  const { envIndices } = await reception;
  const [mine, other] = envIndices as unknown as [number, number];
  const missing = [0, 1, 2, 3, 4].find((env) => env !== mine && env !== other) as number;
  const wrong: [number[], number[], string, RegExp][] = [
    [[0], [], 'INVALID_ARGUMENT', /names no sub-environment/],
    [[0], [5], 'INVALID_ENV_INDEX', /Sub-environment 5 is none: there are 0 to 4/],
    [[0], [-1], 'INVALID_ENV_INDEX', /-1 is none/],
    [[0], [0.5], 'INVALID_ENV_INDEX', /0.5 is none/],
    [[0, 0], [mine, mine], 'INVALID_ENV_INDEX', /named after .*: name each once, ascending/],
    [[0, 0], [other, mine], 'INVALID_ENV_INDEX', /ascending/],
    [[0], [missing], 'INVALID_ARGUMENT', /is under way: recv gives its row first/],
    [[0], [mine, other], 'INVALID_ACTION', /2 elements are needed/],
    [[0, 0.5], [mine, other], 'INVALID_ACTION', new RegExp(`sub-environment ${other} `)],
  ];
  for (const [actions, named, reason, message] of wrong) {
    const error = await failure(() => envs.send(actions, named));
    expect(error).toMatchObject({ reason, message: expect.stringMatching(message) });
  }
  expect((await failure(() => envs.reset())).message).toMatch(/\(and 2 more\) is under way/);
  envs.send([0, 1], envIndices);
  const steps = new Map<number, number>();
  while (steps.size < 2 || [...steps.values()].some((step) => step !== 1)) {
    const batch = await envs.recv();
    const { episodeSteps } = batch.details();
    for (const [i, env] of batch.envIndices.entries())
      if (env === mine || env === other) steps.set(env, episodeSteps[i] as number);
      else envs.send([0], [env]);
  }
});

test(
  'what the server refuses is thrown by recv, and what it names can be sent again',
  limit,
  async () => {
    await using envs = await faulty({ batchSize: 1 });
    envs.send([0, 0], [1, 2]);
    expect(await failure(envs.recv())).toMatchObject({
      reason: 'RESET_NEEDED',
      envIndices: [1, 2],
    });
    envs.reset();
    for (let rows = 0; rows < 4; rows++) await envs.recv();
    envs.send([0, 4, 0], [0, 2, 3]);
    expect(await failure(envs.recv())).toMatchObject({ reason: 'INVALID_ACTION', envIndices: [2] });
    envs.send([0, 0, 0], [0, 2, 3]);
    for (let rows = 0; rows < 3; rows++)
      expect([...(await envs.recv()).details().episodeSteps]).toEqual([1]);
  },
);

test('a failure is no reward: it is thrown after the rows of the others', limit, async () => {
  await using envs = await faulty({ batchSize: 3, numWorkers: 1 });
  envs.reset({ envOptions: [{}, {}, { where: 'step', fault: 'raise' }, {}] });
  await envs.recv();
  // The fourth row of the reset is there, but makes no batch of three.
  envs.send([0, 0, 0], [0, 1, 2]);
  expect([...(await envs.recv()).envIndices]).toEqual([0, 1, 3]);
  const error = await failure(envs.recv());
  expect(error).toMatchObject({ reason: 'ENVIRONMENT_RAISED', envIndices: [2] });
  expect(error.message).toMatch(/ValueError: the arm broke/);
  envs.send([0], [2]);
  expect((await failure(envs.recv())).reason).toBe('RESET_NEEDED');
  envs.send([0, 0], [0, 1]);
  expect((await failure(envs.recv())).message).toMatch(/would wait for ever: 2 /);
  envs.reset({ options: { reset_mask: [false, false, true, false] } });
  const { envIndices, details } = await envs.recv();
  expect([...envIndices]).toEqual([0, 1, 2]);
  expect([...details().episodeSteps]).toEqual([2, 2, 0]);
});

test('a worker that dies ends neither process nor wait', limit, async () => {
  await using envs = await faulty();
  envs.reset({ envOptions: [{}, { where: 'step', fault: 'die' }, {}, {}] });
  for (let t = 0; t < 2; t++) await envs.recv();
  envs.send([0, 0, 0, 0], [0, 1, 2, 3]);
  const error = await failure(async () => {
    for (;;) await envs.recv();
  });
  expect(error).toMatchObject({ reason: 'WORKER_DIED', envIndices: [1] });
});

test('closing ends a recv that waits', limit, async () => {
  const envs = await faulty();
  envs.reset({ envOptions: [{}, {}, {}, { where: 'step', fault: 'wait' }] });
  for (let t = 0; t < 2; t++) await envs.recv();
  envs.send([0, 0], [0, 3]);
  const reception = failure(envs.recv());
  await envs.close();
  expect((await reception).reason).toBe('SESSION_CLOSED');
  expect((await failure(envs.recv())).reason).toBe('SESSION_CLOSED');
});

test('a server that ends ends a recv that waits', limit, async () => {
  const own = await startServer();
  const connection = await connect(own.address);
  const envs = await connection.makeVec<Cart, number[]>('fixtures/Faulty-v0', {
    numEnvs: 2,
    batchSize: 1,
  });
  envs.reset({ options: { where: 'step', fault: 'hang' } });
  for (let t = 0; t < 2; t++) await envs.recv();
  envs.send([0], [1]);
  const reception = failure(envs.recv());
  await own.stop();
  expect((await reception).reason).toMatch(/SHUTTING_DOWN|CONNECTION_FAILED/);
  await connection.close();
});

test('attributes and frames are read when those asked for are ready', limit, async () => {
  await using envs = await carts({ renderMode: 'rgb_array', seed: 2 });
  envs.reset();
  const [frame] = await envs.render({ envIndices: [1], width: 60 });
  expect((frame as NdArray<Uint8Array>).shape).toEqual([40, 60, 3]);
  expect(await envs.getAttr('gravity')).toEqual([9.8, 9.8, 9.8, 9.8, 9.8]);
  await envs.setAttr('gravity', 1.5);
  expect(await envs.getAttr('gravity', [0, 3])).toEqual([1.5, 1.5]);
  expect(await envs.call('gravity')).toEqual([1.5, 1.5, 1.5, 1.5, 1.5]);
  expect((await envs.recv()).envIndices.length).toBe(2);
});

test.each<[Partial<MakeAsyncVecOptions>, RegExp]>([
  [{ batchSize: 0 }, /batchSize must be a whole number from 1/],
  [{ batchSize: 1.5 }, /batchSize must be a whole number from 1/],
  [{ batchSize: 5 }, /batchSize must be below numEnvs, 5, not 5/],
  [{ batchSize: 9 }, /batchSize must be below numEnvs/],
  [{ maxWaitMs: -1 }, /maxWaitMs must be a number from 0/],
  [{ maxWaitMs: Number.NaN }, /maxWaitMs must be a number from 0/],
  [{ batchSize: undefined as never, maxWaitMs: 1 }, /maxWaitMs is for a batchSize/],
])('%o is refused before anything is opened', async (options, message) => {
  expect(await failure(carts(options))).toMatchObject({
    reason: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  });
});
