// `npm run check`: everything about the sources that can be told without running them. Every check runs, also after one failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { devPython } from './dev-python.mjs';

const { python, env } = await devPython((line) => console.error(line));

const pythonFolders = ['python-envs', 'proto', 'examples'];
const sidecar = ['gymlink/sidecar', 'gymlink/protocol', 'build_env.py'].map(
  (path) => `python-envs/${path}`,
);

const checks = {
  'format and lint (biome)': () => run('node_modules/.bin/biome', 'ci', '--error-on-warnings'),
  'types (tsc)': () => run(process.execPath, 'node_modules/typescript/bin/tsc', '--noEmit'),
  'proto lint (buf)': () => run('node_modules/.bin/buf', 'lint'),
  'generated code is fresh': generatedCodeIsFresh,
  'Python format (ruff)': () =>
    run(python, '-m', 'ruff', 'format', '--check', '--quiet', ...pythonFolders),
  'Python lint (ruff)': () => run(python, '-m', 'ruff', 'check', '--quiet', ...pythonFolders),
  'Python types (pyright)': () => run(python, '-m', 'pyright', '--project', 'python-envs'),
  'nothing newer than Python 3.9 (vermin)': () =>
    run(join(dirname(python), 'vermin'), '-q', '-t=3.9-', '--no-tips', '--violations', ...sidecar),
  'lock files name no addresses': lockFilesNameNoAddresses,
};

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
  if (error) console.error(error.message);
  return status === 0;
}

function generatedCodeIsFresh() {
  const folder = mkdtempSync(join(tmpdir(), 'gymlink-generated-'));
  const same = (path) =>
    run('git', 'diff', '--no-index', '--stat', '--exit-code', path, join(folder, path));
  try {
    return (
      run(process.execPath, 'proto/generate.mjs', folder) &&
      ['proto/gen', 'python-envs/gymlink/protocol/schema.py'].every(same)
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function lockFilesNameNoAddresses() {
  const { stdout } = spawnSync('git', ['ls-files', 'package-lock.json', '*requirements.lock']);
  const files = `${stdout}`.trim().split('\n');
  const offending = files.filter((file) =>
    /"resolved":|--(extra-)?index-url|--find-links| @ |https?:\/\/[^"]*\.(tgz|whl|tar\.gz)/.test(
      readFileSync(file, 'utf8'),
    ),
  );
  for (const file of offending) console.error(`${file} names download addresses`);
  return files.length > 1 && offending.length === 0;
}

const failed = Object.entries(checks).filter(([name, check]) => {
  const passed = check();
  console.log(`${passed ? '✓' : '✗'} ${name}`);
  return !passed;
});
process.exitCode = failed.length === 0 ? 0 : 1;
