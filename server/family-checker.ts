import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Family, familyEnvironment } from './family.js';
import { forwardLines } from './log.js';

const keptLines = 12;

/** What is wrong with something, and what may be meant to be so: a sentence each. */
export interface Findings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What was found of the family itself: its environments and which of them are examined, before the first one is. */
export interface FamilyFindings extends Findings {
  readonly ids: number;
  readonly chosen: readonly string[];
}

/** What was found of one environment, in the names of python-envs/gymlink/sidecar/examining.py. */
export interface EnvironmentFindings extends Findings {
  readonly id: string;
  /** Whether it says itself that it cannot be made here. */
  readonly unavailable?: boolean;
  readonly construction_ms?: number;
  readonly reset_ms?: number;
  readonly steps_per_s?: number;
  /** Memory of its process that no other shares, in megabytes. */
  readonly memory_mb?: number;
}

/** Lines of a check in this order: the family, each environment, and at last what all together tell. */
export type CheckLine = FamilyFindings | EnvironmentFindings | Findings;

export interface CheckOptions {
  /** Patterns of ids; none for all. */
  readonly patterns: readonly string[];
  /** How long one environment may take, in seconds. */
  readonly limit: number;
  /** Aborting ends the check and every process of it. */
  readonly signal: AbortSignal;
}

/**
 * Checks a family in its own Python, line by line as they come (gymlink.sidecar.checking). Ends early when it is aborted.
 *
 * Raises Error when the family does not start.
 */
export async function* checkFamily(
  family: Family,
  python: string,
  { patterns, limit, signal }: CheckOptions,
): AsyncGenerator<CheckLine> {
  const folder = await mkdtemp(join(tmpdir(), 'gl-check-'));
  const manifest = join(folder, 'family.json');
  await writeFile(manifest, JSON.stringify(family.manifest));
  const options = ['--manifest', manifest, '--folder', folder, '--limit', `${limit}`];
  const checker = spawn(
    python,
    ['-m', 'gymlink.sidecar.checking', ...options, '--', ...patterns],
    // Detached: this process takes a terminal's SIGINT and ends it. What it has started ends with it.
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...familyEnvironment(family) },
    },
  );
  const closed = once(checker, 'close');
  // Its failure is reported by whoever awaits it below.
  closed.catch(() => undefined);
  const end = () => checker.kill('SIGKILL');
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const printed: string[] = [];
  forwardLines(checker.stderr, (line) => {
    printed.push(line);
    if (printed.length > keptLines) printed.shift();
  });
  try {
    for await (const line of createInterface({ input: checker.stdout })) yield JSON.parse(line);
    const [status] = await closed;
    if (status !== 0 && !signal.aborted) throw notStarted(family, status, printed);
  } finally {
    signal.removeEventListener('abort', end);
    end();
    await closed.catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
}

function notStarted({ name }: Family, status: number | null, printed: readonly string[]): Error {
  const last = printed.at(-1) ?? '';
  // What the sidecar itself found missing is a whole sentence.
  if (last.startsWith('gymlink: The family')) return new Error(last.slice('gymlink: '.length));
  const how = status === null ? 'was ended' : `exited with status ${status}`;
  return new Error(
    `The Python process of family ${name} ${how}. It printed last:\n${printed.join('\n')}`,
  );
}
