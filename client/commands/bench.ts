import { type Command, InvalidArgumentError } from 'commander';
import { type Connection, connect, launch } from '../index.js';
import { showInstallation } from '../launch.js';
import { type BenchResult, compare, figureText } from './bench/compare.js';
import { environmentRow } from './bench/environment.js';
import { describeMachine, type Machine } from './bench/machine.js';
import { type FindPython, MissingPackageError, playInPython } from './bench/play-in-python.js';
import { startProxy } from './bench/proxy.js';
import { writeReport } from './bench/report.js';
import type { Bench } from './bench/row.js';
import { rows } from './bench/rows.js';
import { serveTcp } from './bench/serve-tcp.js';

interface BenchOptions {
  readonly rounds: number;
  readonly json?: true;
  readonly numEnvs?: number;
  readonly steps: number;
  readonly families: readonly string[];
  readonly report?: string;
}

/** The libraries that would compute on several threads, if this did not keep them to one. */
const oneThread = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'];

/**
 * `gymlink bench [row]`: gymlink beside Gymnasium itself and beside peers, round by round in turn.
 *
 * @param benchFamily The folder of the family that only rows of the benchmark need.
 */
export function benchCommand(program: Command, findPython: FindPython, benchFamily: string): void {
  program
    .command('bench')
    .description('measure gymlink beside Gymnasium itself and beside peers, round by round in turn')
    .argument('[row]', 'one row alone, or the id of any environment, instead of all rows')
    .option('--rounds <n>', 'rounds of each side', countArgument, 7)
    .option('--num-envs <n>', 'of an environment: so many sub-environments', countArgument)
    .option('--steps <n>', 'of memory: steps before its first look', countArgument, 1_000_000)
    .option('--families <folders...>', 'folders of families of your own', [])
    .option('--json', 'print one JSON object a row')
    .option('--report <folder>', 'write bench.json, bench.md and bench.svg (all rows: runs/bench)')
    .addHelpText('after', helpText)
    .action(async (row: string | undefined, given: BenchOptions) => {
      const needed = row === undefined || rows[row]?.family === 'bench' ? [benchFamily] : [];
      const options = { ...given, families: [...given.families, ...needed] };
      for (const name of oneThread) process.env[name] = '1';
      await (row === undefined
        ? benchAll(options, findPython)
        : benchOne(row, options, findPython));
    });
}

function helpText(): string {
  const width = Math.max(...Object.keys(rows).map((name) => name.length));
  const lines = Object.entries(rows).flatMap(([name, { what, unit, baselines, measuredBy }]) => [
    `  ${name.padEnd(width)}  ${what}, in ${unit}`,
    ...baselines.map((baseline) => `${' '.repeat(width + 4)}beside ${baseline.name}`),
    ...(measuredBy ? [`${' '.repeat(width + 4)}only alone: ${measuredBy}`] : []),
  ]);
  return `
Rows:
${lines.join('\n')}

The id of an environment measures its steps/s beside a plain loop in its family's own Python, with the same seeds and actions.

Rows beside peers, and those from Python, need more packages than the environments: GYMLINK_PYTHON names a Python that has them.
In a checkout of gymlink, npm run bench makes one.

Examples:
  npm run bench
  npm run bench -- single --json
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

async function benchOne(
  name: string,
  options: BenchOptions,
  findPython: FindPython,
): Promise<void> {
  const machine = options.report && (await machineOf(options, findPython));
  const result = await bench(name, options, findPython);
  print(result, options);
  if (machine && options.report) await writeReport(options.report, machine, [result]);
}

/**
 * The report is written after every row, so that a run that is ended leaves what it measured. A row that lacks a package does
 * not keep the others from being measured, but the command fails.
 */
async function benchAll(options: BenchOptions, findPython: FindPython): Promise<void> {
  const machine = await machineOf(options, findPython);
  const results: BenchResult[] = [];
  const missing: string[] = [];
  for (const [name, { measuredBy }] of Object.entries(rows)) {
    if (measuredBy !== undefined) continue;
    try {
      const result = await bench(name, options, findPython);
      print(result, options);
      results.push(result);
      await writeReport(options.report ?? 'runs/bench', machine, results);
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
      missing.push(name);
    }
  }
  if (missing.length > 0)
    throw new Error(`Not measured, for want of packages: ${missing.join(', ')}.`);
}

async function machineOf({ families }: BenchOptions, findPython: FindPython): Promise<Machine> {
  const python = await findPython('gymnasium', families);
  const versions = playInPython<Record<string, string>>(python, ['versions']);
  try {
    await using connection = await launch({ families });
    return await describeMachine(connection, await versions.play());
  } finally {
    await versions.end();
  }
}

async function bench(
  name: string,
  { rounds, numEnvs = 0, steps: memorySteps, families }: BenchOptions,
  findPython: FindPython,
): Promise<BenchResult> {
  const ends: (() => Promise<unknown>)[] = [];
  let serverPid = 0;
  const onLog = (line: string) => {
    serverPid ||= JSON.parse(line).pid;
    showInstallation(line);
  };
  try {
    const connection = await launch({ families, onLog });
    ends.push(() => connection.close());
    const row = rows[name] ?? (await environmentRow(connection, name, numEnvs));
    const python = await findPython(row.family ?? 'gymnasium', families);
    const inPython: Bench['inPython'] = (...args) => {
      const { play, end } = playInPython(python, args);
      ends.push(end);
      return play;
    };
    const overTcp = (delayMs: number) => connectOverTcp(families, delayMs, ends);
    const { manifest } = python;
    return await compare(name, row, rounds, {
      connection,
      serverPid,
      manifest,
      overTcp,
      memorySteps,
      inPython,
    });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A connection to a server of its own; `ends` gets what is to be closed, in the order of opening. */
async function connectOverTcp(
  families: readonly string[],
  delayMs: number,
  ends: (() => Promise<unknown>)[],
): Promise<Connection> {
  const server = await serveTcp(families);
  ends.push(server.close);
  let { address } = server;
  if (delayMs > 0) {
    const proxy = await startProxy(address, delayMs);
    ends.push(proxy.close);
    address = proxy.address;
  }
  const connection = await connect(address, { sessionSocket: false });
  ends.push(() => connection.close());
  return connection;
}

function print(result: BenchResult, { json }: BenchOptions): void {
  console.log(json ? JSON.stringify(result) : describeResult(result));
}

function describeResult(result: BenchResult): string {
  const { row, value, unit, baseline, baselineValue, ratio, rounds, spread } = result;
  const details = Object.entries(result.details ?? {});
  return [
    `${row}: ${figureText(value)} ${unit}`,
    `  ${baseline}: ${figureText(baselineValue)}`,
    `  ratio ${ratio.toFixed(2)} (${spread[0].toFixed(2)} to ${spread[1].toFixed(2)} over ${rounds} rounds)`,
    ...details.map(([name, detail]) => `  ${name}: ${figureText(detail)}`),
  ].join('\n');
}
