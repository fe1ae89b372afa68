import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { pythonEnvsFolder } from '../package-paths.js';

const template = join(pythonEnvsFolder, 'family-template');

/** `gymlink family new DIR`: a family of one's own that runs at once. */
export function newSubcommand(family: Command): void {
  family
    .command('new')
    .description('write a family of your own, which runs at once')
    .argument('<dir>', 'folder to write it to')
    .addHelpText('after', '\nExample:\n  gymlink family new ./my-family')
    .action(writeFamily);
}

function writeFamily(dir: string): void {
  const folder = resolve(dir);
  if (existsSync(join(folder, 'family.json')))
    throw new Error(
      `${folder} holds a family.json already: choose another folder, or change that.`,
    );
  mkdirSync(folder, { recursive: true });
  const manifest = readFileSync(join(template, 'family.json'), 'utf8');
  cpSync(template, folder, {
    recursive: true,
    filter: (path) => !/family\.json$|__pycache__/.test(path),
  });
  writeFileSync(join(folder, 'family.json'), manifest.replace('NAME', familyName(folder)));
  console.log(`${folder} is a family with one environment, Walk-v0, in walk.py.

  gymlink serve --families ${dir}     # builds and serves it
  gymlink describe Walk-v0            # in another terminal: what it is
  gymlink family lock ${dir}          # after a change of requirements.in

In TypeScript: const gym = await launch({ families: ['${dir}'] }); const env = await gym.make('Walk-v0');`);
}

/** The folder's name, made one that a family may have. */
function familyName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name || 'mine';
}
