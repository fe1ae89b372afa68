// The Pythons of checks and tests: the default family's packages and more tools, at the versions of a lock file.
// `node dev-python.mjs -m pytest` runs that of python-envs/dev with these arguments, `node dev-python.mjs --env NAME -m pytest`
// that of python-envs/NAME.
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pythonEnvs = fileURLToPath(new URL('./python-envs', import.meta.url));

/** Makes the environment if it is missing, and returns its interpreter and the environment variables to run it with. */
export async function devPython(onProgress, name = 'dev') {
  const { familyEnvironment, readFamily } = await import('./dist/server/family.js');
  const { ensurePythonEnv } = await import('./dist/server/python-env.js');
  const family = readFamily(join(pythonEnvs, 'families/gymnasium'));
  const lockFile = `../../${name}/requirements.lock`;
  const { python } = await ensurePythonEnv(family, { lockFile, onProgress });
  const PATH = [join(python, '..'), process.env.PATH].join(delimiter);
  return {
    python,
    env: { ...process.env, ...familyEnvironment(family), PATH, PYTHONPATH: pythonEnvs },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , ...words] = process.argv;
  const [name, args] = words[0] === '--env' ? [words[1], words.slice(2)] : ['dev', words];
  const { python, env } = await devPython((line) => console.error(line), name);
  process.exitCode = spawnSync(python, args, { stdio: 'inherit', env }).status ?? 1;
}
