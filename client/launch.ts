import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Connection } from './connection.js';
import { GymlinkError } from './errors.js';

/** How to start a private server. */
export interface LaunchOptions {
  /** Called with each line that the server logs, for example while it installs its Python packages. */
  readonly onLog?: (line: string) => void;
  /** Milliseconds to wait for the server; 600,000 by default, because the first start installs Python packages. */
  readonly timeoutMs?: number;
}

const closeGraceMs = 10_000;

/**
 * Starts a private server on a Unix socket of its own and connects to it. `close` of the connection ends the server; so does
 * the end of this process, however it comes about.
 *
 * @throws GymlinkError LAUNCH_FAILED if the server does not start; its last words are in the message.
 */
export async function launch({
  onLog,
  timeoutMs = 600_000,
}: LaunchOptions = {}): Promise<Connection> {
  const folder = await mkdtemp(join(tmpdir(), 'gymlink-'));
  const listen = `unix:${join(folder, 's.sock')}`;
  const child = spawn(
    process.execPath,
    [cliFile(), 'serve', '--listen', listen, '--json', '--exit-with-stdin'],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await started(child, timeoutMs, onLog);
    const connection = new Connection(listen, stop);
    await connection.ready(timeoutMs);
    return connection;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The built command; from the sources (in tests) as well as from the package. */
function cliFile(): string {
  const beside = fileURLToPath(new URL('../cli.js', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../dist/cli.js', import.meta.url));
}

/** Waits for the server's first line of output; rejects with its last words if it ends before. */
function started(
  child: ChildProcess,
  timeoutMs: number,
  onLog: LaunchOptions['onLog'],
): Promise<void> {
  const log: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    onLog?.(line);
    log.push(line);
    if (log.length > 20) log.shift();
  });
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      reject(new GymlinkError('LAUNCH_FAILED', [`The private server ${what}.`, ...log].join('\n')));
    const timer = setTimeout(() => fail(`did not start within ${timeoutMs / 1000} s`), timeoutMs);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('close', (code) => fail(`ended with exit code ${code}`));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), closeGraceMs);
  child.stdin?.end();
  await exited;
  clearTimeout(timer);
}
