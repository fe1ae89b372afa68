/** What the types know of wrapped environments: checked by the compiler, not run. */
import { describe, expectTypeOf, test } from 'vitest';
import type { VectorEnvLike } from '../agents/index.js';
import { type Connection, Discrete, type NdArray } from '../index.js';
import * as wrappers from './index.js';
import * as vector from './vector/index.js';

declare const gym: Connection;

describe('a wrapped environment', () => {
  test('keeps the types that the wrapper does not change', async () => {
    const env = await gym.make('FrozenLake-v1');
    const wrapped = new wrappers.NormalizeReward(new wrappers.RecordEpisodeStatistics(env));
    expectTypeOf((await wrapped.reset()).observation).toEqualTypeOf<number>();
    await wrapped.step(wrapped.actionSpace.sample());
    // @ts-expect-error A Discrete takes a number.
    await wrapped.step([1]);
  });

  test('has the observations of the wrapper', async () => {
    const lake = await gym.make('FrozenLake-v1');
    const normalized = new wrappers.NormalizeObservation(lake);
    expectTypeOf((await normalized.step(0)).observation).toEqualTypeOf<NdArray<Float32Array>>();
    const stacked = new wrappers.FrameStackObservation(lake, 2);
    expectTypeOf((await stacked.reset()).observation).toEqualTypeOf<NdArray<Int32Array>>();
    const cards = new wrappers.FrameStackObservation(await gym.make('Blackjack-v1'), 2);
    type Stack = NdArray<Int32Array>;
    expectTypeOf((await cards.reset()).observation).toEqualTypeOf<[Stack, Stack, Stack]>();
    const flat = new wrappers.FlattenObservation(await gym.make('HalfCheetah-v5'));
    expectTypeOf((await flat.reset()).observation).toExtend<NdArray<Float64Array>>();
    const oneHot = new wrappers.FlattenObservation(lake);
    expectTypeOf((await oneHot.reset()).observation).toEqualTypeOf<NdArray<Int32Array>>();
    const named = new wrappers.TransformObservation(lake, (state) => `state ${state}`);
    expectTypeOf((await named.reset()).observation).toEqualTypeOf<string>();
  });

  test('takes the actions of the wrapper', async () => {
    const pendulum = await gym.make('Pendulum-v1');
    const discrete = new wrappers.TransformAction(
      pendulum,
      (action: number) => [action - 1],
      new Discrete(3),
    );
    await discrete.step(discrete.actionSpace.sample());
    // @ts-expect-error The wrapper takes a number.
    await discrete.step([0]);
  });
});

describe('a wrapped vector environment', () => {
  test('has the observations of the wrapper, and goes to agents', async () => {
    const envs = await gym.makeVec('LunarLander-v3', { numEnvs: 2 });
    const recorded = new vector.RecordEpisodeStatistics(envs);
    expectTypeOf((await recorded.reset()).observations).toExtend<Float32Array>();
    const wrapped = new vector.NormalizeReward(new vector.NormalizeObservation(recorded));
    expectTypeOf((await wrapped.step([0, 1])).observations).toEqualTypeOf<NdArray<Float32Array>>();
    expectTypeOf(wrapped).toExtend<VectorEnvLike>();
    // @ts-expect-error One number is no batch.
    await wrapped.step(0);
  });

  test('is not wrapped by wrappers of single environments', async () => {
    const envs = await gym.makeVec('LunarLander-v3', { numEnvs: 2 });
    // @ts-expect-error It has no single observation.
    new wrappers.TimeLimit(envs, 10);
    const env = await gym.make('LunarLander-v3');
    // @ts-expect-error It has no sub-environments.
    new vector.ClipReward(env, 0, 1);
  });
});
