import { TransformReward } from './transform.js';
import type { AnyEnv } from './wrapper.js';

/**
 * A function that clips numbers into bounds, of which one may be missing (null).
 *
 * @throws RangeError if both are missing, or the lower one is above the upper one.
 */
export function clipBetween(
  minReward: number | null,
  maxReward: number | null,
): (reward: number) => number {
  if (minReward === null && maxReward === null)
    throw new RangeError('ClipReward needs minReward or maxReward.');
  const [low, high] = [minReward ?? -Infinity, maxReward ?? Infinity];
  // Not `low > high`: NaN is no bound either.
  if (!(low <= high))
    throw new RangeError(`minReward (${low}) must not be above maxReward (${high}).`);
  return (reward) => (reward < low ? low : reward > high ? high : reward);
}

/** Clips every reward into bounds (Gymnasium's ClipReward). */
export class ClipReward<Obs, Act> extends TransformReward<Obs, Act> {
  /**
   * @param minReward Lower bound; null for none.
   * @param maxReward Upper bound; null for none.
   * @throws RangeError if both are null, or the lower one is above the upper one.
   */
  constructor(
    env: AnyEnv<Obs, Act>,
    minReward: number | null = null,
    maxReward: number | null = null,
  ) {
    super(env, clipBetween(minReward, maxReward));
  }
}
