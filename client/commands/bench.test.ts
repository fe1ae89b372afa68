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
