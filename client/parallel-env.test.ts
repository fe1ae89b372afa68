/** Environments of several agents, played on those of python-envs/tests/fixtures/agents.py. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import { type Connection, connect, type GymlinkError, type NdArray, type Sample } from './index.js';

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
  gym.makeParallel<NdArray<Float32Array> | number, number>('fixtures/relay/relay_v1', options);

const failure = (call: Promise<unknown>): Promise<GymlinkError> =>
  call.then(
    () => expect.fail('the call succeeded'),
    (error) => error,
  );

test('agents come and go within an episode', { timeout: 30_000 }, async () => {
  await using env = await relay();
  expect(env.possibleAgents).toEqual(['second', 'first']);
  expect(env.agents).toEqual([]);
  expect(env.metadata).toMatchObject({ name: 'relay', api: 'parallel' });
  expect(env.observationSpace('first')).toMatchObject({ kind: 'Box', shape: [2] });
  expect(env.actionSpace('second')).toMatchObject({ kind: 'Discrete', n: 3 });

  const first = await env.reset({ seed: 4, options: { a: 1 } });
  expect(first).toMatchObject({ infos: { first: { options: { a: 1 } } } });
  expect(plain(first.observations)).toEqual({ first: [1, 5] });
  expect([env.agents, env.acting]).toEqual([['first'], ['first']]);

  const alone = await env.step({ first: 2 });
  expect(plain(alone.observations)).toEqual({ first: [2, 3] });
  expect(alone.rewards).toEqual({ first: 12 });

  const both = await env.step({ first: 1 });
  expect(plain(both.observations)).toEqual({ first: [3, 2], second: 5 });
  expect(both.rewards).toEqual({ first: 21, second: 20 });
  expect(env.agents).toEqual(['second', 'first']);

  const handed = await env.step({ first: 0, second: 2 });
  expect(handed.terminations).toEqual({ first: true, second: false });
  expect(handed.truncations).toEqual({ first: false, second: false });
  expect(handed.infos).toEqual({ first: { step: 3 }, second: { step: 3 } });
  expect(plain(handed.observations)).toEqual({ first: [4, 1], second: 6 });
  expect([env.agents, env.acting]).toEqual([['second'], ['second']]);

  const last = await env.step({ second: 1 });
  expect(last).toEqual({
    observations: { second: 7 },
    rewards: { second: 41 },
    terminations: { second: false },
    truncations: { second: true },
    infos: { second: { step: 4 } },
  });
  expect(env.agents).toEqual([]);
  expect((await failure(env.step({}))).reason).toBe('RESET_NEEDED');
  expect(Object.keys((await env.reset()).observations)).toEqual(['first']);
});

test('a step limit truncates every agent', { timeout: 30_000 }, async () => {
  await using env = await relay({ maxEpisodeSteps: 2 });
  await env.reset();
  expect((await env.step({ first: 0 })).truncations).toEqual({ first: false });
  const last = await env.step({ first: 0 });
  expect(last.truncations).toEqual({ first: true, second: true });
  expect(last.terminations).toEqual({ first: false, second: false });
  expect([env.agents, env.acting]).toEqual([[], []]);
});

test('every agent that acts needs an action, and no other', { timeout: 30_000 }, async () => {
  await using env = await relay({ kwargs: { length: 1 } });
  expect((await failure(env.step({ first: 0 }))).reason).toBe('RESET_NEEDED');
  await env.reset();
  const missing = await failure(env.step({}));
  expect([missing.reason, missing.message]).toEqual([
    'INVALID_ACTION',
    'The agent "first" has no action. Now act: first.',
  ]);
  const superfluous = await failure(env.step({ first: 0, second: 0 }));
  expect([superfluous.reason, superfluous.message]).toEqual([
    'INVALID_ACTION',
    'The agent "second" does not act. Now act: first.',
  ]);
  expect((await failure(env.step({ first: 7 }))).reason).toBe('INVALID_ACTION');
  const only = await env.step({ first: 1 });
  expect([only.rewards, only.truncations]).toEqual([{ first: 11 }, { first: true }]);
  expect(() => env.actionSpace('third')).toThrow('There is no agent "third"');
});

test('agents take turns', { timeout: 30_000 }, async () => {
  await using env = await gym.makeParallel<Record<string, NdArray>, number>('classic/tictactoe_v3');
  const { observations } = await env.reset({ seed: 1 });
  expect(Object.keys(observations)).toEqual(['player_1', 'player_2']);
  expect(env.agents).toEqual(['player_1', 'player_2']);
  const error = await failure(env.step({ player_1: 0, player_2: 1 }));
  expect(error.message).toBe('The agent "player_2" does not act. Now act: player_1.');
  // The first player takes the left column.
  for (const field of [0, 3, 1, 4]) {
    const [player] = env.acting as [string];
    expect(player).toBe(field < 3 ? 'player_1' : 'player_2');
    const step = await env.step({ [player]: field });
    const masks = Object.values(step.observations).map((seen) => seen.action_mask?.[field]);
    expect(masks).toEqual([0, 0]);
    expect(step.rewards).toEqual({ player_1: 0, player_2: 0 });
  }
  const last = await env.step({ player_1: 2 });
  expect(last.rewards).toEqual({ player_1: 1, player_2: -1 });
  expect(last.terminations).toEqual({ player_1: true, player_2: true });
  expect([env.agents, env.acting]).toEqual([[], []]);
});

test('attributes are those of the environment itself', { timeout: 30_000 }, async () => {
  await using env = await relay();
  await env.reset();
  await env.setAttr('length', 1);
  expect(await env.getAttr('length')).toBe(1);
  expect([...((await env.call('state')) as NdArray<BigInt64Array>)].map(Number)).toEqual([0, 1]);
  expect((await env.step({ first: 0 })).truncations).toEqual({ first: true });
  const error = await failure(env.getAttr('agents'));
  expect([error.reason, error.suggestions]).toEqual(['NOT_ALLOWED', ['length', 'state']]);
});

test('a restored state goes on with its agents', { timeout: 30_000 }, async () => {
  await using env = await relay({ maxEpisodeSteps: 4, kwargs: { length: 9 } });
  await env.reset({ seed: 4 });
  const states = [await env.saveState()];
  const steps: unknown[] = [];
  for (const actions of [{ first: 2 }, { first: 1 }, { first: 0, second: 2 }, { second: 1 }]) {
    steps.push(await env.step(actions));
    states.push(await env.saveState());
  }
  expect(env.agents).toEqual([]);
  const [, , both, handed, over] = states as [bigint, bigint, bigint, bigint, bigint];

  const { observations } = await env.restoreState(both);
  expect(plain(observations)).toEqual({ first: [3, 2], second: 5 });
  expect([env.agents, env.acting]).toEqual([
    ['second', 'first'],
    ['second', 'first'],
  ]);
  expect(await env.step({ first: 0, second: 2 })).toEqual(steps[2]);
  expect(await env.step({ second: 1 })).toEqual(steps[3]);

  await using other = await relay({ maxEpisodeSteps: 4, kwargs: { length: 9 } });
  const brought = await other.importState(await env.exportState(handed));
  expect(plain((await other.restoreState(brought)).observations)).toEqual({ second: 6 });
  expect(await other.step({ second: 1 })).toEqual(steps[3]);

  expect(await env.restoreState(over)).toEqual({ observations: {}, infos: {} });
  expect((await failure(env.step({ second: 1 }))).reason).toBe('RESET_NEEDED');
  await env.dropState(over);
  expect((await failure(env.restoreState(over))).reason).toBe('STATE_NOT_FOUND');
});

test('a restored state knows whose turn it is', { timeout: 30_000 }, async () => {
  await using env = await gym.makeParallel<Record<string, NdArray>, number>('classic/tictactoe_v3');
  await env.reset({ seed: 1 });
  await env.step({ player_1: 4 });
  const state = await env.saveState();
  const first = await env.step({ player_2: 0 });
  await env.step({ player_1: 1 });
  await env.restoreState(state);
  expect(env.acting).toEqual(['player_2']);
  expect(await env.step({ player_2: 0 })).toEqual(first);
});

test('it renders', { timeout: 30_000 }, async () => {
  await using env = await relay({ renderMode: 'ansi' });
  await env.reset();
  await env.step({ first: 0 });
  expect(await env.render()).toBe('step 1');
});

test('its documentation is that of the environment', { timeout: 30_000 }, async () => {
  const { documentation, environment } = await gym.describe('fixtures/relay/relay_v1');
  expect(documentation).toMatch(/^Runner "first" starts alone/);
  expect(environment.rewardThreshold).toBe(1.5);
});

test('other environments have no agents', { timeout: 30_000 }, async () => {
  const error = await failure(gym.makeParallel('CartPole-v1'));
  expect(error.reason).toBe('INVALID_ARGUMENT');
  expect(error.message).toContain('CartPole-v1');
});

test('many play at a time in a vector environment', { timeout: 30_000 }, async () => {
  await using envs = await gym.makeVec<Record<string, NdArray>, Record<string, Int32Array>>(
    'fixtures/relay/relay_v1',
    { numEnvs: 2 },
  );
  await envs.reset({ seed: 1 });
  const { observations, rewards } = await envs.step({
    second: Int32Array.of(0, 0),
    first: Int32Array.of(1, 2),
  });
  expect([...rewards]).toEqual([11, 12]);
  expect([...(observations.agents as NdArray)]).toEqual([0, 1, 0, 1]);
});

/** Arrays as plain ones. */
function plain(observations: Record<string, Sample>): Record<string, unknown> {
  const entries = Object.entries(observations);
  return Object.fromEntries(
    entries.map(([agent, value]) => [agent, ArrayBuffer.isView(value) ? [...value] : value]),
  );
}
