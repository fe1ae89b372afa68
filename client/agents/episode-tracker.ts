import type { VectorStep } from './vector-env-like.js';

/** An episode that has ended. */
export interface Episode {
  /** Index of the sub-environment. */
  readonly env: number;
  /** Sum of its rewards, undiscounted; NaN if one of them was NaN (a sub-environment that failed). */
  readonly return: number;
  /** Number of its steps. */
  readonly length: number;
}

/**
 * Follows the episodes of a vector environment in autoreset mode NextStep.
 *
 * There the step after an episode's last one only resets: its action is ignored, its reward is 0 and
 * its observation begins the next episode. Such a row is no transition, and must neither be learned
 * from nor counted (Gymnasium, `AutoresetMode.NEXT_STEP`).
 */
export class EpisodeTracker {
  /** Shape [numEnvs]; 1 where that row of the last recorded step was a transition of the environment. */
  readonly isTransition: Uint8Array;
  private readonly ended: Uint8Array;
  private readonly returns: Float64Array;
  private readonly lengths: Int32Array;

  constructor(numEnvs: number) {
    this.isTransition = new Uint8Array(numEnvs);
    this.ended = new Uint8Array(numEnvs);
    this.returns = new Float64Array(numEnvs);
    this.lengths = new Int32Array(numEnvs);
  }

  /** Forgets all running episodes; call it with each `reset` of the vector environment. */
  reset(): void {
    this.ended.fill(0);
    this.returns.fill(0);
    this.lengths.fill(0);
  }

  /**
   * Records one vector step and updates `isTransition`. A row whose reward is NaN (Gymnasium gives
   * none; a sub-environment that failed does) is not counted as a transition, but ends its episode.
   *
   * @returns The episodes that ended with this step, by index of the sub-environment.
   */
  record(step: VectorStep): Episode[] {
    const episodes: Episode[] = [];
    for (let i = 0; i < this.ended.length; i++) {
      const wasReset = this.ended[i] === 1;
      const reward = step.rewards[i] as number;
      this.isTransition[i] = wasReset || Number.isNaN(reward) ? 0 : 1;
      this.ended[i] = step.terminations[i] || step.truncations[i] ? 1 : 0;
      if (wasReset) continue;
      this.returns[i] = (this.returns[i] as number) + reward;
      this.lengths[i] = (this.lengths[i] as number) + 1;
      if (this.ended[i] === 1) episodes.push(this.finish(i));
    }
    return episodes;
  }

  private finish(env: number): Episode {
    const episode = {
      env,
      return: this.returns[env] as number,
      length: this.lengths[env] as number,
    };
    this.returns[env] = 0;
    this.lengths[env] = 0;
    return episode;
  }
}
