import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = process.cwd();
const tool = (name: string) => join(root, 'node_modules/.bin', name);
const installTimeoutMs = 300_000;

let folder: string;
let tarball: string;
let files: string[];
let project: string;

/** npm without this run's own settings, which npm hands down as npm_config_* variables. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS|VITEST)/.test(name)),
);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gymlink-package-'));
  // Without scripts: prepack would rebuild dist while other tests run servers from it; the set-up has built it.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const packed = JSON.parse((await run('npm', pack, { env })).stdout)[0];
  tarball = join(folder, packed.filename);
  files = packed.files.map(({ path }: { path: string }) => path);
  project = await newProject('project', [tarball]);
}, installTimeoutMs);

afterAll(() => rm(folder, { recursive: true }));

async function newProject(name: string, packages: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, 'package.json'), '{ "private": true, "type": "module" }');
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', [...args, ...packages], { cwd: path, env });
  return path;
}

let agents: Promise<string> | undefined;

/** A project with the optional packages, too, made at its first use. */
function agentsProject(): Promise<string> {
  agents ??= (async () => {
    const { peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
    const peers = Object.entries(peerDependencies).map(([name, version]) => `${name}@${version}`);
    return newProject('agents', [tarball, ...peers]);
  })();
  return agents;
}

/** The README's code that follows the given heading. */
async function readmeCode(heading: string): Promise<string> {
  const readme = await readFile('README.md', 'utf8');
  const code = readme.split(`## ${heading}\n`)[1]?.match(/```ts\n([\s\S]*?)```/)?.[1];
  if (code === undefined) throw new Error(`README.md has no code below "${heading}"`);
  return code;
}

/** This Node and every other one that is installed where the usual version managers put them. */
async function nodes(): Promise<[string, string][]> {
  const versionFolders = [
    [join(process.env.NVM_DIR ?? join(homedir(), '.nvm'), 'versions/node'), 'bin/node'],
    [join(homedir(), '.local/share/fnm/node-versions'), 'installation/bin/node'],
    [join(homedir(), '.volta/tools/image/node'), 'bin/node'],
    ['/usr/local/n/versions/node', 'bin/node'],
  ] as const;
  const managed = await Promise.all(
    versionFolders.map(async ([base, program]) => {
      const versions = existsSync(base) ? await readdir(base) : [];
      return versions.map((version) => join(base, version, program));
    }),
  );
  const named = ['node20', 'node22', 'node24', ...(process.env.GYMLINK_NODES?.split(':') ?? [])];
  const found = new Map<string, string>([[process.versions.node, process.execPath]]);
  for (const node of [...named, ...managed.flat()]) {
    const answer = await run(node, ['--version']).catch(() => undefined);
    const version = answer?.stdout.trim().slice(1);
    if (version !== undefined && Number(version.split('.')[0]) >= 20) found.set(version, node);
  }
  return [...found];
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('The child has no standard output');
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return line;
}

/** Lines of errors that a TypeScript compiler prints, declarations of dependencies included. */
async function compile(compiler: string, sources: string[], cwd: string): Promise<string[]> {
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--pretty',
    'false',
  ];
  const lib = ['--lib', 'es2023,esnext.disposable,dom'];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  const args = [
    join(root, 'node_modules', compiler, 'bin/tsc'),
    ...options,
    ...lib,
    ...types,
    ...sources,
  ];
  const { stdout } = await run(process.execPath, args, { cwd }).catch((error) => error);
  return stdout.split('\n').filter((line: string) => line.includes('error TS'));
}

describe('the packed files', () => {
  test.each([
    'dist/cli.js',
    'dist/client/index.js',
    'dist/client/index.d.ts',
    'dist/client/agents/index.js',
    'dist/client/wrappers/index.js',
    'dist/client/wrappers/vector/index.d.ts',
    'dist/server/index.js',
    'dist/proto/gen/gymlink/v1/service.js',
    'proto/gymlink/v1/service.proto',
    'python-envs/build_env.py',
    'python-envs/pyproject.toml',
    'python-envs/gymlink/sidecar/__main__.py',
    'python-envs/families/gymnasium/family.json',
    'python-envs/families/gymnasium/requirements.lock',
    'LICENSE',
    'README.md',
  ])('hold %s', (file) => {
    expect(files).toContain(file);
  });

  test('hold no tests, fixtures, caches or development environment', () => {
    const unwanted = /test|fixture|conftest|conformance|cache|\.pyc$|python-envs\/dev|oracle/;
    expect(files.filter((file) => unwanted.test(file))).toEqual([]);
  });

  test('pass publint and are-the-types-wrong', async () => {
    await expect(run(tool('publint'), ['--strict', tarball])).resolves.toMatchObject({
      stdout: expect.stringContaining('All good!'),
    });
    const { stdout } = await run(tool('attw'), [
      tarball,
      '--profile',
      'esm-only',
      '--format',
      'ascii',
    ]);
    expect(stdout.match(/node16 \(from ESM\): 🟢/g)).toHaveLength(6);
  });
});

describe('in an empty project', () => {
  test(
    'the README’s example installs its Python packages on first use, and says so',
    async () => {
      await writeFile(join(project, 'example.mjs'), await readmeCode('Step something'));
      const fresh = { ...env, GYMLINK_PYTHON: '', GYMLINK_CACHE_DIR: join(folder, 'cache') };
      const example = ['example.mjs'];
      const first = await run(process.execPath, example, { cwd: project, env: fresh });
      expect(first.stdout).toMatch(/mean reward -?\d+\.\d+/);
      expect(first.stderr).toMatch(/^gymlink: Building a Python 3\.\d+\.\d+ environment in /);
      expect(first.stderr).toContain('box2d');
      const second = await run(process.execPath, example, { cwd: project, env: fresh });
      expect(second.stderr).toBe('');
    },
    installTimeoutMs,
  );

  test('the README’s example runs with every Node that is installed', async () => {
    await writeFile(join(project, 'example.mjs'), await readmeCode('Step something'));
    for (const [version, node] of await nodes()) {
      const { stdout } = await run(node, ['example.mjs'], { cwd: project, env });
      expect(stdout, `with Node ${version}`).toMatch(/mean reward -?\d+\.\d+/);
    }
  }, 180_000);

  test('npx gymlink serve answers and stops', async () => {
    const args = ['--no-install', 'gymlink', 'serve', '--listen', '127.0.0.1:0', '--json'];
    const server = spawn('npx', args, { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const { address, version, pid } = JSON.parse(await firstLine(server));
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(version).toBe(JSON.parse(await readFile('package.json', 'utf8')).version);
    const list = ['--no-install', 'gymlink', 'envs', 'lunar', '--address', address, '--json'];
    const { stdout } = await run('npx', list, { cwd: project, env });
    expect(stdout).toContain('"LunarLander-v3"');
    process.kill(pid, 'SIGTERM');
    const [status] = await once(server, 'close');
    expect(status).toBe(0);
  });

  test('help and training say what they can without the optional packages', async () => {
    const help = await run('npx', ['--no-install', 'gymlink', '--help'], { cwd: project, env });
    expect(help.stdout).toContain('train');
    const train = run('npx', ['--no-install', 'gymlink', 'train'], { cwd: project, env });
    await expect(train).rejects.toMatchObject({
      stderr: expect.stringMatching(/npm install .*@tensorflow\/tfjs/),
    });
  });

  test.each(['typescript5', 'typescript'])(
    'its declarations compile under %s',
    async (compiler) => {
      await writeFile(join(project, 'consumer.ts'), await readmeCode('Step something'));
      await writeFile(
        join(project, 'server.ts'),
        "import { serve } from 'gymlink/server';\nserve;\n",
      );
      await writeFile(
        join(project, 'wrappers.ts'),
        "import { TimeLimit } from 'gymlink/wrappers';\nimport { ClipReward } from 'gymlink/wrappers/vector';\n[TimeLimit, ClipReward];\n",
      );
      const sources = ['consumer.ts', 'server.ts', 'wrappers.ts'];
      expect(await compile(compiler, sources, project)).toEqual([]);
    },
  );
});

test(
  'with TensorFlow.js the agents load, and their declarations compile',
  async () => {
    const path = await agentsProject();
    const script =
      "import { loadCompute } from 'gymlink/agents'; console.log((await loadCompute('wasm')).backend);";
    await writeFile(join(path, 'agents.mts'), script);
    await writeFile(join(path, 'agents.mjs'), script);
    expect((await run(process.execPath, ['agents.mjs'], { cwd: path, env })).stdout).toContain(
      'wasm',
    );
    for (const compiler of ['typescript5', 'typescript']) {
      const errors = await compile(compiler, ['agents.mts'], path);
      // The declarations of TensorFlow.js 4.22 do not pass.
      expect(errors.filter((line) => !/node_modules\/(@|typescript)/.test(line))).toEqual([]);
    }
  },
  installTimeoutMs,
);

describe('docs/your-own-environment.md', () => {
  /** The page's listings in some languages. */
  async function listings(...languages: string[]): Promise<string[]> {
    const page = await readFile('docs/your-own-environment.md', 'utf8');
    return [...page.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
      .filter(([, language = '']) => languages.includes(language))
      .map(([, , code = '']) => code);
  }

  /** Copies the example's scripts into a project, and compiles them, since not every Node runs TypeScript. */
  async function copyScripts(path: string): Promise<void> {
    const isScript = (name: string) => /^examples$|\.ts$|rollout\.py$/.test(name);
    await cp('examples', path, { recursive: true, filter: isScript });
    const options =
      '--ignoreConfig --rewriteRelativeImportExtensions --strict --skipLibCheck --module nodenext --target es2023';
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), ...options.split(' ')];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    const sources = (await readdir(path)).filter((name) => name.endsWith('.ts'));
    await run(process.execPath, [...tsc, ...types, ...sources], { cwd: path });
  }

  /** Runs the page's commands in turn, the server beside the others, and gives what each wrote. */
  async function runCommands(path: string): Promise<Record<string, string>> {
    const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';
    const PYTHONPATH = join(path, 'node_modules/gymlink/python-envs');
    const output: Record<string, string> = {};
    let [address, pid] = ['', 0];
    const commands = (await listings('sh')).join('').trim().split('\n');
    try {
      for (const command of commands.filter((line) => !line.startsWith('npm '))) {
        if (command.includes('gymlink serve')) {
          const args = [...command.split(' ').slice(1), '--listen', '127.0.0.1:0', '--json'];
          const stdio = ['ignore', 'pipe', 'ignore'] as const;
          const server = spawn('npx', args, { cwd: path, env, stdio: [...stdio] });
          ({ address, pid } = JSON.parse(await firstLine(server)));
          const script = await readFile('examples/rollout.py', 'utf8');
          await writeFile(join(path, 'rollout.py'), script.replace('localhost:50051', address));
          continue;
        }
        const here = command
          .replace('localhost:50051', address)
          .replace('train.ts', 'train.ts --seeds 1 --steps 640 --episodes 4')
          .replace(/^node (\S+)\.ts/, `${process.execPath} $1.js`)
          .replace(/^python3/, python);
        const options = { cwd: path, env: { ...env, PYTHONPATH } };
        output[command] = (await run('bash', ['-c', here], options)).stdout;
        if (command.includes('family new'))
          await cp('examples/notifications', join(path, 'notifications'), { recursive: true });
      }
    } finally {
      if (pid > 0) process.kill(pid, 'SIGTERM');
    }
    return output;
  }

  test('has each of its listings from a file of examples', async () => {
    const names = (await readdir('examples', { recursive: true })).filter((name) =>
      /\.(ts|py|json|in)$/.test(name),
    );
    const files = await Promise.all(names.map((name) => readFile(join('examples', name), 'utf8')));
    const code = await listings('ts', 'python', 'json', 'text');
    expect(code.length).toBeGreaterThan(5);
    for (const listing of code)
      expect(
        files.some((file) => file.includes(listing)),
        listing,
      ).toBe(true);
  });

  test(
    'has commands that lead from an empty folder to a trained agent',
    async () => {
      const path = await agentsProject();
      await copyScripts(path);
      const output = await runCommands(path);

      const lock = 'notifications/requirements.lock';
      expect(await readFile(join(path, lock), 'utf8')).toBe(
        await readFile(join('examples', lock), 'utf8'),
      );
      expect(output['npx gymlink describe Notifications-v0 --address localhost:50051']).toContain(
        'audience: str = "everyone", patience: float = 1,',
      );

      const total = (command: string) => /\nreturn (-?[\d.]+),/.exec(output[command] ?? '')?.[1];
      expect(total('node rollout.ts')).toBeDefined();
      expect(total('python3 rollout.py')).toBe(total('node rollout.ts'));

      expect([output['node render.ts']]).toEqual(await listings('console'));
      for (const picture of ['frame.png', 'results/episode.png']) {
        const png = await readFile(join(path, picture));
        const size = [png.readUInt32BE(16), png.readUInt32BE(20)];
        expect([png.toString('latin1', 1, 4), ...size]).toEqual(['PNG', 960, 440]);
      }

      const results = await readFile(join(path, 'results/results.json'), 'utf8');
      const { rows, curves } = JSON.parse(results);
      expect(rows).toHaveLength(5);
      for (const { mean, std } of rows) expect([mean, std].every(Number.isFinite)).toBe(true);
      expect(curves[0].curve.validations).toMatchObject([{ steps: 640 }]);
      expect(await readFile(join(path, 'results/learning-curve.svg'), 'utf8')).toMatch(/^<svg/);

      expect(output['node subject-line.ts']).toMatch(/^On offer: [\s\S]* opened\. Good line\.\n$/);
    },
    installTimeoutMs,
  );
});

test('the Python package installs on its own with pip', async () => {
  const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';
  const sources = join(project, 'node_modules/gymlink/python-envs');
  const target = join(folder, 'python');
  const pip = ['-m', 'pip', 'install', '--no-deps', '--no-build-isolation', '--target', target];
  await run(python, [...pip, sources]);
  const code =
    'import gymlink, gymlink.sidecar.worker; print(gymlink.__version__, gymlink.__file__)';
  const { stdout } = await run(python, ['-c', code], {
    cwd: folder,
    env: { ...process.env, PYTHONPATH: target },
  });
  expect(stdout.trim()).toBe(
    `${JSON.parse(await readFile('package.json', 'utf8')).version} ${join(target, 'gymlink/__init__.py')}`,
  );
}, 120_000);

test('the Python package is Python alone, and its client needs no package of an environment', async () => {
  const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';
  const wheels = join(folder, 'wheels');
  const pip = ['-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--wheel-dir', wheels];
  await run(python, [...pip, join(project, 'node_modules/gymlink/python-envs')]);
  const [wheel] = await readdir(wheels);
  const code = `import json, sys, zipfile, email
archive = zipfile.ZipFile(sys.argv[1])
metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
needs = email.message_from_bytes(archive.read(metadata)).get_all("Requires-Dist")
print(json.dumps({"names": archive.namelist(), "needs": needs}))`;
  const { stdout } = await run(python, ['-c', code, join(wheels, wheel as string)]);
  const { names, needs } = JSON.parse(stdout) as { names: string[]; needs: string[] };
  expect(names).toContain('gymlink/client/remote_vector_env.py');
  const others = names.filter(
    (name) => !/^gymlink\/.*\.py$|^gymlink-[^/]*\.dist-info\//.test(name),
  );
  expect(others).toEqual([]);
  expect(names.filter((name) => /test|fixture|families/.test(name))).toEqual([]);
  const packages = (condition: RegExp) =>
    needs
      .filter((need) => condition.test(need))
      .map((need) => need.split(/[^\w-]/)[0])
      .sort();
  expect(packages(/^[^;]*$/)).toEqual(['gymnasium', 'numpy']);
  expect(packages(/; extra == .client.$/)).toEqual(['grpcio', 'gymnasium', 'numpy']);
}, 120_000);
