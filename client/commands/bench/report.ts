import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { importOptional } from '../../optional-packages.js';
import { type BenchResult, figureText, verdict } from './compare.js';
import type { Machine } from './machine.js';
import { rows } from './rows.js';

/** Writes bench.json, bench.md and bench.svg into a folder. */
export async function writeReport(
  folder: string,
  machine: Machine,
  results: readonly BenchResult[],
): Promise<void> {
  const { ratiosSvg } = await importOptional(() => import('./ratios-svg.js'));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'bench.json'), JSON.stringify({ machine, results }, null, 2));
  await writeFile(join(folder, 'bench.md'), markdown(machine, results));
  await writeFile(join(folder, 'bench.svg'), ratiosSvg(results));
}

function markdown(machine: Machine, results: readonly BenchResult[]): string {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  const cpu = results.filter(({ cpuPerStep }) => cpuPerStep !== undefined);
  return `# gymlink beside its peers

${machine.date.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node
${machine.node}. gymlink ${machine.gymlink}; ${packages.join(', ')}. NumPy computes on one thread, on both
sides. The load is that of the minute before a row.

${table(
  [
    'row',
    'gymlink',
    'the best other side',
    'ratio',
    'of the rounds',
    'at least',
    'aim',
    '',
    'load',
  ],
  results.map((result) => [
    `\`${result.row}\``,
    `${figureText(result.value)} ${result.unit}`,
    `${figureText(result.baselineValue)}, ${result.baseline}`,
    result.ratio.toFixed(2),
    `${range(result.spread)}, ${result.rounds}`,
    demanded(result, 'atLeast'),
    demanded(result, 'aim'),
    verdict(result, rows[result.row]?.lessIsBetter ?? false) ?? '',
    result.load.toFixed(1),
  ]),
)}

![ratios](bench.svg)

Every other side:

${table(
  ['row', 'other side', 'figure', 'gymlink’s ratio', 'of the rounds'],
  results.flatMap(({ row, baselines }) =>
    baselines.map(({ name, value, ratio, spread }) => [
      `\`${row}\``,
      name,
      figureText(value),
      ratio.toFixed(2),
      range(spread),
    ]),
  ),
)}

${results.map(detailsText).join('')}CPU time of a step of a sub-environment, in µs:

${table(
  ['row', 'client', 'server', 'sidecar', 'client + server'],
  cpu.map(({ row, cpuPerStep = { client: 0, server: 0, sidecar: 0 } }) => {
    const { client, server, sidecar } = cpuPerStep;
    const share = (client + server) / (client + server + sidecar);
    return [
      `\`${row}\``,
      ...[client, server, sidecar].map((us) => us.toFixed(2)),
      `${(share * 100).toFixed(0)} %`,
    ];
  }),
)}
`;
}

function detailsText({ row, details = {} }: BenchResult): string {
  const told = Object.entries(details).map(([name, value]) => `${name}: ${figureText(value)}`);
  return told.length === 0 ? '' : `\`${row}\`: ${told.join('; ')}.\n\n`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...lines.map(row)].join('\n');
}

function range([least, greatest]: readonly [number, number]): string {
  return `${least.toFixed(2)}–${greatest.toFixed(2)}`;
}

function demanded({ demands, unit }: BenchResult, what: 'atLeast' | 'aim'): string {
  return demands
    .filter((demand) => demand[what] !== undefined)
    .map((demand) => `${figureText(demand[what] ?? 0)} ${demand.of === 'ratio' ? '×' : unit}`)
    .join(', ');
}
