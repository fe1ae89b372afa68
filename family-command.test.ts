import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type NdArray } from './client/index.js';
import { readFamily } from './server/family.js';
import { serve } from './server/index.js';
import { packageRoot } from './server/package-paths.js';
import { ensurePythonEnv } from './server/python-env.js';

const run = promisify(execFile);
let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'gl-family-')), 'My Walks');
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const faulty = 'python-envs/tests/families/faulty';

/** A process's command line; empty when it has ended. */
function commandLine(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
  } catch {
    return '';
  }
}

const gymlink = (...args: string[]) =>
  run(process.execPath, [join(packageRoot, 'dist/cli.js'), 'family', ...args]);

describe('gymlink family', { timeout: 120_000 }, () => {
  test('list says which families there are, and whether they are built', async () => {
    const { stdout } = await gymlink('list', '--json');
    const rows = JSON.parse(stdout) as { name: string; state: string; environment?: string }[];
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['gymnasium', 'atari']));
    expect(rows[0]).toMatchObject({ name: 'gymnasium', state: 'built' });
    expect((await gymlink('list')).stdout).toMatch(/^gymnasium +built +Classic control/);
  });

  test('new writes a family that is built and stepped at once, and remove deletes what was built', async () => {
    const { stdout } = await gymlink('new', folder);
    expect(stdout).toContain('gymlink serve --families');
    expect(readFamily(folder).name).toBe('my-walks');
    await expect(gymlink('new', folder)).rejects.toThrow(/holds a family.json already/);
    const server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', families: [folder] });
    try {
      await using gym = await connect(server.address);
      await using env = await gym.make<NdArray<Float32Array>, number>('Walk-v0', {
        kwargs: { length: 3 },
      });
      expect([...(await env.reset({ seed: 1 })).observation]).toEqual([0]);
      expect((await env.step(1)).reward).toBe(-1);
      const { environment, documentation } = await gym.describe('Walk-v0');
      expect(environment.arguments).toEqual([
        { name: 'length', type: 'int', default: 10, required: false },
      ]);
      expect(documentation).toMatch(/^Walk to the end of a line/);
    } finally {
      await server.close();
    }
    expect((await gymlink('check', folder)).stdout).toMatch(
      /^1\/1 +Walk-v0( +[\d.,]+ ms){2} +[\d.,]+( +[\d.,]+ MB)? +well\n\n1 environment: 1 well\.$/m,
    );
    const [, built = ''] = /: (\/.*)$/m.exec((await gymlink('build', folder)).stdout) ?? [];
    expect(existsSync(built)).toBe(true);
    expect((await gymlink('remove', folder)).stdout).toContain('my-walks is removed');
    expect(existsSync(built)).toBe(false);
  });

  test('lock pins what requirements.in asks for, with hashes and without addresses', async () => {
    await gymlink('new', folder);
    writeFileSync(join(folder, 'requirements.in'), 'farama-notifications==0.0.4\n');
    await gymlink('lock', folder);
    const lock = readFileSync(join(folder, 'requirements.lock'), 'utf8');
    expect(lock).toMatch(/^farama-notifications==0\.0\.4 .*\n +--hash=sha256:[0-9a-f]{64}/);
    expect(lock).not.toMatch(/https?:/);
    writeFileSync(join(folder, 'requirements.in'), 'gymlink-no-such-package==1.0\n');
    await expect(gymlink('lock', folder)).rejects.toThrow(
      /gymlink-no-such-package[\s\S]*requirements of family my-walks cannot be pinned/,
    );
  });

  test('list has families of installed packages, and leaves out one that is wrong', async () => {
    const site = join(folder, '..', 'site');
    const metadata = join(site, 'walks-1.0.dist-info');
    mkdirSync(metadata, { recursive: true });
    await gymlink('new', join(site, 'walks'));
    mkdirSync(join(site, 'wrong'));
    writeFileSync(join(site, 'wrong', 'family.json'), '{}');
    for (const name of ['walks', 'wrong']) writeFileSync(join(site, name, '__init__.py'), '');
    writeFileSync(join(metadata, 'METADATA'), 'Metadata-Version: 2.1\nName: walks\nVersion: 1.0\n');
    const points = '[gymlink.families]\nwalks = walks\nwrong = wrong\ngone = gone.away\n';
    writeFileSync(join(metadata, 'entry_points.txt'), points);
    const env = { ...process.env, PYTHONPATH: site };
    const cli = join(packageRoot, 'dist/cli.js');
    const { stdout, stderr } = await run(process.execPath, [cli, 'family', 'list'], { env });
    expect(stdout).toMatch(/^walks +not built +Environments of my own/m);
    expect(stderr).toMatch(/is left out: .*wrong.*family\.json/);
    expect(stderr).toMatch(/the family gone of an installed package is left out: ModuleNotFound/);
  });

  test('check takes a family with awkward manners as it is', async () => {
    const { stdout } = await gymlink('check', 'python-envs/tests/families/awkward', '--json');
    const { environments, ...report } = JSON.parse(stdout);
    expect(report).toEqual({ family: 'awkward', ok: true, problems: [], warnings: [] });
    expect(environments).toEqual([
      expect.objectContaining({ id: 'Sailing-v0', problems: [], steps_per_s: expect.any(Number) }),
    ]);
  });

  test('check examines vector environments', async () => {
    const { stdout } = await gymlink('check', 'atari', 'AtariVectorEnv/Pong-v5', '--json');
    expect(JSON.parse(stdout).environments).toEqual([
      expect.objectContaining({
        id: 'AtariVectorEnv/Pong-v5',
        problems: [],
        warnings: [],
        steps_per_s: expect.any(Number),
      }),
    ]);
  });

  describe('check of a family with faults', () => {
    let env: NodeJS.ProcessEnv;
    const args = [join(packageRoot, 'dist/cli.js'), 'family', 'check'];

    // Without a lock file it runs in the Python that it is given.
    beforeAll(async () => {
      const { python } = await ensurePythonEnv(readFamily('python-envs/families/gymnasium'));
      env = { ...process.env, GYMLINK_PYTHON: python };
    });

    test('says what is wrong, and fails', async () => {
      const patterns = ['Faulty/C*', 'Faulty/Exit-v0', 'Faulty/Hang-v0', 'Faulty/Space-v0'];
      const options = [faulty, ...patterns, '--limit', '12'];
      const checked = run(process.execPath, [...args, ...options], { env });
      const { code, stdout } = await checked.catch((error) => error);
      expect(code).toBe(1);
      expect(stdout).toContain('Family faulty has 16 environments, of which 5 are checked.');
      expect(stdout).toMatch(/^2\/5 +Faulty\/Crash-v0 +–.* wrong$/m);
      expect(stdout).toContain('5 environments: 5 wrong.');
      for (const message of [
        /^ {2}family\.json: The pattern 'Nothing-\*' of "kwargs" matches no id of the family/m,
        /^ {2}Faulty\/Constructor-v0: Its constructor raised ValueError: no licence, at line/m,
        /^ {2}Faulty\/Crash-v0: Its process was ended by SIGSEGV in its step, at line/m,
        /^ {2}Faulty\/Exit-v0: Its process exited with status 3 in its step/m,
        /^ {2}Faulty\/Hang-v0: It took over 12 s and was ended in its reset, at line/m,
        /^ {2}Faulty\/Space-v0: Its observation\['x'\]\[0\] is 2\.0, but its space has 0\.0 to 1\.0/m,
      ])
        expect(stdout).toMatch(message);
    });

    test('refuses patterns that match no environment', async () => {
      const checked = run(process.execPath, [...args, faulty, 'Nothing-*'], { env });
      await expect(checked).rejects.toThrow(
        /None of the 16 environments of family faulty matches Nothing-\*/,
      );
    });

    test.runIf(process.platform === 'linux')('leaves no process behind on Ctrl-C', async () => {
      const pattern = 'Faulty/Hang-v?';
      const checker = spawn(process.execPath, [...args, faulty, pattern], { env });
      await once(checker.stdout, 'data');
      const processes = () =>
        readdirSync('/proc').filter(
          (pid) => /^\d+$/.test(pid) && commandLine(pid).includes(pattern),
        );
      expect(processes().length).toBeGreaterThan(1);
      checker.kill('SIGINT');
      expect(await once(checker, 'exit')).toEqual([130, null]);
      await expect.poll(processes).toEqual([]);
    });
  });

  test.each([
    [['build', 'atarri'], /There is no family atarri; there are gymnasium, /],
    [['build', './nowhere'], /nowhere holds no family.json/],
    [['check', './nowhere'], /nowhere holds no family.json/],
    [['check', 'atari', '--limit', '0'], /Not a positive number/],
    [['lock', './nowhere'], /nowhere holds no family.json/],
  ])('%s is refused', async (args, message) => {
    await expect(gymlink(...args)).rejects.toThrow(message);
  });
});
