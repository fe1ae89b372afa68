import type { Command } from 'commander';
import { addressOption, withConnection } from './connection-option.js';

interface EnvsOptions {
  readonly address?: string;
  readonly json?: true;
}

/** `gymlink envs [text]`: the catalogue. */
export function envsCommand(program: Command): void {
  const command = program
    .command('envs')
    .description('list the environments that a server has')
    .argument('[text]', 'only ids that contain this text')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  gymlink envs\n  gymlink envs lunar\n  gymlink envs --address localhost:50051 --json',
    );
  addressOption(command).action(listEnvironments);
}

async function listEnvironments(text: string | undefined, options: EnvsOptions): Promise<void> {
  const environments = await withConnection(options.address, (connection) =>
    connection.environments(text === undefined ? {} : { contains: text }),
  );
  if (options.json) {
    console.log(JSON.stringify(environments, null, 2));
    return;
  }
  const width = Math.max(...environments.map(({ id }) => id.length), 0);
  for (const { id, maxEpisodeSteps, unavailable } of environments) {
    const limit = maxEpisodeSteps ? `at most ${maxEpisodeSteps} steps` : 'no step limit';
    console.log(`${id.padEnd(width)}  ${unavailable ? `unavailable: ${unavailable}` : limit}`);
  }
}
