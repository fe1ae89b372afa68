/**
 * The oracle: Gymnasium itself plays in a plain Python process (python-envs/tests/oracle.py), the bridge plays the same seeds
 * and actions, and everything that comes out must be equal, bit for bit.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, compareEnv, compareVector, Oracle } from './fixtures/oracle.js';
import { type AutoresetMode, type Connection, launch } from './index.js';

const steps = 200;
const seed = 7;

async function playEnv(gym: Connection, oracle: Oracle, settings: Case): Promise<void> {
  const options = settings.max_episode_steps ? { maxEpisodeSteps: settings.max_episode_steps } : {};
  await using env = await gym.make(settings.id, options);
  await compareEnv(env, oracle, settings);
}

async function playVector(gym: Connection, oracle: Oracle, settings: Case): Promise<number> {
  const { id, num_envs: numEnvs, mode, max_episode_steps: maxEpisodeSteps } = settings;
  await using envs = await gym.makeVec(id, {
    numEnvs,
    numWorkers: 2,
    autoresetMode: mode as AutoresetMode,
    ...(maxEpisodeSteps ? { maxEpisodeSteps } : {}),
  });
  // Awaited here: the environments are closed when this function returns.
  return await compareVector(envs, oracle, settings);
}

const modes: readonly AutoresetMode[] = ['NextStep', 'SameStep', 'Disabled'];
const base = { steps, seed };

let gym: Connection;
let ids: string[];

beforeAll(async () => {
  gym = await launch();
  const environments = await gym.environments();
  ids = environments
    .filter(({ family, unavailable }) => family === 'gymnasium' && !unavailable)
    .map(({ id }) => id);
}, 180_000);

afterAll(() => gym?.close());

describe('equal to Gymnasium, bit for bit', { timeout: 600_000 }, () => {
  /** Runs a comparison for every environment, each with its own message. */
  async function forEveryId(compare: (oracle: Oracle, id: string) => Promise<void>): Promise<void> {
    const waiting = [...ids];
    const lane = async () => {
      const oracle = new Oracle();
      try {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
          await compare(oracle, id);
      } finally {
        oracle.close();
      }
    };
    await Promise.all([lane(), lane()]);
  }

  test('the catalogue offers exactly what can be made', async () => {
    const oracle = new Oracle();
    for await (const line of oracle.play({ list: true })) expect(ids).toEqual(line.ids);
    oracle.close();
    expect(ids.length).toBeGreaterThanOrEqual(38);
  });

  test('a single environment', async () => {
    await forEveryId(async (oracle, id) => {
      await playEnv(gym, oracle, {
        ...base,
        id,
        num_envs: 1,
        mode: 'Env',
        max_episode_steps: 0,
      });
    });
  });

  for (const mode of modes) {
    test(`5 sub-environments over 2 workers, autoreset mode ${mode}`, async () => {
      await forEveryId(async (oracle, id) => {
        await playVector(gym, oracle, { ...base, id, num_envs: 5, mode, max_episode_steps: 0 });
      });
    });

    test(`the same with episodes of at most 37 steps, autoreset mode ${mode}`, async () => {
      await forEveryId(async (oracle, id) => {
        const settings = { ...base, id, num_envs: 5, mode, max_episode_steps: 37 };
        const fewest = await playVector(gym, oracle, settings);
        expect(fewest, `${id} ended too few episodes to test autoresets`).toBeGreaterThanOrEqual(3);
      });
    });
  }

  test('1 sub-environment', async () => {
    await forEveryId(async (oracle, id) => {
      const settings = {
        ...base,
        id,
        num_envs: 1,
        mode: 'NextStep',
        max_episode_steps: 37,
      } as const;
      expect(await playVector(gym, oracle, settings)).toBeGreaterThanOrEqual(3);
    });
  });
});
