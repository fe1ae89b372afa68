/** Saved states over the bridge; that each environment's are exact is tested in python-envs/families/gymnasium/test_states.py. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Connection,
  GymlinkError,
  launch,
  type MakeVecOptions,
  type VectorEnv,
} from './index.js';

let gym: Connection;

beforeAll(async () => {
  gym = await launch();
}, 180_000);

afterAll(() => gym?.close());

async function failure(call: Promise<unknown>): Promise<GymlinkError> {
  const error = await call.then(
    () => expect.fail('the call succeeded'),
    (found: unknown) => found,
  );
  expect(error).toBeInstanceOf(GymlinkError);
  return error as GymlinkError;
}

const makeVec = (id: string, options: Omit<MakeVecOptions, 'numEnvs'> = {}) =>
  gym.makeVec(id, { numEnvs: 4, numWorkers: 2, ...options }) as Promise<VectorEnv>;

/** The rows of some steps, as they came. */
async function play(envs: VectorEnv, actions: readonly unknown[]): Promise<unknown[]> {
  const rows: unknown[] = [];
  for (const action of actions) {
    const step = await envs.step(action as never);
    rows.push({ ...step, ...envs.lastTransition(), seeds: undefined });
  }
  return rows;
}

const samples = (envs: VectorEnv, count = 20) =>
  Array.from({ length: count }, () => envs.actionSpace.sample());

describe.each(['CartPole-v1', 'Taxi-v4', 'HalfCheetah-v5', 'LunarLander-v3', 'BipedalWalker-v3'])(
  '%s',
  (id) => {
    test('continues alike, also in sub-environments of other workers and sessions', async () => {
      await using envs = await makeVec(id);
      envs.actionSpace.seed(1);
      await envs.reset({ seed: 2 });
      await play(envs, samples(envs));
      const saved = await envs.saveState();
      const { episodeSteps, episodes } = envs.lastTransition();
      const actions = samples(envs);
      const expected = await play(envs, actions);
      await envs.restoreState(saved);
      expect(envs.lastTransition()).toMatchObject({
        kinds: ['reset', 'reset', 'reset', 'reset'],
        episodes,
        episodeSteps,
      });
      expect(await play(envs, actions)).toEqual(expected);

      await using elsewhere = await makeVec(id);
      const imported = await elsewhere.importState(await envs.exportState(saved));
      const { observations } = await elsewhere.restoreState(imported);
      expect(observations).toEqual((await envs.restoreState(saved)).observations);
      expect(await play(elsewhere, actions)).toEqual(expected);

      // Forked into the sub-environments of both workers, one state goes the same way in each.
      const state = saved[3] as bigint;
      await envs.restoreState(state);
      const same = actions.map((action) => copies(envs, action));
      const rewards = (await play(envs, same)) as { rewards: ArrayLike<number> }[];
      for (const { rewards: row } of rewards) expect(new Set(Array.from(row)).size).toBe(1);
    });
  },
);

test('fork puts what a sub-environment is now into others', async () => {
  await using envs = await makeVec('CartPole-v1');
  envs.actionSpace.seed(1);
  const { observations: before } = await envs.reset({ seed: 2 });
  const rows = (batch: unknown) =>
    [0, 1, 2, 3].map((i) => [...(batch as Float32Array).slice(4 * i, 4 * i + 4)]);
  const own = rows(before);
  const [earlier] = await envs.saveState([0]);
  const { observations } = await envs.fork(1, [0, 3]);
  expect(rows(observations)).toEqual([own[1], own[1], own[2], own[1]]);
  expect(envs.lastTransition().kinds).toHaveLength(4);
  const after = rows((await envs.step(Int32Array.of(1, 1, 1, 1) as never)).observations);
  expect(after[0]).toEqual(after[1]);
  expect(after[3]).toEqual(after[1]);
  expect(after[2]).not.toEqual(after[1]);
  expect((await failure(envs.fork(0, []))).reason).toBe('INVALID_ARGUMENT');
  expect((await failure(envs.fork(0, [4]))).reason).toBe('INVALID_ENV_INDEX');
  // Its own saved state is gone again, also after a failure.
  const [next] = await envs.saveState([0]);
  for (let id = (earlier as bigint) + 1n; id < (next as bigint); id++)
    expect((await failure(envs.dropState([id]))).reason).toBe('STATE_NOT_FOUND');
});

/** The action of the first sub-environment, for each. */
function copies(envs: VectorEnv, batch: unknown): unknown {
  const actions = batch as Float32Array;
  const size = actions.length / envs.numEnvs;
  return actions.map((_, i) => actions[i % size] as number);
}

test('some sub-environments are restored, and the others stay', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 3, numWorkers: 3 });
  await envs.reset({ seed: 5 });
  const [state] = await envs.saveState([1]);
  const before = await envs.step([0, 1, 0]);
  const { observations } = await envs.restoreState([state as bigint], [2]);
  expect([...observations].slice(0, 8)).toEqual([...before.observations].slice(0, 8));
  expect([...envs.lastTransition().episodeSteps]).toEqual([1, 1, 0]);
  const rest = await envs.step([0, 0, 1]);
  expect([...rest.observations].slice(8)).toEqual([...before.observations].slice(4, 8));
});

test('one environment goes back to the end of its episode', async () => {
  await using env = await gym.make('CartPole-v1', { maxEpisodeSteps: 3 });
  await env.reset({ seed: 1 });
  for (const action of [0, 1]) await env.step(action);
  const running = await env.saveState();
  const last = await env.step(1);
  expect(last.truncated).toBe(true);
  const ended = await env.saveState();
  await env.reset();
  expect((await env.restoreState(ended)).observation).toEqual(last.observation);
  expect((await failure(env.step(0))).reason).toBe('RESET_NEEDED');
  await env.restoreState(running);
  expect(await env.step(1)).toEqual(last);
  await using other = await gym.make('CartPole-v1', { maxEpisodeSteps: 3 });
  await other.restoreState(await other.importState(await env.exportState(running)));
  expect(await other.step(1)).toEqual(last);
});

test('what cannot be restored is refused, and nothing is changed', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 2, numWorkers: 2 });
  expect((await failure(envs.saveState())).reason).toBe('RESET_NEEDED');
  await envs.reset({ seed: 3 });
  const saved = await envs.saveState();
  const [first, second] = saved as [bigint, bigint];
  await using taxi = await gym.makeVec('Taxi-v4', { numEnvs: 2 });
  await taxi.reset({ seed: 3 });
  const foreign = await taxi.exportState(await taxi.saveState());
  await using heavy = await gym.makeVec('CartPole-v1', { numEnvs: 2, maxEpisodeSteps: 9 });
  const exported = await envs.exportState(saved);
  await envs.dropState([first]);
  const bytes = exported[0] as Uint8Array;
  const refusals: [() => Promise<unknown>, string][] = [
    [() => envs.restoreState([first, second]), 'STATE_NOT_FOUND'],
    [() => envs.restoreState([second, 99n]), 'STATE_NOT_FOUND'],
    [() => envs.restoreState([second]), 'MALFORMED_REQUEST'],
    [() => envs.restoreState([second, second, second]), 'MALFORMED_REQUEST'],
    [() => envs.restoreState([second], [2]), 'INVALID_ENV_INDEX'],
    [() => envs.dropState([second, first]), 'STATE_NOT_FOUND'],
    [() => envs.exportState([first]), 'STATE_NOT_FOUND'],
    [() => envs.saveState([1, 0]), 'INVALID_ENV_INDEX'],
    [() => envs.importState(foreign), 'STATE_MISMATCH'],
    [() => heavy.importState(exported), 'STATE_MISMATCH'],
    [() => envs.importState([bytes, bytes.subarray(0, bytes.length - 9)]), 'MALFORMED_REQUEST'],
    [() => envs.importState([new Uint8Array([1, 2, 3])]), 'MALFORMED_REQUEST'],
    [() => envs.importState([new Uint8Array()]), 'MALFORMED_REQUEST'],
  ];
  for (const [i, [call, reason]] of refusals.entries())
    expect((await failure(call())).reason, `refusal ${i}`).toBe(reason);
  await envs.step([0, 1]);
  expect([...envs.lastTransition().episodeSteps]).toEqual([1, 1]);
  await envs.restoreState(second);
});

test('an id of another session is no state here, though this one has states, too', async () => {
  await using first = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
  await using second = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
  await first.reset({ seed: 1 });
  await second.reset({ seed: 2 });
  const ids = await first.saveState();
  const own = await second.saveState();
  const before = await second.getAttr('state');
  for (const call of [() => second.restoreState(ids), () => second.dropState(ids)])
    expect((await failure(call())).reason).toBe('STATE_NOT_FOUND');
  expect(await second.getAttr('state')).toEqual(before);
  await second.restoreState(own);
});

test('a restore during a step is refused, and the step goes on', async () => {
  await using envs = await gym.makeVec('HalfCheetah-v5', { numEnvs: 64, numWorkers: 1 });
  await envs.reset({ seed: 1 });
  const saved = await envs.saveState();
  envs.actionSpace.seed(1);
  // The restore is there before the last of several steps has begun.
  const steps = Array.from({ length: 6 }, () => envs.step(envs.actionSpace.sample()));
  const error = await failure(envs.restoreState(saved));
  expect([error.reason, error.message]).toEqual([
    'MALFORMED_REQUEST',
    expect.stringContaining('await'),
  ]);
  for (const step of steps) expect((await step).rewards.length).toBe(64);
  expect(new Set(envs.lastTransition().episodeSteps)).toEqual(new Set([6]));
});
