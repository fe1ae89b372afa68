import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { rows } from './bench-rows.js';

/** Has grpcio, but not Stable-Baselines3. */
const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';

function bench(...args: string[]) {
  const env = { ...process.env, GYMLINK_PYTHON: python };
  return promisify(execFile)(process.execPath, ['dist/cli.js', 'bench', ...args], { env });
}

test('a row from Python stands beside Gymnasium’s own', async () => {
  const { stdout } = await bench('makeVec64', '--rounds', '1', '--json');
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ row: 'makeVec64', unit: 'steps/s', rounds: 1 });
  expect(result.value).toBeGreaterThan(0);
  expect(result.ratio).toBeCloseTo(result.value / result.baselineValue);
});

test('any environment stands beside a loop in its family’s own Python, alone and as several', async () => {
  const families = ['--families', 'python-envs/tests/families/awkward'];
  const options = [...families, '--rounds', '1', '--json'];
  for (const [count, baseline] of [
    [[], 'gymnasium.make in Python'],
    [['--num-envs', '2'], 'gymnasium.vector.SyncVectorEnv, 2'],
  ] as const) {
    const { stdout } = await bench('awkward/Sailing-v0', ...options, ...count);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ row: 'awkward/Sailing-v0', unit: 'steps/s', baseline });
    expect(result.value).toBeGreaterThan(0);
    expect(result.baselineValue).toBeGreaterThan(0);
  }
});

test('an id that no family has is refused, with the nearest', async () => {
  const failed = await bench('LunarLandr-v3').catch((error) => error);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('LunarLander-v3');
});

test('a row that lacks a package says how to get it', async () => {
  const failed = await bench('sb3Vec64').catch((error) => error);
  expect(failed.code).toBe(1);
  expect(failed.stderr.match(/lacks stable-baselines3\. Install/g)).toHaveLength(1);
  expect(failed.stderr).toContain('npm run bench:sb3 -- sb3Vec64');
});

test('--help says what each row measures', async () => {
  const { stdout } = await bench('--help');
  for (const [name, { what, baseline }] of Object.entries(rows)) {
    expect(stdout).toContain(`  ${name} `);
    expect(stdout).toContain(what);
    expect(stdout).toContain(baseline);
  }
});
