/** gymlink's client: Gymnasium environments of a server, from TypeScript. */

export { AsyncVectorEnv, type ReadyBatch } from './async-vector-env.js';
export type {
  ConstructorArgument,
  EnvironmentDescription,
  EnvironmentInfo,
  FamilyInfo,
} from './catalogue.js';
export type { ConnectOptions, ServerInfo } from './connection.js';
export { Connection, connect } from './connection.js';
export type { Batch } from './double-buffer.js';
export { Env, type Reset, type Step } from './env.js';
export type { EnvironmentTypes, KnownEnvironments, KnownId } from './environments.js';
export { type ErrorReasonName, GymlinkError, type PythonException } from './errors.js';
export type { Info } from './infos.js';
export { type LaunchOptions, launch } from './launch.js';
export {
  type ArrayOf,
  asNdArray,
  type DtypeName,
  type NdArray,
  type TypedArray,
} from './nd-array.js';
export type {
  AutoresetMode,
  CompressionName,
  MakeAsyncVecOptions,
  MakeOptions,
  MakeVecOptions,
  ObservationModeName,
  PlannedReset,
  Seed,
  WrapperSpec,
} from './open-request.js';
export { ParallelEnv, type ParallelReset, type ParallelStep } from './parallel-env.js';
export {
  type ByAgent,
  type MakeParallelVecOptions,
  ParallelVectorEnv,
  type ParallelVectorReset,
  type ParallelVectorStep,
} from './parallel-vector-env.js';
export { PolicyBatcher, type PolicyBatcherOptions, type Rows } from './policy-batcher.js';
export { Generator } from './random/generator.js';
export type {
  DepthFrame,
  EncodedFrame,
  FrameEncoding,
  RenderFrame,
  RenderOptions,
  VectorRenderOptions,
} from './renderings.js';
export type { VectorResetOptions } from './reset-request.js';
export type { StateId } from './saved-states.js';
export {
  Box,
  batchDifferingSpaces,
  batchSpace,
  Dict,
  Discrete,
  expectSpace,
  flatdim,
  flatten,
  flattenSpace,
  Graph,
  type GraphInstance,
  isBox,
  type Mask,
  MultiBinary,
  MultiDiscrete,
  OneOf,
  type Sample,
  Sequence,
  type Space,
  type SpaceJSON,
  type SpaceKind,
  type SpaceSeed,
  type SpaceSeeds,
  spaceFromJSON,
  Text,
  Tuple,
  unflatten,
} from './spaces/index.js';
export {
  type Argument,
  type Arguments,
  type PlainValue,
  PythonFloat,
  PythonTuple,
} from './values.js';
export { type SpaceOf, VectorEnv } from './vector-env.js';
export type { VectorInfos } from './vector-infos.js';
export type { TransitionDetails, VectorReset, VectorStep } from './vector-results.js';
