import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder: the nearest one above this module with a package.json, from `dist/` and from the sources alike. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

export const protoFolder = join(packageRoot, 'proto');
export const pythonEnvsFolder = join(packageRoot, 'python-envs');
export const defaultFamilyFolder = join(pythonEnvsFolder, 'families', 'gymnasium');

/** Version of this software, from its package.json. */
export const version: string = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
).version;

function findPackageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder)
    throw new Error('gymlink is not inside its package: no package.json above it');
  return findPackageRoot(parent);
}
