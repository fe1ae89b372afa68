// First step of `npm start` and `npm test`: does what is left to do of npm packages, build and Python environments, and says in
// one sentence what to do where a step fails. Plain JavaScript without dependencies, because it runs before `npm ci`.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldestNode = 20;
const sources = [
  'cli.ts',
  'client',
  'server',
  'proto/gen',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Families that tests play beside the default one. */
const testedFamilies = [
  'python-envs/families/aloha',
  'python-envs/families/atari',
  'python-envs/families/minigrid',
  'python-envs/families/pettingzoo',
  'python-envs/tests/families/awkward',
  'python-envs/tests/families/old',
  'examples/notifications',
];

class SetupError extends Error {}

function checkNode() {
  const found = process.versions.node;
  if (Number(found.split('.')[0]) < oldestNode)
    throw new SetupError(
      `This is Node ${found}: install Node ${oldestNode} or newer and try again.`,
    );
}

async function installPackages() {
  if (packagesMatch()) return;
  console.error('Installing the npm packages …');
  const { status, output } = await runNpm(['ci', '--loglevel=error']);
  if (status !== 0) throw new SetupError(npmAdvice(output));
}

/** Whether what npm last installed (its hidden lock file) is what package-lock.json names. */
function packagesMatch() {
  const hidden = 'node_modules/.package-lock.json';
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const { '': _root, ...wanted } = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
  return Object.entries(wanted).every(([folder, { version, optional, devOptional }]) =>
    installed[folder] === undefined
      ? optional || devOptional // such as binaries of other platforms
      : installed[folder].version === version && existsSync(folder),
  );
}

function npmAdvice(output) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network/.test(
      output,
    )
  )
    return 'The npm registry cannot be reached: check the network connection or proxy settings and try again.';
  if (/ENOSPC|EDQUOT/.test(output)) return 'The disk is full: free about 1 GB and try again.';
  return '`npm ci` failed for the reason above: mend that and try again.';
}

async function build() {
  const built = 'dist/cli.js';
  if (existsSync(built) && newestChange(sources) <= statSync(built).mtimeMs) return;
  console.error('Compiling …');
  const { status } = await runNpm(['run', '--silent', 'build']);
  if (status !== 0)
    throw new SetupError('The sources do not compile: mend the errors above and try again.');
}

function newestChange(paths) {
  return Math.max(
    0,
    ...paths.map((path) => {
      const stat = statSync(path);
      return stat.isDirectory()
        ? newestChange(readdirSync(path).map((name) => join(path, name)))
        : stat.mtimeMs;
    }),
  );
}

async function makePythonEnvs(withTools) {
  const { readFamily } = await import('./dist/server/family.js');
  const { ensurePythonEnv } = await import('./dist/server/python-env.js');
  const onProgress = (line) => console.error(line);
  await ensurePythonEnv(readFamily('python-envs/families/gymnasium'), { onProgress });
  if (withTools) {
    for (const family of testedFamilies) await ensurePythonEnv(readFamily(family), { onProgress });
    const { devPython } = await import('./dev-python.mjs');
    await devPython(onProgress);
  }
}

/** Runs npm; what it writes to standard error is shown and returned. */
async function runNpm(args) {
  const npm = spawn('npm', args, { stdio: ['ignore', 'inherit', 'pipe'] });
  let output = '';
  npm.stderr.on('data', (text) => {
    output += text;
    process.stderr.write(text);
  });
  const status = await new Promise((resolve, reject) => {
    npm.on('error', () =>
      reject(new SetupError('npm is not on PATH: install Node with npm and try again.')),
    );
    npm.on('close', resolve);
  });
  return { status, output };
}

process.chdir(dirname(fileURLToPath(import.meta.url)));
try {
  checkNode();
  await installPackages();
  await build();
  await makePythonEnvs(process.argv.includes('--dev'));
} catch (error) {
  const expected = error instanceof SetupError || error.name === 'PythonEnvError';
  console.error(expected ? `\n${error.message}` : error);
  process.exitCode = 1;
}
