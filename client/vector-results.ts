import { type Info, infoList } from './infos.js';
import { asNdArray, type NdArray } from './nd-array.js';
import { type Rows, rowKinds } from './transition.js';
import { type VectorInfos, vectorInfos } from './vector-infos.js';

/** What `reset` of a vector environment gives. */
export interface VectorReset<Obs> {
  readonly observations: Obs;
  /** Made when first looked at. */
  readonly infos: VectorInfos;
}

/** What `step` of a vector environment gives. */
export interface VectorStep<Obs> extends VectorReset<Obs> {
  /** float64, shape [numEnvs]. */
  readonly rewards: NdArray<Float64Array>;
  /** 1 where the episode reached a terminal state, shape [numEnvs]. */
  readonly terminations: NdArray<Uint8Array>;
  /** 1 where the episode was cut off, shape [numEnvs]. */
  readonly truncations: NdArray<Uint8Array>;
}

/** What the protocol tells of the last transition beyond Gymnasium's own results. */
export interface TransitionDetails {
  /** `step`, `reset`, or `autoreset` (NextStep: the action was ignored), of each sub-environment. */
  readonly kinds: readonly (typeof rowKinds)[number][];
  /** Episodes so far of each sub-environment, from 1. */
  readonly episodes: Uint32Array;
  /** Steps in that episode, 0 after a reset. */
  readonly episodeSteps: Uint32Array;
  /** Seeds that resets used, by sub-environment; one that is missing continued its generator. */
  readonly seeds: ReadonlyMap<number, bigint>;
  /** The info of each sub-environment as its own `reset` or `step` gave it; of the reset where one followed in the same step. */
  readonly infos: readonly Info[];
  /** The info of the last step of episodes that ended with a reset in the same step (SameStep), by sub-environment. */
  readonly finalInfos: ReadonlyMap<number, Info>;
}

/**
 * What arrived with the last transition of `count` sub-environments: copies, or views that the next one overwrites (where it fills
 * the memory for rows, else observations are copied all the same).
 */
export function vectorStep<Obs>(rows: Rows, count: number, copy: boolean): VectorStep<Obs> {
  const { rewards, terminations, truncations } = rows;
  const isFull = count === rewards.length;
  const column = <T extends Float64Array | Uint8Array>(array: T, dtype: 'float64' | 'bool') => {
    const part = isFull ? array : array.subarray(0, count);
    return asNdArray(copy ? (part.slice() as T) : part, [count], dtype) as NdArray<T>;
  };
  const { observations } = rows;
  return withInfos(rows, count, {
    observations: (isFull ? observations.batch(copy) : observations.slice(0, count)) as Obs,
    rewards: column(rewards, 'float64'),
    terminations: column(terminations, 'bool'),
    truncations: column(truncations, 'bool'),
  });
}

/** What arrived with the last reset of `count` sub-environments. */
export function vectorReset<Obs>(rows: Rows, count: number, copy: boolean): VectorReset<Obs> {
  return withInfos(rows, count, { observations: rows.observations.batch(copy) as Obs });
}

/** Results with the infos of the last transition, which are made when somebody looks at them. */
function withInfos<T>(
  { details, finalObservations }: Rows,
  count: number,
  results: T,
): T & { readonly infos: VectorInfos } {
  let made: VectorInfos | undefined;
  return Object.defineProperty(results, 'infos', {
    enumerable: true,
    configurable: true,
    get: () => {
      made ??= vectorInfos(details.infos, finalObservations, details.finalInfos, count);
      return made;
    },
  }) as T & { readonly infos: VectorInfos };
}

/** What the protocol tells of the last transition of `count` sub-environments beyond Gymnasium's results. */
export function transitionDetails(rows: Rows, count: number): TransitionDetails {
  const { kinds, episodes, episodeSteps, finalObservations } = rows;
  const { seeds, infos, finalInfos } = rows.details;
  const finals = infoList(finalInfos, count);
  return {
    kinds: Array.from(kinds.subarray(0, count), (kind) => rowKinds[kind] ?? 'step'),
    episodes: episodes.slice(0, count),
    episodeSteps: episodeSteps.slice(0, count),
    seeds: new Map(seeds),
    infos: infoList(infos, count),
    finalInfos: new Map([...finalObservations.keys()].map((env) => [env, finals[env] as Info])),
  };
}
