#!/usr/bin/env node
import { join } from 'node:path';
import { Command } from 'commander';
import { pythonEnvsFolder, version } from './server/package-paths.js';

type Register = (program: Command) => void;

/** Sub-commands by name. Each module is loaded only when its command, or the help on all of them, is asked for. */
const commands: Record<string, () => Promise<Register>> = {
  serve: async () => (await import('./server/commands/serve.js')).serveCommand,
  doctor: async () => {
    const { doctorCommand } = await import('./server/commands/doctor.js');
    return (program) => doctorCommand(program, findCompute);
  },
  family: async () => (await import('./server/commands/family.js')).familyCommand,
  envs: async () => (await import('./client/commands/envs.js')).envsCommand,
  describe: async () => (await import('./client/commands/describe.js')).describeCommand,
  train: async () => (await import('./client/commands/train.js')).trainCommand,
  eval: async () => (await import('./client/commands/eval.js')).evalCommand,
  bench: async () => {
    const { benchCommand } = await import('./client/commands/bench.js');
    const family = join(pythonEnvsFolder, 'bench', 'family');
    return (program) => benchCommand(program, findPython, family);
  },
};

async function findCompute() {
  const { loadCompute } = await import('./client/agents/compute.js');
  return loadCompute();
}

/** The interpreter of a family, in which its environments run without gymlink. */
async function findPython(name: string, folders: readonly string[]) {
  const { familyEnvironment, readFamily } = await import('./server/family.js');
  const { knownFamilies } = await import('./server/known-families.js');
  const { ensurePythonEnv } = await import('./server/python-env.js');
  const families = [...folders.map(readFamily), ...(await knownFamilies())];
  const family = families.find((known) => known.name === name);
  if (family === undefined) throw new Error(`There is no family ${name}.`);
  const { python } = await ensurePythonEnv(family);
  return { python, env: familyEnvironment(family), manifest: family.manifest };
}

const program = new Command('gymlink')
  .description('Gymnasium environments over gRPC')
  .version(version)
  .showHelpAfterError();

const asked = commands[process.argv[2] ?? ''];
const loading = asked === undefined ? Object.values(commands) : [asked];
for (const register of await Promise.all(loading.map((load) => load()))) register(program);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`gymlink: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
