/** Each vector wrapper beside Gymnasium's own, around the same environments: everything must be equal, bit for bit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../../agents/evaluate.js';
import { type Case, compareVector, decode, Oracle, type Plain } from '../../fixtures/oracle.js';
import {
  type AutoresetMode,
  asNdArray,
  type Connection,
  launch,
  type NdArray,
} from '../../index.js';
import {
  type AnyVectorEnv,
  ClipAction,
  ClipReward,
  FlattenObservation,
  NormalizeObservation,
  NormalizeReward,
  RecordEpisodeStatistics,
  RescaleAction,
  TransformAction,
  TransformObservation,
  TransformReward,
} from './index.js';

// biome-ignore lint/suspicious/noExplicitAny: one type for environments of all kinds
type Any = AnyVectorEnv<any, any>;

interface Comparison {
  readonly ids: readonly string[];
  readonly modes: readonly AutoresetMode[];
  /** Gymnasium's wrappers, from the inside out. */
  readonly python: NonNullable<Case['wrappers']>;
  readonly wrap: (envs: Any) => Any;
}

const all = ['NextStep', 'SameStep', 'Disabled'] as const;
// Enough for NumPy to add them in pairs.
const numEnvs = 9;

const comparisons: readonly Comparison[] = [
  {
    ids: ['CartPole-v1', 'LunarLander-v3'],
    modes: all,
    python: [['RecordEpisodeStatistics', [], {}]],
    wrap: (envs) => new RecordEpisodeStatistics(envs),
  },
  {
    ids: ['CartPole-v1', 'FrozenLake-v1', 'HalfCheetah-v5', 'MountainCar-v0'],
    modes: ['NextStep'],
    python: [['NormalizeObservation', [], {}]],
    wrap: (envs) => new NormalizeObservation(envs),
  },
  {
    ids: ['LunarLander-v3', 'Pendulum-v1'],
    modes: all,
    python: [['NormalizeReward', [], { gamma: 0.9 }]],
    wrap: (envs) => new NormalizeReward(envs, { gamma: 0.9 }),
  },
  {
    ids: ['Pendulum-v1', 'HalfCheetah-v5'],
    modes: all,
    python: [
      ['RescaleAction', [-0.3, 0.7], {}],
      ['ClipAction', [], {}],
      ['ClipReward', [-2, -0.5], {}],
    ],
    wrap: (envs) => new ClipReward(new ClipAction(new RescaleAction(envs, -0.3, 0.7)), -2, -0.5),
  },
  {
    ids: ['FrozenLake-v1', 'Blackjack-v1', 'HalfCheetah-v5'],
    modes: ['NextStep', 'Disabled'],
    python: [['FlattenObservation', [], {}]],
    wrap: (envs) => new FlattenObservation(envs),
  },
  {
    ids: ['Pendulum-v1'],
    modes: ['NextStep', 'Disabled'],
    python: [
      ['TransformObservation', [{ func: 'double' }], {}],
      ['TransformReward', [{ func: 'negate' }], {}],
      ['TransformAction', [{ func: 'negate' }], {}],
    ],
    wrap: (envs) => {
      const twice = (o: NdArray<Float32Array>) =>
        asNdArray(
          o.map((x) => 2 * x),
          o.shape,
          o.dtype,
        );
      const negated = new TransformReward(new TransformObservation(envs, twice), (rewards) =>
        rewards.map((reward) => -reward),
      );
      return new TransformAction(negated, (actions: Float32Array) => actions.map((x) => -x));
    },
  },
  {
    ids: ['LunarLanderContinuous-v3'],
    modes: ['NextStep'],
    python: [
      ['RecordEpisodeStatistics', [], { stats_key: 'stats' }],
      ['ClipAction', [], {}],
      ['NormalizeObservation', [], {}],
      ['NormalizeReward', [], {}],
      ['ClipReward', [-1, 1], {}],
    ],
    wrap: (envs) => {
      const recorded = new RecordEpisodeStatistics(envs, { statsKey: 'stats' });
      const normalized = new NormalizeObservation(new ClipAction(recorded));
      return new ClipReward(new NormalizeReward(normalized), -1, 1);
    },
  },
];

/** Checks the times of episodes, which two runs do not share, and takes them out. */
function takeTimes(expected: Plain | undefined, found: unknown): void {
  for (const key of ['episode', 'stats']) {
    const own = (expected as { map: Record<string, { map: { t?: Plain } }> }).map[key];
    if (own === undefined) continue;
    const times = decode(own.map.t as { dtype: string; data: string });
    const statistics = (found as Record<string, { t?: NdArray }>)[key];
    expect(statistics?.t?.dtype).toBe('float64');
    const [ours, theirs] = [statistics?.t, times].map((t) => Array.from(t ?? [], (x) => x > 0));
    expect(ours).toEqual(theirs);
    delete own.map.t;
    delete statistics?.t;
  }
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

const cases = comparisons.flatMap(({ ids, modes, python, wrap }) =>
  ids.flatMap((id) =>
    modes.map((mode) => [python.map(([name]) => name).join(', '), id, mode, python, wrap] as const),
  ),
);

describe('equal to Gymnasium’s, bit for bit', { timeout: 120_000 }, () => {
  test.each(cases)('%s around %s, autoreset mode %s', async (_names, id, mode, wrappers, wrap) => {
    const maxEpisodeSteps = 37;
    const options = { numEnvs, numWorkers: 2, autoresetMode: mode, maxEpisodeSteps };
    await using envs = wrap((await gym.makeVec(id, options)) as unknown as Any);
    const settings = { id, num_envs: numEnvs, mode, max_episode_steps: maxEpisodeSteps };
    const played = { ...settings, steps: 150, seed: 7, wrappers };
    expect(await compareVector(envs, oracle, played, takeTimes)).toBeGreaterThanOrEqual(2);
  });
});

test.each<[string, AutoresetMode, (envs: Any) => unknown]>([
  ['TransformObservation', 'SameStep', (envs) => new TransformObservation(envs, (o) => o)],
  ['TransformObservation', 'SameStep', (envs) => new FlattenObservation(envs)],
  ['NormalizeObservation', 'SameStep', (envs) => new NormalizeObservation(envs)],
  ['NormalizeObservation', 'Disabled', (envs) => new NormalizeObservation(envs)],
])('%s refuses autoreset mode %s, as Gymnasium does', async (name, mode, wrap) => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 2, autoresetMode: mode });
  expect(() => wrap(envs)).toThrow(new RegExp(`${name} needs autoreset mode .* has ${mode}`));
});

test('NormalizeObservation refuses to reset some, and changes nothing', async () => {
  const inner = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
  await using envs = new NormalizeObservation(inner);
  await envs.reset({ seed: 1, options: { reset_mask: [true, true] } });
  const { count } = envs.obsRms;
  const reset = envs.reset({ options: { reset_mask: [true, false] } });
  await expect(reset).rejects.toThrow(/reset_mask of all/);
  expect(envs.obsRms.count).toBe(count);
  expect(inner.lastTransition().seeds.size).toBe(2);
});

test('agents take wrapped environments', async () => {
  const made = await gym.makeVec('CartPole-v1', { numEnvs: 4 });
  const recorded = new RecordEpisodeStatistics(made);
  await using envs = new NormalizeObservation(recorded);
  const { returns } = await evaluate(envs, () => Int32Array.of(0, 1, 0, 1), {
    episodes: 8,
    seed: 3,
  });
  expect(returns).toHaveLength(8);
  for (const episode of returns) expect(recorded.returnQueue).toContain(episode);
  expect(recorded.lengthQueue).toEqual(recorded.returnQueue);
});
