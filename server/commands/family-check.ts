import { type Command, InvalidArgumentError } from 'commander';
import type { Family } from '../family.js';
import {
  type CheckLine,
  checkFamily,
  type EnvironmentFindings,
  type Findings,
} from '../family-checker.js';
import { findFamilies } from '../known-families.js';
import { ensurePythonEnv } from '../python-env.js';

interface CheckCommandOptions {
  readonly limit: number;
  readonly json?: true;
}

/** `gymlink family check NAME`: tries and measures the environments of a family. */
export function checkSubcommand(family: Command): void {
  family
    .command('check')
    .description('try and measure the environments of a family, and say what is wrong')
    .argument('<name>', 'name or folder')
    .argument(
      '[id-pattern...]',
      'which environments, such as "MiniGrid-Empty-*"; all if none is given',
    )
    .option('--limit <seconds>', 'how long one environment may take', parseSeconds, 120)
    .option('--json', 'print {family, ok, problems, warnings, environments} as JSON')
    .addHelpText(
      'after',
      `
Each environment is made in a process of its own, stepped with random actions, and examined: Gymnasium's environment checker (of
several agents PettingZoo's API test; of vector environments shapes, dtypes, seeds and what ends of episodes do), observations within
their space, the same episode twice for the same seed, rendering, saved states, and what the manifest says of it.

Examples:
  gymlink family check ./my-family
  gymlink family check minigrid "MiniGrid-Empty-*" "BabyAI-GoTo*"

Exit codes: 0 when nothing is wrong, though there may be warnings; 1 when something is.`,
    )
    .action(runCheck);
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new InvalidArgumentError('Not a positive number.');
  return seconds;
}

async function runCheck(
  name: string,
  patterns: readonly string[],
  { limit, json }: CheckCommandOptions,
): Promise<void> {
  const family = (await findFamilies([name]))[0] as Family;
  const { python } = await ensurePythonEnv(family, { onProgress: (line) => console.error(line) });
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupted.abort(signal));
  const report = new Report(family, json !== true);
  const options = { patterns, limit, signal: interrupted.signal };
  for await (const line of checkFamily(family, python, options)) report.take(line, patterns);
  if (interrupted.signal.aborted) {
    process.exitCode = 130;
    return;
  }
  console.log(json ? JSON.stringify(report.plain(), null, 2) : report.summary());
  process.exitCode = report.ok ? 0 : 1;
}

/** What was found so far; prints it as it comes. */
class Report {
  readonly #family: Family;
  readonly #isPrinted: boolean;
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];
  readonly #environments: EnvironmentFindings[] = [];
  #chosen: readonly string[] = [];

  constructor(family: Family, isPrinted: boolean) {
    this.#family = family;
    this.#isPrinted = isPrinted;
  }

  get ok(): boolean {
    return [this.#ofFamily, ...this.#environments].every(({ problems }) => problems.length === 0);
  }

  get #ofFamily(): Findings {
    return { problems: this.#problems, warnings: this.#warnings };
  }

  /** Takes a line. Raises Error when the patterns match no environment of the family. */
  take(line: CheckLine, patterns: readonly string[]): void {
    if ('id' in line) {
      this.#environments.push(line);
      this.#print(this.#row(line));
      return;
    }
    this.#problems.push(...line.problems);
    this.#warnings.push(...line.warnings);
    if (!('chosen' in line)) return;
    const { ids, chosen } = line;
    const { name } = this.#family;
    if (chosen.length === 0 && ids > 0)
      throw new Error(
        `None of the ${ids} environments of family ${name} matches ${patterns.join(' or ')}.`,
      );
    this.#chosen = chosen;
    const some = chosen.length === ids ? '' : `, of which ${chosen.length} are checked`;
    this.#print(`Family ${name} has ${counted(ids, 'environment')}${some}.\n`);
    this.#print(this.#cells(['', 'made in', 'reset in', 'steps/s', 'memory', '']));
  }

  /** Everything as plain data. */
  plain() {
    const { name } = this.#family;
    return { family: name, ok: this.ok, ...this.#ofFamily, environments: this.#environments };
  }

  /** How many are well, and every finding with the environments that it concerns. */
  summary(): string {
    const counts = new Map<string, number>();
    for (const found of this.#environments) {
      const verdict = verdictOn(found);
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    }
    const told = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
    return [
      `\n${counted(this.#environments.length, 'environment')}: ${told || 'none'}.`,
      ...this.#listed('Wrong', 'problems'),
      ...this.#listed('Warnings', 'warnings'),
    ].join('\n');
  }

  #listed(title: string, kind: keyof Findings): string[] {
    const ofFamily = this.#ofFamily[kind].map((text) => `  family.json: ${text}`);
    // What many environments have in common is said once.
    const groups = new Map<string, { readonly text: string; readonly ids: string[] }>();
    for (const { id, [kind]: texts } of this.#environments)
      for (const text of texts) {
        const key = text.replaceAll(id, '');
        const group = groups.get(key) ?? { text, ids: [] };
        groups.set(key, group);
        group.ids.push(id);
      }
    const lines = [...groups.values()].map(({ text, ids: [first, ...more] }) => {
      const others = more.length === 0 ? '' : ` and ${more.length} more`;
      return `  ${first}${others}: ${text}`;
    });
    const all = [...ofFamily, ...lines];
    return all.length === 0 ? [] : [`\n${title}:`, ...all];
  }

  #row(found: EnvironmentFindings): string {
    const { id, construction_ms, reset_ms, steps_per_s, memory_mb } = found;
    return this.#cells([
      id,
      shown(construction_ms, 'ms'),
      shown(reset_ms, 'ms'),
      shown(steps_per_s, ''),
      shown(memory_mb, 'MB'),
      verdictOn(found),
    ]);
  }

  #cells([id = '', ...numbers]: readonly string[]): string {
    const digits = `${this.#chosen.length}`.length;
    const at = id === '' ? '' : `${this.#environments.length}`;
    const total = id === '' ? ' '.repeat(digits + 1) : `/${this.#chosen.length}`;
    const width = Math.max(0, ...this.#chosen.map(({ length }) => length));
    const verdict = numbers.at(-1) ?? '';
    const middle = numbers.slice(0, -1).map((text) => text.padStart(10));
    return `${at.padStart(digits)}${total}  ${id.padEnd(width)}${middle.join('')}   ${verdict}`.trimEnd();
  }

  #print(line: string): void {
    if (this.#isPrinted) console.log(line);
  }
}

function verdictOn({ problems, warnings, unavailable }: EnvironmentFindings): string {
  if (problems.length > 0) return 'wrong';
  if (unavailable) return 'unavailable';
  return warnings.length > 0 ? 'with warnings' : 'well';
}

/** A number with two significant digits, and all of those before the point. */
function shown(value: number | undefined, unit: string): string {
  if (value === undefined) return '–';
  const rounded = value >= 100 ? Math.round(value) : Number(value.toPrecision(2));
  return `${rounded.toLocaleString('en')} ${unit}`.trimEnd();
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
