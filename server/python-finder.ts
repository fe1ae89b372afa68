import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PythonEnvError } from './python-env-error.js';

/** An interpreter found on this machine. */
export interface FoundPython {
  /** Name under which it was found, such as `python3`, or its path. */
  readonly name: string;
  readonly executable: string;
  /** `[major, minor, micro]` */
  readonly version: readonly [number, number, number];
  /** Names the version, the ABI and the processor: packages built for one do not load in another. */
  readonly abi: string;
  /** Whether it can make virtual environments without further help; Debian's python3 cannot without python3-venv. */
  readonly hasVenv: boolean;
}

const names = ['python3', 'python', ...[13, 12, 11, 10, 9].map((minor) => `python3.${minor}`)];
const probeTimeoutMs = 20_000;
const run = promisify(execFile);
const clause = /^(>=|<)(\d+)\.(\d+)$/;

const probe = `
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
  "executable": sys.executable,
  "version": list(sys.version_info[:3]),
  "abi": "-".join([str(sysconfig.get_config_var("SOABI")), sys.platform, platform.machine()]),
  "hasVenv": all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")),
}))`;

/** Interpreters by name and PATH: a server asks for the same ones for each of its families. */
const probed = new Map<string, Promise<FoundPython | undefined>>();

/** Whether a text is a range of Python versions, such as `>=3.11,<3.14`. */
export function isRange(range: string): boolean {
  return range.split(',').every((part) => clause.test(part.trim()));
}

/**
 * Finds an interpreter of a version in `range`, such as `>=3.11,<3.14`: under one of Python's usual names on PATH, else among those
 * that pyenv or uv installed.
 *
 * Raises {@link PythonEnvError} `no-python` when none suits, and `no-venv` when those that suit can make no virtual
 * environment and `uv` is not there to do it.
 */
export async function findPython(range: string): Promise<FoundPython> {
  const others: string[] = [];
  let withoutVenv: FoundPython | undefined;
  for (const name of [...names, ...installedByManagers()]) {
    const python = await probeOnce(name);
    if (python === undefined) continue;
    if (!isInRange(python.version, range)) others.push(`${name} is ${python.version.join('.')}`);
    else if (python.hasVenv || (await hasUv())) return python;
    else withoutVenv ??= python;
  }
  if (withoutVenv !== undefined) throw noVenv(withoutVenv);
  const found = others.length === 0 ? 'none is on PATH' : others.join(', ');
  const wanted = newestOf(range);
  throw new PythonEnvError(
    'no-python',
    `Python ${range} is needed and ${found}: install Python ${wanted}, for instance with "sudo apt install python${wanted}-venv", "brew install python@${wanted}" or "uv python install ${wanted}", and try again.`,
  );
}

/** That an interpreter cannot make virtual environments, and what to do. */
export function noVenv({ version: [major, minor], name }: FoundPython): PythonEnvError {
  return new PythonEnvError(
    'no-venv',
    `${name} cannot make virtual environments: install its venv module ("sudo apt install python${major}.${minor}-venv") or uv, and try again.`,
  );
}

/** Runs it rather than looking for the file: a version manager's shim may stand for nothing. */
export async function hasUv(): Promise<boolean> {
  try {
    await run('uv', ['--version'], { timeout: probeTimeoutMs });
    return true;
  } catch {
    return false;
  }
}

/** Interpreters that pyenv and uv keep beside PATH, newest first. */
function installedByManagers(): string[] {
  const { PYENV_ROOT, UV_PYTHON_INSTALL_DIR, XDG_DATA_HOME } = process.env;
  const folders = [
    join(PYENV_ROOT || join(homedir(), '.pyenv'), 'versions'),
    UV_PYTHON_INSTALL_DIR || join(XDG_DATA_HOME || join(homedir(), '.local/share'), 'uv/python'),
  ];
  const byVersion = new Intl.Collator('en', { numeric: true });
  return folders.flatMap((folder) =>
    list(folder)
      .filter((name) => /^(cpython-)?3\.\d/.test(name))
      .sort((a, b) => byVersion.compare(b, a))
      .map((name) => join(folder, name, 'bin', 'python3')),
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function probeOnce(name: string): Promise<FoundPython | undefined> {
  const key = `${process.env.PATH} ${name}`;
  const known = probed.get(key) ?? probePython(name);
  probed.set(key, known);
  return known;
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
  return range.split(',').every((part) => {
    const [, order, wantedMajor, wantedMinor] = clause.exec(part.trim()) ?? [];
    const distance = major * 1000 + minor - (Number(wantedMajor) * 1000 + Number(wantedMinor));
    return order === '<' ? distance < 0 : distance >= 0;
  });
}

/** The oldest version of a range, such as `3.11`. */
export function oldestOf(range: string): string {
  return />=(\d+\.\d+)/.exec(range)?.[1] ?? '3.9';
}

/** The version to advise for a range: 3.12 where it is allowed, else the newest or the oldest that the range names. */
function newestOf(range: string): string {
  if (isInRange([3, 12, 0], range)) return '3.12';
  const upper = /<3\.(\d+)/.exec(range);
  const lower = />=3\.(\d+)/.exec(range);
  return upper === null ? `3.${lower?.[1] ?? 12}` : `3.${Number(upper[1]) - 1}`;
}
