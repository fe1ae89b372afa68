import { asNdArray, type NdArray, type TypedArray } from '../../nd-array.js';
import { iterate } from '../../spaces/batch.js';
import { flatten, type Space } from '../../spaces/index.js';
import { flatBox, reshape } from '../flatten-observation.js';
import { TransformObservation } from './transform.js';
import type { AnyVectorEnv } from './vector-wrapper.js';

/** The type of flattened observations: that of the array itself, where they are one. */
export type FlattenedBatch<Obs> = Obs extends TypedArray ? NdArray<Obs> : NdArray;

/** Flattens each observation to one axis, so that a batch has two (Gymnasium's vector FlattenObservation). */
export class FlattenObservation<Obs, Act> extends TransformObservation<
  FlattenedBatch<Obs>,
  Act,
  Obs
> {
  /**
   * @throws RangeError if observations do not flatten to one array (Sequence, Graph, and spaces that hold one), or in autoreset
   *   mode SameStep.
   */
  constructor(env: AnyVectorEnv<Obs, Act>) {
    const space = env.singleObservationSpace;
    const box = flatBox(space);
    const shape = [env.numEnvs, ...box.shape];
    const flat = (observations: Obs) =>
      space.kind === 'Box'
        ? reshape(observations as unknown as TypedArray, shape, box.dtype)
        : flattenRows(space, observations, shape);
    super(env, flat as (observations: Obs) => FlattenedBatch<Obs>, box);
  }
}

function flattenRows(space: Space, observations: unknown, shape: readonly number[]): NdArray {
  const rows = (iterate(space, observations) ?? []).map((row) => flatten(space, row) as NdArray);
  const [first] = rows as [NdArray, ...NdArray[]];
  const Held = first.constructor as typeof Float64Array;
  const batch = new Held(rows.length * first.length);
  for (const [i, row] of rows.entries()) batch.set(row as never, i * first.length);
  return asNdArray(batch, shape, first.dtype);
}
