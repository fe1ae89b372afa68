import { FrameEncoding as WireFrameEncoding } from '../proto/gen/gymlink/v1/session.js';
import { envIndicesOf } from './env-indices.js';
import { GymlinkError } from './errors.js';
import type { NdArray } from './nd-array.js';
import { count } from './open-request.js';
import type { Session } from './session.js';
import { fromValue } from './values.js';

/** A picture and its depth (`rgbd_tuple`). */
export type DepthFrame = readonly [NdArray<Uint8Array>, NdArray<Float32Array>];

/** What `render` gives: an RGB frame, a text (`ansi`), a picture with its depth, or a list of frames (`rgb_array_list`). */
export type RenderFrame =
  | NdArray<Uint8Array>
  | string
  | DepthFrame
  | readonly (NdArray<Uint8Array> | string)[];

/** How an image is encoded: losslessly as `png`, or as `jpeg` or `webp` of quality 90. */
export type FrameEncoding = 'png' | 'jpeg' | 'webp';

/** What `render` gives with an encoding: the bytes of an image file, or a list of them (`rgb_array_list`). */
export type EncodedFrame = Uint8Array | readonly Uint8Array[];

/** How to render; the render modes `rgb_array` and `rgb_array_list` alone can be scaled and encoded. */
export interface RenderOptions {
  /** By default frames come as arrays. */
  readonly encoding?: FrameEncoding;
  /** Width in pixels to scale to, keeping the proportions; by default the frame's own. */
  readonly width?: number;
}

/** How to render sub-environments. */
export interface VectorRenderOptions extends RenderOptions {
  /** Which sub-environments, in ascending order; by default all. */
  readonly envIndices?: readonly number[];
}

/** Options with an encoding. */
export type Encoded<Options extends RenderOptions> = Options & {
  readonly encoding: FrameEncoding;
};

const encodings: Readonly<Record<FrameEncoding, WireFrameEncoding>> = {
  png: WireFrameEncoding.FRAME_ENCODING_PNG,
  jpeg: WireFrameEncoding.FRAME_ENCODING_JPEG,
  webp: WireFrameEncoding.FRAME_ENCODING_WEBP,
};

/** Renders sub-environments of a session. */
export async function renderings(
  session: Session,
  { encoding, width, envIndices }: VectorRenderOptions,
): Promise<(RenderFrame | EncodedFrame)[]> {
  if (encoding !== undefined && encodings[encoding] === undefined)
    throw invalid(
      `There is no encoding ${encoding}; there are ${Object.keys(encodings).join(', ')}.`,
    );
  const value = {
    envIndices: envIndicesOf(envIndices),
    encoding: encoding ? encodings[encoding] : WireFrameEncoding.FRAME_ENCODING_UNSPECIFIED,
    width: count('width', width, 1),
  };
  const reply = await session.request({ $case: 'render', value }, 'rendered');
  return reply.renderings.map(({ frames, isList }) => {
    const values = frames.map(fromValue) as (NdArray<Uint8Array> | string)[];
    return isList ? values : (values[0] as RenderFrame);
  });
}

function invalid(message: string): GymlinkError {
  return new GymlinkError('INVALID_ARGUMENT', message);
}
