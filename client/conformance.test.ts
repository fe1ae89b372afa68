/**
 * The scenarios of proto/conformance through this library: what its interface can say of them must give what the client that
 * knows only the .proto files gets. A scenario is played up to the first step that the library cannot say.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scenarios, startServer } from '../proto/conformance/harness.js';
import { type Step, transcript } from '../proto/conformance/loader-driver.js';
import {
  actions,
  actionsFromPayload,
  argument,
  type Json,
  namedArguments,
  plain,
  plainOf,
  rowJson,
  seedOf,
  Unsayable,
} from './fixtures/conformance-forms.js';
import {
  type AutoresetMode,
  type Connection,
  connect,
  GymlinkError,
  type MakeVecOptions,
  type PlannedReset,
  type VectorEnv,
  type VectorRenderOptions,
  type VectorResetOptions,
} from './index.js';
import { iterate } from './spaces/batch.js';

type Envs = VectorEnv<unknown, unknown>;

let address: string;
let stop: () => Promise<void>;
/** Connections whose sessions go over the session socket, and over gRPC. */
const connections: Record<string, Connection> = {};
let expected: Record<string, Json[]>;
const compared: Record<string, number> = {};

beforeAll(async () => {
  ({ address, stop } = await startServer());
  expected = (await transcript(address, scenarios)) as Record<string, Json[]>;
  connections['session socket'] = await connect(address);
  connections.gRPC = await connect(address, { sessionSocket: false });
}, 300_000);

afterAll(async () => {
  for (const connection of Object.values(connections)) await connection.close();
  await stop?.();
});

const modes: Record<string, AutoresetMode> = {
  NEXT_STEP: 'NextStep',
  SAME_STEP: 'SameStep',
  DISABLED: 'Disabled',
};

const openFields = new Set(
  [
    'op,stream,env_id,num_envs,num_workers,seed,kwargs,env_kwargs,max_episode_steps,render_mode',
    'autoreset_mode,observation_mode,wrappers,info_filter,plan,compression,newest_frame_only,expect',
  ].flatMap((names) => names.split(',')),
);

function options(step: Step): MakeVecOptions {
  if (!Object.keys(step).every((name) => openFields.has(name))) throw new Unsayable();
  const { num_envs, num_workers, seed, kwargs, env_kwargs, max_episode_steps } = step as Json;
  const { render_mode, autoreset_mode, observation_mode, wrappers, info_filter, plan } =
    step as Json;
  const compression = (step as Json).compression?.toLowerCase();
  return {
    numEnvs: num_envs,
    ...(num_workers ? { numWorkers: num_workers } : {}),
    ...(seed === undefined ? {} : { seed: seedOf(seed) as bigint }),
    ...(kwargs === undefined ? {} : { kwargs: namedArguments(kwargs) }),
    ...(env_kwargs ? { envKwargs: env_kwargs.map(namedArguments) } : {}),
    ...(max_episode_steps ? { maxEpisodeSteps: max_episode_steps } : {}),
    ...(render_mode ? { renderMode: render_mode } : {}),
    ...(wrappers ? { wrappers: wrappers.map(wrapperOf) } : {}),
    ...(plan ? { plan: planOf(plan, num_envs) } : {}),
    ...(compression ? { compression, sharedMemory: false } : {}),
    ...((step as Json).newest_frame_only ? { newestFrameOnly: true } : {}),
    ...(info_filter ? { infoKeys: info_filter.none ? [] : info_filter.keys } : {}),
    observationMode: observation_mode === 'DIFFERENT' ? 'different' : 'same',
    autoresetMode: modes[autoreset_mode ?? 'NEXT_STEP'] ?? 'NextStep',
  };
}

function wrapperOf(form: Json): NonNullable<MakeVecOptions['wrappers']>[number] {
  if (typeof form === 'string') return form;
  return { name: form.name, kwargs: namedArguments(form.kwargs) };
}

/** The episodes of each sub-environment. */
function planOf(plan: Json[], numEnvs: number): PlannedReset[][] {
  if (plan.some(({ env_index }) => env_index >= numEnvs)) throw new Unsayable();
  return Array.from({ length: numEnvs }, (_, env) => {
    const own = plan.filter(({ env_index }) => env_index === env);
    return own.map(({ seed = null, options }) => ({
      ...(seed === null ? {} : { seed: seedOf(seed) as bigint }),
      ...(options ? { options: namedArguments(options) } : {}),
    }));
  });
}

function resetOptions(step: Step, numEnvs: number): VectorResetOptions {
  const { seed, env_seeds, options, env_options, env_indices = [] } = step as Json;
  const both = (seed !== undefined && env_seeds) || (options && env_options);
  const isOrdered = env_indices.every((index: number, i: number) => {
    return index < numEnvs && (i === 0 || index > env_indices[i - 1]);
  });
  if (both || !isOrdered) throw new Unsayable();
  const named = Array.from({ length: numEnvs }, (_, i) => i);
  /** What was given for some, as a list for all. */
  const all = <T>(given: T[], missing: T): T[] => {
    if (env_indices.length === 0) return given;
    if (given.length !== env_indices.length) throw new Unsayable();
    return named.map((i) => given[env_indices.indexOf(i)] ?? missing);
  };
  const mask =
    env_indices.length > 0 ? { reset_mask: named.map((i) => env_indices.includes(i)) } : {};
  return {
    ...(seed === undefined ? {} : { seed: seedOf(seed) as bigint }),
    ...(env_seeds ? { seed: all(env_seeds.map(seedOf), null) } : {}),
    ...(env_options ? { envOptions: all(env_options.map(namedArguments), {}) } : {}),
    ...(options || env_indices.length > 0
      ? { options: { ...namedArguments(options ?? {}), ...mask } }
      : {}),
  };
}

function renderOptions({ env_indices, encoding, width }: Json): VectorRenderOptions {
  return {
    ...(env_indices ? { envIndices: env_indices } : {}),
    ...(encoding ? { encoding: encoding.toLowerCase() } : {}),
    ...(width ? { width } : {}),
  };
}

const kinds: Record<string, string> = { STEP: 'step', RESET: 'reset', AUTORESET: 'autoreset' };

/** Compares a reset's, step's or restore's results with the rows of a transition in the transcript. */
function compareRows(envs: Envs, found: Json, { transition }: Json): void {
  const details = envs.lastTransition();
  const space = envs.singleObservationSpace;
  const rows = iterate(space, found.observations) as unknown[];
  for (const [n, env] of (transition.env_index as number[]).entries()) {
    expect(rowJson(space, rows[env])).toEqual(transition.observation[n]);
    expect(details.kinds[env]).toBe(kinds[transition.kind[n]]);
    expect(details.episodes[env]).toBe(transition.episode[n]);
    expect(details.episodeSteps[env]).toBe(transition.episode_step[n]);
    expect(details.seeds.get(env)?.toString() ?? null).toBe(transition.seed[n]);
    expect(plainOf(details.infos[env])).toEqual(plain(transition.info[n]));
    const final = found.infos.final_obs?.[env] ?? null;
    expect(final === null ? null : rowJson(space, final)).toEqual(transition.final_observation[n]);
    const finalInfo = details.finalInfos.get(env);
    expect(finalInfo ? plainOf(finalInfo) : null).toEqual(
      transition.final_info[n] && plain(transition.final_info[n]),
    );
    if (found.rewards === undefined) continue;
    const reward = Buffer.alloc(8);
    reward.writeDoubleLE(found.rewards[env]);
    expect(reward.toString('hex')).toBe(transition.reward[n]);
    expect(found.terminations[env]).toBe(transition.terminated[n]);
    expect(found.truncations[env]).toBe(transition.truncated[n]);
  }
}

function compareError(error: GymlinkError, record: Json): void {
  const { reason, advancedEnvIndices, suggestions } = error;
  expect(record).toHaveProperty('error');
  // What the library refuses by itself never reached the server, which has a reason of its own for it.
  if (reason === 'INVALID_ARGUMENT') return;
  expect(reason).toBe(record.error.reason);
  expect(advancedEnvIndices).toEqual(record.error.advanced_env_indices);
  expect(suggestions).toEqual(record.error.suggestions);
  if (error.envId === '') return;
  expect(error.envIndices).toEqual(record.error.env_indices);
  expect(error.exception?.type).toBe(record.error.exception?.type);
}

function compareFrames(frames: readonly unknown[], rendered: Json[]): void {
  expect(frames.length).toBe(rendered.length);
  for (const [i, given] of frames.entries()) {
    expect(Array.isArray(given)).toBe(rendered[i].is_list);
    const list = Array.isArray(given) ? given : [given];
    expect(list.map(plainOf)).toEqual(rendered[i].frames.map(plain));
  }
}

class Play {
  private readonly streams = new Map<string, Envs>();
  /** Ids of saved states, or exported ones. */
  private readonly kept = new Map<string, readonly (bigint | Uint8Array)[]>();
  private readonly gym: Connection;

  constructor(gym: Connection) {
    this.gym = gym;
  }

  /** Plays one step and compares its record. */
  async take(step: Step, record: Json): Promise<void> {
    const perform = this.operations[step.op];
    if (perform === undefined || 'lacking' in step || 'seq' in step) throw new Unsayable();
    const found = await perform(step, record).catch((error: unknown) => {
      if (!(error instanceof GymlinkError)) throw error;
      compareError(error, record);
    });
    if (found === undefined) return;
    expect(record).toHaveProperty('transition');
    compareRows(this.envs(step), found, record);
  }

  async close(): Promise<void> {
    for (const envs of this.streams.values()) await envs.close();
  }

  private envs({ stream = 'a' }: Step): Envs {
    const envs = this.streams.get(stream);
    if (envs === undefined) throw new Unsayable();
    return envs;
  }

  private keep(step: Step, { state_saved }: Json, ids: readonly bigint[]): void {
    this.kept.set(step.as as string, ids);
    expect({ count: ids.length, different: new Set(ids).size === ids.length }).toEqual(state_saved);
  }

  private states({ states }: Step): (bigint | Uint8Array)[] {
    return (states as Json[]).map((form) => {
      if (typeof form === 'number') return BigInt(form);
      if (typeof form === 'object') return new Uint8Array(Buffer.from(form.hex, 'hex'));
      const [name, place] = form.split('.');
      return this.kept.get(name)?.[Number(place)] as bigint | Uint8Array;
    });
  }

  private readonly operations: Record<string, (step: Step, record: Json) => Promise<Json>> = {
    open: async (step, record) => {
      const { stream = 'a', env_id } = step;
      if (this.streams.has(stream)) throw new Unsayable();
      const envs = (await this.gym.makeVec(env_id as string, options(step))) as Envs;
      this.streams.set(stream, envs);
      expect(envs.seed.toString()).toBe(record.opened?.seed);
      expect(envs.maxEpisodeSteps).toBe(record.opened.environment.max_episode_steps);
    },
    reset: async (step) => this.envs(step).reset(resetOptions(step, this.envs(step).numEnvs)),
    step: async (step) => {
      const envs = this.envs(step);
      if (step.env_indices) throw new Unsayable();
      const { singleActionSpace: space, numEnvs } = envs;
      const { actions_hex: hex, t = 0 } = step;
      return envs.step(
        typeof hex === 'string'
          ? actionsFromPayload(space, numEnvs, hex)
          : actions(space, numEnvs, t),
      );
    },
    steps: async (step, { replies }) => {
      for (let n = 0; n < (step.count ?? 0); n++)
        await this.take({ ...step, op: 'step', t: (step.t ?? 0) + n }, replies[n]);
    },
    render: async (step, { rendered }) => {
      const frames = await this.envs(step).render(renderOptions(step));
      compareFrames(frames, rendered);
    },
    call: async (step, { called }) => {
      const envs = this.envs(step);
      const { name, env_indices, args = [], kwargs = {}, set } = step as Json;
      const isPlain = args.length === 0 && Object.keys(kwargs).length === 0;
      if (set ? env_indices || !isPlain : env_indices && !isPlain) throw new Unsayable();
      if (set) return envs.setAttr(name, set.map(argument));
      const found = env_indices
        ? await envs.getAttr(name, env_indices)
        : await envs.call(name, args.map(argument), namedArguments(kwargs));
      expect(found.map(plainOf)).toEqual(called?.results.map(plain));
    },
    save_state: async (step, record) =>
      this.keep(step, record, await this.envs(step).saveState(step.env_indices)),
    restore_state: async (step) =>
      this.envs(step).restoreState(this.states(step) as bigint[], step.env_indices),
    drop_state: async (step, record) => {
      await this.envs(step).dropState(this.states(step) as bigint[]);
      expect(record).toHaveProperty('StateDroppedResponse');
    },
    export_state: async (step, { state_exported }) => {
      const states = await this.envs(step).exportState(this.states(step) as bigint[]);
      this.kept.set(step.as as string, states);
      expect(states.length).toBe(state_exported?.count);
    },
    import_state: async (step, record) =>
      this.keep(step, record, await this.envs(step).importState(this.states(step) as Uint8Array[])),
    close: async (step) => this.envs(step).close(),
    server: async (_, { server }) => {
      const info = await this.gym.serverInfo();
      expect([...info.capabilities].sort()).toEqual(server.capabilities);
      expect(info.version).toBe(server.version);
    },
    list: async (step, { environments }) => {
      const found = await this.gym.environments({ contains: (step.contains as string) ?? '' });
      expect(found.map(({ id }) => id)).toEqual(environments.map(({ id }: Json) => id));
    },
    describe: async (step, { description }) => {
      const found = await this.gym.describe(
        step.env_id as string,
        namedArguments(step.kwargs ?? {}),
      );
      expect(found.environment.allowedKwargs).toEqual(description.environment.allowed_kwargs);
      expect(found.documentation).toBe(description.documentation);
    },
  };
}

for (const over of ['session socket', 'gRPC'])
  for (const { name, offline, steps } of scenarios.filter((scenario) => !scenario.offline))
    test(`${name} (${over})`, { timeout: 60_000 }, async () => {
      expect(offline).toBeUndefined();
      // A scenario whose seed the server draws cannot be compared.
      if (name === 'seed-drawn-by-the-server') return;
      const play = new Play(connections[over] as Connection);
      try {
        for (const [i, step] of steps.entries()) {
          await play.take(step, expected[name]?.[i]);
          compared[`${name} ${over}`] = i + 1;
        }
      } catch (error) {
        if (!(error instanceof Unsayable)) throw error;
      } finally {
        await play.close();
      }
    });

test('the library can say most of it', () => {
  expect(Object.keys(compared).length).toBeGreaterThanOrEqual(2 * 143);
  const steps = Object.values(compared).reduce((sum, count) => sum + count, 0);
  expect(steps).toBeGreaterThanOrEqual(2 * 665);
});
