import { clipInto, mapElements, requireRealBox, unboundedSpace } from '../box-actions.js';
import { TransformAction } from './transform.js';
import type { AnyVectorEnv } from './vector-wrapper.js';

/** Clips actions into the bounds of the action space, which itself becomes unbounded (Gymnasium's vector ClipAction). */
export class ClipAction<Obs, Act> extends TransformAction<Obs, Act> {
  /** @throws TypeError if the action space of a sub-environment is not a Box of floats. */
  constructor(env: AnyVectorEnv<Obs, Act>) {
    const box = requireRealBox(env.singleActionSpace, 'ClipAction');
    const clip = clipInto(box);
    super(env, (actions) => mapElements(actions, box.low.length, clip) as Act, unboundedSpace(box));
  }
}
