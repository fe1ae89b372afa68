import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { rows } from './rows.js';

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

test.each([
  ['single', 'dm-env-rpc', 'npm run bench'],
  ['sb3Vec64', 'stable-baselines3', 'npm run bench:sb3'],
])('%s fails without its package, and says how to get it', async (row, lacking, command) => {
  const failed = await bench(row, '--rounds', '1').catch((error) => error);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toBe('');
  expect(failed.stderr).toContain(`lacks ${lacking}`);
  expect(failed.stderr).toContain(`\`${command}\``);
});

test('a row beside both vectorisers of Gymnasium is compared with the better one, and reported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gymlink-bench-'));
  try {
    const { stdout } = await bench('lander64', '--rounds', '1', '--json', '--report', folder);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ row: 'lander64', atLeast: 1.4, aim: 1.6, rounds: 1 });
    const values = result.baselines.map(({ value }: { value: number }) => value);
    expect(values).toHaveLength(2);
    expect(result.baselineValue).toBe(Math.max(...values));
    expect(result.ratio).toBeCloseTo(result.value / result.baselineValue);
    expect(result.cpuPerStep.sidecar).toBeGreaterThan(0);
    const kept = JSON.parse(await readFile(join(folder, 'bench.json'), 'utf8'));
    expect(kept.results).toEqual([result]);
    expect(kept.machine.packages.gymnasium).toMatch(/^\d/);
    expect(await readFile(join(folder, 'bench.md'), 'utf8')).toContain('| `lander64` | ');
    expect(await readFile(join(folder, 'bench.svg'), 'utf8')).toMatch(/^<svg.*lander64/s);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a proxy holds every step back for a round trip', async () => {
  const { stdout } = await bench('remoteSingle10', '--rounds', '1', '--json');
  const { value, baselineValue } = JSON.parse(stdout);
  expect(value).toBeGreaterThan(0);
  expect(value).toBeLessThanOrEqual(100);
  expect(baselineValue).toBeGreaterThan(0);
});

test('frames are measured in bytes a second, against what is demanded of the figure itself', async () => {
  const { stdout } = await bench('pixelsTcp', '--rounds', '1', '--json');
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ unit: 'GB/s', atLeast: 0.4, demands: [{ of: 'value' }] });
  expect(result.value).toBeGreaterThan(0);
  expect(result.baselineValue).toBeGreaterThan(0);
});

test('frames of an asynchronous session are measured in shared memory and in messages', async () => {
  const { stdout } = await bench('pixelsAsync', '--rounds', '1', '--json');
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ row: 'pixelsAsync', unit: 'GB/s' });
  expect(result.value).toBeGreaterThan(0);
  expect(result.baselineValue).toBeGreaterThan(0);
});

test('the server’s memory is looked at twice in a single round', async () => {
  const { stdout } = await bench('memory', '--steps', '5000', '--json');
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ row: 'memory', unit: 'MB', rounds: 1 });
  expect(result.baselineValue).toBeGreaterThan(10);
  expect(result.ratio).toBeCloseTo(result.baselineValue / result.value);
});

test('the cost of a step is told after its least, beside it', async () => {
  const { stdout } = await bench('growth', '--rounds', '1', '--json');
  const { value, baselineValue, ratio, details } = JSON.parse(stdout);
  expect(baselineValue).toBeGreaterThan(0);
  expect(value).toBeGreaterThanOrEqual(baselineValue);
  expect(ratio).toBeLessThanOrEqual(1);
  const costs = Object.values(details);
  expect(costs).toHaveLength(6);
  expect(costs).toContain(value);
  expect(Math.min(...(costs as number[]))).toBe(baselineValue);
});

test('an agent that thinks while its environments step stands beside one that waits, with both times', async () => {
  const { stdout } = await bench('overlap', '--rounds', '1');
  expect(stdout).toMatch(/^overlap: [\d,]+ steps\/s$/m);
  expect(stdout).toMatch(/^ {2}the same policy, one step after the other: [\d,]+$/m);
  for (const time of ['forward pass', 'step of all'])
    expect(stdout).toMatch(new RegExp(`^ {2}${time}, ms: [1-9\\d.]+`, 'm'));
});

test('slow environments are drawn for both sides, and the layout is told', async () => {
  const { stdout } = await bench('stragglers', '--rounds', '1', '--json');
  const { value, baselineValue, details } = JSON.parse(stdout);
  expect(value).toBeGreaterThan(0);
  expect(baselineValue).toBeGreaterThan(0);
  expect(details.workers).toBe(8);
  expect(details['workers with a slow one']).toBeGreaterThan(0);
  expect(details['workers with a slow one']).toBeLessThanOrEqual(4);
});

test('--help says what each row measures', async () => {
  const { stdout } = await bench('--help');
  for (const [name, { what, baselines }] of Object.entries(rows)) {
    expect(stdout).toContain(`  ${name} `);
    expect(stdout).toContain(what);
    for (const baseline of baselines) expect(stdout).toContain(baseline.name);
  }
});
