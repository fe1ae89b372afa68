/** Wrappers around a vector environment, under Gymnasium's names (gymnasium.wrappers.vector). */

export type { Bounds } from '../box-actions.js';
export type { NormalizeRewardOptions } from '../normalize-reward.js';
export type { RecordEpisodeStatisticsOptions } from '../record-episode-statistics.js';
export type { RunningMeanStd } from '../running-mean-std.js';
export type { RecordVideoOptions } from '../video-recorder.js';
export { ClipAction } from './clip-action.js';
export { ClipReward } from './clip-reward.js';
export { type FlattenedBatch, FlattenObservation } from './flatten-observation.js';
export { NormalizeObservation } from './normalize-observation.js';
export { NormalizeReward } from './normalize-reward.js';
export { RecordEpisodeStatistics } from './record-episode-statistics.js';
export { RecordVideo, type VectorRecordVideoOptions } from './record-video.js';
export { RescaleAction } from './rescale-action.js';
export { TransformAction, TransformObservation, TransformReward } from './transform.js';
export {
  type AnyVectorEnv,
  type Rewards,
  type SingleSpaces,
  VectorWrapper,
} from './vector-wrapper.js';
