import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { readFamily } from './family.js';
import { packageRoot } from './package-paths.js';
import { cacheFolder, ensurePythonEnv, locatePythonEnv } from './python-env.js';
import { findPython } from './python-finder.js';

const range = '>=3.11,<3.14';
const run = promisify(execFile);

/** Writes a wheel of one module `tiny` into the folder, and prints its SHA-256. */
const writeWheel = `
import hashlib, pathlib, sys, zipfile
wheel = pathlib.Path(sys.argv[1]) / "tiny-1.0-py3-none-any.whl"
with zipfile.ZipFile(wheel, "w") as file:
    file.writestr("tiny.py", "answer = 42")
    file.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    file.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    file.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\\ntiny-1.0.dist-info/METADATA,,\\ntiny-1.0.dist-info/WHEEL,,\\ntiny-1.0.dist-info/RECORD,,\\n")
print(hashlib.sha256(wheel.read_bytes()).hexdigest())`;

let executable: string;
let folder: string;
let bin: string;

beforeAll(async () => {
  ({ executable } = await findPython(range));
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gymlink-python-env-'));
  bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(executable, join(bin, 'python3'));
  const hash = execFileSync(executable, ['-c', writeWheel, folder], { encoding: 'utf8' }).trim();
  await writeFile(join(folder, 'family.json'), JSON.stringify({ name: 'tiny', python: range }));
  await writeLock(hash);
  vi.stubEnv('GYMLINK_PYTHON', '');
  vi.stubEnv('GYMLINK_CACHE_DIR', join(folder, 'cache'));
  vi.stubEnv('PATH', bin);
  vi.stubEnv('PYENV_ROOT', join(folder, 'pyenv'));
  vi.stubEnv('UV_PYTHON_INSTALL_DIR', join(folder, 'uv'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const writeLock = (hash: string) =>
  writeFile(
    join(folder, 'requirements.lock'),
    `tiny @ file://${folder}/tiny-1.0-py3-none-any.whl --hash=sha256:${hash}\n`,
  );

async function writeProgram(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
}

async function answerOf(python: string): Promise<string> {
  const { stdout } = await run(python, ['-c', 'import tiny; print(tiny.answer)']);
  return stdout.trim();
}

/** Processes whose command line names this test's folder. */
async function processesOfFolder(): Promise<string[]> {
  const { stdout } = await run('/bin/ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(folder));
}

describe('ensurePythonEnv', () => {
  test('two at once build one environment; it is built anew only when its interpreter is gone', async () => {
    const lines: string[][] = [[], []];
    const asked = lines.map((list) =>
      ensurePythonEnv(readFamily(folder), { onProgress: (line) => list.push(line) }),
    );
    const [one, two] = await Promise.all(asked);
    expect(one).toEqual(two);
    expect(await answerOf(one?.python ?? '')).toBe('42');
    const installs = lines.flat().filter((line) => line.startsWith('Successfully installed'));
    expect(installs).toEqual(['Successfully installed tiny-1.0']);
    const onProgress = vi.fn();
    expect(await ensurePythonEnv(readFamily(folder), { onProgress })).toEqual(one);
    expect(onProgress).not.toHaveBeenCalled();
    await rm(one?.python ?? '');
    await ensurePythonEnv(readFamily(folder));
    expect(await answerOf(one?.python ?? '')).toBe('42');
  });

  test('a process killed while it builds takes its installer along, and the next builds anew', async () => {
    const module = new URL('dist/server/python-env.js', `file://${packageRoot}/`).href;
    const family = module.replace('python-env', 'family');
    const script = `import { ensurePythonEnv } from '${module}'; import { readFamily } from '${family}'; await ensurePythonEnv(readFamily('${folder}'), { onProgress: console.log });`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const { folder: half } = await locatePythonEnv(readFamily(folder));
    await vi.waitUntil(() => existsSync(join(half, 'bin')), { timeout: 10_000 });
    child.kill('SIGKILL');
    await vi.waitUntil(async () => (await processesOfFolder()).length === 0, { timeout: 10_000 });
    expect((await locatePythonEnv(readFamily(folder))).complete).toBe(false);
    const { python } = await ensurePythonEnv(readFamily(folder));
    expect(await answerOf(python)).toBe('42');
  });

  test('aborting ends the installer', async () => {
    const aborting = new AbortController();
    const making = ensurePythonEnv(readFamily(folder), { signal: aborting.signal });
    await sleep(300);
    aborting.abort();
    await expect(making).rejects.toMatchObject({ problem: 'cancelled' });
    await vi.waitUntil(async () => (await processesOfFolder()).length === 0, { timeout: 10_000 });
    expect((await locatePythonEnv(readFamily(folder))).complete).toBe(false);
  });

  test('a package that is not the one in the lock file is refused with the installer’s reason', async () => {
    await writeLock('0'.repeat(64));
    await expect(ensurePythonEnv(readFamily(folder))).rejects.toMatchObject({
      problem: 'install',
      message: expect.stringMatching(/DO NOT MATCH THE HASHES/),
    });
    expect((await locatePythonEnv(readFamily(folder))).complete).toBe(false);
  });

  test('an index that cannot be reached is named as such', async () => {
    await writeFile(
      join(folder, 'requirements.lock'),
      `tiny==1.0 --hash=sha256:${'0'.repeat(64)}\n`,
    );
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple');
    vi.stubEnv('PIP_NO_INDEX', '');
    vi.stubEnv('PIP_RETRIES', '1');
    await expect(ensurePythonEnv(readFamily(folder))).rejects.toMatchObject({
      problem: 'no-network',
    });
  });

  test('a full disk is named as such', async () => {
    await writeProgram(
      'uv',
      '[ "$1" = --version ] || { echo "error: No space left on device (os error 28)"; exit 2; }',
    );
    await expect(ensurePythonEnv(readFamily(folder))).rejects.toMatchObject({
      problem: 'disk-full',
      message: expect.stringContaining('GYMLINK_CACHE_DIR'),
    });
  });

  test('another lock file is another environment', async () => {
    const before = await locatePythonEnv(readFamily(folder));
    await writeLock('0'.repeat(64));
    expect((await locatePythonEnv(readFamily(folder))).folder).not.toBe(before.folder);
  });

  test('a lock file that is missing is named with its remedy', async () => {
    await rm(join(folder, 'requirements.lock'));
    await expect(ensurePythonEnv(readFamily(folder))).rejects.toMatchObject({
      problem: 'no-lock',
      message: expect.stringMatching(
        /requirements.lock of family tiny is missing: "gymlink family lock/,
      ),
    });
  });

  test('a checkout named by its variable is imported in place, and is an installed package to itself', async () => {
    const checkout = join(folder, 'checkout');
    await mkdir(checkout);
    const asks = 'from importlib.metadata import version\nown = version("near-by")\n';
    await writeFile(join(checkout, 'near_by.py'), asks);
    const source = {
      package: 'near-by',
      git: 'file:///nowhere',
      commit: '0'.repeat(40),
      variable: 'GYMLINK_NEAR_BY_SOURCE',
    };
    const manifest = { name: 'tiny', python: range, sources: [source] };
    await writeFile(join(folder, 'family.json'), JSON.stringify(manifest));
    vi.stubEnv('GYMLINK_NEAR_BY_SOURCE', checkout);
    const { python } = await ensurePythonEnv(readFamily(folder));
    const { stdout } = await run(python, [
      '-c',
      'import near_by; print(near_by.own, near_by.__file__)',
    ]);
    expect(stdout.trim()).toBe(`0+checkout ${join(checkout, 'near_by.py')}`);
  });

  test('a source that cannot be fetched is told in git’s words, before any package is installed', async () => {
    await writeProgram(
      'git',
      'echo "fatal: no repository"; echo "Do you have the rights?"; exit 128',
    );
    const variable = 'GYMLINK_NEAR_BY_SOURCE';
    const source = { package: 'near-by', git: 'file:///nowhere', commit: '0'.repeat(40), variable };
    const manifest = { name: 'tiny', python: range, sources: [source] };
    await writeFile(join(folder, 'family.json'), JSON.stringify(manifest));
    const lines: string[] = [];
    const building = ensurePythonEnv(readFamily(folder), {
      onProgress: (line) => lines.push(line),
    });
    await expect(building).rejects.toMatchObject({
      problem: 'install',
      message: expect.stringContaining('(fatal: no repository)'),
    });
    expect(lines).toContain(`Fetching file:///nowhere at ${'0'.repeat(40)}`);
    expect(lines.join()).not.toContain('tiny==');
  });

  test('GYMLINK_PYTHON is taken as it is for a family without a lock', async () => {
    await rm(join(folder, 'requirements.lock'));
    vi.stubEnv('GYMLINK_PYTHON', '/somewhere/python');
    expect(await ensurePythonEnv(readFamily(folder))).toEqual({ python: '/somewhere/python' });
    expect(existsSync(cacheFolder())).toBe(false);
  });
});

describe('findPython', () => {
  const fake = (version: string, hasVenv: boolean) =>
    writeProgram(
      'python3',
      `echo '{"executable": "/x", "version": [${version}], "abi": "x", "hasVenv": ${hasVenv}}'`,
    );

  beforeEach(() => rm(join(bin, 'python3')));

  test('without any Python it says what to install', async () => {
    await expect(findPython(range)).rejects.toMatchObject({
      problem: 'no-python',
      message: expect.stringMatching(/Python >=3.11,<3.14 is needed and none is on PATH: install/),
    });
  });

  test.each(['3, 9, 18', '3, 14, 0', '2, 7, 18'])('Python %s does not suit', async (version) => {
    await fake(version, true);
    await expect(findPython(range)).rejects.toMatchObject({
      problem: 'no-python',
      message: expect.stringContaining(`python3 is ${version.replaceAll(', ', '.')}`),
    });
  });

  test('a name that fails, as a version manager’s shim does, is passed over', async () => {
    await writeProgram('python3', 'echo "python3: command not found" >&2; exit 127');
    await symlink(executable, join(bin, 'python3.12'));
    expect(await findPython(range)).toMatchObject({ name: 'python3.12', hasVenv: true });
  });

  test('a Python without venv needs uv', async () => {
    await fake('3, 11, 2', false);
    await expect(findPython(range)).rejects.toMatchObject({
      problem: 'no-venv',
      message: expect.stringContaining('python3.11-venv'),
    });
    await writeProgram('uv', 'exit 0');
    expect(await findPython(range)).toMatchObject({ name: 'python3', version: [3, 11, 2] });
  });
});

test('the cache folder follows the platform unless it is given', () => {
  expect(cacheFolder()).toBe(join(folder, 'cache'));
  vi.stubEnv('GYMLINK_CACHE_DIR', '');
  vi.stubEnv('XDG_CACHE_HOME', 'relative');
  const home = process.platform === 'darwin' ? 'Library/Caches/gymlink' : '.cache/gymlink';
  expect(cacheFolder()).toBe(join(homedir(), home));
});

test('all versions are one', () => {
  const npm = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;
  const python = (file: string) => readFileSync(join(packageRoot, 'python-envs', file), 'utf8');
  expect(python('pyproject.toml')).toContain(`\nversion = "${npm}"\n`);
  expect(python('gymlink/__init__.py')).toContain(`__version__ = "${npm}"\n`);
});
