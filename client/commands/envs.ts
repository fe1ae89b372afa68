import type { Command } from 'commander';
import type { FamilyInfo } from '../index.js';
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

/** A line on a family whose environments are not in the catalogue, because it never ran; undefined for others. */
function describeUnlisted({ name, description, ids, state, detail }: FamilyInfo) {
  const states: Record<string, string> = {
    NOT_BUILT: `not built yet: the first session builds it, or "gymlink family build ${name}"`,
    BUILDING: `being built: ${detail}`,
    FAILED: `failed: ${detail}`,
  };
  const how = states[state];
  const shown = ids.slice(0, 4).join(', ') + (ids.length > 4 ? ', …' : '');
  return how && `family ${name} (${shown || `${name}/…`}) ${how}. ${description}`;
}

async function listEnvironments(text: string | undefined, options: EnvsOptions): Promise<void> {
  const { environments, families } = await withConnection(options.address, async (connection) => ({
    environments: await connection.environments(text === undefined ? {} : { contains: text }),
    families: await connection.families(),
  }));
  if (options.json) {
    console.log(JSON.stringify(environments, null, 2));
    return;
  }
  const width = Math.max(...environments.map(({ id }) => id.length), 0);
  for (const { id, maxEpisodeSteps, unavailable } of environments) {
    const limit = maxEpisodeSteps ? `at most ${maxEpisodeSteps} steps` : 'no step limit';
    console.log(`${id.padEnd(width)}  ${unavailable ? `unavailable: ${unavailable}` : limit}`);
  }
  for (const line of families.map(describeUnlisted)) if (line) console.log(line);
}
