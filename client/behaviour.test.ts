/** The client's own behaviour on real environments; what they compute is compared in oracle.test.ts. */
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connection, launch, type NdArray, PythonFloat } from './index.js';

let gym: Connection;

beforeAll(async () => {
  gym = await launch();
}, 180_000);

afterAll(() => gym?.close());

test('the same seed gives the same trajectory', async () => {
  const play = async () => {
    await using envs = await gym.makeVec('LunarLander-v3', { numEnvs: 4 });
    envs.actionSpace.seed(3);
    await envs.reset({ seed: 9 });
    const rewards: number[] = [];
    for (let t = 0; t < 50; t++)
      rewards.push(...(await envs.step(envs.actionSpace.sample())).rewards);
    return rewards;
  };
  expect(await play()).toEqual(await play());
});

test('a run without a seed can be repeated from the seed that the server drew', async () => {
  await using first = await gym.makeVec('CartPole-v1', { numEnvs: 3 });
  const { observations } = await first.reset();
  await using second = await gym.makeVec('CartPole-v1', { numEnvs: 3 });
  expect((await second.reset({ seed: first.seed })).observations).toEqual(observations);
  expect(first.lastTransition().seeds.get(2)).toBe(first.seed + 2n);
});

test('each sub-environment can have a seed of its own, or none', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 3, numWorkers: 2 });
  await envs.reset({ seed: [7, 8, 9] });
  await envs.reset({ seed: [7, null, 9] });
  expect([...envs.lastTransition().seeds]).toEqual([
    [0, 7n],
    [2, 9n],
  ]);
  expect(envs.lastTransition().kinds).toEqual(['reset', 'reset', 'reset']);
});

test('constructor arguments and reset options reach the environment', async () => {
  await using lander = await gym.make('LunarLander-v3', {
    kwargs: { gravity: new PythonFloat(-5), enable_wind: true },
  });
  await lander.reset({ seed: 1 });
  await using cart = await gym.make('CartPole-v1');
  const { observation } = await cart.reset({
    seed: 1,
    options: { low: new PythonFloat(0.2), high: 0.25 },
  });
  expect(Math.min(...observation)).toBeGreaterThanOrEqual(0.2 - 1e-6);
  await using lake = await gym.make('FrozenLake-v1', {
    kwargs: { desc: ['SF', 'HG'], is_slippery: false },
  });
  expect(lake.observationSpace).toMatchObject({ kind: 'Discrete', n: 4 });
});

test('with copy: true results stay as they were, with copy: false they are used again', async () => {
  await using kept = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
  const { observations } = await kept.reset({ seed: 1 });
  const before = [...observations];
  await kept.step(Int32Array.of(0, 1));
  expect([...observations]).toEqual(before);
  await using reused = await gym.makeVec('CartPole-v1', { numEnvs: 2, copy: false });
  const first = await reused.reset({ seed: 1 });
  const second = await reused.step(Int32Array.of(0, 1));
  expect(second.observations).toBe(first.observations);
});

test('calls that overlap take effect in their order', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
  await envs.reset({ seed: 1 });
  await Promise.all([1, 2, 3, 4].map(() => envs.step(Int32Array.of(0, 1))));
  expect([...envs.lastTransition().episodeSteps]).toEqual([4, 4]);
});

test('observations carry shape and dtype', async () => {
  await using cheetah = await gym.makeVec('HalfCheetah-v5', { numEnvs: 2 });
  const { observations, infos } = await cheetah.reset({ seed: 1 });
  expect(observations).toBeInstanceOf(Float64Array);
  expect(observations.shape).toEqual([2, 17]);
  expect(observations.dtype).toBe('float64');
  expect(Object.keys(infos)).toEqual(['x_position', '_x_position']);
  await using lake = await gym.makeVec('FrozenLake-v1', { numEnvs: 2 });
  expect((await lake.reset({ seed: 1 })).observations).toBeInstanceOf(Int32Array);
});

test('the last infos of episodes are told by sub-environment, as in every mode', async () => {
  const play = async (autoresetMode: 'SameStep' | 'NextStep') => {
    await using envs = await gym.makeVec('Taxi-v4', {
      numEnvs: 2,
      autoresetMode,
      maxEpisodeSteps: 2,
    });
    await envs.reset({ seed: 1 });
    await envs.step(Int32Array.of(0, 1));
    expect(envs.lastTransition().finalInfos.size).toBe(0);
    const { truncations } = await envs.step(Int32Array.of(2, 3));
    expect([...truncations]).toEqual([1, 1]);
    return envs.lastTransition();
  };
  const [same, next] = [await play('SameStep'), await play('NextStep')];
  expect(next.finalInfos.size).toBe(0);
  expect([...same.finalInfos]).toEqual([
    [0, next.infos[0]],
    [1, next.infos[1]],
  ]);
  expect(Object.keys(next.infos[0] ?? {})).toEqual(['prob', 'action_mask']);
  expect(same.infos[0]?.action_mask).not.toEqual(next.infos[0]?.action_mask);
});

test('the end of an episode can be rendered', async () => {
  await using env = await gym.make('CartPole-v1', { renderMode: 'rgb_array', maxEpisodeSteps: 1 });
  await env.reset({ seed: 1 });
  expect((await env.step(0)).truncated).toBe(true);
  expect(((await env.render()) as NdArray<Uint8Array>).shape).toEqual([400, 600, 3]);
});

test('frames are encoded and scaled on request, of chosen sub-environments', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 3, renderMode: 'rgb_array' });
  await envs.reset({ seed: 1 });
  const frames = (await envs.render()) as NdArray<Uint8Array>[];
  const [png, other] = (await envs.render({ encoding: 'png', envIndices: [2] })) as Uint8Array[];
  expect(other).toBeUndefined();
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 600, height: 400, channels: 3 });
  expect(data.equals(frames[2] as NdArray<Uint8Array>)).toBe(true);
  const [small] = (await envs.render({ width: 150 })) as NdArray<Uint8Array>[];
  expect(small?.shape).toEqual([100, 150, 3]);
  for (const encoding of ['jpeg', 'webp'] as const) {
    const [image] = (await envs.render({ encoding, width: 300, envIndices: [0] })) as Uint8Array[];
    expect(await sharp(image).metadata()).toMatchObject({
      format: encoding,
      width: 300,
      height: 200,
    });
  }
  await using env = await gym.make('CartPole-v1', { renderMode: 'rgb_array_list' });
  await env.reset({ seed: 1 });
  await env.step(0);
  expect(((await env.render({ encoding: 'png' })) as Uint8Array[]).length).toBe(2);
});

test('frames are rendered', async () => {
  await using env = await gym.make('CartPole-v1', { renderMode: 'rgb_array' });
  await env.reset({ seed: 1 });
  const frame = (await env.render()) as NdArray<Uint8Array>;
  expect(frame.shape).toEqual([400, 600, 3]);
  expect(new Set(frame).size).toBeGreaterThan(2);
  await using text = await gym.make('FrozenLake-v1', { renderMode: 'ansi' });
  await text.reset({ seed: 1 });
  expect(await text.render()).toContain('HFFG');
});
