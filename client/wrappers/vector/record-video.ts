import type { Frame } from '../../animation.js';
import { asNdArray } from '../../nd-array.js';
import type { VectorResetOptions } from '../../reset-request.js';
import type { VectorReset, VectorStep } from '../../vector-results.js';
import { expectFrame, type RecordVideoOptions, VideoRecorder } from '../video-recorder.js';
import { type AnyVectorEnv, VectorWrapper } from './vector-wrapper.js';

/** What is recorded, and how. */
export interface VectorRecordVideoOptions extends RecordVideoOptions {
  /** Whether to show sub-environment 0 alone; false by default. */
  readonly recordFirstOnly?: boolean;
  /** Width to height of the whole, which the grid of sub-environments comes as near to as it can; [1, 1] by default. */
  readonly videoAspectRatio?: readonly [number, number];
}

/**
 * Records all sub-environments side by side as GIF files, as the wrapper of single environments does; episodes are those of
 * sub-environment 0 (Gymnasium's vector RecordVideo). In autoreset mode SameStep the last frame of an episode is missing.
 */
export class RecordVideo<Obs, Act> extends VectorWrapper<Obs, Act> {
  private readonly recorder: VideoRecorder;
  private readonly recordFirstOnly: boolean;
  private readonly aspect: number;
  private hasEnded = false;

  /** @param videoFolder Where files go; it is made if need be, and files of the same name are replaced. */
  constructor(
    env: AnyVectorEnv<Obs, Act>,
    videoFolder: string,
    options: VectorRecordVideoOptions = {},
  ) {
    super(env);
    const [width, height] = options.videoAspectRatio ?? [1, 1];
    this.recorder = new VideoRecorder(videoFolder, options, env.metadata);
    this.recordFirstOnly = options.recordFirstOnly ?? false;
    this.aspect = width / height;
  }

  /** @throws Error without sharp; TypeError if the sub-environments render no single frames. */
  override async reset(options?: VectorResetOptions): Promise<VectorReset<Obs>> {
    const reset = await super.reset(options);
    const mask = options?.options?.reset_mask;
    if (mask === undefined || mask[0]) await this.recorder.beginEpisode();
    await this.capture();
    this.hasEnded = false;
    return reset;
  }

  /** @throws Error without sharp; TypeError if the sub-environments render no single frames. */
  override async step(actions: Act): Promise<VectorStep<Obs>> {
    const step = await super.step(actions);
    const ended = Boolean(step.terminations[0] || step.truncations[0]);
    const wasReset = this.autoresetMode === 'SameStep' ? ended : this.hasEnded;
    this.hasEnded = ended && this.autoresetMode === 'NextStep';
    if (wasReset) await this.recorder.beginEpisode();
    await this.recorder.countStep();
    await this.capture();
    return step;
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } finally {
      await this.recorder.stop();
    }
  }

  private async capture(): Promise<void> {
    await this.recorder.capture(async () => {
      const frames = await this.env.render(this.recordFirstOnly ? { envIndices: [0] } : {});
      return sideBySide(frames.map(expectFrame), this.aspect);
    });
  }
}

/** Frames in a grid, row by row. */
function sideBySide(frames: readonly Frame[], aspect: number): Frame {
  const [height, width] = (frames[0] as Frame).shape as [number, number];
  const rows = rowsOfGrid(frames.length, width / height, aspect);
  const columns = frames.length / rows;
  const grid = new Uint8Array(rows * height * columns * width * 3);
  const lineBytes = width * 3;
  for (const [i, frame] of frames.entries()) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    for (let y = 0; y < height; y++) {
      const line = frame.subarray(y * lineBytes, (y + 1) * lineBytes);
      grid.set(line, ((row * height + y) * columns + column) * lineBytes);
    }
  }
  return asNdArray(grid, [rows * height, columns * width, 3], 'uint8');
}

/** Rows of the full grid whose aspect is nearest to the wanted one; never more rows than columns, as in Gymnasium. */
function rowsOfGrid(count: number, frameAspect: number, aspect: number): number {
  const distance = (rows: number) => Math.abs((count / rows / rows) * frameAspect - aspect);
  let best = 1;
  for (let rows = 2; rows * rows <= count; rows++)
    if (count % rows === 0 && distance(rows) < distance(best)) best = rows;
  return best;
}
