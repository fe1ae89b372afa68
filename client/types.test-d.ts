/** What the types know of environments, spaces and actions: checked by the compiler, not run. */
import { describe, expectTypeOf, test } from 'vitest';
import {
  type AsyncVectorEnv,
  type Box,
  type Connection,
  type Discrete,
  type EncodedFrame,
  type Env,
  expectSpace,
  isBox,
  type NdArray,
  type RenderFrame,
  type Sample,
  type Space,
  type VectorEnv,
} from './index.js';

declare const gym: Connection;
declare const space: Space;

describe('ids of Gymnasium', () => {
  test('have their types', async () => {
    const lander = await gym.make('LunarLander-v3');
    expectTypeOf((await lander.reset()).observation).toExtend<Float32Array>();
    expectTypeOf((await lander.step(0)).observation.shape).toEqualTypeOf<readonly number[]>();
    expectTypeOf((await lander.step(0)).reward).toEqualTypeOf<number>();
    expectTypeOf((await lander.step(0)).terminated).toEqualTypeOf<boolean>();
    const cheetah = await gym.make('HalfCheetah-v5');
    expectTypeOf((await cheetah.reset()).observation).toExtend<Float64Array>();
    const lake = await gym.make('FrozenLake-v1');
    expectTypeOf((await lake.reset()).observation).toEqualTypeOf<number>();
  });

  test('take actions of their kind alone', async () => {
    const lander = await gym.make('LunarLander-v3');
    await lander.step(lander.actionSpace.sample());
    // @ts-expect-error A Discrete takes a number.
    await lander.step('left');
    // @ts-expect-error A Discrete takes one number.
    await lander.step(Float32Array.of(0, 1));
    const pendulum = await gym.make('Pendulum-v1');
    await pendulum.step([0.5]);
    await pendulum.step(Float32Array.of(0.5));
    // @ts-expect-error A Box takes an array.
    await pendulum.step(0.5);
  });

  test('have batches of both in vector environments', async () => {
    const landers = await gym.makeVec('LunarLander-v3', { numEnvs: 2 });
    await landers.step(landers.actionSpace.sample());
    await landers.step([0, 1]);
    const { observations, rewards, terminations } = await landers.step(Int32Array.of(0, 1));
    expectTypeOf(observations).toExtend<Float32Array>();
    expectTypeOf(rewards).toEqualTypeOf<NdArray<Float64Array>>();
    expectTypeOf(terminations).toEqualTypeOf<NdArray<Uint8Array>>();
    // @ts-expect-error One number is no batch.
    await landers.step(0);
    const lakes = await gym.makeVec('FrozenLake-v1', { numEnvs: 2 });
    expectTypeOf((await lakes.reset()).observations).toExtend<Int32Array>();
    // @ts-expect-error The number of sub-environments must be given.
    await gym.makeVec('FrozenLake-v1', {});
  });
});

test('a batch size makes an environment of batches', async () => {
  const landers = await gym.makeVec('LunarLander-v3', { numEnvs: 8, batchSize: 4, maxWaitMs: 1 });
  expectTypeOf(landers.reset({ seed: 1 })).toEqualTypeOf<void>();
  const { observations, envIndices } = await landers.recv();
  expectTypeOf(observations).toExtend<Float32Array>();
  landers.send([0, 1, 2, 3], envIndices);
  // @ts-expect-error One number is no batch.
  landers.send(0, envIndices);
  // @ts-expect-error Without saying of which sub-environments.
  landers.send([0, 1]);
  // @ts-expect-error They do not step together.
  await landers.step([0, 1]);
  const own = await gym.makeVec<NdArray<Uint8Array>, Int32Array>('family/Own-v0', {
    numEnvs: 4,
    batchSize: 2,
  });
  expectTypeOf(own).toEqualTypeOf<AsyncVectorEnv<NdArray<Uint8Array>, Int32Array>>();
  // @ts-expect-error A wait is for a batch size.
  await gym.makeVec('LunarLander-v3', { numEnvs: 8, maxWaitMs: 1 });
});

test('with wrappers spaces are not known by the id', async () => {
  const env = await gym.make('CartPole-v1', { wrappers: ['FlattenObservation'] });
  expectTypeOf((await env.reset()).observation).toEqualTypeOf<Sample>();
  const envs = await gym.makeVec<NdArray<Float32Array>, Int32Array>('CartPole-v1', {
    numEnvs: 2,
    wrappers: [{ name: 'FrameStackObservation', kwargs: { stack_size: 4 } }],
  });
  expectTypeOf((await envs.reset()).observations).toEqualTypeOf<NdArray<Float32Array>>();
});

test('frames are what was asked for', async () => {
  const envs = await gym.makeVec('CartPole-v1', { numEnvs: 2, renderMode: 'rgb_array' });
  expectTypeOf(await envs.render()).toEqualTypeOf<RenderFrame[]>();
  expectTypeOf(await envs.render({ width: 80, envIndices: [1] })).toEqualTypeOf<RenderFrame[]>();
  expectTypeOf(await envs.render({ encoding: 'png' })).toEqualTypeOf<EncodedFrame[]>();
  const env = await gym.make('CartPole-v1', { renderMode: 'rgb_array' });
  expectTypeOf(await env.render({ encoding: 'webp', width: 80 })).toEqualTypeOf<EncodedFrame>();
  // @ts-expect-error An environment has no sub-environments.
  await env.render({ envIndices: [0] });
  // @ts-expect-error There is no such encoding.
  await env.render({ encoding: 'gif' });
});

test('agents have the types that are given', async () => {
  const env = await gym.makeParallel<NdArray<Float32Array>, number>('family/team_v1');
  const { observations } = await env.reset({ seed: 1 });
  expectTypeOf(observations).toEqualTypeOf<Record<string, NdArray<Float32Array>>>();
  expectTypeOf((await env.step({ first: 1 })).rewards).toEqualTypeOf<Record<string, number>>();
  expectTypeOf(env.actionSpace('first').sample()).toExtend<number>();
  // @ts-expect-error The actions were said to be numbers.
  await env.step({ first: [1] });
  const mask = new Int8Array(3) as NdArray<Int8Array>;
  expectTypeOf(env.actionSpace('first').sample(mask)).toEqualTypeOf<number>();
  const envs = await gym.makeParallelVec<NdArray<Float32Array>, Int32Array>('family/team_v1', {
    numEnvs: 2,
  });
  const step = await envs.step({ first: Int32Array.of(0, 1) });
  expectTypeOf(step.observations.first).toEqualTypeOf<NdArray<Float32Array> | undefined>();
  expectTypeOf(step.rewards.first).toEqualTypeOf<NdArray<Float64Array> | undefined>();
  // @ts-expect-error The ends of episodes would be in infos alone.
  await gym.makeParallelVec('family/team_v1', { numEnvs: 2, autoresetMode: 'SameStep' });
  // @ts-expect-error Wrappers change the spaces that a parallel environment is made of.
  await gym.makeParallel('family/team_v1', { wrappers: ['FlattenObservation'] });
});

describe('other ids', () => {
  test('have the types that are given', async () => {
    const env = await gym.make<NdArray<Uint8Array>, number>('family/Own-v0');
    expectTypeOf(env).toEqualTypeOf<Env<NdArray<Uint8Array>, number>>();
    await env.step(1);
    // @ts-expect-error The action was said to be a number.
    await env.step([1]);
    const envs = await gym.makeVec<NdArray<Uint8Array>, Int32Array>('family/Own-v0', {
      numEnvs: 2,
    });
    expectTypeOf(envs).toEqualTypeOf<VectorEnv<NdArray<Uint8Array>, Int32Array>>();
  });

  test('are samples of any space otherwise', async () => {
    const env = await gym.make('family/Own-v0');
    expectTypeOf((await env.reset()).observation).toEqualTypeOf<Sample>();
    await env.step(env.actionSpace.sample());
    // @ts-expect-error No space has dates.
    await env.step(new Date());
  });
});

describe('spaces', () => {
  test('are told by their kind', () => {
    // @ts-expect-error Not every space has n.
    space.n;
    expectTypeOf<Discrete['n']>().toEqualTypeOf<number>();
    expectTypeOf<ReturnType<Discrete<bigint>['sample']>>().toEqualTypeOf<bigint>();
    if (space.kind === 'Discrete') expectTypeOf(space).toEqualTypeOf<Discrete>();
    if (space.kind === 'Dict')
      expectTypeOf(space.spaces).toEqualTypeOf<Readonly<Record<string, Space>>>();
    // @ts-expect-error There is no such kind.
    if (space.kind === 'Cube') return;
  });

  test('are narrowed by isBox and expectSpace', () => {
    if (isBox(space, 'float32')) expectTypeOf(space).toEqualTypeOf<Box<Float32Array>>();
    if (isBox(space, 'int64')) expectTypeOf(space.sample()).toEqualTypeOf<NdArray<BigInt64Array>>();
    if (isBox(space, 'bool')) expectTypeOf(space.low).toEqualTypeOf<NdArray<Uint8Array>>();
    expectTypeOf(expectSpace(space, 'Discrete').n).toEqualTypeOf<number>();
    expectTypeOf(expectSpace(space, 'Text').sample()).toEqualTypeOf<string>();
  });
});
