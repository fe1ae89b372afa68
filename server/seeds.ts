import { randomInt } from 'node:crypto';
import type { EnvSeed, ResetRequest } from '../proto/gen/gymlink/v1/session.js';
import type { Seed } from '../proto/gen/gymlink/v1/value.js';
import { ErrorReason, malformed, requestError } from './errors.js';

const maxSeedBytes = 32;

/** A random seed of 31 bits, for a session whose client names none. */
export function drawSeed(): Seed {
  return toSeed(BigInt(randomInt(2 ** 31)));
}

/** The seed of sub-environment `envIndex` in a session of seed `seed`: their sum. */
export function seedOf(seed: Seed, envIndex: number): Seed {
  return toSeed(toBigint(seed) + BigInt(envIndex));
}

function toBigint({ magnitude }: Seed): bigint {
  return magnitude.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function toSeed(value: bigint): Seed {
  const bytes: number[] = [];
  for (let left = value; left > 0n; left >>= 8n) bytes.push(Number(left & 0xffn));
  return { magnitude: Uint8Array.from(bytes) };
}

/** Raises RequestError INVALID_SEED for a seed that is too long, by itself or for the last sub-environment that it counts up to. */
export function checkSeed(seed: Seed | undefined, lastIndex = 0): void {
  if (seed === undefined) return;
  const { length } = seed.magnitude;
  if (length > maxSeedBytes || seedOf(seed, lastIndex).magnitude.length > maxSeedBytes)
    throw requestError(
      ErrorReason.ERROR_REASON_INVALID_SEED,
      `A seed takes at most ${maxSeedBytes} bytes; one of ${length} was given, to which up to ${lastIndex} is added.`,
    );
}

/** Checks a reset's seeds and options for its sub-environments. Raises RequestError INVALID_SEED or MALFORMED_REQUEST. */
export function checkReset(
  { seed, envSeeds, options, envOptions }: ResetRequest,
  envIndices: readonly number[],
): void {
  const rows = envIndices.length;
  if (seed !== undefined && envSeeds.length > 0)
    throw malformed('Reset takes seed or env_seeds, not both.');
  if (options !== undefined && envOptions.length > 0)
    throw malformed('Reset takes options or env_options, not both.');
  checkSeed(seed, envIndices.at(-1));
  for (const envSeed of envSeeds) checkSeed(envSeed.seed);
  if (envSeeds.length > 0 && envSeeds.length !== rows)
    throw requestError(
      ErrorReason.ERROR_REASON_INVALID_SEED,
      `Reset was given ${envSeeds.length} seeds for ${rows} sub-environments.`,
    );
  if (envOptions.length > 0 && envOptions.length !== rows)
    throw malformed(`Reset was given ${envOptions.length} options for ${rows} sub-environments.`);
}

/**
 * The reset as workers get it: a sub-environment's first reset that names no seed takes the session's seed plus its
 * index; later ones continue its generator.
 */
export function withSessionSeed(
  request: ResetRequest,
  sessionSeed: Seed,
  envIndices: readonly number[],
  wasReset: (envIndex: number) => boolean,
): ResetRequest {
  if (request.seed !== undefined || envIndices.every(wasReset)) return request;
  const envSeeds = envIndices.map((envIndex, row): EnvSeed => {
    const named = request.envSeeds[row]?.seed;
    return { seed: named ?? (wasReset(envIndex) ? undefined : seedOf(sessionSeed, envIndex)) };
  });
  return { ...request, envSeeds };
}
