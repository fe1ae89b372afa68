import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { readFamily } from '../family.js';
import { defaultFamilyFolder } from '../package-paths.js';
import { ensurePythonEnv } from '../python-env.js';
import { oldestOf } from '../python-finder.js';

/** `gymlink family lock DIR`: pins what a family requires, with hashes. */
export function lockSubcommand(family: Command): void {
  family
    .command('lock')
    .description('pin what requirements.in asks for in the lock file, with hashes')
    .argument('<dir>', 'folder of the family')
    .addHelpText('after', '\nExample:\n  gymlink family lock ./my-family')
    .action(lockFamily);
}

async function lockFamily(dir: string): Promise<void> {
  const { name, folder, manifest } = readFamily(dir);
  if (!existsSync(join(folder, 'requirements.in')))
    throw new Error(
      `${folder} holds no requirements.in: write what family ${name} requires into it, a line each, such as gymnasium==1.4.0.`,
    );
  const oldest = ['--python-version', oldestOf(manifest.python)];
  const form = ['--universal', '--fork-strategy', 'fewest', '--generate-hashes'];
  const text = ['--no-header', '--no-strip-extras', '--no-emit-index-url', '--quiet'];
  const files = ['requirements.in', '--output-file', manifest.lock];
  const args = ['pip', 'compile', ...files, ...form, ...oldest, ...text];
  const { status } = spawnSync(await findUv(), args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0)
    throw new Error(`The requirements of family ${name} cannot be pinned, for the reason above.`);
  console.log(`${join(folder, manifest.lock)} pins what requirements.in asks for.`);
}

/** The resolver, which is installed at its first use. */
async function findUv(): Promise<string> {
  const { python } = await ensurePythonEnv(readFamily(defaultFamilyFolder), {
    lockFile: '../../tools/requirements.lock',
    onProgress: (line) => console.error(line),
  });
  return join(dirname(python), 'uv');
}
