import { type Command, InvalidArgumentError } from 'commander';
import { launch } from '../index.js';
import { environmentRow } from './bench-environment.js';
import { type Play, type Row, rows } from './bench-rows.js';
import { median } from './median.js';
import { type FindPython, MissingPackageError, playInPython } from './play-in-python.js';

/** What `gymlink bench ROW --json` prints. `ratio` says how many times as good gymlink is as the baseline. */
export interface BenchResult {
  readonly row: string;
  /** Median over the rounds. */
  readonly value: number;
  readonly unit: string;
  readonly baseline: string;
  readonly baselineValue: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  readonly rounds: number;
  /** Least and greatest ratio of a round. */
  readonly spread: readonly [number, number];
}

interface BenchOptions {
  readonly rounds: number;
  readonly json?: true;
  readonly numEnvs?: number;
  readonly families: readonly string[];
}

/** `gymlink bench [row]`: gymlink beside Gymnasium itself, round by round in turn. */
export function benchCommand(program: Command, findPython: FindPython): void {
  program
    .command('bench')
    .description('measure gymlink beside Gymnasium itself, round by round in turn')
    .argument('[row]', 'one row alone, or the id of any environment, instead of all rows')
    .option('--rounds <n>', 'rounds of each side', countArgument, 7)
    .option('--num-envs <n>', 'of an environment: so many sub-environments', countArgument)
    .option('--families <folders...>', 'folders of families of your own', [])
    .option('--json', 'print one JSON object a row')
    .addHelpText('after', helpText)
    .action(async (row: string | undefined, options: BenchOptions) => {
      if (row !== undefined) return report(await bench(row, options, findPython), options);
      for (const name of Object.keys(rows)) {
        const result = await bench(name, options, findPython).catch(ifComplete);
        if (result !== undefined) report(result, options);
      }
    });
}

function helpText(): string {
  const width = Math.max(...Object.keys(rows).map((name) => name.length));
  const lines = Object.entries(rows).map(
    ([name, { what, unit, baseline }]) =>
      `  ${name.padEnd(width)}  ${what}, in ${unit}\n${' '.repeat(width + 4)}beside ${baseline}`,
  );
  return `
Rows:
${lines.join('\n')}

The id of an environment measures its steps/s beside a plain loop in its family's own Python, with the same seeds and actions.

The rows from Python need grpcio, and Stable-Baselines3, beside the environments: GYMLINK_PYTHON names a Python that has them.

Examples:
  gymlink bench
  gymlink bench lander64 --json
  gymlink bench ALE/Pong-v5
  gymlink bench bigym/ReachTarget --num-envs 2
  GYMLINK_PYTHON=venv/bin/python gymlink bench makeVec64`;
}

function countArgument(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Not a positive whole number.');
  return count;
}

/** A row that lacks a package is left out where all were asked for. */
function ifComplete(error: unknown): undefined {
  if (!(error instanceof MissingPackageError)) throw error;
}

async function bench(
  name: string,
  { rounds, numEnvs = 0, families }: BenchOptions,
  findPython: FindPython,
): Promise<BenchResult> {
  const over = new AbortController();
  try {
    await using connection = await launch({ families });
    const row = rows[name] ?? (await environmentRow(connection, name, numEnvs));
    const python = await findPython(row.family ?? 'gymnasium', families);
    const inPython = (...args: readonly string[]) => playInPython(python, over.signal, args);
    const play = await row.open(connection, () => inPython(name, connection.address));
    const playBaseline =
      (await row.openBaseline?.(connection, inPython, python.manifest)) ?? inPython(name);
    return await compare(name, row, rounds, play, playBaseline);
  } finally {
    over.abort();
  }
}

async function compare(
  name: string,
  { unit, baseline, lessIsBetter }: Row,
  rounds: number,
  play: Play,
  playBaseline: Play,
): Promise<BenchResult> {
  const values: number[] = [];
  const baselineValues: number[] = [];
  // The first round of each side warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const value = await play();
    const baselineValue = await playBaseline();
    if (round === 0) continue;
    values.push(value);
    baselineValues.push(baselineValue);
  }
  const ratios = values.map((value, i) => {
    const other = baselineValues[i] as number;
    return lessIsBetter ? other / value : value / other;
  });
  return {
    row: name,
    value: median(values),
    unit,
    baseline,
    baselineValue: median(baselineValues),
    ratio: median(ratios),
    rounds,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

function report(result: BenchResult, { json }: BenchOptions): void {
  console.log(json ? JSON.stringify(result) : describeResult(result));
}

function describeResult(result: BenchResult): string {
  const { row, value, unit, baseline, baselineValue, ratio, rounds, spread } = result;
  return [
    `${row}: ${value.toFixed(value < 1000 ? 1 : 0)} ${unit}`,
    `  ${baseline}: ${baselineValue.toFixed(baselineValue < 1000 ? 1 : 0)}`,
    `  ratio ${ratio.toFixed(2)} (${spread[0].toFixed(2)} to ${spread[1].toFixed(2)} over ${rounds} rounds)`,
  ].join('\n');
}
