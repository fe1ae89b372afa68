/** Wrappers around a single environment, under Gymnasium's names (gymnasium.wrappers). */

export type { Bounds } from './box-actions.js';
export { ClipAction } from './clip-action.js';
export { ClipReward } from './clip-reward.js';
export { type Flattened, FlattenObservation } from './flatten-observation.js';
export {
  type Batched,
  FrameStackObservation,
  type FrameStackOptions,
} from './frame-stack-observation.js';
export { NormalizeObservation } from './normalize-observation.js';
export { NormalizeReward, type NormalizeRewardOptions } from './normalize-reward.js';
export {
  RecordEpisodeStatistics,
  type RecordEpisodeStatisticsOptions,
} from './record-episode-statistics.js';
export { RecordVideo } from './record-video.js';
export { RescaleAction } from './rescale-action.js';
export type { RunningMeanStd } from './running-mean-std.js';
export { TimeLimit } from './time-limit.js';
export { TransformAction, TransformObservation, TransformReward } from './transform.js';
export { cappedCubicVideoSchedule, type RecordVideoOptions } from './video-recorder.js';
export { type AnyEnv, type ResetOptions, Wrapper, type WrapperSpaces } from './wrapper.js';
