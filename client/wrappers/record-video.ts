import type { Reset, Step } from '../env.js';
import { expectFrame, type RecordVideoOptions, VideoRecorder } from './video-recorder.js';
import { type AnyEnv, type ResetOptions, Wrapper } from './wrapper.js';

/**
 * Records episodes as GIF files `rl-video-episode-0.gif` or `rl-video-step-0.gif`, each when it ends; `close` ends the last
 * (Gymnasium's RecordVideo, which writes MP4). A frame is rendered for every reset and step of a recording alone. Needs the
 * package sharp, and an environment made with renderMode `rgb_array`.
 */
export class RecordVideo<Obs, Act> extends Wrapper<Obs, Act> {
  private readonly recorder: VideoRecorder;

  /** @param videoFolder Where files go; it is made if need be, and files of the same name are replaced. */
  constructor(env: AnyEnv<Obs, Act>, videoFolder: string, options: RecordVideoOptions = {}) {
    super(env);
    this.recorder = new VideoRecorder(videoFolder, options, env.metadata);
  }

  /** @throws Error without sharp; TypeError if the environment renders no single frame. */
  override async reset(options?: ResetOptions): Promise<Reset<Obs>> {
    const reset = await super.reset(options);
    await this.recorder.beginEpisode();
    await this.capture();
    return reset;
  }

  /** @throws Error without sharp; TypeError if the environment renders no single frame. */
  override async step(action: Act): Promise<Step<Obs>> {
    const step = await super.step(action);
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
    await this.recorder.capture(async () => expectFrame(await this.env.render()));
  }
}
