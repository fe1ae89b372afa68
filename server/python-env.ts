import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { pythonEnvsFolder, version } from './package-paths.js';

/** Why there is no environment to run in. */
export type PythonEnvProblem =
  | 'no-python'
  | 'no-venv'
  | 'no-network'
  | 'disk-full'
  | 'install'
  | 'cancelled';

/** Raised by this module alone; the message is one sentence with what to do. */
export class PythonEnvError extends Error {
  override readonly name = 'PythonEnvError';
  readonly problem: PythonEnvProblem;

  constructor(problem: PythonEnvProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** An interpreter found on PATH. */
export interface FoundPython {
  /** Name under which it was found, such as `python3`. */
  readonly name: string;
  readonly executable: string;
  /** `[major, minor, micro]` */
  readonly version: readonly [number, number, number];
  /** Names the version, the ABI and the processor: packages built for one do not load in another. */
  readonly abi: string;
  /** Whether it can make virtual environments without further help; Debian's python3 cannot without python3-venv. */
  readonly hasVenv: boolean;
}

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

const names = ['python3', 'python', 'python3.13', 'python3.12', 'python3.11'];
const probeTimeoutMs = 20_000;
/** Far above what a slow line needs for the largest family; below a lifetime of waiting. */
const buildTimeoutMs = 30 * 60_000;
const run = promisify(execFile);

const probe = `
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
  "executable": sys.executable,
  "version": list(sys.version_info[:3]),
  "abi": "-".join([str(sysconfig.get_config_var("SOABI")), sys.platform, platform.machine()]),
  "hasVenv": all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")),
}))`;

/**
 * Finds an interpreter of a version in `range`, such as `>=3.11,<3.14`, under one of Python's usual names on PATH.
 *
 * Raises {@link PythonEnvError} `no-python` when none suits, and `no-venv` when those that suit can make no virtual
 * environment and `uv` is not there to do it.
 */
export async function findPython(range: string): Promise<FoundPython> {
  const others: string[] = [];
  let withoutVenv: FoundPython | undefined;
  for (const name of names) {
    const python = await probePython(name);
    if (python === undefined) continue;
    if (!isInRange(python.version, range)) others.push(`${name} is ${python.version.join('.')}`);
    else if (python.hasVenv || (await hasUv())) return python;
    else withoutVenv ??= python;
  }
  if (withoutVenv !== undefined) throw noVenv(withoutVenv);
  const found = others.length === 0 ? 'none is on PATH' : others.join(', ');
  throw new PythonEnvError(
    'no-python',
    `gymlink needs Python ${range} and ${found}: install Python 3.12, for instance with "sudo apt install python3.12-venv" or "brew install python@3.12", and try again.`,
  );
}

/** Says where the virtual environment of the family in `familyFolder` belongs, without making it. Raises as {@link findPython}. */
export async function locatePythonEnv(
  familyFolder: string,
  lockFile = 'requirements.lock',
): Promise<PythonEnvLocation> {
  const manifest = JSON.parse(readFileSync(join(familyFolder, 'family.json'), 'utf8'));
  const base = await findPython(manifest.python);
  const lock = readFileSync(resolve(familyFolder, lockFile));
  const key = createHash('sha256')
    .update(JSON.stringify([version, base.abi]))
    .update(lock)
    .digest('hex');
  const folder = join(cacheFolder(), 'envs', `${manifest.name}-${key.slice(0, 16)}`);
  const python = join(folder, 'bin', 'python');
  const complete = existsSync(join(folder, 'complete')) && existsSync(python);
  return { base, folder, python, complete };
}

/**
 * Makes the virtual environment of the family in `familyFolder` unless it is there, and returns its interpreter.
 *
 * It lies in the user's cache folder, shared by every project that needs the same lock file, gymlink version, Python ABI
 * and processor. Any number of processes may ask at once: one builds, the others wait. What a killed builder left is built
 * anew. The interpreter that `GYMLINK_PYTHON` names is taken as it is instead.
 *
 * Raises {@link PythonEnvError}.
 */
export async function ensurePythonEnv(
  familyFolder: string,
  { lockFile = 'requirements.lock', onProgress, signal }: PythonEnvOptions = {},
): Promise<{ python: string }> {
  const given = process.env.GYMLINK_PYTHON;
  if (given) return { python: given };
  const env = await locatePythonEnv(familyFolder, lockFile);
  if (!env.complete) await build(env, resolve(familyFolder, lockFile), onProgress, signal);
  return { python: env.python };
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

async function probePython(name: string): Promise<FoundPython | undefined> {
  try {
    const { stdout } = await run(name, ['-I', '-c', probe], { timeout: probeTimeoutMs });
    return { name, ...JSON.parse(stdout) };
  } catch {
    // Not there, or a shim that stands for nothing.
    return undefined;
  }
}

function isInRange([major, minor]: FoundPython['version'], range: string): boolean {
  return range.split(',').every((clause) => {
    const match = /^(>=|<)(\d+)\.(\d+)$/.exec(clause.trim());
    if (match === null) throw new Error(`A Python range is written ">=3.11,<3.14", not "${range}"`);
    const distance = major * 1000 + minor - (Number(match[2]) * 1000 + Number(match[3]));
    return match[1] === '<' ? distance < 0 : distance >= 0;
  });
}

/** Runs it rather than looking for the file: a version manager's shim may stand for nothing. */
async function hasUv(): Promise<boolean> {
  try {
    await run('uv', ['--version'], { timeout: probeTimeoutMs });
    return true;
  } catch {
    return false;
  }
}

async function build(
  env: PythonEnvLocation,
  lockFile: string,
  onProgress: ((line: string) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const script = join(pythonEnvsFolder, 'build_env.py');
  const installer = (await hasUv()) ? 'uv' : 'pip';
  onProgress?.(
    `Building a Python ${env.base.version.join('.')} environment in ${env.folder} with ${installer}`,
  );
  const builder = spawn(env.base.executable, ['-I', script, env.folder, lockFile, installer], {
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

function noVenv({ version: [major, minor], name }: FoundPython): PythonEnvError {
  return new PythonEnvError(
    'no-venv',
    `${name} cannot make virtual environments: install its venv module ("sudo apt install python${major}.${minor}-venv") or uv, and try again.`,
  );
}

/** What the installer itself says went wrong: pip's ERROR lines, else the last lines (uv closes with a tree of causes). */
function reason(output: readonly string[]): string {
  const errors = output
    .filter((line) => /^ERROR: /.test(line))
    .map((line) => line.slice('ERROR: '.length));
  const lines = errors.length > 0 ? errors : output;
  return (
    lines
      .slice(-4)
      .map((line) => line.trim())
      .join(' ') || 'it printed nothing'
  );
}
