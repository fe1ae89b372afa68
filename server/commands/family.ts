import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Family } from '../family.js';
import { findFamilies, knownFamilies } from '../known-families.js';
import { ensurePythonEnv, locatePythonEnv } from '../python-env.js';
import { checkSubcommand } from './family-check.js';
import { lockSubcommand } from './family-lock.js';
import { newSubcommand } from './family-new.js';

/** `gymlink family`: the Python environments that families run in. */
export function familyCommand(program: Command): void {
  const family = program
    .command('family')
    .description('list, build, check and remove families, and write your own')
    .addHelpText(
      'after',
      `
A family is a folder with a manifest, family.json, and a lock file: environments that share a Python environment. NAME is that of a
family that comes with gymlink or with an installed Python package, or the path of a folder.

Examples:
  gymlink family list
  gymlink family build atari
  gymlink family build ./my-family
  gymlink family check ./my-family
  gymlink family remove atari
  gymlink family new ./my-family`,
    );
  family
    .command('list')
    .description('say which families there are, and whether they are built')
    .option('--json', 'print JSON')
    .action(listFamilies);
  family
    .command('build')
    .description('install the packages of families now rather than on first use')
    .argument('<name...>', 'names or folders')
    .action(buildFamilies);
  family
    .command('remove')
    .description('delete what was built for families; it is built again when it is needed')
    .argument('<name...>', 'names or folders')
    .action(removeFamilies);
  checkSubcommand(family);
  newSubcommand(family);
  lockSubcommand(family);
}

async function listFamilies({ json }: { readonly json?: true }): Promise<void> {
  const rows = await Promise.all((await knownFamilies()).map(describe));
  if (json) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, state, description } of rows)
    console.log(`${name.padEnd(width)}  ${state.padEnd(9)}  ${description}`);
}

async function describe(family: Family) {
  const { name, folder, manifest } = family;
  const { description, licence, python } = manifest;
  const more = { description, licence, python, folder };
  try {
    const { complete, folder: environment } = await locatePythonEnv(family);
    return { name, state: complete ? 'built' : 'not built', environment, ...more };
  } catch (error) {
    return { name, state: 'cannot be built', reason: (error as Error).message, ...more };
  }
}

async function buildFamilies(names: readonly string[]): Promise<void> {
  for (const family of await findFamilies(names)) {
    const began = performance.now();
    const { python } = await ensurePythonEnv(family, { onProgress: (line) => console.error(line) });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${family.name} is built (${seconds} s): ${python}`);
  }
}

async function removeFamilies(names: readonly string[]): Promise<void> {
  for (const family of await findFamilies(names)) {
    const { folder } = await locatePythonEnv(family);
    await rm(folder, { recursive: true, force: true });
    console.log(`${family.name} is removed: ${folder}`);
  }
}
