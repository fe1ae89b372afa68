import { loadavg } from 'node:os';
import { median } from '../median.js';
import { cpuSeconds } from './processes.js';
import type { Bench, Demand, Figure, Play, Row } from './row.js';

/** A baseline of a row, with gymlink's ratio to it. */
export interface BaselineResult {
  readonly name: string;
  readonly value: number;
  readonly ratio: number;
  readonly spread: readonly [number, number];
}

/** CPU time of a step of a sub-environment, in microseconds. */
export interface CpuPerStep {
  readonly client: number;
  readonly server: number;
  readonly sidecar: number;
}

/** What `gymlink bench ROW --json` prints. */
export interface BenchResult {
  readonly row: string;
  /** Median over the rounds. */
  readonly value: number;
  readonly unit: string;
  /** The best baseline over all rounds. */
  readonly baseline: string;
  readonly baselineValue: number;
  /** How many times as good gymlink is as the best baseline of the round: the median of the rounds. */
  readonly ratio: number;
  /** What the row has to show; of the first demand. */
  readonly atLeast: number | null;
  readonly aim: number | null;
  readonly rounds: number;
  /** Least and greatest ratio of a round. */
  readonly spread: readonly [number, number];
  /** Whether `atLeast` and `aim` are of the ratio or of the figure, and of what else something is demanded. */
  readonly demands: readonly Demand[];
  /** Processes that ran or waited for a core, on average over the minute before the row. */
  readonly load: number;
  readonly baselines: readonly BaselineResult[];
  /** Where the row tells it, and there is a /proc. */
  readonly cpuPerStep?: CpuPerStep;
  /** What else the row tells, by a name with its unit: medians over the rounds. */
  readonly details?: Readonly<Record<string, number>>;
}

/**
 * Plays the rounds of a row, gymlink and every baseline in turn. The first round of each warms up and does not count, unless
 * the row is to be played once.
 */
export async function compare(
  name: string,
  row: Row,
  rounds: number,
  bench: Bench,
): Promise<BenchResult> {
  const load = loadavg()[0] as number;
  const play = await row.open(bench);
  const playBaselines: Play[] = [];
  for (const baseline of row.baselines) playBaselines.push(await baseline.open(bench));
  const own: Figure[] = [];
  const others: Figure[][] = row.baselines.map(() => []);
  const cpu: CpuPerStep[] = [];
  const [first, last] = row.once ? [1, 1] : [0, rounds];
  for (let round = first; round <= last; round++) {
    const before = cpuSeconds(bench.serverPid);
    const figure = asFigure(await play(), row);
    const after = cpuSeconds(bench.serverPid);
    const figures: Figure[] = [];
    for (const playBaseline of playBaselines) figures.push(asFigure(await playBaseline(), row));
    if (round === 0) continue;
    own.push(figure);
    figures.forEach((other, i) => {
      others[i]?.push(other);
    });
    if (before && after && row.stepsPerRound) cpu.push(perStep(before, after, row.stepsPerRound));
  }
  return { ...result(name, row, own, others, cpu), load };
}

function asFigure(figure: number | Figure, { lessIsBetter }: Row): Figure {
  if (typeof figure !== 'number') return figure;
  return { value: figure, goodness: lessIsBetter ? 1 / figure : figure };
}

function perStep(before: CpuPerStep, after: CpuPerStep, steps: number): CpuPerStep {
  const between = (part: keyof CpuPerStep) => ((after[part] - before[part]) / steps) * 1e6;
  return { client: between('client'), server: between('server'), sidecar: between('sidecar') };
}

function result(
  row: string,
  { unit, demands = [], baselines }: Row,
  own: readonly Figure[],
  others: readonly (readonly Figure[])[],
  cpu: readonly CpuPerStep[],
): Omit<BenchResult, 'load'> {
  const bestOf = own.map((_, round) =>
    Math.max(...others.map((other) => (other[round] as Figure).goodness)),
  );
  const results = baselines.map(({ name }, i) => baselineResult(name, own, others[i] ?? []));
  const best = results.reduce((least, other) => (other.ratio < least.ratio ? other : least));
  const cpuPerStep = (part: keyof CpuPerStep) => median(cpu.map((step) => step[part]));
  return {
    row,
    value: median(own.map(({ value }) => value)),
    unit,
    baseline: best.name,
    baselineValue: best.value,
    ...ratios(own, bestOf),
    atLeast: demands[0]?.atLeast ?? null,
    aim: demands[0]?.aim ?? null,
    rounds: own.length,
    demands,
    baselines: results,
    ...detailsOf(own),
    ...(cpu.length > 0 && {
      cpuPerStep: {
        client: cpuPerStep('client'),
        server: cpuPerStep('server'),
        sidecar: cpuPerStep('sidecar'),
      },
    }),
  };
}

function detailsOf(own: readonly Figure[]): Pick<BenchResult, 'details'> {
  const names = Object.keys(own[0]?.details ?? {});
  if (names.length === 0) return {};
  const medianOf = (name: string) => median(own.map(({ details }) => details?.[name] as number));
  return { details: Object.fromEntries(names.map((name) => [name, medianOf(name)])) };
}

function baselineResult(
  name: string,
  own: readonly Figure[],
  other: readonly Figure[],
): BaselineResult {
  const goodness = other.map((figure) => figure.goodness);
  return { name, value: median(other.map(({ value }) => value)), ...ratios(own, goodness) };
}

function ratios(own: readonly Figure[], goodness: readonly number[]) {
  const all = own.map((figure, round) => figure.goodness / (goodness[round] as number));
  return { ratio: median(all), spread: [Math.min(...all), Math.max(...all)] as const };
}

/** Whether a result shows what is demanded of its row: `missed`, `kept`, or `reached` for the aims too; undefined without a demand. */
export function verdict({ demands, ratio, value }: BenchResult, lessIsBetter: boolean) {
  if (demands.length === 0) return undefined;
  const shows = (limit: number, of: Demand['of']) => {
    if (of === 'ratio') return ratio >= limit;
    return lessIsBetter ? value <= limit : value >= limit;
  };
  if (!demands.every(({ atLeast, of }) => shows(atLeast, of))) return 'missed';
  return demands.every(({ aim, of }) => aim !== undefined && shows(aim, of)) ? 'reached' : 'kept';
}

/** A figure with three digits at least. */
export function figureText(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}
