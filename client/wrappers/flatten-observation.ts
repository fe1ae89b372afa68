import { asNdArray, type NdArray, type TypedArray } from '../nd-array.js';
import { type Box, flatdim, flatten, flattenSpace, type Space } from '../spaces/index.js';
import type { SpaceOf } from '../vector-env.js';
import { TransformObservation } from './transform.js';
import type { AnyEnv } from './wrapper.js';

/** The type of a flattened observation: that of the array itself, Int32Array for integers. */
export type Flattened<Obs> = Obs extends number
  ? NdArray<Int32Array>
  : Obs extends TypedArray
    ? NdArray<Obs>
    : NdArray;

/**
 * The Box of flattened values.
 *
 * @throws RangeError if values do not flatten to one array.
 */
export function flatBox(space: Space): Box {
  flatdim(space);
  return flattenSpace(space) as Box;
}

/**
 * Flattens observations to one axis (Gymnasium's FlattenObservation): a Box keeps its elements, Discrete and MultiDiscrete become one-hot,
 * Dict and Tuple the flattened entries one after another.
 */
export class FlattenObservation<Obs, Act> extends TransformObservation<Flattened<Obs>, Act, Obs> {
  /** @throws RangeError if observations do not flatten to one array: of Sequence, Graph, and spaces that hold one. */
  constructor(env: AnyEnv<Obs, Act>) {
    const space: Space = env.observationSpace;
    const box = flatBox(space);
    const flat = (observation: Obs) =>
      space.kind === 'Box'
        ? reshape(observation as unknown as TypedArray, box.shape, box.dtype)
        : flatten(space, observation);
    super(
      env,
      flat as (observation: Obs) => Flattened<Obs>,
      box as unknown as SpaceOf<Flattened<Obs>>,
    );
  }
}

/** The same elements under another shape. */
export function reshape(array: TypedArray, shape: readonly number[], dtype: Box['dtype']): NdArray {
  return asNdArray(array.subarray(), shape, dtype);
}
