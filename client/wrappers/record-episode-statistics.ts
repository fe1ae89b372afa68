import type { Reset, Step } from '../env.js';
import { type AnyEnv, type ResetOptions, Wrapper } from './wrapper.js';

/** How episodes are recorded. */
export interface RecordEpisodeStatisticsOptions {
  /** Number of last episodes that the queues hold; 100 by default. */
  readonly bufferLength?: number;
  /** Key of the statistics in the info; `episode` by default. */
  readonly statsKey?: string;
}

/** Appends to a queue, which holds no more than so many items. */
export function append(queue: number[], item: number, bufferLength: number): void {
  queue.push(item);
  if (queue.length > bufferLength) queue.shift();
}

/** Seconds since a `performance.now()`, to the microsecond. */
export function secondsSince(startMs: number): number {
  return Math.round((performance.now() - startMs) * 1000) / 1e6;
}

/** The error for an info that has statistics already. */
export function keyExists(statsKey: string): RangeError {
  return new RangeError(
    `The info has a key "${statsKey}" already: give RecordEpisodeStatistics another statsKey.`,
  );
}

/**
 * Adds `episode` to the info of an episode's last step: its return `r` (undiscounted), its length `l` in steps, and its time `t`
 * in seconds (Gymnasium's RecordEpisodeStatistics).
 */
export class RecordEpisodeStatistics<Obs, Act> extends Wrapper<Obs, Act> {
  /** Number of episodes that have ended. */
  episodeCount = 0;
  /** Returns of the last episodes, the newest at the end. */
  readonly returnQueue: number[] = [];
  /** Their lengths in steps. */
  readonly lengthQueue: number[] = [];
  /** Their times in seconds. */
  readonly timeQueue: number[] = [];
  private readonly bufferLength: number;
  private readonly statsKey: string;
  private startMs = 0;
  private episodeReturn = 0;
  private episodeLength = 0;

  constructor(
    env: AnyEnv<Obs, Act>,
    { bufferLength = 100, statsKey = 'episode' }: RecordEpisodeStatisticsOptions = {},
  ) {
    super(env);
    this.statsKey = statsKey;
    this.bufferLength = bufferLength;
  }

  override async reset(options?: ResetOptions): Promise<Reset<Obs>> {
    const reset = await super.reset(options);
    this.startMs = performance.now();
    this.episodeReturn = 0;
    this.episodeLength = 0;
    return reset;
  }

  /** @throws RangeError if the info has the key of the statistics already. */
  override async step(action: Act): Promise<Step<Obs>> {
    const step = await super.step(action);
    this.episodeReturn += step.reward;
    this.episodeLength++;
    if (!step.terminated && !step.truncated) return step;
    if (this.statsKey in step.info) throw keyExists(this.statsKey);
    const [r, l, t] = [this.episodeReturn, this.episodeLength, secondsSince(this.startMs)];
    append(this.returnQueue, r, this.bufferLength);
    append(this.lengthQueue, l, this.bufferLength);
    append(this.timeQueue, t, this.bufferLength);
    this.episodeCount++;
    this.startMs = performance.now();
    return { ...step, info: { ...step.info, [this.statsKey]: { r, l, t } } };
  }
}
