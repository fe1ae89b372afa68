import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { EnvironmentSummary } from '../proto/gen/gymlink/v1/session.js';
import { FamilyCatalogue } from '../proto/gen/gymlink/worker/v1/worker.js';
import type { Family } from './family.js';
import { version } from './package-paths.js';
import { cacheFolder, givenPython, locatePythonEnv } from './python-env.js';

/**
 * A name for what a family's environments are, which changes with its packages, manifest and modules, as well as with this
 * software; undefined where its Python environment is not built.
 */
export async function familyKey(family: Family): Promise<string | undefined> {
  const given = givenPython(family);
  const env = given === undefined ? await locatePythonEnv(family) : undefined;
  if (env?.complete === false) return undefined;
  const hash = createHash('sha256').update(
    JSON.stringify([version, given, env?.folder, family.folder, family.manifest]),
  );
  for (const file of modules(family.folder)) hash.update(file).update(readFileSync(file));
  return `${family.name}-${hash.digest('hex').slice(0, 16)}`;
}

/** The modules in a family's folder and the folders in it; not those below, where a virtual environment may lie. */
function modules(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  const inner = entries
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(join(folder, name), { withFileTypes: true }));
  return [...entries, ...inner]
    .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

/** What a family's environments were when it last ran; undefined if it never did as it is now. */
export function keptCatalogue(key: string): readonly EnvironmentSummary[] | undefined {
  try {
    return FamilyCatalogue.decode(readKept('catalogues', key)).environments;
  } catch {
    // Not kept, or cut off by a full disk.
    return undefined;
  }
}

/** Keeps a family's environments for servers to come. */
export function keepCatalogue(key: string, environments: readonly EnvironmentSummary[]): void {
  const versions = { pythonVersion: '', gymnasiumVersion: '', numpyVersion: '' };
  const catalogue = { environments: [...environments], ...versions };
  keep('catalogues', key, FamilyCatalogue.encode(catalogue).finish());
}

/** What was kept under a name. Raises Error if nothing was. */
export function readKept(kind: string, key: string): Buffer {
  return readFileSync(join(cacheFolder(), kind, key));
}

/** Keeps bytes under a name in the user's cache folder, whole or not at all; a disk that takes nothing is no failure. */
export function keep(kind: string, key: string, bytes: Uint8Array): void {
  try {
    const folder = join(cacheFolder(), kind);
    mkdirSync(folder, { recursive: true });
    const unfinished = join(folder, `.${basename(key)}-${process.pid}`);
    writeFileSync(unfinished, bytes);
    renameSync(unfinished, join(folder, key));
  } catch {
    // It is told anew next time.
  }
}
