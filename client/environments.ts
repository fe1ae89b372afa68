/** What is known at compile time of Gymnasium's own environments. */
import type { NdArray } from './nd-array.js';
import type { Sample } from './spaces/index.js';

/** The four types of an environment: a single value and a batch, of its observations and of its actions. */
export interface EnvironmentTypes {
  readonly observation: Sample;
  readonly observations: Sample;
  readonly action: unknown;
  readonly actions: unknown;
}

type Float32 = NdArray<Float32Array<ArrayBuffer>>;
type Float64 = NdArray<Float64Array<ArrayBuffer>>;
type Uint8 = NdArray<Uint8Array<ArrayBuffer>>;
type Int32 = NdArray<Int32Array<ArrayBuffer>>;

interface DiscreteActions {
  readonly action: number;
  readonly actions: Int32Array | readonly number[];
}
interface FloatActions {
  readonly action: Float32Array | readonly number[];
  readonly actions: Float32Array | readonly (Float32Array | readonly number[])[];
}
interface Observes<Single extends Sample, Batch extends Sample = Single> {
  readonly observation: Single;
  readonly observations: Batch;
}

type Float32Discrete = Observes<Float32> & DiscreteActions;
type Float32Float = Observes<Float32> & FloatActions;
type DiscreteDiscrete = Observes<number, Int32> & DiscreteActions;
type MujocoName =
  | 'Ant'
  | 'HalfCheetah'
  | 'Hopper'
  | 'Humanoid'
  | 'HumanoidStandup'
  | 'InvertedDoublePendulum'
  | 'InvertedPendulum'
  | 'Pusher'
  | 'Reacher'
  | 'Swimmer'
  | 'Walker2d';

/**
 * Types by environment id. Add your own environments by declaration merging:
 * `declare module 'gymlink' { interface KnownEnvironments { 'family/Id': … } }`.
 */
export interface KnownEnvironments
  extends Record<`${MujocoName}-v${4 | 5}`, Observes<Float64> & FloatActions> {
  'Acrobot-v1': Float32Discrete;
  'CartPole-v0': Float32Discrete;
  'CartPole-v1': Float32Discrete;
  'MountainCar-v0': Float32Discrete;
  'LunarLander-v3': Float32Discrete;
  'MountainCarContinuous-v0': Float32Float;
  'Pendulum-v1': Float32Float;
  'LunarLanderContinuous-v3': Float32Float;
  'BipedalWalker-v3': Float32Float;
  'BipedalWalkerHardcore-v3': Float32Float;
  'CarRacing-v3': Observes<Uint8> & FloatActions;
  'Blackjack-v1': Observes<[number, number, number], [Int32, Int32, Int32]> & DiscreteActions;
  'CliffWalking-v1': DiscreteDiscrete;
  'CliffWalkingSlippery-v1': DiscreteDiscrete;
  'FrozenLake-v1': DiscreteDiscrete;
  'FrozenLake8x8-v1': DiscreteDiscrete;
  'Taxi-v4': DiscreteDiscrete;
}

/** Ids whose types are known. */
export type KnownId = Extract<keyof KnownEnvironments, string>;
/** Observation of a single environment. */
export type ObservationOf<Id extends KnownId> = KnownEnvironments[Id]['observation'];
/** Observations of a vector environment. */
export type BatchObservationOf<Id extends KnownId> = KnownEnvironments[Id]['observations'];
/** Action of a single environment. */
export type ActionOf<Id extends KnownId> = KnownEnvironments[Id]['action'];
/** Actions of a vector environment. */
export type BatchActionOf<Id extends KnownId> = KnownEnvironments[Id]['actions'];
