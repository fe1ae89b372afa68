import {
  Compression,
  FailurePolicy,
  type InfoFilter,
  ObservationMode,
  type OpenRequest,
  AutoresetMode as WireAutoresetMode,
  type PlannedReset as WirePlannedReset,
} from '../proto/gen/gymlink/v1/session.js';
import type { MapValue, Seed as SeedMessage } from '../proto/gen/gymlink/v1/value.js';
import { GymlinkError } from './errors.js';
import { type Arguments, toMagnitude, toMap } from './values.js';

/** The protocol that this client speaks. */
export const protocol = { major: 1, minor: 0 };

/** Longer than any deadline of the server, which then says itself what took too long. */
export const requestTimeoutMs = 150_000;

/** The same where the server may have to build a family's Python environment first. */
export const buildTimeoutMs = 35 * 60_000;

/** Largest message that this client receives, in bytes. */
export const maxMessageBytes = 64 * 1024 * 1024;

/** What happens to a sub-environment whose episode ended; values of Gymnasium's AutoresetMode. */
export type AutoresetMode = 'NextStep' | 'SameStep' | 'Disabled';

/** Whether the observation spaces of sub-environments are equal, or may differ in their bounds; Gymnasium's observation modes. */
export type ObservationModeName = 'same' | 'different';

const observationModes: Readonly<Record<ObservationModeName, ObservationMode>> = {
  same: ObservationMode.OBSERVATION_MODE_SAME,
  different: ObservationMode.OBSERVATION_MODE_DIFFERENT,
};

const autoresetModes: Readonly<Record<AutoresetMode, WireAutoresetMode>> = {
  NextStep: WireAutoresetMode.AUTORESET_MODE_NEXT_STEP,
  SameStep: WireAutoresetMode.AUTORESET_MODE_SAME_STEP,
  Disabled: WireAutoresetMode.AUTORESET_MODE_DISABLED,
};

/** Lossless compressions of observations. */
export type CompressionName = 'zstd';

const compressions: Readonly<Record<CompressionName, Compression>> = {
  zstd: Compression.COMPRESSION_ZSTD,
};

/** A seed: a whole number from 0 on, of up to 256 bits. */
export type Seed = number | bigint;

/** A Gymnasium wrapper that the server puts around each sub-environment. */
export interface WrapperSpec {
  /** Its name on the server's allow-list: that of its class, for example `FrameStackObservation`. */
  readonly name: string;
  /** Its constructor's arguments. */
  readonly kwargs?: Arguments;
}

/** How to make an environment. */
export interface MakeOptions {
  /** Constructor arguments, each on the environment's allow-list. */
  readonly kwargs?: Arguments;
  /** One of the environment's render modes, for example `rgb_array`. */
  readonly renderMode?: string;
  /** Steps after which an episode is truncated, instead of the environment's own limit. */
  readonly maxEpisodeSteps?: number;
  /** Seed of the first reset if that names none. Without it the server draws one and tells it. */
  readonly seed?: Seed;
  /** Wrappers, innermost first. Spaces are then those of the outermost one. */
  readonly wrappers?: readonly (string | WrapperSpec)[];
  /**
   * False: payloads come in messages also where client and server share a machine and its memory. By default they are read from
   * shared memory where that is possible and they are large (64 KiB or more; with a `batchSize` rows of 4 KiB or more).
   */
  readonly sharedMemory?: boolean;
  /**
   * `zstd` has large observations come compressed, without loss, which pays where the network is the limit. By default nothing is
   * compressed, and never where payloads come through shared memory. UNIMPLEMENTED where the environment's family lacks the Python
   * package zstandard.
   */
  readonly compression?: CompressionName;
  /**
   * True where observations are stacks of frames along the first axis of a Box, as Gymnasium's FrameStackObservation makes them: only
   * the newest frame travels where the others are here already. Observations stay the same, to the bit. It pays where the network is
   * the limit: payloads never come through shared memory then. MALFORMED_REQUEST where observations are no stacks. False by default.
   */
  readonly newestFrameOnly?: boolean;
  /** Top-level keys of the infos that travel; an empty list for no infos at all. By default all do. */
  readonly infoKeys?: readonly string[];
}

/** A later episode of a sub-environment, which begins with an autoreset. */
export interface PlannedReset {
  /** Without it the sub-environment's generator goes on. */
  readonly seed?: Seed;
  readonly options?: Arguments;
}

/** How to make a vector environment. */
export interface MakeVecOptions extends MakeOptions {
  /** Number of sub-environments. */
  readonly numEnvs: number;
  /** `NextStep` by default, as in Gymnasium. */
  readonly autoresetMode?: AutoresetMode;
  /**
   * Seeds and options of autoresets: for each sub-environment a list of its later episodes, used up in order. Autoresets after
   * them are as without a plan; a `reset` uses none up. Not in mode `Disabled`.
   */
  readonly plan?: readonly (readonly PlannedReset[])[];
  /**
   * `same` by default. With `different` the bounds of observation spaces may differ between sub-environments (of Discrete, n and
   * start): `observationSpace` then is a batch of all of them, `singleObservationSpace` that of sub-environment 0.
   */
  readonly observationMode?: ObservationModeName;
  /** Constructor arguments of single sub-environments, one object each, merged over `kwargs`. */
  readonly envKwargs?: readonly Arguments[];
  /** Worker processes; by default the server chooses. */
  readonly numWorkers?: number;
  /**
   * True (default): every reset and step gives arrays of its own. False: arrays are used again by the next reset or step,
   * which saves copying; read them before. As `copy` of Gymnasium's vector environments.
   */
  readonly copy?: boolean;
}

/** How to make an asynchronous vector environment. */
export interface MakeAsyncVecOptions extends MakeVecOptions {
  /** Sub-environments of a batch, from 1 to below `numEnvs`. */
  readonly batchSize: number;
  /**
   * Milliseconds after the first of a batch is ready, after which the batch comes with those that are ready by then. By default,
   * and with 0, it waits for `batchSize`.
   */
  readonly maxWaitMs?: number;
}

/** Options without wrappers, which would change the spaces that are known of an id. */
export type Unwrapped<Options extends MakeOptions> = Omit<Options, 'wrappers'> & {
  readonly wrappers?: never;
};

/** A seed on the wire. */
export function toSeed(seed: Seed): SeedMessage {
  const valid =
    typeof seed === 'bigint'
      ? seed >= 0n && seed >> 256n === 0n
      : Number.isSafeInteger(seed) && seed >= 0;
  if (!valid)
    throw new GymlinkError(
      'INVALID_SEED',
      `${seed} is no seed: a seed is a whole number from 0 on, of at most 256 bits (a bigint above ${Number.MAX_SAFE_INTEGER}).`,
    );
  return { magnitude: toMagnitude(BigInt(seed)) };
}

/** A whole number of a request, 0 where it is left to the server. */
export function count(name: string, value: number | undefined, least: number): number {
  if (value === undefined) return 0;
  if (!Number.isInteger(value) || value < least || value >= 2 ** 32)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `${name} must be a whole number from ${least} to ${2 ** 32 - 1}, not ${value}.`,
    );
  return value;
}

function plannedResets({ plan = [], numEnvs }: MakeVecOptions): WirePlannedReset[] {
  if (plan.length !== 0 && plan.length !== numEnvs)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `plan has ${plan.length} lists for ${numEnvs} sub-environments.`,
    );
  return plan.flatMap((episodes, envIndex) =>
    episodes.map((planned) => {
      checkPlanned(planned);
      const { seed, options } = planned;
      return {
        envIndex,
        seed: seed === undefined ? undefined : toSeed(seed),
        options: options && toMap(options),
      };
    }),
  );
}

/** A seed that was misspelt would be a seed that is not planned. */
function checkPlanned(planned: unknown): void {
  const isObject = typeof planned === 'object' && planned !== null;
  const wrong = isObject ? Object.keys(planned).filter((key) => !plannedKeys.has(key)) : [planned];
  if (wrong.length > 0)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `A planned reset is an object of seed and options; ${wrong.join(', ')} is none of them.`,
    );
}

const plannedKeys = new Set(['seed', 'options']);

function infoFilter({ infoKeys }: MakeOptions): InfoFilter | undefined {
  if (infoKeys === undefined) return undefined;
  if (!Array.isArray(infoKeys) || !infoKeys.every((key) => typeof key === 'string'))
    throw new GymlinkError('INVALID_ARGUMENT', `infoKeys is an array of texts, not ${infoKeys}.`);
  return { keys: [...infoKeys], none: infoKeys.length === 0 };
}

function argumentsOfEach({ envKwargs = [], numEnvs }: MakeVecOptions): MapValue[] {
  if (envKwargs.length !== 0 && envKwargs.length !== numEnvs)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `envKwargs has ${envKwargs.length} items for ${numEnvs} sub-environments.`,
    );
  return envKwargs.map(toMap);
}

function modeOf<Name extends string, Mode>(
  what: string,
  modes: Readonly<Record<Name, Mode>>,
  name: Name,
): Mode {
  if (!Object.hasOwn(modes, name))
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `There is no ${what} ${name}; there are ${Object.keys(modes).join(', ')}.`,
    );
  return modes[name];
}

function batching({
  numEnvs,
  batchSize,
  maxWaitMs,
}: Partial<MakeAsyncVecOptions>): Pick<OpenRequest, 'batchSize' | 'maxWaitUs'> {
  if (batchSize !== undefined && batchSize >= (numEnvs ?? 0))
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `batchSize must be below numEnvs, ${numEnvs}, not ${batchSize}: leave it out to step all of them at a time.`,
    );
  if (maxWaitMs === undefined)
    return { batchSize: count('batchSize', batchSize, 1), maxWaitUs: 0n };
  if (batchSize === undefined)
    throw new GymlinkError('INVALID_ARGUMENT', 'maxWaitMs is for a batchSize, and there is none.');
  if (!(maxWaitMs >= 0 && maxWaitMs < 2 ** 31))
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `maxWaitMs must be a number from 0 to below ${2 ** 31}, not ${maxWaitMs}.`,
    );
  return {
    batchSize: count('batchSize', batchSize, 1),
    maxWaitUs: BigInt(Math.ceil(maxWaitMs * 1000)),
  };
}

/** The request that opens a session as the options say. */
export function openRequest(
  envId: string,
  options: MakeVecOptions & Partial<MakeAsyncVecOptions>,
): OpenRequest {
  return {
    protocol,
    envId,
    numEnvs: count('numEnvs', options.numEnvs, 1),
    kwargs: toMap(options.kwargs ?? {}),
    renderMode: options.renderMode ?? '',
    maxEpisodeSteps: count('maxEpisodeSteps', options.maxEpisodeSteps, 1),
    autoresetMode: modeOf('autoreset mode', autoresetModes, options.autoresetMode ?? 'NextStep'),
    numWorkers: count('numWorkers', options.numWorkers, 1),
    seed: options.seed === undefined ? undefined : toSeed(options.seed),
    maxMessageBytes: BigInt(maxMessageBytes),
    ...batching(options),
    observationMode: modeOf(
      'observation mode',
      observationModes,
      options.observationMode ?? 'same',
    ),
    failurePolicy: FailurePolicy.FAILURE_POLICY_ERROR,
    infoFilter: infoFilter(options),
    wrappers: (options.wrappers ?? []).map((wrapper) => {
      const { name, kwargs = {} } = typeof wrapper === 'string' ? { name: wrapper } : wrapper;
      return { name, kwargs: toMap(kwargs) };
    }),
    compression:
      options.compression === undefined
        ? Compression.COMPRESSION_UNSPECIFIED
        : modeOf('compression', compressions, options.compression),
    sharedMemory: options.sharedMemory ?? true,
    leaseS: 0,
    plan: plannedResets(options),
    envKwargs: argumentsOfEach(options),
    newestFrameOnly: options.newestFrameOnly ?? false,
  };
}
