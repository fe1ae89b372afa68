// The Python of checks and tests: the default family's packages and the development tools, at the versions of a lock file.
// `node dev-python.mjs -m pytest` runs it with these arguments.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pythonEnvs = fileURLToPath(new URL('./python-envs', import.meta.url));
const family = join(pythonEnvs, 'families/gymnasium');

/** Makes the environment if it is missing, and returns its interpreter and the environment variables to run it with. */
export async function devPython(onProgress) {
  const { ensurePythonEnv } = await import('./dist/server/python-env.js');
  const lockFile = '../../dev/requirements.lock';
  const { python } = await ensurePythonEnv(family, { lockFile, onProgress });
  const { environment } = JSON.parse(readFileSync(join(family, 'family.json'), 'utf8'));
  const PATH = [join(python, '..'), process.env.PATH].join(delimiter);
  return { python, env: { ...process.env, ...environment, PATH, PYTHONPATH: pythonEnvs } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { python, env } = await devPython();
  process.exitCode =
    spawnSync(python, process.argv.slice(2), { stdio: 'inherit', env }).status ?? 1;
}
