/**
 * The scenarios of proto/conformance through this library: what its interface can say of them must give what the client that
 * knows only the .proto files gets. A scenario is played up to the first step that the library cannot say.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scenarios, startServer } from '../proto/conformance/harness.js';
import { type Step, transcript } from '../proto/conformance/loader-driver.js';
import { encodeAction } from './actions.js';
import {
  type Argument,
  type Arguments,
  type AutoresetMode,
  type Connection,
  connect,
  GymlinkError,
  type MakeVecOptions,
  type NdArray,
  type PlannedReset,
  PythonFloat,
  type Space,
  type VectorEnv,
  type VectorRenderOptions,
  type VectorResetOptions,
} from './index.js';
import { sizeOf } from './nd-array.js';

// biome-ignore lint/suspicious/noExplicitAny: records are JSON of many forms
type Json = any;
type Envs = VectorEnv<unknown, unknown>;

/** Thrown at a step that the library's interface cannot say. */
class Unsayable extends Error {}

let address: string;
let stop: () => Promise<void>;
let gym: Connection;
let expected: Record<string, Json[]>;
const compared: Record<string, number> = {};

beforeAll(async () => {
  ({ address, stop } = await startServer());
  expected = (await transcript(address, scenarios)) as Record<string, Json[]>;
  gym = await connect(address);
}, 300_000);

afterAll(async () => {
  await gym?.close();
  await stop?.();
});

const modes: Record<string, AutoresetMode> = {
  NEXT_STEP: 'NextStep',
  SAME_STEP: 'SameStep',
  DISABLED: 'Disabled',
};

function argument(form: Json): Argument {
  if ('float' in form) return new PythonFloat(form.float);
  if ('int' in form) return BigInt(form.int);
  if ('bool' in form) return form.bool;
  if ('text' in form) return form.text;
  throw new Unsayable();
}

function namedArguments(form: Json): Arguments {
  if (Array.isArray(form)) throw new Unsayable();
  return Object.fromEntries(Object.entries(form).map(([key, value]) => [key, argument(value)]));
}

function seedOf(form: Json): bigint | null {
  if (form === null) return null;
  return typeof form === 'object' ? BigInt(`0x${reversedHex(form.hex)}`) : BigInt(form);
}

function reversedHex(hex: string): string {
  return `0${Buffer.from(hex, 'hex').reverse().toString('hex')}`;
}

const openFields = new Set(
  [
    'op,env_id,num_envs,num_workers,seed,kwargs,max_episode_steps,autoreset_mode,render_mode'.split(
      ',',
    ),
    'wrappers,info_filter,plan'.split(','),
  ].flat(),
);

function options(step: Step): MakeVecOptions {
  for (const name of Object.keys(step))
    if (name !== 'expect' && !openFields.has(name)) throw new Unsayable();
  const {
    num_envs,
    num_workers,
    seed,
    kwargs,
    max_episode_steps,
    render_mode,
    wrappers,
    info_filter,
    plan,
  } = step as Json;
  return {
    numEnvs: num_envs,
    ...(num_workers ? { numWorkers: num_workers } : {}),
    ...(seed === undefined ? {} : { seed: seedOf(seed) as bigint }),
    ...(kwargs === undefined ? {} : { kwargs: namedArguments(kwargs) }),
    ...(max_episode_steps ? { maxEpisodeSteps: max_episode_steps } : {}),
    ...(render_mode ? { renderMode: render_mode } : {}),
    ...(wrappers ? { wrappers } : {}),
    ...(plan ? { plan: planOf(plan, num_envs) } : {}),
    ...(info_filter ? { infoKeys: info_filter.none ? [] : info_filter.keys } : {}),
    autoresetMode: modes[(step.autoreset_mode as string) ?? 'NEXT_STEP'] ?? 'NextStep',
  };
}

/** The episodes of each sub-environment. */
function planOf(plan: Json[], numEnvs: number): PlannedReset[][] {
  if (plan.some(({ env_index }) => env_index >= numEnvs)) throw new Unsayable();
  return Array.from({ length: numEnvs }, (_, env) => {
    const own = plan.filter(({ env_index }) => env_index === env);
    return own.map(({ seed }) => (seed === null ? {} : { seed: seedOf(seed) as bigint }));
  });
}

function resetOptions(step: Step, numEnvs: number): VectorResetOptions {
  const { seed, env_seeds, options, env_options, env_indices } = step as Json;
  const both = (seed !== undefined && env_seeds) || (options && env_options);
  const isOrdered = (env_indices ?? []).every((index: number, i: number, all: number[]) => {
    return index < numEnvs && (i === 0 || index > (all[i - 1] as number));
  });
  const isPart = env_indices?.length > 0;
  if (both || !isOrdered || (isPart && (env_seeds || env_options))) throw new Unsayable();
  const mask = Array.from({ length: numEnvs }, (_, i) => env_indices?.includes(i) ?? false);
  if (isPart && options === undefined) throw new Unsayable(); // Gymnasium's mask implies options {}.
  return {
    ...(seed === undefined ? {} : { seed: seedOf(seed) as bigint }),
    ...(env_seeds ? { seed: env_seeds.map(seedOf) } : {}),
    ...(options
      ? { options: { ...namedArguments(options), ...(isPart ? { reset_mask: mask } : {}) } }
      : {}),
    ...(env_options ? { envOptions: env_options.map(namedArguments) } : {}),
  };
}

function renderOptions({ env_indices, encoding, width }: Json): VectorRenderOptions {
  return {
    ...(env_indices ? { envIndices: env_indices } : {}),
    ...(encoding ? { encoding: encoding.toLowerCase() } : {}),
    ...(width ? { width } : {}),
  };
}

/** The action by the rule of proto/conformance/README.md. */
function action(space: Space, env: number, t: number): number | number[] {
  const k = 7 * env + 3 * t;
  if (space.kind === 'Discrete') return space.start + (k % space.n);
  if (space.kind !== 'Box' || !space.dtype.startsWith('float')) throw new Unsayable();
  return Array.from(space.low as ArrayLike<number>, (low, e) => {
    const high = space.high[e] as number;
    const j = (k + e) % 5;
    return j === 4 ? high : low + ((high - low) * j) / 4;
  });
}

function leafJson(space: Space, value: unknown): Json {
  if (space.kind === 'Tuple')
    return { tuple: space.spaces.map((entry, i) => leafJson(entry, (value as unknown[])[i])) };
  if (!('shape' in space)) throw new Unsayable();
  const itemBytes = { float32: 4, float64: 8, int64: 8, uint8: 1, int8: 1 }[space.dtype as 'int64'];
  const bytes = Buffer.from(encodeAction(space, value)).subarray(
    0,
    sizeOf(space.shape) * itemBytes,
  );
  const data =
    bytes.length > 4096
      ? { sha256: createHash('sha256').update(bytes).digest('hex') }
      : { data: bytes.toString('hex') };
  return { dtype: space.dtype, shape: [...space.shape], ...data };
}

/** Row i of a batch. */
function row(space: Space, batch: unknown, i: number): unknown {
  if (space.kind === 'Tuple')
    return space.spaces.map((entry, k) => row(entry, (batch as unknown[])[k], i));
  if (!('shape' in space)) throw new Unsayable();
  const size = sizeOf(space.shape);
  const elements = (batch as NdArray).slice(i * size, (i + 1) * size);
  return space.kind === 'Discrete' ? elements[0] : elements;
}

/** A typed value of a transcript as JavaScript's plain one. */
function plain(form: Json): Json {
  const [[kind, value]] = Object.entries<Json>(form) as [[string, Json]];
  switch (kind) {
    case 'none':
      return null;
    case 'int':
      return Number(value);
    case 'float':
      return Buffer.from(value, 'hex').readDoubleLE();
    case 'scalar':
      return elements(value)[0];
    case 'array':
      return elements(value);
    case 'list':
    case 'tuple':
      return value.map(plain);
    case 'map':
      return Object.fromEntries(
        value.map(([key, item]: [Json, Json]) => [plain(key), plain(item)]),
      );
    default:
      return value;
  }
}

function elements({ dtype, data }: Json): number[] {
  const bytes = new Uint8Array(Buffer.from(data, 'hex')).buffer;
  const arrays: Record<string, (bytes: ArrayBuffer) => ArrayLike<number | bigint>> = {
    float64: (all) => new Float64Array(all),
    float32: (all) => new Float32Array(all),
    int64: (all) => new BigInt64Array(all),
    int8: (all) => new Int8Array(all),
  };
  return Array.from(arrays[dtype]?.(bytes) ?? [], Number);
}

function plainInfo(info: Json): Json {
  const items = Object.entries(info).map(([key, item]) => {
    return [
      key,
      ArrayBuffer.isView(item) ? Array.from(item as NdArray<Float64Array>, Number) : item,
    ];
  });
  return Object.fromEntries(items);
}

const kinds: Record<string, string> = { STEP: 'step', RESET: 'reset', AUTORESET: 'autoreset' };

/** Compares a reset's or step's results with the rows of a transition in the transcript. */
function compareRows(envs: Envs, found: Json, { transition }: Json): void {
  const details = envs.lastTransition();
  for (const [n, env] of (transition.env_index as number[]).entries()) {
    const observation = row(envs.singleObservationSpace, found.observations, env);
    expect(leafJson(envs.singleObservationSpace, observation)).toEqual(transition.observation[n]);
    expect(details.kinds[env]).toBe(kinds[transition.kind[n]]);
    expect(details.episodes[env]).toBe(transition.episode[n]);
    expect(details.episodeSteps[env]).toBe(transition.episode_step[n]);
    expect(details.seeds.get(env)?.toString() ?? null).toBe(transition.seed[n]);
    expect(plainInfo(details.infos[env])).toEqual(plain({ map: infoPairs(transition.info[n]) }));
    const final = found.infos.final_obs?.[env] ?? null;
    expect(final === null ? null : leafJson(envs.singleObservationSpace, final)).toEqual(
      transition.final_observation[n],
    );
    if (found.rewards === undefined) continue;
    const reward = Buffer.alloc(8);
    reward.writeDoubleLE(found.rewards[env]);
    expect(reward.toString('hex')).toBe(transition.reward[n]);
    expect(found.terminations[env]).toBe(transition.terminated[n]);
    expect(found.truncations[env]).toBe(transition.truncated[n]);
  }
}

/** Infos of transcripts are maps or objects of forms. */
function infoPairs(info: Json): Json {
  if (Array.isArray(info.map)) return info.map;
  return Object.entries(info).map(([key, value]) => [{ text: key }, value]);
}

function compareError(error: unknown, record: Json): void {
  expect(error).toBeInstanceOf(GymlinkError);
  const { reason, advancedEnvIndices, suggestions } = error as GymlinkError;
  expect(record).toHaveProperty('error');
  // What the library refuses by itself never reached the server, which has a reason of its own for it.
  if (reason === 'INVALID_ARGUMENT') return;
  expect(reason).toBe(record.error.reason);
  expect(advancedEnvIndices).toEqual(record.error.advanced_env_indices);
  expect(suggestions).toEqual(record.error.suggestions);
}

class Play {
  private envs: Envs | undefined;

  /** Plays one step and compares its record. */
  async take(step: Step, record: Json): Promise<void> {
    const perform = this.operations[step.op];
    if (perform === undefined || record.skipped) throw new Unsayable();
    const found = await perform(step, record).catch((error: unknown) => {
      if (!(error instanceof GymlinkError)) throw error;
      compareError(error, record);
    });
    if (found !== undefined) compareRows(this.opened(), found, record);
  }

  close(): Promise<void> | undefined {
    return this.envs?.close();
  }

  private opened(): Envs {
    if (this.envs === undefined) throw new Unsayable();
    return this.envs;
  }

  private readonly operations: Record<string, (step: Step, record: Json) => Promise<Json>> = {
    open: async (step, record) => {
      if (this.envs !== undefined) throw new Unsayable();
      this.envs = (await gym.makeVec(step.env_id as string, options(step))) as Envs;
      expect(this.envs.seed.toString()).toBe(record.opened.seed);
      expect(this.envs.maxEpisodeSteps).toBe(record.opened.environment.max_episode_steps);
    },
    reset: async (step) => this.opened().reset(resetOptions(step, this.opened().numEnvs)),
    step: async (step) => this.step(step, step.t ?? 0),
    steps: async (step, { replies }) => {
      for (let n = 0; n < (step.count ?? 0); n++)
        await this.take({ ...step, op: 'step', t: (step.t ?? 0) + n }, replies[n]);
    },
    render: async (step, { rendered }) => {
      const frames = await this.opened().render(renderOptions(step));
      expect(frames.length).toBe(rendered.length);
      if (step.encoding === undefined) return;
      for (const [i, frame] of frames.entries())
        expect(Buffer.from(frame as Uint8Array).toString('hex')).toBe(rendered[i].frames[0].binary);
    },
    close: async () => this.opened().close(),
    server: async (_, { server }) => {
      const info = await gym.serverInfo();
      expect([...info.capabilities].sort()).toEqual(server.capabilities);
      expect(info.version).toBe(server.version);
    },
    list: async (step, { environments }) => {
      const found = await gym.environments({ contains: (step.contains as string) ?? '' });
      expect(found.map(({ id }) => id)).toEqual(environments.map(({ id }: Json) => id));
    },
    describe: async (step, { description }) => {
      const found = await gym.describe(step.env_id as string, namedArguments(step.kwargs ?? {}));
      expect(found.environment.allowedKwargs).toEqual(description.environment.allowed_kwargs);
      expect(found.documentation).toBe(description.documentation);
    },
  };

  private step(step: Step, t: number): Promise<unknown> {
    const envs = this.opened();
    if (step.env_indices || step.actions_hex !== undefined) throw new Unsayable();
    const actions = Array.from({ length: envs.numEnvs }, (_, i) =>
      action(envs.singleActionSpace, i, t),
    );
    return envs.step(actions);
  }
}

for (const { name, offline, steps } of scenarios.filter((scenario) => !scenario.offline)) {
  test(name, { timeout: 60_000 }, async () => {
    expect(offline).toBeUndefined();
    // A scenario whose seed the server draws cannot be compared.
    if (name === 'seed-drawn-by-the-server') return;
    const play = new Play();
    try {
      for (const [i, step] of steps.entries()) {
        await play.take(step, expected[name]?.[i]);
        compared[name] = i + 1;
      }
    } catch (error) {
      if (!(error instanceof Unsayable)) throw error;
    } finally {
      await play.close();
    }
  });
}

test('the library can say most of it', () => {
  expect(Object.keys(compared).length).toBeGreaterThanOrEqual(35);
  expect(Object.values(compared).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(
    120,
  );
});
