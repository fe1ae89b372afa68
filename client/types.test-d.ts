import { expectTypeOf, test } from 'vitest';
import type { Connection, Env, NdArray, Space, VectorEnv } from './index.js';

declare const gym: Connection;

test('types of Gymnasium’s own environments are known', async () => {
  const lander = await gym.make('LunarLander-v3');
  expectTypeOf((await lander.reset()).observation).toExtend<Float32Array>();
  expectTypeOf(lander.step).parameter(0).toEqualTypeOf<number>();
  const taxis = await gym.makeVec('Taxi-v4', { numEnvs: 2 });
  expectTypeOf((await taxis.reset()).observations).toExtend<Int32Array>();
  const cheetah = await gym.make('HalfCheetah-v5');
  expectTypeOf((await cheetah.reset()).observation).toExtend<Float64Array>();
});

test('an action of the wrong kind does not compile', async () => {
  const lander = await gym.make('LunarLander-v3');
  // @ts-expect-error A Discrete action is a number.
  await lander.step([0]);
  // @ts-expect-error A Discrete action is no string.
  await lander.step('left');
  const pendulums = await gym.makeVec('Pendulum-v1', { numEnvs: 2 });
  // @ts-expect-error A batch of Box actions is no single number.
  await pendulums.step(1);
  // @ts-expect-error The number of sub-environments is needed.
  await gym.makeVec('Pendulum-v1', {});
});

test('types of other environments can be given', async () => {
  const own = await gym.make<NdArray<Float32Array>, number>('mine/Own-v0');
  expectTypeOf(own).toEqualTypeOf<Env<NdArray<Float32Array>, number>>();
  const many = await gym.makeVec<NdArray<Uint8Array>, Int32Array>('mine/Own-v0', { numEnvs: 3 });
  expectTypeOf(many).toEqualTypeOf<VectorEnv<NdArray<Uint8Array>, Int32Array>>();
  expectTypeOf(many.actionSpace.sample()).toEqualTypeOf<Int32Array>();
});

test('a space is narrowed by its kind', () => {
  const n = (space: Space): number => (space.kind === 'Discrete' ? space.n : 0);
  expectTypeOf(n).returns.toBeNumber();
});
