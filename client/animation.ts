import { extname } from 'node:path';
import sharp from 'sharp';

/** An RGB frame: uint8, shape [height, width, 3]. */
export type Frame = Uint8Array & { readonly shape: readonly number[] };

/** GIF viewers slow down anything shown for less than 20 ms. */
const shortestDelayMs = 20;

/**
 * Writes frames as an animation: GIF, or WebP by the file's ending. Frames are left out where the rate is above what
 * viewers show, so that it plays in real time.
 *
 * @param framesPerSecond Rate at which the frames were taken.
 * @throws RangeError if the file ends neither in .gif nor in .webp, or there is no frame.
 */
export async function writeAnimation(
  frames: readonly Frame[],
  framesPerSecond: number,
  file: string,
): Promise<void> {
  const format = extname(file).slice(1);
  if (format !== 'gif' && format !== 'webp')
    throw new RangeError(`Animations end in .gif or .webp, not in "${extname(file)}": ${file}`);
  const every = Math.max(1, Math.ceil((framesPerSecond * shortestDelayMs) / 1000));
  const shown = frames.filter((_, i) => i % every === 0 || i === frames.length - 1);
  const [first] = shown;
  if (first === undefined) throw new RangeError('An animation needs at least one frame.');
  const [height, width] = first.shape as [number, number];
  const delay = shown.map(() => Math.round((1000 * every) / framesPerSecond));
  const raw = { width, height: height * shown.length, channels: 3, pageHeight: height } as const;
  await sharp(Buffer.concat(shown), { raw, limitInputPixels: false })
    [format]({ delay, loop: 0 })
    .toFile(file);
}
