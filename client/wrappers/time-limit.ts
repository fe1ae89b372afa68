import type { Reset, Step } from '../env.js';
import { type AnyEnv, type ResetOptions, Wrapper } from './wrapper.js';

/** Truncates an episode after a number of steps (Gymnasium's TimeLimit). */
export class TimeLimit<Obs, Act> extends Wrapper<Obs, Act> {
  private readonly limit: number;
  private elapsedSteps = 0;

  /**
   * @param maxEpisodeSteps Steps after which an episode is truncated.
   * @throws RangeError if that is no whole number from 1 on.
   */
  constructor(env: AnyEnv<Obs, Act>, maxEpisodeSteps: number) {
    if (!Number.isInteger(maxEpisodeSteps) || maxEpisodeSteps < 1)
      throw new RangeError(
        `maxEpisodeSteps must be a whole number from 1 on, not ${maxEpisodeSteps}.`,
      );
    super(env);
    this.limit = maxEpisodeSteps;
  }

  override get maxEpisodeSteps(): number {
    return this.limit;
  }

  override async reset(options?: ResetOptions): Promise<Reset<Obs>> {
    const reset = await super.reset(options);
    this.elapsedSteps = 0;
    return reset;
  }

  override async step(action: Act): Promise<Step<Obs>> {
    const step = await super.step(action);
    this.elapsedSteps++;
    return this.elapsedSteps >= this.limit ? { ...step, truncated: true } : step;
  }
}
