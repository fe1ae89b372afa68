import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Frame } from '../animation.js';
import { importOptional } from '../optional-packages.js';
import type { RenderFrame } from '../renderings.js';
import type { PlainValue } from '../values.js';

/** What is recorded, and how. */
export interface RecordVideoOptions {
  /**
   * Whether to record an episode, by its number from 0. Without any trigger, episodes 0, 1, 8, 27 … 729, 1000, 2000 … are
   * recorded, as in Gymnasium.
   */
  readonly episodeTrigger?: (episode: number) => boolean;
  /** Whether to begin a recording with a step, by its number from 0 over all episodes. */
  readonly stepTrigger?: (step: number) => boolean;
  /** Frames of a recording, which may then go over several episodes; 0 (default) for the rest of an episode. */
  readonly videoLength?: number;
  /** What file names begin with; `rl-video` by default. */
  readonly namePrefix?: string;
  /** Frames per second; by default the metadata's `render_fps`, or 30. */
  readonly fps?: number;
}

/** Gymnasium's default trigger: cubes, and from 1000 on every thousandth. */
export function cappedCubicVideoSchedule(episode: number): boolean {
  return episode < 1000 ? Math.round(Math.cbrt(episode)) ** 3 === episode : episode % 1000 === 0;
}

/**
 * A frame of a rendering.
 *
 * @throws TypeError if it is a text or a list.
 */
export function expectFrame(rendering: RenderFrame | undefined): Frame {
  if (rendering instanceof Uint8Array) return rendering;
  throw new TypeError(
    'RecordVideo needs an environment that was made with renderMode "rgb_array".',
  );
}

/** Frames between a trigger and the end of a recording, which then become a file. */
export class VideoRecorder {
  private readonly videoFolder: string;
  private readonly episodeTrigger: ((episode: number) => boolean) | undefined;
  private readonly stepTrigger: ((step: number) => boolean) | undefined;
  private readonly videoLength: number;
  private readonly namePrefix: string;
  private readonly fps: number;
  private episode = -1;
  private step = -1;
  private name: string | undefined;
  private frames: Frame[] = [];

  /** Makes the folder. */
  constructor(
    videoFolder: string,
    { episodeTrigger, stepTrigger, videoLength = 0, namePrefix, fps }: RecordVideoOptions,
    metadata: Record<string, PlainValue>,
  ) {
    const isTriggered = episodeTrigger !== undefined || stepTrigger !== undefined;
    this.videoFolder = resolve(videoFolder);
    this.episodeTrigger = isTriggered ? episodeTrigger : cappedCubicVideoSchedule;
    this.stepTrigger = stepTrigger;
    this.videoLength = videoLength === 0 ? Infinity : videoLength;
    this.namePrefix = namePrefix ?? 'rl-video';
    this.fps = fps ?? Number(metadata.render_fps ?? 30);
    mkdirSync(this.videoFolder, { recursive: true });
  }

  /** An episode has begun. */
  async beginEpisode(): Promise<void> {
    this.episode++;
    if (this.videoLength === Infinity) await this.stop();
    if (this.episodeTrigger?.(this.episode)) await this.start(`episode-${this.episode}`);
  }

  /** A step was taken. */
  async countStep(): Promise<void> {
    this.step++;
    if (this.stepTrigger?.(this.step)) await this.start(`step-${this.step}`);
  }

  /** Takes a frame, if there is a recording. */
  async capture(render: () => Promise<Frame>): Promise<void> {
    if (this.name === undefined) return;
    this.frames.push(await render());
    if (this.frames.length > this.videoLength) await this.stop();
  }

  /** Ends the recording, if there is one, and writes its file. */
  async stop(): Promise<void> {
    const { name, frames } = this;
    this.name = undefined;
    this.frames = [];
    if (name === undefined || frames.length === 0) return;
    const { writeAnimation } = await loadAnimation();
    await writeAnimation(frames, this.fps, join(this.videoFolder, `${name}.gif`));
  }

  private async start(what: string): Promise<void> {
    await this.stop();
    // Now rather than when all frames are there: what is missing shows before it costs a recording.
    await loadAnimation();
    this.name = `${this.namePrefix}-${what}`;
  }
}

function loadAnimation() {
  return importOptional(() => import('../animation.js'), 'RecordVideo', 'npm install sharp');
}
