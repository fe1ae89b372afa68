/** Options of `make` and `makeVec` that change what a session gives, on real environments. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Connection,
  expectSpace,
  type GymlinkError,
  launch,
  type MakeVecOptions,
  type NdArray,
  PythonFloat,
  PythonTuple,
} from './index.js';

let gym: Connection;

beforeAll(async () => {
  gym = await launch();
}, 180_000);

afterAll(() => gym?.close());

describe('wrappers', () => {
  test('stack frames of every sub-environment', async () => {
    const wrappers = [{ name: 'FrameStackObservation', kwargs: { stack_size: 4 } }];
    await using stacked = await gym.makeVec<NdArray<Float32Array>, Int32Array>('CartPole-v1', {
      numEnvs: 2,
      seed: 3,
      wrappers,
    });
    await using plain = await gym.makeVec('CartPole-v1', { numEnvs: 2, seed: 3 });
    expect(stacked.singleObservationSpace).toMatchObject({ kind: 'Box', shape: [4, 4] });
    const first = [await stacked.reset(), await plain.reset()] as const;
    const actions = Int32Array.of(0, 1);
    const [after, single] = [await stacked.step(actions), await plain.step(actions)];
    expect(after.observations.shape).toEqual([2, 4, 4]);
    const frame = (env: number, n: number) =>
      after.observations.slice(16 * env + 4 * n, 16 * env + 4 * n + 4);
    for (const env of [0, 1]) {
      const own = (all: Float32Array) => all.slice(4 * env, 4 * env + 4);
      expect(frame(env, 3)).toEqual(own(single.observations));
      expect(frame(env, 2)).toEqual(own(first[1].observations));
      expect(frame(env, 0)).toEqual(own(first[1].observations));
    }
  });

  test('are put on from the inside to the outside', async () => {
    await using hand = await gym.make('Blackjack-v1', {
      wrappers: ['FlattenObservation', { name: 'DtypeObservation', kwargs: { dtype: 'float32' } }],
    });
    expect(hand.observationSpace).toMatchObject({ kind: 'Box', shape: [45], dtype: 'float32' });
    const { observation } = await hand.reset({ seed: 1 });
    expect((observation as Float32Array).reduce((sum, bit) => sum + bit, 0)).toBe(3);
    await using square = await gym.make('CartPole-v1', {
      wrappers: [{ name: 'ReshapeObservation', kwargs: { shape: new PythonTuple([2, 2]) } }],
    });
    expect(square.observationSpace).toMatchObject({ kind: 'Box', shape: [2, 2] });
  });

  test('change actions, limits and infos too', async () => {
    await using env = await gym.make<NdArray<Float32Array>, number[]>('Pendulum-v1', {
      wrappers: [
        { name: 'RescaleAction', kwargs: { min_action: -1, max_action: 1 } },
        { name: 'TimeLimit', kwargs: { max_episode_steps: 2 } },
        'RecordEpisodeStatistics',
      ],
    });
    expect(env.actionSpace).toMatchObject({ kind: 'Box', low: expect.objectContaining({ 0: -1 }) });
    expect(env.maxEpisodeSteps).toBe(2);
    await env.reset({ seed: 1 });
    const rewards = [(await env.step([1])).reward];
    const last = await env.step([1]);
    rewards.push(last.reward);
    expect(last.truncated).toBe(true);
    expect(last.info.episode).toMatchObject({ l: 2, r: (rewards[0] as number) + last.reward });
  });
});

describe('infoKeys', () => {
  const play = async (infoKeys?: string[]) => {
    await using envs = await gym.makeVec('Taxi-v4', {
      numEnvs: 2,
      autoresetMode: 'SameStep',
      maxEpisodeSteps: 3,
      ...(infoKeys ? { infoKeys } : {}),
    });
    const { infos } = await envs.reset({ seed: 1 });
    let last = infos;
    for (let t = 0; t < 3; t++) last = (await envs.step(Int32Array.of(0, 1))).infos;
    return { infos, last, own: envs.lastTransition().infos };
  };

  test('choose what travels, of last infos too', async () => {
    const all = await play();
    const some = await play(['action_mask', 'absent']);
    expect(Object.keys(all.infos)).toEqual(['prob', '_prob', 'action_mask', '_action_mask']);
    expect(Object.keys(some.infos)).toEqual(['action_mask', '_action_mask']);
    expect(some.infos.action_mask).toEqual(all.infos.action_mask);
    expect(some.last.final_info).toEqual({
      action_mask: (all.last.final_info as typeof all.last).action_mask,
      _action_mask: expect.anything(),
    });
    expect(some.own.map((info) => Object.keys(info))).toEqual([['action_mask'], ['action_mask']]);
  });

  test('are an array of texts', async () => {
    for (const infoKeys of ['episode', [1]]) {
      const made = gym.makeVec('Taxi-v4', { numEnvs: 1, infoKeys: infoKeys as never });
      await expect(made).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
      await expect(made).rejects.toThrow('infoKeys is an array of texts');
    }
  });

  test('without any there are no infos', async () => {
    const { infos, last, own } = await play([]);
    expect(infos).toEqual({});
    expect(Object.keys(last)).toEqual(['final_obs', '_final_obs', 'final_info', '_final_info']);
    expect(last.final_info).toEqual({});
    expect(own).toEqual([{}, {}]);
  });
});

describe('plan', () => {
  test.each([[{ sed: 1 }], [1], [null]])('refuses %j, which plans nothing', async (planned) => {
    const made = gym.makeVec('CartPole-v1', { numEnvs: 1, plan: [[planned as never]] });
    await expect(made).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
    await expect(made).rejects.toThrow('A planned reset is an object of seed and options');
  });

  test.each(['NextStep', 'SameStep'] as const)('seeds autoresets in mode %s', async (mode) => {
    const low = new PythonFloat(0);
    await using envs = await gym.makeVec('CartPole-v1', {
      numEnvs: 3,
      numWorkers: 2,
      autoresetMode: mode,
      maxEpisodeSteps: 2,
      plan: [
        [{ seed: 11 }, { seed: 2n ** 100n, options: { low, high: 0.01 } }],
        [],
        [{ seed: 31 }],
      ],
    });
    await using other = await gym.makeVec('CartPole-v1', { numEnvs: 3 });
    await envs.reset({ seed: 1 });
    const told: [number, bigint][][] = [];
    const begins: Float32Array[] = [];
    while (told.length < 3) {
      const { observations } = await envs.step(Int32Array.of(0, 1, 0));
      const { seeds, episodeSteps } = envs.lastTransition();
      if (episodeSteps[0] !== 0) continue;
      told.push([...seeds]);
      begins.push(observations);
    }
    expect(told).toEqual([
      [
        [0, 11n],
        [2, 31n],
      ],
      [[0, 2n ** 100n]],
      [],
    ]);
    const first = (await other.reset({ seed: [11, 0, 31] })).observations;
    expect(begins[0]?.slice(0, 4)).toEqual(first.slice(0, 4));
    expect(begins[0]?.slice(8)).toEqual(first.slice(8));
    const second = await other.reset({ seed: [2n ** 100n, 0, 0], options: { low, high: 0.01 } });
    expect(begins[1]?.slice(0, 4)).toEqual(second.observations.slice(0, 4));
  });
});

describe('observationMode', () => {
  const options = {
    numEnvs: 3,
    numWorkers: 2,
    kwargs: { is_slippery: false },
    envKwargs: [{ map_name: '4x4' }, { map_name: '8x8' }, {}],
  };

  test('different has a space for each sub-environment, made with arguments of its own', async () => {
    await using lakes = await gym.makeVec<Int32Array, Int32Array>('FrozenLake-v1', {
      ...options,
      observationMode: 'different',
    });
    expect(lakes.singleObservationSpace).toMatchObject({ kind: 'Discrete', n: 16 });
    expect(lakes.observationSpace).toMatchObject({ kind: 'MultiDiscrete', shape: [3] });
    const { nvec } = expectSpace(lakes.observationSpace, 'MultiDiscrete');
    expect([...nvec]).toEqual([16, 64, 16]);
    await lakes.reset({ seed: 1 });
    const { observations } = await lakes.step(Int32Array.of(1, 1, 2));
    expect([...observations]).toEqual([4, 8, 1]);
    expect(lakes.observationSpace.contains(observations)).toBe(true);
  });

  test('same refuses spaces that differ, and every mode a wrong number of arguments', async () => {
    const refused = async (wrong: Partial<MakeVecOptions>) => {
      const made = gym.makeVec('FrozenLake-v1', { ...options, ...wrong });
      return (await made.catch((error: unknown) => error)) as GymlinkError;
    };
    expect(await refused({})).toMatchObject({ reason: 'INVALID_KWARGS', envIndices: [1] });
    const short = await refused({ envKwargs: [{}], observationMode: 'different' });
    expect(short.reason).toBe('INVALID_ARGUMENT');
    expect(short.message).toContain('1 items for 3 sub-environments');
    const unknown = await refused({ observationMode: 'equal' as never });
    expect(unknown.message).toContain('There is no observation mode equal');
  });
});
