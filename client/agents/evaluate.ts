import { EpisodeTracker } from './episode-tracker.js';
import {
  type Observations,
  requireNextStepAutoreset,
  type VectorEnvLike,
} from './vector-env-like.js';

/** The first seed of evaluations that choose a checkpoint. Training seeds lie below it. */
export const validationSeed = 1_000_000_000;

/** The first seed of final evaluations; validation seeds lie below it. */
export const evaluationSeed = 2_000_000_000;

/** Gives one action for each row of the observations. */
export type Policy = (observations: Observations) => Int32Array;

/** The returns of a policy over a number of episodes. */
export interface Evaluation {
  /** Undiscounted returns; the `episodes / numEnvs` of sub-environment 0 first, in their order. */
  readonly returns: readonly number[];
  /** Mean of the returns. */
  readonly mean: number;
  /** Standard deviation of the returns over all of them (NumPy's `std`, divisor n). */
  readonly std: number;
  /** The seed of the reset: sub-environment i began with `seed + i`, later episodes continued. */
  readonly seed: number;
}

/** What an evaluation needs besides environment and policy. */
export interface EvaluationOptions {
  /** Number of episodes; a multiple of the number of sub-environments. */
  readonly episodes: number;
  /** The seed given to `reset`. */
  readonly seed: number;
  /** Ends the evaluation between two steps, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plays episodes with a policy. Every sub-environment contributes the same number of them: the first
 * hundred to finish would favour short episodes. An environment without a time limit may never end
 * an episode; bound such an evaluation with the signal.
 *
 * @throws RangeError if `episodes` is not a positive multiple of `numEnvs`.
 * @throws TypeError if the environment's autoreset mode is not NextStep.
 * @throws Error if a sub-environment failed (a reward of NaN): its episode has no return.
 */
export async function evaluate(
  env: VectorEnvLike,
  policy: Policy,
  { episodes, seed, signal }: EvaluationOptions,
): Promise<Evaluation> {
  requireNextStepAutoreset(env);
  const quota = episodesPerEnv(env, episodes);
  const returns: number[][] = Array.from({ length: env.numEnvs }, () => []);
  const tracker = new EpisodeTracker(env.numEnvs);
  let { observations } = await env.reset({ seed });
  for (let missing = episodes; missing > 0; ) {
    signal?.throwIfAborted();
    const step = await env.step(policy(observations));
    observations = step.observations;
    for (const episode of tracker.record(step)) {
      const own = returns[episode.env] as number[];
      if (own.length === quota) continue;
      if (Number.isNaN(episode.return)) {
        throw new Error(`Sub-environment ${episode.env} failed during the evaluation.`);
      }
      own.push(episode.return);
      missing--;
    }
  }
  return { ...meanAndStd(returns.flat()), returns: returns.flat(), seed };
}

/**
 * The number of episodes each sub-environment contributes.
 *
 * @throws RangeError if `episodes` is not a positive multiple of `numEnvs`.
 */
export function episodesPerEnv({ numEnvs }: VectorEnvLike, episodes: number): number {
  const quota = episodes / numEnvs;
  if (Number.isInteger(quota) && quota > 0) return quota;
  throw new RangeError(
    `The number of episodes must be a positive multiple of the ${numEnvs} sub-environments, not ${episodes}.`,
  );
}

function meanAndStd(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}
