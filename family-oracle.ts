/** A family's environments in plain Python, in the family's own interpreter, for tests (python-envs/tests/family_oracle.py). */
import { fileURLToPath } from 'node:url';
import { Oracle } from './client/fixtures/oracle.js';
import { familyEnvironment, readFamily } from './server/family.js';
import { ensurePythonEnv } from './server/python-env.js';

const script = fileURLToPath(new URL('python-envs/tests/family_oracle.py', import.meta.url));

/** An oracle in the interpreter of the family of a folder, which has imported the modules that the family's parent would. */
export async function familyOracle(folder: string): Promise<Oracle> {
  const family = readFamily(folder);
  const { python } = await ensurePythonEnv(family);
  const chosen = Object.entries(family.manifest.environment).map(([variable, value]) => [
    variable,
    typeof value === 'string' ? value : value[0]?.value,
  ]);
  const env = { ...process.env, ...familyEnvironment(family), ...Object.fromEntries(chosen) };
  return new Oracle([python, script, ...family.manifest.preload], env);
}
