import { readFileSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { pythonEnvsFolder } from './package-paths.js';

/** A family as its folder describes it: a manifest `family.json` beside a `requirements.lock`. */
export interface Family {
  readonly folder: string;
  readonly manifestFile: string;
  readonly name: string;
  /** Versions of Python that it runs on, such as `>=3.11,<3.14`. */
  readonly python: string;
  /** Environment variables of its processes. */
  readonly environment: Readonly<Record<string, string>>;
  /** Constructor arguments that a client may set, by environment id; none for an id that is missing. */
  readonly kwargs: Readonly<Record<string, readonly string[]>>;
  /** Wrappers that a client may ask for: `module:Class` by name. An operator may add others. */
  readonly wrappers: Readonly<Record<string, string>>;
}

/** Reads a family's manifest. Raises Error when it is missing or not of the right form. */
export function readFamily(folder: string): Family {
  const manifestFile = resolve(folder, 'family.json');
  const manifest: unknown = JSON.parse(readFileSync(manifestFile, 'utf8'));
  if (!isRecord(manifest)) throw new Error(`${manifestFile} is no object`);
  const {
    name,
    python,
    environment = {},
    kwargs = {},
    attributes = {},
    states = {},
    wrappers = {},
  } = manifest;
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9_-]*$/.test(name))
    throw new Error(`${manifestFile}: "name" must be a lower-case name such as "gymnasium"`);
  if (typeof python !== 'string')
    throw new Error(`${manifestFile}: "python" must be a range such as ">=3.11,<3.14"`);
  if (!isTextRecord(environment))
    throw new Error(`${manifestFile}: "environment" must map variables to text`);
  if (!isRecord(kwargs) || !Object.values(kwargs).every(isTextList))
    throw new Error(
      `${manifestFile}: "kwargs" must map environment ids to lists of argument names`,
    );
  if (!isTextRecord(wrappers) || !Object.values(wrappers).every((path) => /^[^:]+:\w+$/.test(path)))
    throw new Error(`${manifestFile}: "wrappers" must map names to "module:Class"`);
  if (!isRecord(attributes) || !Object.values(attributes).every(isAttributeRule))
    throw new Error(
      `${manifestFile}: "attributes" must map patterns of environment ids to {"read": [...], "set": [...], "call": [...]} ` +
        'with names of attributes, none of which begins with two underscores',
    );
  if (!isRecord(states) || !Object.values(states).every(isStateRule))
    throw new Error(
      `${manifestFile}: "states" must map patterns of environment ids to {"tier": "native", "constants": [...]}, ` +
        '{"tier": "replay"} or {"tier": "fork"}',
    );
  return {
    folder: resolve(folder),
    manifestFile,
    name,
    python,
    environment,
    kwargs: kwargs as Record<string, string[]>,
    wrappers,
  };
}

/** Variables with which a family's Python processes run: one numeric thread each, no window, the same hashes every time. */
export function familyEnvironment(family: Family): Record<string, string> {
  return {
    // A family's folder may hold modules that its manifest names under "preload".
    PYTHONPATH: [pythonEnvsFolder, family.folder].join(delimiter),
    PYTHONHASHSEED: '0',
    PYTHONUNBUFFERED: '1',
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
    MKL_NUM_THREADS: '1',
    NUMEXPR_NUM_THREADS: '1',
    SDL_VIDEODRIVER: 'dummy',
    ...family.environment,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
}

function isAttributeRule(rule: unknown): boolean {
  return (
    isRecord(rule) &&
    Object.entries(rule).every(
      ([verb, names]) =>
        ['read', 'set', 'call'].includes(verb) &&
        isTextList(names) &&
        names.every((name) => /^(?!__)[A-Za-z_]\w*$/.test(name)),
    )
  );
}

function isStateRule(rule: unknown): boolean {
  if (!isRecord(rule)) return false;
  const { tier, constants = [] } = rule;
  return (tier === 'native' && isTextList(constants)) || tier === 'replay' || tier === 'fork';
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
