import { asNdArray, type NdArray } from '../nd-array.js';
import { Box, type Space } from '../spaces/index.js';
import type { SpaceOf } from '../vector-env.js';
import { keepDouble, type Numbers, RunningMeanStd } from './running-mean-std.js';
import { type AnyEnv, Wrapper } from './wrapper.js';

/** Checks that a number keeps a division from dividing by 0. */
export function requirePositive(name: string, value: number): void {
  if (!(value > 0)) throw new RangeError(`${name} must be above 0, not ${value}.`);
}

/** The unbounded float32 space of normalized observations. */
export function normalizedSpace(space: Space): SpaceOf<NdArray<Float32Array>> & Box<Float32Array> {
  if (!('shape' in space))
    throw new TypeError(`NormalizeObservation needs observations with a shape, but has ${space}.`);
  return new Box<Float32Array>([-Infinity], [Infinity], space.shape, 'float32');
}

/** Statistics of a space's values, in the precision in which Gymnasium's NormalizeObservation has them. */
export function observationStatistics(space: Space, size: number): RunningMeanStd {
  const isSingle = space.kind === 'Box' && (space.dtype === 'float32' || space.dtype === 'float16');
  return new RunningMeanStd(size, Math.fround, isSingle ? Math.fround : keepDouble);
}

/** The elements of an observation. */
export function elementsOf(observation: unknown): Numbers {
  return typeof observation === 'number' ? [observation] : (observation as Numbers);
}

/**
 * Normalizes observations to mean 0 and variance 1 over all that were seen so far (Gymnasium's NormalizeObservation). They
 * become float32.
 */
export class NormalizeObservation<Obs, Act> extends Wrapper<NdArray<Float32Array>, Act, Obs> {
  /** Mean and variance of the observations so far. */
  readonly obsRms: RunningMeanStd;
  readonly epsilon: number;
  /** Whether observations change mean and variance; set it to false for an evaluation. */
  updateRunningMean = true;
  private readonly shape: readonly number[];

  /**
   * @param options.epsilon Added to the variance; 1e-8 by default.
   * @throws TypeError if observations have no shape (Dict, Tuple, Text); RangeError if epsilon is not above 0.
   */
  constructor(env: AnyEnv<Obs, Act>, { epsilon = 1e-8 }: { readonly epsilon?: number } = {}) {
    requirePositive('epsilon', epsilon);
    const observationSpace = normalizedSpace(env.observationSpace);
    super(env, { observationSpace });
    this.obsRms = observationStatistics(env.observationSpace, observationSpace.low.length);
    this.epsilon = epsilon;
    this.shape = observationSpace.shape;
  }

  protected override observation(observation: Obs): NdArray<Float32Array> {
    const elements = elementsOf(observation);
    if (this.updateRunningMean) this.obsRms.update(elements, 1);
    const normalized = this.obsRms.normalize(elements, this.epsilon);
    return asNdArray(normalized, this.shape, 'float32');
  }
}
