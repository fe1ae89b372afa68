import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allowedKwargs, familyEnvironment, matches, mayHave, readFamily } from './family.js';
import { workerCount } from './limits.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gl-family-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(manifest: unknown): string {
  writeFileSync(join(folder, 'family.json'), JSON.stringify(manifest));
  return folder;
}

const least = { name: 'mine', python: '>=3.11,<3.14' };

describe('a manifest', () => {
  test('needs a name and a range of Python versions alone', () => {
    const { name, manifest } = readFamily(write(least));
    expect(name).toBe('mine');
    expect(manifest).toMatchObject({
      lock: 'requirements.lock',
      out_of_space: 'pass',
      step_us: 25,
    });
    expect(manifest.wrappers.TimeLimit).toBe('gymnasium.wrappers:TimeLimit');
  });

  test.each<[string, unknown, RegExp]>([
    [
      'an unknown key',
      { ...least, kwarg: {} },
      /has an unknown key "kwarg", did you mean "kwargs"\?\.$/,
    ],
    [
      'an unknown key within',
      { ...least, states: { 'A-v0': { tier: 'fork', constants: [] } } },
      /"states\.A-v0" has an unknown key "constants"/,
    ],
    ['a name in capitals', { ...least, name: 'Mine' }, /"name" must be a lower-case name/],
    ['no name', { python: least.python }, /"name" invalid input: expected string/],
    [
      'a range of another form',
      { ...least, python: '3.11' },
      /"python" must be a range such as ">=3.11,<3.14"/,
    ],
    [
      'a wrapper that is no class',
      { ...least, wrappers: { A: 'a' } },
      /"wrappers\.A" must be "module:name"/,
    ],
    [
      'a dunder among attributes',
      { ...least, attributes: { '*': { read: ['__class__'] } } },
      /must not begin with two underscores/,
    ],
    [
      'a commit that is none',
      { ...least, sources: [{ package: 'a', git: 'b', commit: 'main', variable: 'GYMLINK_A' }] },
      /40 hexadecimal digits/,
    ],
    [
      'another answer to what is outside',
      { ...least, out_of_space: 'ignore' },
      /"out_of_space" .*"pass"\|"warn"\|"refuse"/,
    ],
    ['a list', [], /expected object/],
  ])('with %s is refused in one sentence', (_, manifest, message) => {
    expect(() => readFamily(write(manifest))).toThrow(message);
    expect(() => readFamily(folder)).toThrow(join(folder, 'family.json'));
  });

  test('that is no JSON, or missing, is named', () => {
    expect(() => readFamily(folder)).toThrow(/holds no family.json.*"gymlink family new/);
    writeFileSync(join(folder, 'family.json'), '{');
    expect(() => readFamily(folder)).toThrow(/family.json is no JSON: /);
  });
});

test('arguments of every matching pattern are allowed', () => {
  const family = readFamily(write({ ...least, kwargs: { '*': ['a'], 'B-*': ['b', 'a'] } }));
  expect(allowedKwargs(family, 'A-v0')).toEqual(['a']);
  expect(allowedKwargs(family, 'B-v0')).toEqual(['a', 'b']);
});

test.each([
  ['ALE/Pong-v5', 'ALE/*', true],
  ['ALE/Pong-v5', 'ale/*', false],
  ['Pong-v4', 'Pong-v?', true],
  ['Pong-v10', 'Pong-v?', false],
  ['a+b', 'a+b', true],
  ['aab', 'a+b', false],
])('whether %s matches %s: %s', (id, pattern, expected) => {
  expect(matches(id, pattern)).toBe(expected);
});

test('a family may have what its patterns and its environments say', () => {
  const environments = { 'Own-v0': { constructor: 'own:Own' } };
  const family = readFamily(write({ ...least, ids: ['ALE/*'], environments }));
  expect(['ALE/Pong-v5', 'Own-v0', 'Pong-v5'].map((id) => mayHave(family, id))).toEqual([
    true,
    true,
    false,
  ]);
});

test('a variable with choices is left to the process', () => {
  const environment = { FIXED: '1', MUJOCO_GL: [{ value: 'egl', libraries: ['libEGL.so.1'] }] };
  const variables = familyEnvironment(readFamily(write({ ...least, environment })));
  expect(variables).toMatchObject({ FIXED: '1', OMP_NUM_THREADS: '1', PYTHONHASHSEED: '0' });
  expect(variables).not.toHaveProperty('MUJOCO_GL');
});

describe('how many workers a session gets', () => {
  const count = (more: object, numEnvs: number, numWorkers = 0) =>
    workerCount({ numEnvs, numWorkers }, readFamily(write({ ...least, ...more })), 4);

  test.each<[string, object, number, number, number]>([
    ['8 quick sub-environments', {}, 8, 0, 1],
    ['9 quick ones', {}, 9, 0, 2],
    ['64 quick ones on 4 cores', {}, 64, 0, 4],
    ['2 slow ones', { step_us: 1_000 }, 2, 0, 2],
    ['8 that do not get along', { max_envs_per_worker: 1 }, 8, 2, 8],
    ['fewer than asked for', {}, 2, 5, 2],
  ])('%s', (_, more, numEnvs, asked, expected) => {
    expect(count(more, numEnvs, asked)).toBe(expected);
  });
});
