/** Each wrapper beside Gymnasium's own, around the same environment: everything that comes out must be equal, bit for bit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, compareEnv, Oracle, type Plain } from '../fixtures/oracle.js';
import { type Connection, launch } from '../index.js';
import {
  type AnyEnv,
  ClipAction,
  ClipReward,
  FlattenObservation,
  FrameStackObservation,
  NormalizeObservation,
  NormalizeReward,
  RecordEpisodeStatistics,
  RescaleAction,
  TimeLimit,
  TransformAction,
  TransformObservation,
  TransformReward,
} from './index.js';

// biome-ignore lint/suspicious/noExplicitAny: one type for environments of all kinds
type Any = AnyEnv<any, any>;
type Wrap = (env: Any) => Any;

interface Comparison {
  readonly id: string;
  /** Gymnasium's wrappers, from the inside out. */
  readonly python: NonNullable<Case['wrappers']>;
  readonly wrap: Wrap;
  readonly steps?: number;
}

const twice = (values: Float32Array) => values.map((value) => 2 * value);

/** An array with the shape and dtype of another. */
function like<T extends object>(array: T, values: T): T {
  const { shape, dtype } = array as { shape?: unknown; dtype?: unknown };
  return Object.assign(values, { shape, dtype });
}

const comparisons: readonly Comparison[] = [
  {
    id: 'CartPole-v1',
    python: [['TimeLimit', [7], {}]],
    wrap: (env) => new TimeLimit(env, 7),
  },
  {
    id: 'CartPole-v1',
    python: [['RecordEpisodeStatistics', [], {}]],
    wrap: (env) => new RecordEpisodeStatistics(env),
  },
  ...['CartPole-v1', 'HalfCheetah-v5', 'FrozenLake-v1', 'MountainCarContinuous-v0'].map((id) => ({
    id,
    python: [['NormalizeObservation', [], {}]] as const,
    wrap: (env: Any) => new NormalizeObservation(env),
  })),
  {
    id: 'CarRacing-v3',
    python: [['NormalizeObservation', [], { epsilon: 0.01 }]],
    wrap: (env) => new NormalizeObservation(env, { epsilon: 0.01 }),
    steps: 10,
  },
  ...['LunarLander-v3', 'Pendulum-v1'].map((id) => ({
    id,
    python: [['NormalizeReward', [], {}]] as const,
    wrap: (env: Any) => new NormalizeReward(env),
  })),
  {
    id: 'CartPole-v1',
    python: [['NormalizeReward', [], { gamma: 0.5, epsilon: 0.1 }]],
    wrap: (env) => new NormalizeReward(env, { gamma: 0.5, epsilon: 0.1 }),
  },
  ...['CartPole-v1', 'FrozenLake-v1', 'Blackjack-v1'].flatMap((id) => [
    {
      id,
      python: [['FrameStackObservation', [3], {}]] as const,
      wrap: (env: Any) => new FrameStackObservation(env, 3),
    },
    {
      id,
      python: [['FrameStackObservation', [4], { padding_type: 'zero' }]] as const,
      wrap: (env: Any) => new FrameStackObservation(env, 4, { paddingType: 'zero' }),
    },
  ]),
  ...['FrozenLake-v1', 'Blackjack-v1', 'HalfCheetah-v5'].map((id) => ({
    id,
    python: [['FlattenObservation', [], {}]] as const,
    wrap: (env: Any) => new FlattenObservation(env),
  })),
  {
    id: 'CarRacing-v3',
    python: [['FlattenObservation', [], {}]],
    wrap: (env) => new FlattenObservation(env),
    steps: 3,
  },
  ...['Pendulum-v1', 'HalfCheetah-v5'].flatMap((id) => [
    {
      id,
      python: [['ClipAction', [], {}]] as const,
      wrap: (env: Any) => new ClipAction(env),
    },
    {
      id,
      python: [['RescaleAction', [-0.3, 0.7], {}]] as const,
      wrap: (env: Any) => new RescaleAction(env, -0.3, 0.7),
    },
  ]),
  {
    id: 'LunarLanderContinuous-v3',
    python: [['RescaleAction', [{ float32: [-0.1, -3] }, { float32: [0.2, 0.7] }], {}]],
    wrap: (env) => new RescaleAction(env, Float32Array.of(-0.1, -3), Float32Array.of(0.2, 0.7)),
  },
  {
    id: 'Pendulum-v1',
    python: [['ClipReward', [-2, -0.5], {}]],
    wrap: (env) => new ClipReward(env, -2, -0.5),
  },
  {
    id: 'Pendulum-v1',
    python: [['ClipReward', [], { max_reward: -1 }]],
    wrap: (env) => new ClipReward(env, null, -1),
  },
  {
    id: 'Pendulum-v1',
    python: [
      ['TransformObservation', [{ func: 'double' }, null], {}],
      ['TransformReward', [{ func: 'negate' }], {}],
      ['TransformAction', [{ func: 'negate' }, null], {}],
    ],
    wrap: (env) => {
      const doubled = new TransformObservation(env, (o: Float32Array) => like(o, twice(o)));
      const negated = new TransformReward(doubled, (reward) => -reward);
      return new TransformAction(negated, (action: Float32Array) => action.map((x) => -x));
    },
  },
  {
    id: 'LunarLanderContinuous-v3',
    python: [
      ['TimeLimit', [60], {}],
      ['RecordEpisodeStatistics', [], {}],
      ['RescaleAction', [-2, 2], {}],
      ['ClipAction', [], {}],
      ['NormalizeObservation', [], {}],
      ['NormalizeReward', [], {}],
      ['ClipReward', [-1, 1], {}],
      ['FrameStackObservation', [2], {}],
    ],
    wrap: (env) => {
      const recorded = new RecordEpisodeStatistics(new TimeLimit(env, 60));
      const acting = new ClipAction(new RescaleAction(recorded, -2, 2));
      const normalized = new NormalizeReward(new NormalizeObservation(acting));
      return new FrameStackObservation(new ClipReward(normalized, -1, 1), 2);
    },
  },
];

/** Checks the time of an episode, which two runs do not share, and takes it out. */
function takeTime(expected: Plain | undefined, found: unknown): void {
  const info = expected as { map: { episode?: { map: { t?: Plain } } } };
  if (info.map.episode === undefined) return;
  const { episode } = found as { episode: { t?: number } };
  expect(episode.t).toBeGreaterThan(0);
  expect(episode.t).toBeLessThan(60);
  delete info.map.episode.map.t;
  delete episode.t;
}

let gym: Connection;
let oracle: Oracle;

beforeAll(async () => {
  gym = await launch();
  oracle = new Oracle();
}, 180_000);

afterAll(async () => {
  oracle?.close();
  await gym?.close();
});

describe('equal to Gymnasium’s, bit for bit', { timeout: 120_000 }, () => {
  test.each(
    comparisons.map(
      (comparison) =>
        [comparison.python.map(([name]) => name).join(', '), comparison.id, comparison] as const,
    ),
  )('%s around %s', async (_names, id, { python, wrap, steps = 150 }) => {
    await using env = wrap((await gym.make(id)) as Any);
    const settings = {
      id,
      num_envs: 1,
      mode: 'Env',
      max_episode_steps: 0,
      steps,
      seed: 7,
    } as const;
    await compareEnv(env, oracle, { ...settings, wrappers: python }, takeTime);
  });
});

describe('what wrappers refuse', () => {
  test.each<[string, string, Wrap, RegExp]>([
    ['TimeLimit', 'CartPole-v1', (env) => new TimeLimit(env, 0), /whole number from 1 on, not 0/],
    ['NormalizeObservation', 'Blackjack-v1', (env) => new NormalizeObservation(env), /Tuple/],
    [
      'NormalizeObservation',
      'CartPole-v1',
      (env) => new NormalizeObservation(env, { epsilon: 0 }),
      /epsilon must be above 0, not 0/,
    ],
    [
      'NormalizeReward',
      'CartPole-v1',
      (env) => new NormalizeReward(env, { gamma: 1.1 }),
      /gamma must be from 0 to 1, not 1.1/,
    ],
    ['ClipAction', 'CartPole-v1', (env) => new ClipAction(env), /Box of floats.*Discrete\(2\)/],
    ['RescaleAction', 'Pendulum-v1', (env) => new RescaleAction(env, 1, 1), /1.*below.*1/],
    ['RescaleAction', 'Pendulum-v1', (env) => new RescaleAction(env, [1, 2], 3), /one bound or 1/],
    [
      'RescaleAction',
      'Pendulum-v1',
      (env) => new RescaleAction(new ClipAction(env), -1, 1),
      /-Infinity to -1/,
    ],
    ['ClipReward', 'CartPole-v1', (env) => new ClipReward(env), /minReward or maxReward/],
    ['ClipReward', 'CartPole-v1', (env) => new ClipReward(env, 1, 0), /\(1\).*above.*\(0\)/],
    [
      'FrameStackObservation',
      'CartPole-v1',
      (env) => new FrameStackObservation(env, 0),
      /whole number from 1 on, not 0/,
    ],
    [
      'FrameStackObservation',
      'CartPole-v1',
      (env) => new FrameStackObservation(env, 2, { paddingType: { observation: 5 } }),
      /padding is not in Box/,
    ],
  ])('%s around %s', async (_name, id, wrap, message) => {
    await using env = (await gym.make(id)) as Any;
    expect(() => wrap(env)).toThrow(message);
  });
});

test('given observations stand before an episode', async () => {
  await using env = new FrameStackObservation(await gym.make('FrozenLake-v1'), 3, {
    paddingType: { observation: 7 },
  });
  const { observation } = await env.reset({ seed: 1 });
  expect([...observation]).toEqual([7, 7, 0]);
  expect(env.observationSpace.contains(observation)).toBe(true);
});

test('the running mean stands still when it is told to', async () => {
  await using env = new NormalizeObservation(await gym.make('CartPole-v1'));
  await env.reset({ seed: 1 });
  const { observation } = await env.reset({ seed: 2 });
  env.updateRunningMean = false;
  const { count } = env.obsRms;
  expect([...(await env.reset({ seed: 2 })).observation]).toEqual([...observation]);
  expect(env.obsRms.count).toBe(count);
});

test('the queues hold the last episodes', async () => {
  const limited = new TimeLimit(await gym.make('Pendulum-v1'), 2);
  await using env = new RecordEpisodeStatistics(limited, { bufferLength: 2 });
  const returns: number[] = [];
  for (let episode = 0; episode < 3; episode++) {
    await env.reset();
    const first = await env.step([0.5]);
    const last = await env.step([0.5]);
    expect(last.truncated).toBe(true);
    returns.push(first.reward + last.reward);
  }
  expect(env.episodeCount).toBe(3);
  expect(env.returnQueue).toEqual(returns.slice(1));
  expect(env.lengthQueue).toEqual([2, 2]);
  expect(env.timeQueue).toHaveLength(2);
});

test('two statistics need two keys', async () => {
  const limited = new TimeLimit(await gym.make('Pendulum-v1'), 1);
  const inner = new RecordEpisodeStatistics(limited);
  await using env = new RecordEpisodeStatistics(inner, { statsKey: 'outer' });
  await env.reset();
  expect(Object.keys((await env.step([0])).info)).toEqual(['episode', 'outer']);
  await env.reset();
  await expect(new RecordEpisodeStatistics(inner).step([0])).rejects.toThrow(/"episode" already/);
});
