import { asNdArray } from '../../nd-array.js';
import type { VectorResetOptions } from '../../reset-request.js';
import type { VectorInfos } from '../../vector-infos.js';
import type { VectorReset, VectorStep } from '../../vector-results.js';
import {
  append,
  keyExists,
  type RecordEpisodeStatisticsOptions,
  secondsSince,
} from '../record-episode-statistics.js';
import { type AnyVectorEnv, VectorWrapper } from './vector-wrapper.js';

/**
 * Adds `episode` to the infos of every step with which an episode ends: returns `r` (float64, undiscounted), lengths `l` in steps
 * (Int32Array) and times `t` in seconds (float64), each of shape [numEnvs] and 0 where none ended; the mask `_episode` says
 * where one did (Gymnasium's vector RecordEpisodeStatistics).
 */
export class RecordEpisodeStatistics<Obs, Act> extends VectorWrapper<Obs, Act> {
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
  private readonly startMs: Float64Array;
  private readonly returns: Float64Array;
  private readonly lengths: Int32Array;
  private readonly ended: Uint8Array;

  constructor(
    env: AnyVectorEnv<Obs, Act>,
    { bufferLength = 100, statsKey = 'episode' }: RecordEpisodeStatisticsOptions = {},
  ) {
    super(env);
    this.bufferLength = bufferLength;
    this.statsKey = statsKey;
    this.startMs = new Float64Array(env.numEnvs);
    this.returns = new Float64Array(env.numEnvs);
    this.lengths = new Int32Array(env.numEnvs);
    this.ended = new Uint8Array(env.numEnvs);
  }

  override async reset(options?: VectorResetOptions): Promise<VectorReset<Obs>> {
    const reset = await super.reset(options);
    const mask = options?.options?.reset_mask;
    for (let i = 0; i < this.numEnvs; i++) if (mask === undefined || mask[i]) this.begin(i);
    return reset;
  }

  /** @throws RangeError if the infos have the key of the statistics already. */
  override async step(actions: Act): Promise<VectorStep<Obs>> {
    const step = await super.step(actions);
    const isSameStep = this.autoresetMode === 'SameStep';
    for (const [i, reward] of step.rewards.entries()) {
      // In the other modes the step after an episode's last one belongs to no episode.
      if (!isSameStep && this.ended[i]) {
        this.begin(i);
        continue;
      }
      this.returns[i] = (this.returns[i] as number) + reward;
      this.lengths[i] = (this.lengths[i] as number) + 1;
      this.ended[i] = step.terminations[i] || step.truncations[i] ? 1 : 0;
    }
    if (!this.ended.includes(1)) return step;
    const infos = { ...step.infos, ...this.record(step.infos) };
    if (isSameStep) for (const [i, ended] of this.ended.entries()) if (ended) this.begin(i);
    return { ...step, infos };
  }

  private begin(i: number): void {
    this.startMs[i] = performance.now();
    this.returns[i] = 0;
    this.lengths[i] = 0;
    this.ended[i] = 0;
  }

  /** Statistics of the episodes that have ended with this step. */
  private record(infos: VectorInfos): VectorInfos {
    const { statsKey, returns, lengths, ended, numEnvs } = this;
    if (statsKey in infos || `_${statsKey}` in infos) throw keyExists(statsKey);
    const r = asNdArray(new Float64Array(numEnvs), [numEnvs], 'float64');
    const l = asNdArray(new Int32Array(numEnvs), [numEnvs], 'int64');
    const t = asNdArray(new Float64Array(numEnvs), [numEnvs], 'float64');
    for (const [i, isEnd] of ended.entries()) {
      if (!isEnd) continue;
      r[i] = returns[i] as number;
      l[i] = lengths[i] as number;
      t[i] = secondsSince(this.startMs[i] as number);
      append(this.returnQueue, r[i] as number, this.bufferLength);
      append(this.lengthQueue, l[i] as number, this.bufferLength);
      append(this.timeQueue, t[i] as number, this.bufferLength);
      this.episodeCount++;
    }
    const mask = asNdArray(ended.slice(), [numEnvs], 'bool');
    return { [statsKey]: { r, l, t }, [`_${statsKey}`]: mask };
  }
}
