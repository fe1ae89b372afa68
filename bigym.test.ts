/**
 * BiGym through the bridge: all of its tasks, and some of them against BiGym's own API in a plain Python process, bit for bit. Runs
 * where its source can be had: GYMLINK_BIGYM_SOURCE names a checkout, or the family has been built.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareEnv, Oracle } from './client/fixtures/oracle.js';
import { type Argument, type Connection, connect } from './client/index.js';
import { familyEnvironment, readFamily } from './server/family.js';
import { type RunningServer, serve } from './server/index.js';
import { ensurePythonEnv, locatePythonEnv } from './server/python-env.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const folder = join(root, 'python-envs/families/bigym');
const family = readFamily(folder);

/** What the metadata of a task say of it. */
interface Described {
  readonly action_names: readonly string[];
  readonly observation_names: Readonly<Record<string, readonly string[]>>;
}

async function isBuilt(): Promise<boolean> {
  try {
    return (await locatePythonEnv(family)).complete;
  } catch {
    return false;
  }
}

const canRun = Boolean(process.env.GYMLINK_BIGYM_SOURCE) || (await isBuilt());
const title = canRun
  ? 'BiGym'
  : 'BiGym (skipped: GYMLINK_BIGYM_SOURCE names no checkout, and the family is not built)';

describe.skipIf(!canRun)(title, { timeout: 600_000 }, () => {
  let server: RunningServer;
  let gym: Connection;

  beforeAll(async () => {
    await ensurePythonEnv(family);
    const settings = { listen: '127.0.0.1:0', logLevel: 'silent' } as const;
    server = await serve({ ...settings, familiesOnDemand: [folder] });
    gym = await connect(server.address);
  }, 600_000);

  afterAll(async () => {
    await gym?.close();
    await server?.close();
  });

  async function play(id: string, kwargs: Record<string, Argument>, steps: number, limit: number) {
    const { python } = await ensurePythonEnv(family);
    const script = join(root, 'python-envs/tests/bigym_oracle.py');
    const environment = { ...process.env, ...familyEnvironment(family) };
    const oracle = new Oracle([python, script, join(folder, 'family.json')], environment);
    try {
      await using env = await gym.make(id, { kwargs, maxEpisodeSteps: limit });
      const settings = { id, num_envs: 1, mode: 'Env', steps, seed: 7, kwargs } as const;
      return await compareEnv(env, oracle, { ...settings, max_episode_steps: limit });
    } finally {
      oracle.close();
    }
  }

  test.each([
    ['bigym/DrawerTopOpen', {}],
    ['bigym/MovePlate', { privileged_information: true, absolute: true }],
  ])('200 steps of %s with %o are those of plain BiGym', async (id, kwargs) => {
    await play(id, kwargs, 200, 500);
  });

  test('later episodes are those of a BiGym made anew with the seeds that the first one’s draws', async () => {
    const kwargs = { privileged_information: true };
    expect(await play('bigym/ReachTarget', kwargs, 100, 40)).toBeGreaterThanOrEqual(2);
  });

  test.each(['bigym/FlipCup', 'bigym/ReachTarget'])(
    'the pixels of %s are those of plain BiGym, in a second episode, too',
    async (id) => {
      await play(id, { cameras: ['head', 'external'], resolution: 48 }, 3, 2);
    },
  );

  test('all 40 tasks are made and stepped, and say what each number of theirs is', {
    timeout: 1_200_000,
  }, async () => {
    const environments = await gym.environments();
    const ids = environments.filter((entry) => entry.family === 'bigym').map(({ id }) => id);
    expect(ids).toHaveLength(40);
    for (const id of ids) {
      await using env = await gym.make(id, { kwargs: { privileged_information: true } });
      const { action_names, observation_names } = env.metadata as unknown as Described;
      expect(action_names, id).toHaveLength(15);
      env.actionSpace.seed(1);
      let { observation } = await env.reset({ seed: 1 });
      for (let i = 0; i < 50; i++) {
        const step = await env.step(env.actionSpace.sample());
        observation = step.observation;
        if (step.terminated || step.truncated) ({ observation } = await env.reset());
      }
      for (const [key, values] of Object.entries(observation as Record<string, Float32Array>)) {
        expect([...values].every(Number.isFinite), `${id} ${key}`).toBe(true);
        expect(observation_names[key], `${id} ${key}`).toHaveLength(values.length);
      }
    }
  });
});
