// What a test of conformance needs: the scenarios, a server, the Python clients' transcripts, and the comparison.
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

/** Starts the built server with the families that the scenarios need; `stop` ends it. */
export async function startServer(): Promise<{ address: string; stop: () => Promise<void> }> {
  const script = path.join(here, '../../server/fixtures/serve-test-family.mjs');
  const server = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
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

/** Records of the steps of scenarios, by their names. */
export type Transcript = Record<string, object[]>;

/** The transcript of the Python client that is made from the .proto files. */
export const pythonTranscript = (address: string): Promise<Transcript> =>
  played(path.join(here, 'python_driver.py'), address);

/** The transcript of `gymlink.client`: what its interface can say and tells. */
export const libraryTranscript = (address: string): Promise<Transcript> =>
  played(path.join(here, '../../python-envs/tests/conformance_driver.py'), address);

function played(driver: string, address: string): Promise<Transcript> {
  return inFolder(async (folder) => {
    const target = path.join(folder, 'transcript.json');
    await run(python, [driver, address, scenariosFile, target], { timeout: CLIENT_TIMEOUT_MS });
    return JSON.parse(await readFile(target, 'utf8')) as Transcript;
  });
}

/** How much of the scenarios a transcript has: scenarios, steps, and values in their records. */
export function extent(transcript: Transcript): Record<'scenarios' | 'steps' | 'values', number> {
  const all = Object.values(transcript);
  const steps = all.reduce((sum, records) => sum + records.length, 0);
  return { scenarios: all.length, steps, values: leaves(transcript) };
}

function leaves(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, item) => sum + leaves(item), 0);
}

/** Names of scenarios to their defects; the name of a library ends with `*`. */
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
