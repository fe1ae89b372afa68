import { asNdArray, type NdArray } from '../../nd-array.js';
import type { VectorResetOptions } from '../../reset-request.js';
import type { VectorReset } from '../../vector-results.js';
import {
  normalizedSpace,
  observationStatistics,
  requirePositive,
} from '../normalize-observation.js';
import type { Numbers, RunningMeanStd } from '../running-mean-std.js';
import { type AnyVectorEnv, requireAutoresetMode, VectorWrapper } from './vector-wrapper.js';

/**
 * Normalizes observations to mean 0 and variance 1 over all that were seen so far, in all sub-environments (Gymnasium's vector
 * NormalizeObservation). They become float32, shape [numEnvs, ...shape].
 */
export class NormalizeObservation<Obs, Act> extends VectorWrapper<NdArray<Float32Array>, Act, Obs> {
  /** Mean and variance of the observations so far. */
  readonly obsRms: RunningMeanStd;
  readonly epsilon: number;
  /** Whether observations change mean and variance; set it to false for an evaluation. */
  updateRunningMean = true;
  private readonly shape: readonly number[];

  /**
   * @param options.epsilon Added to the variance; 1e-8 by default.
   * @throws TypeError if observations have no shape (Dict, Tuple, Text).
   * @throws RangeError if epsilon is not above 0, or the autoreset mode is not NextStep.
   */
  constructor(env: AnyVectorEnv<Obs, Act>, { epsilon = 1e-8 }: { readonly epsilon?: number } = {}) {
    requirePositive('epsilon', epsilon);
    requireAutoresetMode(env, 'NormalizeObservation', ['NextStep']);
    const single = normalizedSpace(env.singleObservationSpace);
    super(env, { singleObservationSpace: single });
    this.obsRms = observationStatistics(env.singleObservationSpace, single.low.length);
    this.epsilon = epsilon;
    this.shape = [env.numEnvs, ...single.shape];
  }

  /** @throws RangeError if a `reset_mask` leaves a sub-environment out: its observation would count twice. */
  override async reset(
    options: VectorResetOptions = {},
  ): Promise<VectorReset<NdArray<Float32Array>>> {
    const mask = options.options?.reset_mask;
    if (mask !== undefined && !Array.from(mask).every(Boolean))
      throw new RangeError('NormalizeObservation needs a reset_mask of all sub-environments.');
    return super.reset(options);
  }

  protected override observations(observations: Obs): NdArray<Float32Array> {
    const elements = observations as Numbers;
    if (this.updateRunningMean) this.obsRms.update(elements, this.numEnvs);
    return asNdArray(this.obsRms.normalize(elements, this.epsilon), this.shape, 'float32');
  }
}
