// `npm run test:gymnasium`: Gymnasium's own tests of vector environments, once with its vectorisers and once with
// RemoteVectorEnv in their place, over a server of its own.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table, verdict } from './verdict.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const root = resolve(folder, '../..');
const suite = JSON.parse(readFileSync(join(folder, 'suite.json'), 'utf8'));
const testTimeoutS = 180;
const sideTimeoutMs = 30 * 60_000;

/** What to do about the checkout; undefined if it is as it should be. */
function adviceOn(checkout) {
  const git = (...args) => spawnSync('git', ['-C', checkout, ...args], { encoding: 'utf8' });
  const { status, stdout } = git('rev-parse', '--show-prefix', 'HEAD');
  const [prefix, commit] = (stdout ?? '').split('\n');
  if (status !== 0 || prefix !== '')
    return `${checkout} is no git checkout: let GYMNASIUM_CHECKOUT be one of Gymnasium, at commit ${suite.commit}.`;
  if (commit !== suite.commit)
    return `${checkout} is at commit ${commit}: git -C ${checkout} checkout ${suite.commit}`;
  if (git('diff', '--quiet', 'HEAD', '--', 'tests', 'pyproject.toml').status !== 0)
    return `The tests in ${checkout} were changed: git -C ${checkout} checkout HEAD -- tests pyproject.toml`;
  return undefined;
}

/** Runs the tests in a process group of their own, all of which ends; returns what came of each test. */
async function runTests({ python, env, plugins, work, signal }) {
  const outcomes = join(mkdtempSync(join(work, 'side-')), 'outcomes.json');
  const checkout = env.GYMNASIUM_CHECKOUT;
  const pytest = spawn(
    python,
    [
      ...['-m', 'pytest', '-q', '--tb=no', '--no-summary', '-p', 'no:cacheprovider'],
      ...[`--timeout=${testTimeoutS}`, `--rootdir=${checkout}`],
      ...[`--config-file=${join(checkout, 'pyproject.toml')}`],
      ...plugins.flatMap((name) => ['-p', name]),
      ...suite.tests.map((test) => join(checkout, test)),
    ],
    {
      // Tests write videos into their working folder.
      cwd: dirname(outcomes),
      env: { ...env, OUTCOMES: outcomes },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    },
  );
  const end = () => {
    try {
      process.kill(-pytest.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  const stop = AbortSignal.any([signal, AbortSignal.timeout(sideTimeoutMs)]);
  stop.addEventListener('abort', end);
  const how = await new Promise((settle, reject) => {
    pytest.on('error', reject);
    pytest.on('exit', (status, killedBy) => settle(killedBy ?? `status ${status}`));
  });
  stop.removeEventListener('abort', end);
  end();
  try {
    return JSON.parse(readFileSync(outcomes, 'utf8'));
  } catch (error) {
    throw new Error(`pytest ended with ${how} before it could tell what came of the tests.`, {
      cause: error,
    });
  }
}

async function runBoth(checkout, work, signal) {
  const { devPython } = await import('../../dev-python.mjs');
  const { python, env } = await devPython((line) => console.error(line), 'gymnasium-tests');
  // Servers in this process take the same Python. MuJoCo renders without a window.
  process.env.GYMLINK_PYTHON = python;
  process.env.GYMNASIUM_CHECKOUT = checkout;
  process.env.MUJOCO_GL ??= 'egl';
  const { serve } = await import('../../dist/server/index.js');
  const common = { ...env, GYMNASIUM_CHECKOUT: checkout, MUJOCO_GL: process.env.MUJOCO_GL };
  const side = (plugins, more) =>
    runTests({ python, env: { ...common, ...more }, plugins, work, signal });

  console.log("With Gymnasium's own vectorisers:");
  const own = await side(['outcomes'], { PYTHONPATH: folder });
  console.log('With RemoteVectorEnv in their place:');
  const listen = `unix:${join(work, 's.sock')}`;
  const server = await serve({ listen, families: [folder], logLevel: 'error' });
  try {
    const remote = await side(['adapter', 'outcomes'], {
      PYTHONPATH: [folder, resolve(folder, '..')].join(delimiter),
      GYMLINK_ADDRESS: server.address,
      GRPC_ENABLE_FORK_SUPPORT: '0',
    });
    return { own, remote };
  } finally {
    await server.close();
  }
}

async function main(checkout) {
  const advice = adviceOn(checkout);
  if (advice !== undefined) {
    console.error(advice);
    return 1;
  }
  const setup = spawnSync(process.execPath, ['setup.mjs'], { cwd: root, stdio: 'inherit' });
  if (setup.status !== 0) return 1;
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopping.abort());
  const work = mkdtempSync(join(tmpdir(), 'gl-'));
  try {
    const { own, remote } = await runBoth(checkout, work, stopping.signal);
    const { complaints, leftOut } = verdict(own, remote, suite);
    for (const complaint of complaints) console.error(`\n${complaint}`);
    console.log(`\n${table(own, remote, leftOut)}`);
    return complaints.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(stopping.signal.aborted ? 'Stopped.' : error);
    return 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const given = process.env.GYMNASIUM_CHECKOUT;
if (given) process.exitCode = await main(resolve(given));
else
  console.log(
    `Not run: set GYMNASIUM_CHECKOUT to a checkout of Gymnasium at commit ${suite.commit}.`,
  );
