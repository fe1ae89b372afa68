import { expect, test } from 'vitest';
import { evaluate } from './evaluate.js';
import { Corridor } from './fixtures/corridor.js';

const right = () => Int32Array.of(1, 1);

test('every sub-environment contributes the same number of episodes, in its order', async () => {
  // Starts with seed 3: sub-environment 0 in cells 3, 4; sub-environment 1 in cells 4, 0.
  const evaluation = await evaluate(new Corridor(2), right, { episodes: 4, seed: 3 });
  const returns = [2, 1, 1, 5].map((steps) => 1 - 0.01 * steps);
  evaluation.returns.forEach((value, i) => {
    expect(value).toBeCloseTo(returns[i] as number, 10);
  });
  expect(evaluation.returns).toHaveLength(4);
  expect(evaluation.mean).toBeCloseTo(0.9775, 10);
  expect(evaluation.std).toBeCloseTo(0.0163936, 7);
  expect(evaluation.seed).toBe(3);
});

test('truncated episodes count like any other', async () => {
  const left = () => Int32Array.of(0, 0);
  const evaluation = await evaluate(new Corridor(2, { timeLimit: 10 }), left, {
    episodes: 2,
    seed: 0,
  });
  expect(evaluation.mean).toBeCloseTo(-0.1, 10);
  expect(evaluation.std).toBeCloseTo(0, 10);
});

test.each([0, 3, 2.5])('%s episodes of 2 sub-environments are refused', async (episodes) => {
  await expect(evaluate(new Corridor(2), right, { episodes, seed: 0 })).rejects.toThrow(
    'positive multiple of the 2 sub-environments',
  );
});

test('another autoreset mode is refused', async () => {
  const env = Object.assign(new Corridor(2), { autoresetMode: 'SameStep' as 'NextStep' });
  await expect(evaluate(env, right, { episodes: 2, seed: 0 })).rejects.toThrow('NextStep');
});

test('a sub-environment that failed makes the evaluation fail', async () => {
  const env = new Corridor(2, { timeLimit: 3 });
  const step = env.step.bind(env);
  env.step = async (actions) => {
    const result = await step(actions);
    return { ...result, rewards: Float64Array.of(0, Number.NaN) };
  };
  await expect(evaluate(env, right, { episodes: 2, seed: 0 })).rejects.toThrow('Sub-environment 1');
});

test('an aborted signal ends the evaluation with its reason', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(evaluate(new Corridor(2), right, { episodes: 2, seed: 0, signal })).rejects.toThrow(
    'enough',
  );
});
