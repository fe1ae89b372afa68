import {
  AutoresetMode,
  Compression,
  FailurePolicy,
  ObservationMode,
  type OpenRequest,
  type ProtocolVersion,
} from '../proto/gen/gymlink/v1/session.js';
import type { Seed } from '../proto/gen/gymlink/v1/value.js';
import { ErrorReason, malformed, requestError, unimplemented } from './errors.js';
import { limits } from './limits.js';
import { checkSeed, drawSeed } from './seeds.js';

/** The protocol that this server speaks. */
export const protocol: ProtocolVersion = { major: 1, minor: 0 };

/** An Open whose own fields are in order, with everything filled in that it left to the server. */
export interface CheckedOpen {
  readonly request: OpenRequest;
  readonly seed: Seed;
  readonly maxMessageBytes: number;
}

const defaultMessageBytes = 4 * 1024 * 1024;

/** Raises RequestError PROTOCOL_VERSION unless client and server have the same major version. */
export function checkProtocol(client: ProtocolVersion | undefined): void {
  if (client?.major === protocol.major) return;
  const spoken =
    client === undefined ? 'no version at all' : `version ${client.major}.${client.minor}`;
  throw requestError(
    ErrorReason.ERROR_REASON_PROTOCOL_VERSION,
    `The client speaks ${spoken} of the protocol, this server ${protocol.major}.${protocol.minor}. ` +
      `Use a client of major version ${protocol.major}.`,
  );
}

/** Checks the fields of an Open that need no catalogue. Raises RequestError. */
export function checkOpen(request: OpenRequest): CheckedOpen {
  checkSize(request);
  checkCapabilities(request);
  if (request.renderMode === 'human')
    throw requestError(
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      'render_mode human would open a window on the server: use rgb_array and show the frames at the client.',
      { envId: request.envId },
    );
  checkSeed(request.seed, request.numEnvs - 1);
  checkPlan(request);
  const { maxMessageBytes } = request;
  const seed = request.seed ?? drawSeed();
  return {
    seed,
    maxMessageBytes:
      maxMessageBytes === 0n ? defaultMessageBytes : Number(min(maxMessageBytes, 2n ** 31n - 1n)),
    request: { ...request, seed, autoresetMode: autoresetMode(request.autoresetMode) },
  };
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function checkSize({ numEnvs, numWorkers, batchSize, envKwargs }: OpenRequest): void {
  if (numEnvs < 1) throw malformed('A session has at least 1 sub-environment, but num_envs is 0.');
  checkLimit('max_envs_per_session', limits.maxEnvsPerSession, numEnvs);
  checkLimit('max_workers_per_session', limits.maxWorkersPerSession, Math.min(numWorkers, numEnvs));
  if (batchSize > numEnvs)
    throw malformed(`batch_size is ${batchSize}, but num_envs only ${numEnvs}.`);
  if (envKwargs.length !== 0 && envKwargs.length !== numEnvs)
    throw malformed(
      `env_kwargs are for ${envKwargs.length} sub-environments, but num_envs is ${numEnvs}.`,
    );
}

/** Whether the session is asynchronous: rows are pushed in batches. */
export function isAsynchronous({ batchSize, numEnvs }: OpenRequest): boolean {
  return batchSize !== 0 && batchSize < numEnvs;
}

/** Raises RequestError LIMIT_EXCEEDED when `value` is over a limit. */
export function checkLimit(name: string, limit: number, value: number): void {
  if (value > limit)
    throw requestError(
      ErrorReason.ERROR_REASON_LIMIT_EXCEEDED,
      `${value} is over the server’s limit ${name}, which is ${limit}.`,
    );
}

function checkPlan({ plan, numEnvs, autoresetMode }: OpenRequest): void {
  if (plan.length > 0 && autoresetMode === AutoresetMode.AUTORESET_MODE_DISABLED)
    throw malformed('There are no autoresets to plan in autoreset mode DISABLED.');
  for (const { envIndex, seed } of plan) {
    if (envIndex >= numEnvs)
      throw requestError(
        ErrorReason.ERROR_REASON_INVALID_ENV_INDEX,
        `The plan names sub-environment ${envIndex}, but there are 0 to ${numEnvs - 1}.`,
        { envIndices: [envIndex] },
      );
    checkSeed(seed);
  }
}

function checkCapabilities(request: OpenRequest): void {
  const asked: [boolean, string][] = [
    [
      request.observationMode > ObservationMode.OBSERVATION_MODE_DIFFERENT,
      `observation mode ${request.observationMode}`,
    ],
    [request.failurePolicy > FailurePolicy.FAILURE_POLICY_ERROR, 'failure policy RESTART'],
    [
      request.compression > Compression.COMPRESSION_ZSTD,
      `compression ${request.compression}; Zstandard is there`,
    ],
    [
      request.autoresetMode > AutoresetMode.AUTORESET_MODE_DISABLED,
      `autoreset mode ${request.autoresetMode}`,
    ],
  ];
  for (const [isAsked, what] of asked) if (isAsked) throw unimplemented(what);
}

function autoresetMode(asked: AutoresetMode): AutoresetMode {
  return asked === AutoresetMode.AUTORESET_MODE_UNSPECIFIED
    ? AutoresetMode.AUTORESET_MODE_NEXT_STEP
    : asked;
}
