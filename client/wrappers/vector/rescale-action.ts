import { type Bounds, mapElements, requireRealBox, rescaleBox } from '../box-actions.js';
import { TransformAction } from './transform.js';
import type { AnyVectorEnv } from './vector-wrapper.js';

/** Rescales actions linearly from bounds of one's choice to those of the action space (Gymnasium's vector RescaleAction). */
export class RescaleAction<Obs, Act> extends TransformAction<Obs, Act> {
  /**
   * @param minAction What becomes the action space's lower bound: one number, or one for each element of one action.
   * @param maxAction What becomes its upper bound, likewise.
   * @throws TypeError if the action space of a sub-environment is not a Box of floats.
   * @throws RangeError if minAction is not below maxAction, or an infinite bound does not meet the same infinite bound.
   */
  constructor(env: AnyVectorEnv<Obs, Act>, minAction: Bounds, maxAction: Bounds) {
    const box = requireRealBox(env.singleActionSpace, 'RescaleAction');
    const { space, back } = rescaleBox(box, minAction, maxAction);
    super(env, (actions) => mapElements(actions, box.low.length, back) as Act, space);
  }
}
