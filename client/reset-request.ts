import type { ResetRequest } from '../proto/gen/gymlink/v1/session.js';
import { GymlinkError } from './errors.js';
import { type Seed, toSeed } from './open-request.js';
import { type Arguments, toMap } from './values.js';

/** How to reset a vector environment. */
export interface VectorResetOptions {
  /** Sub-environment i gets `seed + i`; or one seed (null: none) for each sub-environment. */
  readonly seed?: Seed | readonly (Seed | null)[];
  /**
   * Options for every reset. As in Gymnasium, `reset_mask` (one boolean a sub-environment) chooses which are reset; the others
   * keep their observation.
   */
  readonly options?: Arguments & { readonly reset_mask?: ArrayLike<boolean | number> };
  /** Options for single sub-environments instead, one each; `options` then may have `reset_mask` alone. */
  readonly envOptions?: readonly Arguments[];
}

function maskedIndices(mask: ArrayLike<boolean | number> | undefined, numEnvs: number): number[] {
  if (mask === undefined) return [];
  if (mask.length !== numEnvs)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `reset_mask has ${mask.length} items for ${numEnvs} sub-environments.`,
    );
  const indices = Array.from({ length: numEnvs }, (_, i) => i).filter((i) => Boolean(mask[i]));
  if (indices.length === 0)
    throw new GymlinkError('INVALID_ARGUMENT', 'reset_mask names no sub-environment.');
  return indices;
}

/** The request of a reset. */
export function resetRequest(
  { seed, options, envOptions }: VectorResetOptions,
  numEnvs: number,
): ResetRequest {
  const { reset_mask: mask, ...rest } = options ?? {};
  const envIndices = maskedIndices(mask, numEnvs);
  const chosen = <T>(items: readonly T[], name: 'seeds' | 'options'): T[] => {
    if (items.length !== numEnvs)
      throw new GymlinkError(
        name === 'seeds' ? 'INVALID_SEED' : 'INVALID_ARGUMENT',
        `${items.length} ${name} were given for ${numEnvs} sub-environments.`,
      );
    return envIndices.length === 0 ? [...items] : envIndices.map((i) => items[i] as T);
  };
  if (envOptions !== undefined && Object.keys(rest).length > 0)
    throw new GymlinkError('INVALID_ARGUMENT', 'reset takes options or envOptions, not both.');
  const seeds = Array.isArray(seed) ? chosen(seed as readonly (Seed | null)[], 'seeds') : [];
  return {
    envIndices,
    seed: seed === undefined || Array.isArray(seed) ? undefined : toSeed(seed as Seed),
    envSeeds: seeds.map((item) => ({ seed: item === null ? undefined : toSeed(item) })),
    options: options === undefined || envOptions ? undefined : toMap(rest as Arguments),
    envOptions: envOptions === undefined ? [] : chosen(envOptions, 'options').map(toMap),
  };
}
