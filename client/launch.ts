import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, rm, rmdir, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Connection } from './connection.js';
import { GymlinkError } from './errors.js';

/** How to start a private server. */
export interface LaunchOptions {
  /** Called with each line that the server logs, a JSON object. By default the progress of a first start goes to standard error. */
  readonly onLog?: (line: string) => void;
  /** Milliseconds to wait for the server; 600,000 by default, because the first start installs Python packages. */
  readonly timeoutMs?: number;
  /** Folders of families of one's own, which are served beside those that come with gymlink. Default: none. */
  readonly families?: readonly string[];
}

const closeGraceMs = 10_000;
const prefix = 'gymlink-launch-';
/** The kernel takes no longer name of a Unix socket, and Node cuts it silently. */
const maxSocketPathBytes = 100;

/**
 * Starts a private server on a Unix socket of its own and connects to it. `close` of the connection ends the server; so does
 * the end of this process, however it comes about. The server does not see the terminal's Ctrl-C: a script that handles it
 * goes on with its environments.
 *
 * @throws GymlinkError LAUNCH_FAILED if the server does not start; its last words are in the message.
 */
export async function launch({
  onLog = showInstallation,
  timeoutMs = 600_000,
  families = [],
}: LaunchOptions = {}): Promise<Connection> {
  const folder = await privateFolder();
  const listen = `unix:${join(folder, 's.sock')}`;
  const args = [cliFile(), 'serve', '--listen', listen, '--json', '--private'];
  if (families.length > 0) args.push('--families', ...families);
  const child = spawn(process.execPath, args, { stdio: 'pipe', detached: true });
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
    process.off('exit', removeFolder);
  };
  try {
    await started(child, timeoutMs, onLog);
    const connection = new Connection(listen, stop);
    await connection.ready(timeoutMs);
    unref(child);
    return connection;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function privateFolder(): Promise<string> {
  const isShort =
    Buffer.byteLength(join(tmpdir(), `${prefix}XXXXXX`, 's.sock')) <= maxSocketPathBytes;
  const base = isShort ? tmpdir() : '/tmp';
  await removeAbandoned(base);
  return mkdtemp(join(base, prefix));
}

/** A process that was killed with SIGKILL leaves its empty folder; the next one removes it. */
async function removeAbandoned(base: string): Promise<void> {
  const names = await readdir(base).catch(() => []);
  for (const name of names.filter((found) => found.startsWith(prefix))) {
    const folder = join(base, name);
    const age = Date.now() - (await stat(folder).then(({ mtimeMs }) => mtimeMs, Date.now));
    // A folder with a socket in it is no empty one, and stays.
    if (age > 60_000) await rmdir(folder).catch(() => undefined);
  }
}

/** The built command; from the sources (in tests) as well as from the package. */
export function cliFile(): string {
  const beside = fileURLToPath(new URL('../cli.js', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../dist/cli.js', import.meta.url));
}

/** Shows what the server tells while it installs Python packages: a first start would be silent for a minute. */
export function showInstallation(line: string): void {
  const installing = /"line":(".*"),"msg":"making the Python environment"/.exec(line)?.[1];
  if (installing !== undefined) process.stderr.write(`gymlink: ${JSON.parse(installing)}\n`);
}

/** Waits for the server's first line of output; rejects with its last words if it ends before. */
function started(
  child: ChildProcess,
  timeoutMs: number,
  onLog: (line: string) => void,
): Promise<void> {
  const log: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    onLog(line);
    log.push(line);
    if (log.length > 20) log.shift();
  });
  // A server that died takes no more input; its end is told by `exit`.
  child.stdin?.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    const fail = (what: string) => {
      clearTimeout(timer);
      reject(new GymlinkError('LAUNCH_FAILED', [`The private server ${what}.`, ...log].join('\n')));
    };
    const timer = setTimeout(() => fail(`did not start within ${timeoutMs / 1000} s`), timeoutMs);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('close', (code) => fail(`ended with exit code ${code}`));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A script that does not close its connection ends all the same, and the server with it. */
function unref(child: ChildProcess): void {
  child.unref();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as Socket | null)?.unref();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), closeGraceMs);
  child.stdin?.end();
  await exited;
  clearTimeout(timer);
}
