/** Agents: DQN on TensorFlow.js, ordinary clients of a vector environment. */
export {
  type BackendChoice,
  backendChoices,
  type Compute,
  loadCompute,
  type TensorFlow,
} from './compute.js';
export {
  DqnAgent,
  type DqnConfig,
  dqnDefaults,
  dqnNumEnvs,
  evaluateTraining,
  type LearningCurve,
  type TrainingOptions,
  type TrainingProgress,
  type TrainingResult,
  trainDqn,
  type Weights,
} from './dqn.js';
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  evaluationSeed,
  type Policy,
  validationSeed,
} from './evaluate.js';
export type { Observations, SpaceLike, VectorEnvLike, VectorStep } from './vector-env-like.js';
