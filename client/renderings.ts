import { FrameEncoding } from '../proto/gen/gymlink/v1/session.js';
import type { NdArray } from './nd-array.js';
import type { Session } from './session.js';
import { fromValue } from './values.js';

/** What `render` gives: an RGB frame, a text (`ansi`), or a list of them (`rgb_array_list`). */
export type RenderFrame = NdArray<Uint8Array> | string | readonly (NdArray<Uint8Array> | string)[];

/** Renders every sub-environment of a session. */
export async function renderings(session: Session): Promise<RenderFrame[]> {
  const request = { envIndices: [], encoding: FrameEncoding.FRAME_ENCODING_UNSPECIFIED, width: 0 };
  const reply = await session.request({ $case: 'render', value: request }, 'rendered');
  return reply.renderings.map(({ frames, isList }) => {
    const values = frames.map(fromValue) as (NdArray<Uint8Array> | string)[];
    return isList ? values : (values[0] as RenderFrame);
  });
}
