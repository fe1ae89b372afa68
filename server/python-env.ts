import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Family } from './family.js';
import { defaultFamilyFolder, pythonEnvsFolder, version } from './package-paths.js';
import { PythonEnvError } from './python-env-error.js';
import { type FoundPython, findPython, hasUv, noVenv } from './python-finder.js';

/** Where a family's virtual environment is, or will be. */
export interface PythonEnvLocation {
  readonly base: FoundPython;
  readonly folder: string;
  readonly python: string;
  /** Whether it was built to the end and its interpreter still exists. */
  readonly complete: boolean;
}

export interface PythonEnvOptions {
  /** Lock file to install instead of the family's own, relative to the family's folder. */
  readonly lockFile?: string;
  /** Called with each line that the installer prints; never when there is nothing left to do. */
  readonly onProgress?: (line: string) => void;
  /** Aborting ends the installation and every process of it. */
  readonly signal?: AbortSignal;
}

/** Far above what a slow line needs for the largest family; below a lifetime of waiting. */
const buildTimeoutMs = 30 * 60_000;

/** Says where a family's virtual environment belongs, without making it. Raises as `findPython`, and `no-lock`. */
export async function locatePythonEnv(
  family: Family,
  lockFile = family.manifest.lock,
): Promise<PythonEnvLocation> {
  const base = await findPython(family.manifest.python);
  const key = createHash('sha256')
    .update(JSON.stringify([version, base.abi, ...sources(family)]))
    .update(readLock(family, lockFile))
    .digest('hex');
  const folder = join(cacheFolder(), 'envs', `${family.name}-${key.slice(0, 16)}`);
  const python = join(folder, 'bin', 'python');
  const complete = existsSync(join(folder, 'complete')) && existsSync(python);
  return { base, folder, python, complete };
}

/**
 * Makes a family's virtual environment unless it is there, and returns its interpreter.
 *
 * It lies in the user's cache folder, shared by every project that needs the same lock file, gymlink version, Python ABI
 * and processor. Any number of processes may ask at once: one builds, the others wait. What a killed builder left is built
 * anew.
 *
 * Raises {@link PythonEnvError}.
 */
export async function ensurePythonEnv(
  family: Family,
  { lockFile = family.manifest.lock, onProgress, signal }: PythonEnvOptions = {},
): Promise<{ python: string }> {
  const given = givenPython(family);
  if (given !== undefined) return { python: given };
  const env = await locatePythonEnv(family, lockFile);
  if (!env.complete) {
    const order = { lock: resolve(family.folder, lockFile), sources: sources(family) };
    await build(env, order, onProgress, signal);
  }
  return { python: env.python };
}

/**
 * The interpreter that `GYMLINK_PYTHON` names, which is taken as it is for the default family, and for families without a lock
 * file of their own.
 */
export function givenPython({ folder, manifest }: Family): string | undefined {
  const isForIt = folder === defaultFamilyFolder || !existsSync(join(folder, manifest.lock));
  return isForIt ? process.env.GYMLINK_PYTHON || undefined : undefined;
}

function readLock({ name, folder }: Family, lockFile: string): Buffer {
  const file = resolve(folder, lockFile);
  if (existsSync(file)) return readFileSync(file);
  throw new PythonEnvError(
    'no-lock',
    `The lock file ${file} of family ${name} is missing: "gymlink family lock ${folder}" makes it from requirements.in.`,
  );
}

/** A package that no registry has, as the builder takes it: a checkout in place, or a repository at a commit. */
type SourceOrder =
  | { readonly package: string; readonly checkout: string }
  | { readonly package: string; readonly git: string; readonly commit: string };

function sources({ name, manifest }: Family): SourceOrder[] {
  return manifest.sources.map(({ package: packageName, git, commit, variable }) => {
    const checkout = process.env[variable];
    if (!checkout) return { package: packageName, git, commit };
    if (existsSync(checkout)) return { package: packageName, checkout: resolve(checkout) };
    throw new PythonEnvError(
      'install',
      `${variable} names ${checkout} for family ${name}, but there is no such folder: correct it, or unset it to fetch ${git}.`,
    );
  });
}

/** The folder for what can be made again: `GYMLINK_CACHE_DIR`, else the platform's. */
export function cacheFolder(): string {
  const { GYMLINK_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  if (GYMLINK_CACHE_DIR) return resolve(GYMLINK_CACHE_DIR);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'gymlink');
  // The XDG specification has relative paths ignored.
  const base =
    XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'gymlink');
}

async function build(
  env: PythonEnvLocation,
  order: { readonly lock: string; readonly sources: readonly SourceOrder[] },
  onProgress: ((line: string) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const script = join(pythonEnvsFolder, 'build_env.py');
  const installer = (await hasUv()) ? 'uv' : 'pip';
  onProgress?.(
    `Building a Python ${env.base.version.join('.')} environment in ${env.folder} with ${installer}`,
  );
  const args = ['-I', script, env.folder, order.lock, installer, JSON.stringify(order.sources)];
  const builder = spawn(env.base.executable, args, {
    // A group of its own, which ends when its standard input does: on abort here, or when this process is gone.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const stop = AbortSignal.any([AbortSignal.timeout(buildTimeoutMs), ...(signal ? [signal] : [])]);
  const end = () => builder.stdin.destroy();
  stop.addEventListener('abort', end);
  if (stop.aborted) end();
  const output: string[] = [];
  createInterface({ input: builder.stdout }).on('line', (line) => {
    output.push(line);
    // Without pip's "(from -r FILE (line N))".
    onProgress?.(line.replace(/ \(from .*\)$/, ''));
  });
  try {
    const [status] = await once(builder, 'close');
    if (stop.aborted)
      throw new PythonEnvError('cancelled', cancelledMessage(signal), { cause: stop.reason });
    if (status !== 0) throw buildError(env, output);
  } finally {
    stop.removeEventListener('abort', end);
  }
}

function cancelledMessage(signal: AbortSignal | undefined): string {
  return signal?.aborted
    ? 'Building the Python environment was cancelled; the next start builds it anew.'
    : `Building the Python environment took over ${buildTimeoutMs / 60_000} minutes and was ended: check the network connection, then try again.`;
}

function buildError(env: PythonEnvLocation, output: readonly string[]): PythonEnvError {
  const text = output.join('\n');
  if (/No space left on device|Disk quota exceeded|os error 28/i.test(text))
    return new PythonEnvError(
      'disk-full',
      `The disk is full: free about 1 GB where ${env.folder} lies, or set GYMLINK_CACHE_DIR to a folder with room, and try again.`,
    );
  if (/ensurepip is not available|No module named (venv|ensurepip)/.test(text))
    return noVenv(env.base);
  if (
    /name resolution|new connection|connection (refused|reset)|timed out|unreachable|dns error|error sending request/i.test(
      text,
    )
  )
    return new PythonEnvError(
      'no-network',
      `The package index cannot be reached (${reason(output)}): check the network connection or proxy settings, then try again.`,
    );
  return new PythonEnvError(
    'install',
    `Installing the Python packages failed (${reason(output)}): mend that, then try again.`,
  );
}

/** What the installer itself says went wrong: pip's ERROR lines or git's last one, else the last lines (uv closes with a tree of causes). */
function reason(output: readonly string[]): string {
  const errors = output
    .filter((line) => /^(ERROR|fatal): /.test(line))
    .map((line) => line.replace('ERROR: ', ''));
  const lines = errors.length > 0 ? errors : output;
  return (
    lines
      .slice(-4)
      .map((line) => line.trim())
      .join(' ') || 'it printed nothing'
  );
}
