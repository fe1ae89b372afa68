import { asNdArray } from '../../nd-array.js';
import type { VectorResetOptions } from '../../reset-request.js';
import type { VectorReset, VectorStep } from '../../vector-results.js';
import { checkedOptions, type NormalizeRewardOptions } from '../normalize-reward.js';
import { keepDouble, RunningMeanStd } from '../running-mean-std.js';
import { type AnyVectorEnv, VectorWrapper } from './vector-wrapper.js';

/**
 * Divides rewards by the standard deviation of the discounted returns over all that was seen so far, in all sub-environments
 * (Gymnasium's vector NormalizeReward). The step that only resets a sub-environment (NextStep) changes nothing.
 */
export class NormalizeReward<Obs, Act> extends VectorWrapper<Obs, Act> {
  /** Mean and variance of the discounted returns so far. */
  readonly returnRms = new RunningMeanStd(1, keepDouble, Math.fround);
  readonly gamma: number;
  readonly epsilon: number;
  /** Whether rewards change mean and variance; set it to false for an evaluation. */
  updateRunningMean = true;
  /** Discounted return of each sub-environment so far; float32, as in Gymnasium. */
  private readonly accumulatedReward: Float32Array;
  private readonly ended: Uint8Array;

  /** @throws RangeError if gamma is not from 0 to 1, or epsilon is not above 0. */
  constructor(env: AnyVectorEnv<Obs, Act>, options: NormalizeRewardOptions = {}) {
    const { gamma, epsilon } = checkedOptions(options);
    super(env);
    this.gamma = gamma;
    this.epsilon = epsilon;
    this.accumulatedReward = new Float32Array(env.numEnvs);
    this.ended = new Uint8Array(env.numEnvs);
  }

  override async reset(options?: VectorResetOptions): Promise<VectorReset<Obs>> {
    const reset = await super.reset(options);
    this.accumulatedReward.fill(0);
    this.ended.fill(0);
    return reset;
  }

  override async step(actions: Act): Promise<VectorStep<Obs>> {
    const step = await super.step(actions);
    this.accumulate(step);
    const deviation = Math.sqrt((this.returnRms.var[0] as number) + this.epsilon);
    const { shape, dtype } = step.rewards;
    return {
      ...step,
      rewards: asNdArray(
        step.rewards.map((r) => r / deviation),
        shape,
        dtype,
      ),
    };
  }

  private accumulate({ rewards, terminations, truncations }: VectorStep<Obs>): void {
    const { accumulatedReward, ended } = this;
    const isSameStep = this.autoresetMode === 'SameStep';
    const active: number[] = [];
    const gamma = Math.fround(this.gamma);
    for (const [i, reward] of rewards.entries()) {
      if (!isSameStep && ended[i]) continue;
      const before = terminations[i] ? 0 : Math.fround((accumulatedReward[i] as number) * gamma);
      accumulatedReward[i] = before + reward;
      active.push(accumulatedReward[i] as number);
    }
    if (this.updateRunningMean && active.length > 0) this.returnRms.update(active, active.length);
    for (let i = 0; i < ended.length; i++) {
      ended[i] = terminations[i] || truncations[i] ? 1 : 0;
      if (isSameStep && ended[i]) accumulatedReward[i] = 0;
    }
  }
}
