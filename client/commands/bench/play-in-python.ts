import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Figure } from './row.js';

/** Interpreter and environment variables with which `python -m gymlink.bench` runs. */
export interface BenchPython {
  readonly python: string;
  readonly env: Readonly<Record<string, string>>;
  /** The manifest of the family whose interpreter it is, as its sidecar gets it. */
  readonly manifest: unknown;
}

/** Finds the Python of a family by its name, among those of the folders and those that every server knows. */
export type FindPython = (family: string, folders: readonly string[]) => Promise<BenchPython>;

/** Exit status of `python -m gymlink.bench` that lacks a package, and has said so. */
const missingPackage = 3;

/** Raised when the Python of a row lacks a package; it has said on standard error which, and what to do. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
}

/** A Python process that plays a row. */
export interface PythonPlay<T> {
  /** Plays one round and gives what it gave. */
  readonly play: () => Promise<T>;
  /** Ends the process, which closes its environments. */
  readonly end: () => Promise<unknown>;
}

/** What a process may take to close its environments. */
const closeGraceMs = 20_000;

/**
 * Starts a Python process that plays the rounds of a row and waits between them. `args`: the row and, for the side of the
 * Python client, the server's address.
 */
export function playInPython<T extends object | number = number | Figure>(
  { python, env }: BenchPython,
  args: readonly string[],
): PythonPlay<T> {
  const child = spawn(python, ['-m', 'gymlink.bench', ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<Error>((resolve) => {
    child.once('error', resolve).once('close', (status) => resolve(endOf(status)));
  });
  // A process that has ended takes no more input; the round then says so.
  child.stdin.on('error', () => undefined);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const play = async () => {
    child.stdin.write('\n');
    const { value, done } = await answers.next();
    if (done) throw await ended;
    return JSON.parse(value);
  };
  const end = async () => {
    child.stdin.end();
    const kill = setTimeout(() => child.kill('SIGKILL'), closeGraceMs);
    await ended;
    clearTimeout(kill);
  };
  return { play, end };
}

function endOf(status: number | null): Error {
  return status === missingPackage
    ? new MissingPackageError('The row could not be measured; the message is above.')
    : new Error('The Python process of the row ended; its message is above.');
}
