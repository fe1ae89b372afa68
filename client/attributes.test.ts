/** Attributes and methods of real environments; the allow-list is that of the default family. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connection, GymlinkError, launch, type PlainValue } from './index.js';

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

type Model = Map<number, Map<number, [number, number, number, boolean][]>>;

/** Value iteration on a transition model (Sutton and Barto, 4.4). */
function valueIteration(model: Model, discount: number): { values: number[]; policy: number[] } {
  const values = new Array<number>(model.size).fill(0);
  const worth = (outcomes: [number, number, number, boolean][]) =>
    outcomes.reduce(
      (sum, [probability, next, reward, terminated]) =>
        sum + probability * (reward + (terminated ? 0 : discount * (values[next] as number))),
      0,
    );
  const actionValues = (state: number) =>
    [...(model.get(state) as Map<number, never>).values()].map(worth);
  for (let change = 1; change > 1e-12; ) {
    change = 0;
    for (const state of model.keys()) {
      const best = Math.max(...actionValues(state));
      change = Math.max(change, Math.abs(best - (values[state] as number)));
      values[state] = best;
    }
  }
  const policy = values.map((_, state) => {
    const found = actionValues(state);
    return found.indexOf(Math.max(...found));
  });
  return { values, policy };
}

test('the transition model of FrozenLake solves it by dynamic programming', async () => {
  await using lake = await gym.make('FrozenLake-v1', { kwargs: { is_slippery: false } });
  const model = (await lake.getAttr('P')) as Model;
  expect(model.size).toBe(16);
  expect(model.get(14)?.get(2)).toEqual([[1, 15, 1, true]]);
  const { values, policy } = valueIteration(model, 0.9);
  expect(values[0]).toBeCloseTo(0.9 ** 5, 10);
  let { observation } = await lake.reset({ seed: 0 });
  for (let t = 1; ; t++) {
    const step = await lake.step(policy[observation] as number);
    observation = step.observation;
    if (!step.terminated) continue;
    expect([t, step.reward]).toEqual([6, 1]);
    break;
  }
  expect(await lake.getAttr('s')).toBe(15);
});

test('the transition model of Taxi gives its optimal return', async () => {
  await using taxi = await gym.make('Taxi-v4');
  const { values, policy } = valueIteration((await taxi.getAttr('P')) as Model, 1 - 1e-9);
  let { observation } = await taxi.reset({ seed: 3 });
  const expected = values[observation] as number;
  let total = 0;
  for (let ended = false; !ended; ) {
    const step = await taxi.step(policy[observation] as number);
    total += step.reward;
    observation = step.observation;
    ended = step.terminated;
  }
  expect(total).toBeCloseTo(expected, 5);
  const row = [...((await taxi.call('decode', [observation])) as PlainValue[])].map(Number);
  expect(await taxi.call('encode', row)).toBe(observation);
  const [taxi_row, taxi_col, ...rest] = row as [number, number, number, number];
  const [pass_loc, dest_idx] = rest;
  expect(await taxi.call('encode', [taxi_row], { dest_idx, taxi_col, pass_loc })).toBe(observation);
});

test('attributes of sub-environments in several workers come in order', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 3, numWorkers: 2 });
  const { observations } = await envs.reset({ seed: 4 });
  const states = (await envs.getAttr('state')) as Float64Array[];
  expect(states.flatMap((state) => [...state].map(Math.fround))).toEqual([...observations]);
  expect(await envs.getAttr('length', [0, 2])).toEqual([0.5, 0.5]);
  await envs.setAttr('gravity', [1.5, 2.5, 3.5]);
  expect(await envs.getAttr('gravity')).toEqual([1.5, 2.5, 3.5]);
  await envs.setAttr('gravity', 7);
  expect(await envs.call('gravity')).toEqual([7, 7, 7]);
});

test('what is not on the allow-list is refused and nothing is changed', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 2, numWorkers: 2 });
  for (const call of [
    envs.getAttr('__class__'),
    envs.getAttr('unwrapped.gravity'),
    envs.call('close'),
    envs.setAttr('length', 1),
    envs.call('reset', [5]),
  ]) {
    const error = await failure(call);
    expect(error.reason).toBe('NOT_ALLOWED');
    expect(error.suggestions).toContain('gravity');
    expect(error.message).toContain('Nothing was changed');
  }
  expect((await failure(envs.setAttr('gravity', [1]))).reason).toBe('INVALID_ARGUMENT');
  expect((await failure(envs.getAttr('gravity', [2]))).reason).toBe('INVALID_ENV_INDEX');
  expect((await failure(envs.call('gravity', [1]))).reason).toBe('MALFORMED_REQUEST');
  expect(await envs.getAttr('gravity')).toEqual([9.8, 9.8]);
});

test('a method that raises says so, and its sub-environment needs a reset', async () => {
  await using taxi = await gym.make('Taxi-v4');
  await taxi.reset({ seed: 1 });
  const unfit = await failure(taxi.call('encode', ['north']));
  expect(unfit.reason).toBe('MALFORMED_REQUEST');
  expect(unfit.message).toContain("'encode' of Taxi-v4 does not take these arguments: missing a");
  await taxi.step(0);
  const error = await failure(taxi.call('encode', ['north', 0, 0, 0]));
  expect([error.reason, error.exception?.type]).toEqual([
    'ENVIRONMENT_RAISED',
    'builtins.TypeError',
  ]);
  expect((await failure(taxi.step(0))).reason).toBe('RESET_NEEDED');
  await taxi.reset();
  await taxi.step(0);
});
