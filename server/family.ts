import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { z } from 'zod';
import { nearestNames } from './nearest-names.js';
import { pythonEnvsFolder } from './package-paths.js';
import { isRange } from './python-finder.js';

const text = z.string().min(1);
const className = text.regex(/^[\w.]+:\w+$/, 'must be "module:name"');
const attribute = text.regex(/^(?!__)[A-Za-z_]\w*$/, 'must not begin with two underscores');
const plain: z.ZodType = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(plain), z.record(text, plain)]),
);
const keywords = z.record(text, plain).default({});

const source = z.strictObject({
  package: text,
  git: text,
  commit: text.regex(/^[0-9a-f]{40}$/, 'must be the 40 hexadecimal digits of a commit'),
  variable: text.regex(/^GYMLINK_[A-Z0-9_]+$/, 'must begin with GYMLINK_'),
});

const systemLibrary = z.strictObject({
  library: text,
  package: text,
  for: text,
  optional: z.boolean().default(false),
});

const choice = z.strictObject({ value: z.string(), libraries: z.array(text).default([]) });

const environmentEntry = z.strictObject({
  constructor: className,
  kwargs: keywords,
  max_episode_steps: z.int().positive().optional(),
  reward_threshold: z.number().optional(),
  nondeterministic: z.boolean().default(false),
  api: z.enum(['gymnasium', 'vector', 'parallel', 'aec']).default('gymnasium'),
});

const attributeRule = z.strictObject({
  read: z.array(attribute).optional(),
  set: z.array(attribute).optional(),
  call: z.array(attribute).optional(),
});

const stateRule = z.discriminatedUnion('tier', [
  z.strictObject({ tier: z.literal('native'), constants: z.array(text).optional() }),
  z.strictObject({ tier: z.literal('replay') }),
  z.strictObject({ tier: z.literal('fork') }),
]);

/** What `family.json` may hold; docs/families.md says what each key is for. */
const manifest = z.strictObject({
  $schema: z.string().optional(),
  name: text.regex(/^[a-z0-9][a-z0-9_-]*$/, 'must be a lower-case name such as "gymnasium"'),
  description: z.string().default(''),
  licence: z.string().default(''),
  python: text.refine(isRange, 'must be a range such as ">=3.11,<3.14"'),
  lock: text.default('requirements.lock'),
  sources: z.array(source).default([]),
  system: z.array(systemLibrary).default([]),
  environment: z.record(text, z.union([z.string(), z.array(choice).min(1)])).default({}),
  preload: z.array(text).default([]),
  ids: z.array(text).optional(),
  environments: z.record(text, environmentEntry).default({}),
  kwargs: z.record(text, z.array(text)).default({}),
  wrappers: z.record(text, className).default({}),
  attributes: z.record(text, attributeRule).default({}),
  states: z.record(text, stateRule).default({}),
  spaces: z.record(className, className).default({}),
  out_of_space: z.enum(['pass', 'warn', 'refuse']).default('pass'),
  start: z.enum(['fork', 'cold']).default('fork'),
  max_envs_per_worker: z.int().positive().optional(),
  step_us: z.number().positive().default(25),
  memory_mb: z.number().positive().optional(),
});

/** A manifest with every default filled in, as its file spells it. */
export type Manifest = z.output<typeof manifest>;

/** A family: a folder with a manifest `family.json`, a lock file, and modules of its own if need be. */
export interface Family {
  readonly folder: string;
  readonly name: string;
  readonly manifest: Manifest;
}

/** Wrappers that every family allows: Gymnasium's, `module:Class` by name. */
const gymnasiumWrappers: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(pythonEnvsFolder, 'families', 'wrappers.json'), 'utf8'),
);

/** Reads a family's manifest. Raises Error, one sentence that says what is wrong where. */
export function readFamily(folder: string): Family {
  const file = join(resolve(folder), 'family.json');
  if (!existsSync(file))
    throw new Error(
      `${resolve(folder)} holds no family.json, so it is no family: "gymlink family new ${folder}" writes one.`,
    );
  const parsed = manifest.safeParse(parseJson(file));
  if (!parsed.success)
    throw new Error(`${file}: ${parsed.error.issues.map(describeIssue).join('; ')}.`);
  const wrappers = { ...gymnasiumWrappers, ...parsed.data.wrappers };
  return {
    folder: resolve(folder),
    name: parsed.data.name,
    manifest: { ...parsed.data, wrappers },
  };
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} is no JSON: ${(error as Error).message}.`);
  }
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const where = issue.path.length === 0 ? '' : `"${issue.path.join('.')}" `;
  if (issue.code !== 'unrecognized_keys') return `${where}${lowered(issue.message)}`;
  const known = issue.path.length === 0 ? Object.keys(manifest.shape) : [];
  return issue.keys
    .map((key) => {
      const [near] = nearestNames(key, known);
      const hint = near === undefined ? '' : `, did you mean "${near}"?`;
      return `${where}has an unknown key "${key}"${hint}`.trim();
    })
    .join('; ');
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** The allowed constructor arguments of an environment: those of every pattern of the manifest that its id matches. */
export function allowedKwargs({ manifest }: Family, envId: string): string[] {
  const lists = Object.entries(manifest.kwargs).filter(([pattern]) => matches(envId, pattern));
  return [...new Set(lists.flatMap(([, names]) => names))];
}

/** Whether an id matches a pattern as Python's fnmatchcase has it: `*` stands for any text, `?` for a character. */
export function matches(id: string, pattern: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/[*?]/g, '.$&');
  return new RegExp(`^${source.replaceAll('.?', '.')}$`, 's').test(id);
}

/** Whether an environment of this id may be the family's, as far as its manifest tells without starting it. */
export function mayHave({ manifest }: Family, envId: string): boolean {
  return [...(manifest.ids ?? []), ...Object.keys(manifest.environments)].some((pattern) =>
    matches(envId, pattern),
  );
}

/**
 * Variables with which a family's Python processes run: one numeric thread each, no window, the same hashes every time. Those
 * that the manifest gives choices for are chosen in the process itself.
 */
export function familyEnvironment({ folder, manifest }: Family): Record<string, string> {
  const fixed = Object.entries(manifest.environment).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return {
    // A family's folder may hold modules that its manifest names under "preload".
    PYTHONPATH: [pythonEnvsFolder, folder].join(delimiter),
    PYTHONHASHSEED: '0',
    PYTHONUNBUFFERED: '1',
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
    MKL_NUM_THREADS: '1',
    NUMEXPR_NUM_THREADS: '1',
    VECLIB_MAXIMUM_THREADS: '1',
    SDL_VIDEODRIVER: 'dummy',
    SDL_AUDIODRIVER: 'dummy',
    PYGAME_HIDE_SUPPORT_PROMPT: '1',
    ...Object.fromEntries(fixed),
  };
}
