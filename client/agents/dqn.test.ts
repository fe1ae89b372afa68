import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Compute, loadCompute } from './compute.js';
import {
  DqnAgent,
  type DqnConfig,
  dqnDefaults,
  epsilonAt,
  evaluateTraining,
  learningRateAt,
  type TrainingProgress,
  tdTargets,
  trainDqn,
} from './dqn.js';
import { Corridor } from './fixtures/corridor.js';
import { Random } from './random.js';
import { type Batch, createBatch } from './replay-buffer.js';

let compute: Compute;
beforeAll(async () => {
  compute = await loadCompute('wasm');
});

const config: DqnConfig = {
  ...dqnDefaults,
  totalSteps: 2_400,
  hiddenUnits: [24],
  rewardScale: 1,
  gamma: 0.9,
  replayCapacity: 2_000,
  learningStarts: 100,
  batchSize: 32,
  updatesPerStep: 2,
  targetCopyInterval: 20,
  learningRate: 5e-3,
  finalLearningRate: 1e-3,
  finalEpsilon: 0.1,
  explorationFraction: 0.4,
  checkpointInterval: 800,
  validationEpisodes: 8,
};
const size = { observationSize: 3, numActions: 2, actionStart: 0 };

function randomBatch(seed: number): Batch {
  const random = new Random(seed);
  const batch = createBatch(config.batchSize, size.observationSize);
  batch.observations.forEach((_, i) => {
    batch.observations[i] = random.uniform();
    batch.nextObservations[i] = random.uniform();
  });
  for (let row = 0; row < batch.size; row++) {
    batch.actions[row] = random.integer(2);
    batch.rewards[row] = random.uniform();
    batch.terminations[row] = random.integer(2);
  }
  return batch;
}

describe('TD targets', () => {
  /** Two actions, Q_target(s', ·) = (1, 3) and Q_online(s', ·) = (5, 2) in both rows; row 1 terminated. */
  const batch = { ...createBatch(2, 1), rewards: Float32Array.of(10, 20) };
  batch.terminations[1] = 1;
  const targetQ = Float32Array.of(1, 3, 1, 3);
  const onlineQ = Float32Array.of(5, 2, 5, 2);
  const targets = (selectionQ: Float32Array) => {
    const into = new Float32Array(2);
    tdTargets(batch, targetQ, selectionQ, 0.5, into);
    return [...into];
  };

  test('DQN bootstraps from the largest target value; a terminal state has none', () => {
    expect(targets(targetQ)).toEqual([10 + 0.5 * 3, 20]);
  });

  test("Double DQN bootstraps from the target value of the online network's choice", () => {
    expect(targets(onlineQ)).toEqual([10 + 0.5 * 1, 20]);
  });

  test('of equal values the first is selected', () => {
    expect(targets(Float32Array.of(7, 7, 7, 7))).toEqual([10 + 0.5 * 1, 20]);
  });
});

test('epsilon and the learning rate fall linearly', () => {
  const schedule = {
    ...config,
    initialEpsilon: 1,
    finalEpsilon: 0.2,
    explorationFraction: 0.1,
    learningRate: 4e-3,
    finalLearningRate: 2e-3,
    totalSteps: 1_000,
  };
  expect([0, 50, 100, 900].map((step) => epsilonAt(step, schedule))).toEqual([1, 0.6, 0.2, 0.2]);
  expect(learningRateAt(0, schedule)).toBe(4e-3);
  expect(learningRateAt(500, schedule)).toBeCloseTo(3e-3, 12);
  expect(learningRateAt(1_000, schedule)).toBeCloseTo(2e-3, 12);
});

describe('an update', () => {
  test('returns the mean Huber loss of the chosen actions and lowers it', () => {
    const agent = DqnAgent.create(compute, size, config, new Random(1));
    const batch = randomBatch(2);
    batch.terminations.fill(1);
    batch.rewards.fill(3);
    const first = agent.update(batch, 1e-2);
    // Terminal targets are the rewards, and |Q| stays below 2 here: the linear branch is |e| - 1/2.
    expect(first).toBeGreaterThan(3 - 2 - 0.5);
    for (let i = 0; i < 300; i++) agent.update(batch, 1e-2);
    expect(agent.update(batch, 1e-2)).toBeLessThan(1e-2);
    agent.dispose();
  });

  test('leaves no tensor behind, and neither do act, getWeights and setWeights', () => {
    const before = compute.tf.memory().numTensors;
    const agent = DqnAgent.create(compute, size, config, new Random(1));
    const batch = randomBatch(2);
    agent.update(batch, 1e-3); // Adam makes its moments here.
    const after = compute.tf.memory().numTensors;
    for (let i = 0; i < 2 * config.targetCopyInterval; i++) agent.update(batch, 1e-3);
    agent.act(batch.observations);
    agent.setWeights(agent.getWeights());
    expect(compute.tf.memory().numTensors).toBe(after);
    agent.dispose();
    expect(compute.tf.memory().numTensors).toBe(before);
  });

  test('moves every online weight matrix; the target only moves with the copy', () => {
    const agent = DqnAgent.create(compute, size, config, new Random(1));
    const initial = agent.getWeights();
    expect(agent.getWeights('target')).toEqual(initial);
    for (let i = 1; i < config.targetCopyInterval; i++) agent.update(randomBatch(i), 1e-3);
    agent.getWeights().forEach((weights, i) => {
      expect(weights).not.toEqual(initial[i]);
    });
    expect(agent.getWeights('target')).toEqual(initial);
    agent.update(randomBatch(0), 1e-3);
    expect(agent.getWeights('target')).toEqual(agent.getWeights());
    expect(agent.getWeights('target')).not.toEqual(initial);
    agent.dispose();
  });

  test('obeys the learning rate it is given', () => {
    const agent = DqnAgent.create(compute, size, config, new Random(1));
    const initial = agent.getWeights();
    agent.update(randomBatch(1), 0);
    expect(agent.getWeights()).toEqual(initial);
    agent.dispose();
  });

  test('differs between DQN and Double DQN once the networks differ', () => {
    const weightsAfter = (doubleDqn: boolean) => {
      const agent = DqnAgent.create(compute, size, { ...config, doubleDqn }, new Random(1));
      for (let i = 1; i < 19; i++) agent.update(randomBatch(i), 1e-2);
      const weights = agent.getWeights();
      agent.dispose();
      return weights;
    };
    expect(weightsAfter(true)).toEqual(weightsAfter(true));
    expect(weightsAfter(true)).not.toEqual(weightsAfter(false));
  });
});

describe('training', () => {
  const train = (seed: number, changes: Partial<DqnConfig> = {}) =>
    trainDqn({
      compute,
      env: new Corridor(4),
      validationEnv: new Corridor(4),
      seed,
      config: { ...config, ...changes },
    });

  test.each([true, false])('solves the corridor, double DQN %s', async (doubleDqn) => {
    const result = await train(1, { doubleDqn, checkpointInterval: 200 });
    const { agent, best, curve, steps } = result;
    expect(steps).toBe(2_400);
    expect(curve.validations.map((v) => v.steps).slice(0, 3)).toEqual([200, 400, 600]);
    expect(curve.validations).toHaveLength(12);
    const means = curve.validations.map((v) => v.mean);
    expect(Math.max(...means)).toBeGreaterThan(Math.min(...means));
    expect(best.mean).toBe(Math.max(...means));
    expect(best.steps).toBe(curve.validations[means.indexOf(best.mean)]?.steps);
    const last = agent.getWeights();
    const final = await evaluateTraining(result, new Corridor(5), { episodes: 10 });
    // From cells 0 to 4 the way right takes 5 to 1 steps; each is begun in twice.
    expect(final.best.mean).toBeCloseTo(1 - 0.01 * 3, 6);
    expect(final.last.returns).toHaveLength(10);
    expect([final.best.seed, final.last.seed]).toEqual([2_000_000_000, 2_000_000_000]);
    expect(agent.getWeights()).toEqual(best.weights);
    expect(last).not.toEqual(best.weights);
    agent.dispose();
  });

  test('numbers actions as the environment does', async () => {
    const env = new Corridor(4, { actionStart: 5 });
    const { agent } = await trainDqn({ compute, env, validationEnv: env, seed: 1, config });
    expect([...agent.act((await env.reset()).observations)]).toEqual([6, 6, 6, 6]);
    agent.dispose();
  });

  test('the same seed gives the same weights and curve, bit for bit; another seed others', async () => {
    const outcome = async (seed: number) => {
      const { agent, best, curve } = await train(seed, { totalSteps: 800 });
      const weights = agent.getWeights();
      agent.dispose();
      return { weights, best, curve };
    };
    const first = await outcome(1);
    expect(await outcome(1)).toEqual(first);
    expect((await outcome(2)).weights).not.toEqual(first.weights);
  });

  test('reports its progress', async () => {
    const reports: TrainingProgress[] = [];
    const { agent, curve } = await trainDqn({
      compute,
      env: new Corridor(4),
      validationEnv: new Corridor(4),
      seed: 1,
      config,
      onProgress: (progress) => reports.push(progress),
    });
    agent.dispose();
    expect(reports.map((report) => report.steps)).toEqual([1_000, 2_000, 2_400]);
    const last = reports[2] as TrainingProgress;
    expect(last).toMatchObject({ totalSteps: 2_400, epsilon: config.finalEpsilon, etaSeconds: 0 });
    expect(last.episodes).toBe(curve.episodes.length);
    const returns = curve.episodes.slice(-100).map((episode) => episode.return);
    expect(last.meanReturn).toBeCloseTo(returns.reduce((a, b) => a + b, 0) / 100, 10);
    expect(last.stepsPerSecond).toBeGreaterThan(0);
    expect(last.loss).toBeGreaterThan(0);
  });

  test('learns neither from resets nor from failed rows, and takes no truncation for a termination', async () => {
    const env = new Corridor(2, { length: 3, timeLimit: 2 });
    const seen: { reward: number; terminated: number }[] = [];
    const step = env.step.bind(env);
    let calls = 0;
    env.step = async (actions) => {
      const result = await step(actions);
      const rewards = Float64Array.from(result.rewards);
      if (++calls === 5) rewards[1] = Number.NaN;
      return { ...result, rewards };
    };
    const update = DqnAgent.prototype.update;
    DqnAgent.prototype.update = function (batch, learningRate) {
      batch.rewards.forEach((reward, row) => {
        seen.push({ reward, terminated: batch.terminations[row] as number });
      });
      return update.call(this, batch, learningRate);
    };
    try {
      const changes = {
        totalSteps: 400,
        learningStarts: 10,
        validationEpisodes: 2,
        rewardScale: 10,
      };
      const { agent } = await trainDqn({
        compute,
        env,
        validationEnv: new Corridor(2, { length: 3 }),
        seed: 1,
        config: { ...config, ...changes },
      });
      agent.dispose();
    } finally {
      DqnAgent.prototype.update = update;
    }
    // A step costs 0.01 or ends with 0.99, here scaled by 10: a 0 would be a reset's.
    const rewards = new Set(seen.map((row) => row.reward));
    expect(rewards).toEqual(new Set([Math.fround(-0.1), Math.fround(9.9)]));
    expect(seen.every((row) => row.terminated === (row.reward > 0 ? 1 : 0))).toBe(true);
  });

  test('an aborted signal ends it with its reason and frees its tensors', async () => {
    const before = compute.tf.memory().numTensors;
    const controller = new AbortController();
    const env = new Corridor(4);
    const step = env.step.bind(env);
    let calls = 0;
    env.step = (actions) => {
      calls++;
      return step(actions);
    };
    const training = trainDqn({
      compute,
      env,
      validationEnv: new Corridor(4),
      seed: 1,
      config,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(training).rejects.toThrow('enough');
    expect(calls).toBe(1_000 / env.numEnvs);
    expect(compute.tf.memory().numTensors).toBe(before);
  });

  test('an environment that fails ends it with that error', async () => {
    const env = new Corridor(4);
    const step = env.step.bind(env);
    let calls = 0;
    env.step = async (actions) => {
      if (++calls === 50) throw new Error('the worker died');
      return step(actions);
    };
    const training = trainDqn({ compute, env, validationEnv: new Corridor(4), seed: 1, config });
    await expect(training).rejects.toThrow('the worker died');
  });

  test.each([
    [{ singleActionSpace: { kind: 'Box', shape: [2] } }, 'needs a Discrete action space'],
    [{ singleObservationSpace: { kind: 'Discrete', n: 4 } }, 'needs a Box observation space'],
    [
      { singleObservationSpace: { kind: 'Box', shape: [2], dtype: 'int64' } },
      'cannot learn from int64',
    ],
    [{ autoresetMode: 'SameStep' }, 'autoreset mode NextStep, not SameStep'],
  ])('refuses an environment with %o', async (difference, message) => {
    const env = Object.assign(new Corridor(4), difference);
    await expect(
      trainDqn({ compute, env, validationEnv: new Corridor(4), seed: 1, config }),
    ).rejects.toThrow(message);
  });

  test.each([
    [{ batchSize: 0 }, 'batchSize must be a positive integer, not 0'],
    [{ totalSteps: 1.5 }, 'totalSteps must be a positive integer, not 1.5'],
    [{ learningStarts: 500, replayCapacity: 400 }, 'the first update would never come'],
    [{ validationEpisodes: 5 }, 'positive multiple of the 4 sub-environments, not 5'],
  ])('refuses the configuration %o', async (changes, message) => {
    await expect(train(1, changes)).rejects.toThrow(message);
  });

  test.each([-1, 0.5, 1_000_000_000])('refuses the seed %s', async (seed) => {
    await expect(train(seed)).rejects.toThrow('A training seed must be an integer');
  });
});

test('save and load give an agent with the same weights, configuration and actions', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gymlink-dqn-'));
  try {
    const agent = DqnAgent.create(compute, { ...size, actionStart: 3 }, config, new Random(1));
    agent.update(randomBatch(1), 1e-2);
    await agent.save(directory);
    const loaded = await DqnAgent.load(compute, directory);
    expect(loaded.getWeights()).toEqual(agent.getWeights());
    expect(loaded.config).toEqual(config);
    const { observations } = randomBatch(2);
    expect(loaded.act(observations)).toEqual(agent.act(observations));
    agent.dispose();
    loaded.dispose();
  } finally {
    await rm(directory, { recursive: true });
  }
});
