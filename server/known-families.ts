import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Family, readFamily } from './family.js';
import { defaultFamilyFolder, pythonEnvsFolder } from './package-paths.js';

const run = promisify(execFile);
const searchTimeoutMs = 10_000;
const marker = 'gymlink families: ';

/**
 * Prints the folders of modules that installed packages name in the entry point group `gymlink.families`. The modules themselves are
 * not imported; packages above them are, whose output comes before the marker.
 */
const search = `
import importlib.metadata, importlib.util, json, os, sys
points = importlib.metadata.entry_points()
points = points.select(group="gymlink.families") if hasattr(points, "select") else points.get("gymlink.families", ())
folders = []
for point in points:
    try:
        spec = importlib.util.find_spec(point.value)
        folders.append(next(iter(spec.submodule_search_locations or [os.path.dirname(spec.origin)])))
    except Exception as error:
        print(f"gymlink: the family {point.name} of an installed package is left out: {error!r}", file=sys.stderr)
print("\\n${marker}" + json.dumps(folders))`;

/** Folders of the families that come with this package, the default one first. */
export function shippedFamilyFolders(): string[] {
  const folder = join(pythonEnvsFolder, 'families');
  const others = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .filter((path) => path !== defaultFamilyFolder);
  return [defaultFamilyFolder, ...others.sort()];
}

/**
 * Folders of the families that Python packages bring, by an entry point of group `gymlink.families` that names a module in whose
 * folder `family.json` lies. The packages are those of `python3` on PATH; without one there are none.
 */
export async function installedFamilyFolders(): Promise<string[]> {
  try {
    const { stdout, stderr } = await run('python3', ['-c', search], { timeout: searchTimeoutMs });
    process.stderr.write(stderr);
    const line = stdout.split('\n').findLast((text) => text.startsWith(marker));
    const folders: string[] = line === undefined ? [] : JSON.parse(line.slice(marker.length));
    return folders.filter(isReadable);
  } catch {
    return [];
  }
}

/** A family that some package brought must not keep the others from being served. */
function isReadable(folder: string): boolean {
  try {
    readFamily(folder);
    return true;
  } catch (error) {
    console.error(
      `gymlink: a family of an installed package is left out: ${(error as Error).message}`,
    );
    return false;
  }
}

/** The families that come with this package and with installed Python packages. Raises Error for a manifest that is wrong. */
export async function knownFamilies(): Promise<Family[]> {
  return [...shippedFamilyFolders(), ...(await installedFamilyFolders())].map(readFamily);
}

/** Families by name or folder. Raises Error for one that there is not. */
export async function findFamilies(names: readonly string[]): Promise<Family[]> {
  const known = await knownFamilies();
  return names.map((name) => {
    const found = known.find((family) => family.name === name);
    if (found !== undefined) return found;
    if (/[/\\.]/.test(name)) return readFamily(name);
    const all = known.map((family) => family.name).join(', ');
    throw new Error(
      `There is no family ${name}; there are ${all}. A folder is written as a path, such as ./${name}.`,
    );
  });
}
