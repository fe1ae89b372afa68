// What a test of conformance needs: the scenarios, a server, the Python client's transcript, and the comparison.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Scenario } from './loader-driver.js';

const here = import.meta.dirname;
const scenariosFile = path.join(here, 'scenarios.json');
const python = process.env.GYMLINK_DEV_PYTHON ?? 'python3';
const run = promisify(execFile);
const START_TIMEOUT_MS = 60_000;
const CLIENT_TIMEOUT_MS = 300_000;
const MAX_REPORT_BYTES = 64 * 2 ** 20;

/** All scenarios. */
export const { scenarios } = JSON.parse(readFileSync(scenariosFile, 'utf8')) as {
  scenarios: Scenario[];
};

/** Starts the built server; `stop` ends it. */
export async function startServer(): Promise<{ address: string; stop: () => Promise<void> }> {
  const cli = path.join(here, '../../dist/cli.js');
  const args = [cli, 'serve', '--listen', '127.0.0.1:0', '--json'];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async () => {
    const closed = once(server, 'close');
    if (server.exitCode === null && server.kill()) await closed;
  };
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  try {
    const [line] = (await once(createInterface(server.stdout), 'line', { signal })) as [string];
    return { address: (JSON.parse(line) as { address: string }).address, stop };
  } catch (error) {
    await stop();
    throw new Error('the server did not start; its log is above', { cause: error });
  }
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gymlink-conformance-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The transcript of the Python client. */
export function pythonTranscript(address: string): Promise<object> {
  return inFolder(async (folder) => {
    const target = path.join(folder, 'python.json');
    const driver = path.join(here, 'python_driver.py');
    await run(python, [driver, address, scenariosFile, target], { timeout: CLIENT_TIMEOUT_MS });
    return JSON.parse(await readFile(target, 'utf8')) as object;
  });
}

/** Names of scenarios to their defects; the name of a client that does not see the wire ends with `*`. */
export function defects(transcripts: Record<string, object>): Promise<Record<string, string[]>> {
  return inFolder(async (folder) => {
    const files: string[] = [];
    for (const [name, transcript] of Object.entries(transcripts)) {
      const file = path.join(folder, `${files.length}.json`);
      await writeFile(file, JSON.stringify(transcript));
      files.push(`${name}=${file}`);
    }
    return JSON.parse(await checked(files)) as Record<string, string[]>;
  });
}

/** What check.py prints; it exits with 1 when there are defects. */
async function checked(files: string[]): Promise<string> {
  const script = path.join(here, 'check.py');
  const options = { maxBuffer: MAX_REPORT_BYTES, timeout: CLIENT_TIMEOUT_MS };
  try {
    return (await run(python, [script, scenariosFile, ...files], options)).stdout;
  } catch (failure) {
    const { code, stdout } = failure as { code?: number; stdout?: string };
    if (code === 1 && stdout) return stdout;
    throw failure;
  }
}
