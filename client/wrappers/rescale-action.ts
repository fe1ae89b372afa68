import type { SpaceOf } from '../vector-env.js';
import { type Bounds, mapElements, requireRealBox, rescaleBox } from './box-actions.js';
import { TransformAction } from './transform.js';
import type { AnyEnv } from './wrapper.js';

/**
 * Rescales actions linearly from bounds of one's choice to those of the action space (Gymnasium's RescaleAction).
 */
export class RescaleAction<Obs, Act> extends TransformAction<Obs, Act> {
  /**
   * @param minAction What becomes the action space's lower bound: one number, or one for each element.
   * @param maxAction What becomes its upper bound, likewise.
   * @throws TypeError if the action space is not a Box of floats.
   * @throws RangeError if minAction is not below maxAction, or an infinite bound does not meet the same infinite bound.
   */
  constructor(env: AnyEnv<Obs, Act>, minAction: Bounds, maxAction: Bounds) {
    const box = requireRealBox(env.actionSpace, 'RescaleAction');
    const { space, back } = rescaleBox(box, minAction, maxAction);
    super(
      env,
      (action) => mapElements(action, box.low.length, back) as Act,
      space as unknown as SpaceOf<Act>,
    );
  }
}
