import type { Step } from '../env.js';
import { requirePositive } from './normalize-observation.js';
import { keepDouble, RunningMeanStd } from './running-mean-std.js';
import { type AnyEnv, Wrapper } from './wrapper.js';

/** How rewards are normalized. */
export interface NormalizeRewardOptions {
  /** Discount of the return whose variance is measured, from 0 to 1; 0.99 by default. */
  readonly gamma?: number;
  /** Added to the variance; 1e-8 by default. */
  readonly epsilon?: number;
}

/**
 * The options with their defaults.
 *
 * @throws RangeError if gamma is not from 0 to 1, or epsilon is not above 0.
 */
export function checkedOptions({ gamma = 0.99, epsilon = 1e-8 }: NormalizeRewardOptions) {
  if (!(gamma >= 0 && gamma <= 1)) throw new RangeError(`gamma must be from 0 to 1, not ${gamma}.`);
  requirePositive('epsilon', epsilon);
  return { gamma, epsilon };
}

/**
 * Divides rewards by the standard deviation of the discounted return over all that was seen so far, so that returns have about
 * a fixed variance (Gymnasium's NormalizeReward). As there, truncation and `reset` do not begin a new return, termination does.
 */
export class NormalizeReward<Obs, Act> extends Wrapper<Obs, Act> {
  /** Mean and variance of the discounted returns so far. */
  readonly returnRms = new RunningMeanStd(1, keepDouble, keepDouble);
  readonly gamma: number;
  readonly epsilon: number;
  /** Whether rewards change mean and variance; set it to false for an evaluation. */
  updateRunningMean = true;
  private discountedReward = 0;

  /** @throws RangeError if gamma is not from 0 to 1, or epsilon is not above 0. */
  constructor(env: AnyEnv<Obs, Act>, options: NormalizeRewardOptions = {}) {
    const { gamma, epsilon } = checkedOptions(options);
    super(env);
    this.gamma = gamma;
    this.epsilon = epsilon;
  }

  override async step(action: Act): Promise<Step<Obs>> {
    const step = await super.step(action);
    const before = step.terminated ? 0 : this.discountedReward * this.gamma;
    this.discountedReward = before + step.reward;
    if (this.updateRunningMean) this.returnRms.update([this.discountedReward], 1);
    const variance = this.returnRms.var[0] as number;
    return { ...step, reward: step.reward / Math.sqrt(variance + this.epsilon) };
  }
}
