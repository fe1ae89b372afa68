import type { Command } from 'commander';
import type { ConstructorArgument } from '../index.js';
import { addressOption, withConnection } from './connection-option.js';

interface DescribeOptions {
  readonly address?: string;
  readonly json?: true;
}

/** `gymlink describe ID`: one environment with its spaces. */
export function describeCommand(program: Command): void {
  const command = program
    .command('describe')
    .description('describe one environment: its spaces, arguments and documentation')
    .argument('<id>', 'environment id, for example LunarLander-v3')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  gymlink describe LunarLander-v3\n  gymlink describe HalfCheetah-v5 --json',
    );
  addressOption(command).action(describeEnvironment);
}

function describeArgument(argument: ConstructorArgument): string {
  const type = argument.type ? `: ${argument.type}` : '';
  const given = argument.default === undefined ? '' : ` = ${JSON.stringify(argument.default)}`;
  return `${argument.name}${type}${given}${argument.required ? ' (required)' : ''}`;
}

async function describeEnvironment(id: string, options: DescribeOptions): Promise<void> {
  const described = await withConnection(options.address, (connection) => connection.describe(id));
  if (options.json) {
    console.log(JSON.stringify(described, null, 2));
    return;
  }
  const { environment, observationSpace, actionSpace, metadata, documentation } = described;
  const rows: [string, string][] = [
    ['id', environment.id],
    ['family', environment.family],
    ['observation space', `${observationSpace}`],
    ['action space', `${actionSpace}`],
    ['step limit', environment.maxEpisodeSteps ? `${environment.maxEpisodeSteps}` : 'none'],
    ['solved at a mean return of', `${environment.rewardThreshold ?? 'not stated'}`],
    ['arguments', environment.arguments.map(describeArgument).join(', ') || 'none'],
    ['render modes', `${[metadata.render_modes ?? []].flat().join(', ') || 'none'}`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(27)} ${value}`);
  if (documentation) console.log(`\n${documentation}`);
}
