/** Vector environments of several agents, played on those of python-envs/tests/fixtures/agents.py. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import { type ByAgent, type Connection, connect, type NdArray } from './index.js';

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

const relay = (options = {}) =>
  gym.makeParallelVec<NdArray, number[]>('fixtures/relay/relay_v1', { numEnvs: 2, ...options });

const plain = (found: ByAgent<Float64Array> | ByAgent<Uint8Array>) =>
  Object.fromEntries(Object.entries(found).map(([agent, row]) => [agent, [...row]]));

test('each agent has a batch', { timeout: 30_000 }, async () => {
  await using envs = await relay({ numWorkers: 2 });
  expect([envs.numEnvs, envs.possibleAgents]).toEqual([2, ['second', 'first']]);
  expect(envs.observationSpace('first')).toMatchObject({ kind: 'Box', shape: [2, 2] });
  expect(envs.actionSpace('second')).toMatchObject({ kind: 'MultiDiscrete', shape: [2] });
  expect(() => envs.actionSpace('third')).toThrow('There is no agent "third"');
  expect(plain(envs.agents)).toEqual({ second: [0, 0], first: [0, 0] });

  const { observations } = await envs.reset({ seed: 4 });
  expect([...(observations.first as NdArray)]).toEqual([1, 5, 1, 6]);
  expect(plain(envs.agents)).toEqual({ second: [0, 0], first: [1, 1] });

  const alone = await envs.step({ first: [2, 1], second: [0, 0] });
  expect(plain(alone.rewards)).toEqual({ second: [0, 0], first: [12, 11] });
  expect(alone.rewards.first).toMatchObject({ shape: [2], dtype: 'float64' });
  await envs.step({ first: [0, 0], second: [0, 0] });
  expect(plain(envs.acting)).toEqual({ second: [1, 1], first: [1, 1] });
  const handed = await envs.step({ first: [0, 1], second: [2, 0] });
  expect(plain(handed.rewards)).toEqual({ second: [32, 30], first: [30, 31] });
  expect(plain(handed.terminations)).toEqual({ second: [0, 0], first: [1, 1] });
  expect([...(handed.observations.second as NdArray)]).toEqual([6, 6]);
  expect(handed.infos).toHaveProperty('first.step.1', 3n);
  expect(plain(envs.agents)).toEqual({ second: [1, 1], first: [0, 0] });

  const last = await envs.step({ first: [0, 0], second: [1, 1] });
  expect(plain(last.truncations)).toEqual({ second: [1, 1], first: [0, 0] });
  expect(plain(envs.agents)).toEqual({ second: [0, 0], first: [0, 0] });
  const begun = await envs.step({ first: [2, 2], second: [0, 0] });
  expect(plain(begun.rewards)).toEqual({ second: [0, 0], first: [0, 0] });
  expect([...(begun.observations.first as NdArray)]).toEqual([1, 1, 1, 1]);
  expect(plain(envs.agents)).toEqual({ second: [0, 0], first: [1, 1] });
});

test('a step limit truncates every agent, also where others are reset', {
  timeout: 30_000,
}, async () => {
  await using envs = await relay({ autoresetMode: 'Disabled', maxEpisodeSteps: 2 });
  await envs.reset();
  const actions = { first: [0, 0], second: [0, 0] };
  await envs.step(actions);
  const last = await envs.step(actions);
  expect(plain(last.truncations)).toEqual({ second: [1, 1], first: [1, 1] });
  expect(plain(last.terminations)).toEqual({ second: [0, 0], first: [0, 0] });
  expect([plain(envs.agents), plain(envs.acting)]).toEqual([
    { second: [0, 0], first: [0, 0] },
    { second: [0, 0], first: [0, 0] },
  ]);
  await envs.reset({ options: { reset_mask: [false, true] } });
  expect(plain(envs.agents)).toEqual({ second: [0, 0], first: [0, 1] });
  await expect(envs.step(actions)).rejects.toMatchObject({ reason: 'RESET_NEEDED' });
});

test('it gives each sub-environment what it gives alone, with turns', {
  timeout: 60_000,
}, async () => {
  const id = 'fixtures/classic/tictactoe_v3';
  await using envs = await gym.makeParallelVec<Record<string, NdArray>, number[]>(id, {
    numEnvs: 2,
  });
  await using one = await gym.makeParallel<Record<string, NdArray>, number>(id);
  await envs.reset({ seed: 1 });
  await one.reset({ seed: 1 });
  for (const field of [0, 3, 1, 4, 2]) {
    const [player] = one.acting as [string];
    expect(plain(envs.acting)[player]).toEqual([1, 1]);
    const alone = await one.step({ [player]: field });
    const batch = await envs.step({ player_1: [field, field], player_2: [field, field] });
    for (const agent of one.possibleAgents) {
      const mask = alone.observations[agent]?.action_mask as NdArray;
      const masks = batch.observations[agent]?.action_mask as NdArray;
      expect([...masks]).toEqual([...mask, ...mask]);
      expect([...(batch.rewards[agent] as NdArray)]).toEqual(
        [0, 1].map(() => alone.rewards[agent]),
      );
    }
  }
  expect(plain(envs.agents)).toEqual({ player_1: [0, 0], player_2: [0, 0] });
});

test('other environments have no agents', { timeout: 30_000 }, async () => {
  const made = gym.makeParallelVec('CartPole-v1', { numEnvs: 2 });
  await expect(made).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
});
