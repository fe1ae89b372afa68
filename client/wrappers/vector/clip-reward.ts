import { clipBetween } from '../clip-reward.js';
import { TransformReward } from './transform.js';
import type { AnyVectorEnv } from './vector-wrapper.js';

/** Clips every reward into bounds (Gymnasium's vector ClipReward). */
export class ClipReward<Obs, Act> extends TransformReward<Obs, Act> {
  /**
   * @param minReward Lower bound; null for none.
   * @param maxReward Upper bound; null for none.
   * @throws RangeError if both are null, or the lower one is above the upper one.
   */
  constructor(
    env: AnyVectorEnv<Obs, Act>,
    minReward: number | null = null,
    maxReward: number | null = null,
  ) {
    const clip = clipBetween(minReward, maxReward);
    super(env, (rewards) => rewards.map(clip));
  }
}
