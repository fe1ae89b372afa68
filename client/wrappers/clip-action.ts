import type { SpaceOf } from '../vector-env.js';
import { clipInto, mapElements, requireRealBox, unboundedSpace } from './box-actions.js';
import { TransformAction } from './transform.js';
import type { AnyEnv } from './wrapper.js';

/** Clips actions into the bounds of the action space, which itself becomes unbounded (Gymnasium's ClipAction). */
export class ClipAction<Obs, Act> extends TransformAction<Obs, Act> {
  /** @throws TypeError if the action space is not a Box of floats. */
  constructor(env: AnyEnv<Obs, Act>) {
    const box = requireRealBox(env.actionSpace, 'ClipAction');
    const clip = clipInto(box);
    super(
      env,
      (action) => mapElements(action, box.low.length, clip) as Act,
      unboundedSpace(box) as unknown as SpaceOf<Act>,
    );
  }
}
