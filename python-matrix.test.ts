/**
 * The sidecar on the Pythons, Gymnasiums, NumPys and protobufs that families may have: its own tests in each, and environments
 * through the bridge beside plain Python, bit for bit. Run by `npm run test:matrix`, on the Pythons that are there.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareEnv, Oracle } from './client/fixtures/oracle.js';
import { type Connection, connect } from './client/index.js';
import { type Family, familyEnvironment, readFamily } from './server/family.js';
import { type RunningServer, serve } from './server/index.js';
import { ensurePythonEnv } from './server/python-env.js';
import { findPython } from './server/python-finder.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('.', import.meta.url));
const pythonEnvs = join(root, 'python-envs');
const oracleScript = join(pythonEnvs, 'tests/family_oracle.py');
const names = ['py39', 'py310', 'py311', 'py312', 'py313'];
const ids = ['CartPole-v1', 'Pendulum-v1', 'Acrobot-v1', 'FrozenLake-v1', 'Blackjack-v1'];

/** Tests of whole processes that need neither Box2D nor MuJoCo; what the catalogue has differs between versions of Gymnasium. */
const processTests = ['processes', 'forks', 'out_of_space', 'logs'].map((name) =>
  join(pythonEnvs, `tests/test_${name}.py`),
);

const tellVersions = `
from importlib.metadata import version
import platform
packages = ("gymnasium", "numpy", "protobuf")
print("Python", platform.python_version(), *[f"{name} {version(name)}" for name in packages])`;

const renderOnce = `
import gymnasium, hashlib
env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
env.reset(seed=7)
print(hashlib.sha256(env.render().tobytes()).hexdigest())`;

/** Why a family cannot be tried here, such as "no Python 3.9"; undefined where it can. */
async function obstacle({ manifest }: Family): Promise<string | undefined> {
  return findPython(manifest.python).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

for (const name of names) {
  const family = readFamily(join(pythonEnvs, 'tests/families', name));
  const missing = await obstacle(family);
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`;

  describe.skipIf(missing !== undefined)(title, { timeout: 300_000 }, () => {
    const env = { ...process.env, ...familyEnvironment(family), PYTHONDONTWRITEBYTECODE: '1' };
    let python: string;
    let server: RunningServer;
    let gym: Connection;

    beforeAll(async () => {
      ({ python } = await ensurePythonEnv(family));
      console.log(`${name}: ${(await run(python, ['-c', tellVersions])).stdout.trim()}`);
      const familiesOnDemand = [family.folder];
      server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', familiesOnDemand });
      gym = await connect(server.address);
    }, 300_000);

    afterAll(async () => {
      await gym?.close();
      await server?.close();
    });

    test.each([
      ['the sidecar and the protocol', [join(pythonEnvs, 'gymlink')]],
      ['whole processes', [...processTests, '-k', 'not the_catalogue']],
    ])('passes the tests of %s', async (_, selected) => {
      const config = ['-c', join(pythonEnvs, 'pyproject.toml'), '-p', 'no:cacheprovider'];
      const pytest = run(python, ['-m', 'pytest', ...config, ...selected], { env });
      // What failed is on its standard output.
      const { stdout } = await pytest.catch(({ stdout: told }) => expect.fail(told));
      console.log(`${name}: ${stdout.trim().split('\n').at(-1)}`);
    });

    test.each(ids)('%s is as in plain Python, bit for bit', async (id) => {
      const oracle = new Oracle([python, oracleScript, ...family.manifest.preload], env);
      try {
        await using remote = await gym.make(`${name}/${id}`);
        const counts = { num_envs: 1, max_episode_steps: 0, steps: 200, seed: 7 };
        await compareEnv(remote, oracle, { id, mode: 'Env', ...counts });
      } finally {
        oracle.close();
      }
    });

    test('a frame is as in plain Python', async () => {
      await using remote = await gym.make(`${name}/CartPole-v1`, { renderMode: 'rgb_array' });
      await remote.reset({ seed: 7 });
      const frame = (await remote.render()) as unknown as Uint8Array;
      const digest = createHash('sha256').update(frame).digest('hex');
      expect(digest).toBe((await run(python, ['-c', renderOnce], { env })).stdout.trim());
    });

    test.each(['CartPole-v1', 'Pendulum-v1', 'Acrobot-v1'])(
      '%s goes on from a saved state',
      async (id) => {
        await using envs = await gym.makeVec(`${name}/${id}`, { numEnvs: 2 });
        await envs.reset({ seed: 1 });
        envs.actionSpace.seed(2);
        const actions = Array.from({ length: 20 }, () => envs.actionSpace.sample() as never);
        const play = async () => {
          const steps: unknown[] = [];
          for (const action of actions) {
            const { observations, rewards } = await envs.step(action);
            steps.push(structuredClone([observations, rewards]));
          }
          return steps;
        };
        const states = await envs.saveState();
        const first = await play();
        await envs.restoreState(states);
        expect(await play()).toEqual(first);
      },
    );

    test('attributes are read and set where they are', async () => {
      await using remote = await gym.make(`${name}/CartPole-v1`);
      await remote.reset({ seed: 1 });
      await remote.setAttr('state', [0.5, 0, 0, 0]);
      expect(await remote.getAttr('state')).toEqual([0.5, 0, 0, 0]);
      const { observation } = await remote.step(0 as never);
      expect((observation as unknown as Float32Array)[0]).toBe(0.5);
    });
  });
}
