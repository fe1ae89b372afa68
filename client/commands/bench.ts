import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError } from 'commander';
import { type Connection, launch } from '../index.js';

/** Interpreter and environment variables with which `python -m gymlink.bench` runs. */
export interface BaselinePython {
  readonly python: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Row {
  readonly unit: string;
  readonly baseline: string;
  /** Whether a smaller figure is the better one. */
  readonly lessIsBetter: boolean;
  /** Opens the environments and gives the function that plays one round. */
  open(connection: Connection): Promise<() => Promise<number>>;
}

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

const environment = 'LunarLander-v3';

const rows: Readonly<Record<string, Row>> = {
  single: {
    unit: 'µs a step (p50)',
    baseline: 'gymnasium.make in Python',
    lessIsBetter: true,
    open: openSingle,
  },
  lander64: {
    unit: 'steps/s',
    baseline: 'gymnasium.vector.SyncVectorEnv, 64 sub-environments',
    lessIsBetter: false,
    open: openLander64,
  },
  statesCartPole: stateRow('CartPole-v1'),
  statesTaxi: stateRow('Taxi-v4'),
  statesHalfCheetah: stateRow('HalfCheetah-v5'),
  statesLunarLander: stateRow('LunarLander-v3'),
};

/** States of 64 sub-environments, 20 steps into their episodes: each is saved, restored and dropped. */
function stateRow(id: string): Row {
  return {
    unit: 'save+restore pairs/s',
    baseline: 'copy.deepcopy in Python, twice a pair (of MuJoCo and Box2D not exact)',
    lessIsBetter: false,
    open: (connection) => openStates(connection, id),
  };
}

async function openStates(connection: Connection, id: string): Promise<() => Promise<number>> {
  const pairs = 20;
  const envs = await connection.makeVec(id, { numEnvs: 64, copy: false });
  envs.actionSpace.seed(0);
  await envs.reset({ seed: 0 });
  for (let t = 0; t < 20; t++) await envs.step(envs.actionSpace.sample());
  return async () => {
    const begin = performance.now();
    for (let i = 0; i < pairs; i++) {
      const stateIds = await envs.saveState();
      await envs.restoreState(stateIds);
      await envs.dropState(stateIds);
    }
    return (64 * pairs) / ((performance.now() - begin) / 1000);
  };
}

async function openSingle(connection: Connection): Promise<() => Promise<number>> {
  const steps = 5000;
  const env = await connection.make(environment);
  env.actionSpace.seed(0);
  await env.reset({ seed: 0 });
  const times = new Float64Array(steps);
  return async () => {
    for (let i = 0; i < steps; i++) {
      const action = env.actionSpace.sample();
      const begin = performance.now();
      const { terminated, truncated } = await env.step(action);
      times[i] = (performance.now() - begin) * 1000;
      if (terminated || truncated) await env.reset();
    }
    return median([...times]);
  };
}

async function openLander64(connection: Connection): Promise<() => Promise<number>> {
  const vectorSteps = 600;
  const envs = await connection.makeVec(environment, { numEnvs: 64, copy: false });
  envs.actionSpace.seed(0);
  await envs.reset({ seed: 0 });
  const actions = Array.from({ length: vectorSteps }, () => envs.actionSpace.sample());
  return async () => {
    const begin = performance.now();
    for (const action of actions) await envs.step(action);
    return (64 * vectorSteps) / ((performance.now() - begin) / 1000);
  };
}

interface BenchOptions {
  readonly rounds: number;
  readonly json?: true;
}

/** `gymlink bench [row]`: gymlink beside Gymnasium itself, round by round in turn. */
export function benchCommand(program: Command, findPython: () => Promise<BaselinePython>): void {
  program
    .command('bench')
    .description('measure gymlink beside Gymnasium itself, round by round in turn')
    .argument('[row]', `one row alone: ${Object.keys(rows).join(' or ')}`, rowArgument)
    .option('--rounds <n>', 'rounds of each side', roundsArgument, 7)
    .option('--json', 'print one JSON object a row')
    .addHelpText('after', '\nExamples:\n  gymlink bench\n  gymlink bench lander64 --json')
    .action(async (row: string | undefined, options: BenchOptions) => {
      for (const name of row === undefined ? Object.keys(rows) : [row]) {
        const result = await bench(name, options.rounds, await findPython());
        console.log(options.json ? JSON.stringify(result) : describeResult(result));
      }
    });
}

function rowArgument(name: string): string {
  if (rows[name] === undefined)
    throw new InvalidArgumentError(`Rows are ${Object.keys(rows).join(', ')}.`);
  return name;
}

function roundsArgument(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Not a positive whole number.');
  return count;
}

async function bench(name: string, rounds: number, python: BaselinePython): Promise<BenchResult> {
  const row = rows[name] as Row;
  await using connection = await launch();
  await using baseline = new Baseline(name, python);
  const play = await row.open(connection);
  const values: number[] = [];
  const baselineValues: number[] = [];
  // The first round of each side warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const value = await play();
    const baselineValue = await baseline.round();
    if (round === 0) continue;
    values.push(value);
    baselineValues.push(baselineValue);
  }
  const ratios = values.map((value, i) => {
    const other = baselineValues[i] as number;
    return row.lessIsBetter ? other / value : value / other;
  });
  return {
    row: name,
    value: median(values),
    unit: row.unit,
    baseline: row.baseline,
    baselineValue: median(baselineValues),
    ratio: median(ratios),
    rounds,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** The Python process that plays Gymnasium's rounds, and waits between them. */
class Baseline {
  private readonly child;
  private readonly answers;

  constructor(row: string, { python, env }: BaselinePython) {
    this.child = spawn(python, ['-m', 'gymlink.bench', row], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async round(): Promise<number> {
    this.child.stdin.write('\n');
    const { value, done } = await this.answers.next();
    if (done) throw new Error('The Python process of the baseline ended; its message is above.');
    return Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

function describeResult(result: BenchResult): string {
  const { row, value, unit, baseline, baselineValue, ratio, rounds, spread } = result;
  return [
    `${row}: ${value.toFixed(value < 1000 ? 1 : 0)} ${unit}`,
    `  ${baseline}: ${baselineValue.toFixed(baselineValue < 1000 ? 1 : 0)}`,
    `  ratio ${ratio.toFixed(2)} (${spread[0].toFixed(2)} to ${spread[1].toFixed(2)} over ${rounds} rounds)`,
  ].join('\n');
}
