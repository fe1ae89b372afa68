/**
 * Deep Q-learning with experience replay and a target network (Mnih et al., "Human-level control
 * through deep reinforcement learning", Nature 518, 2015), and Double DQN by a switch (van Hasselt et
 * al., "Deep Reinforcement Learning with Double Q-learning", AAAI 2016), for Box observations and
 * Discrete actions. From top to bottom: configuration, targets, the agent, the training loop.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { AdamOptimizer, LayersModel, Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import type { Compute, TensorFlow } from './compute.js';
import { EpisodeTracker } from './episode-tracker.js';
import {
  type Evaluation,
  episodesPerEnv,
  evaluate,
  evaluationSeed,
  validationSeed,
} from './evaluate.js';
import { loadModel, saveModel } from './model-files.js';
import { Random } from './random.js';
import { type Batch, createBatch, ReplayBuffer } from './replay-buffer.js';
import {
  type Observations,
  type ProblemSize,
  problemSize,
  requireNextStepAutoreset,
  type VectorEnvLike,
} from './vector-env-like.js';

/**
 * All that DQN can be told. "Steps" are steps of sub-environments: one vector step of n
 * sub-environments counts n. Each default comes with its source: "Mnih" and "van Hasselt" are the
 * papers above; "tuned" means on LunarLander-v3 with `dqnNumEnvs` sub-environments.
 */
export interface DqnConfig {
  /** Length of the training in steps. Default 480,000: tuned, 60,000 updates or about four minutes. */
  readonly totalSteps: number;
  /**
   * Units of each hidden Dense layer, all with ReLU. Default [128, 128]: tuned; with 256
   * units an update takes more than twice as long.
   */
  readonly hiddenUnits: readonly number[];
  /** Discount factor γ, in [0, 1]. Default 0.99 (Mnih). */
  readonly gamma: number;
  /** Whether the online network picks the action that the target network values. Default true (van Hasselt). */
  readonly doubleDqn: boolean;
  /**
   * What rewards are multiplied with before they are learned from; returns are reported unscaled.
   * Default 0.1: tuned. The Huber loss treats errors above 1 as outliers, and LunarLander's rewards
   * of ±100 for landing and crashing would be such; unscaled, agents learn to hover, not to land.
   * (Mnih clips rewards to [-1, 1], which would make a landing worth no more than a good step.)
   */
  readonly rewardScale: number;
  /** Number of transitions the replay buffer holds. Default 100,000: tuned (Mnih: 1,000,000, for 200 million frames). */
  readonly replayCapacity: number;
  /** Number of transitions in the buffer before the first update. Default 5,000: tuned (Mnih: 50,000). */
  readonly learningStarts: number;
  /** Transitions an update samples. Default 64: tuned (Mnih: 32). */
  readonly batchSize: number;
  /**
   * Updates after each vector step, whatever the number of sub-environments. Default 4: with 32 of
   * them and batches of 64 each transition is sampled 8 times, as in Mnih (batches of 32 every 4 steps).
   */
  readonly updatesPerStep: number;
  /** Number of updates C between two copies of the online weights into the target network. Default 100: tuned (Mnih: 10,000). */
  readonly targetCopyInterval: number;
  /** Adam's step size at the first step of training. Default 1e-3 (Adam's own, Kingma and Ba, 2015). */
  readonly learningRate: number;
  /** Adam's step size at the last step, reached linearly. Default 5e-5: tuned; it steadies the last weights. */
  readonly finalLearningRate: number;
  /** Probability ε of a random action at the first step. Default 1 (Mnih). */
  readonly initialEpsilon: number;
  /** ε after `explorationFraction` of the training. Default 0.05: tuned (Mnih: 0.1; van Hasselt: 0.01). */
  readonly finalEpsilon: number;
  /** Fraction of the training over which ε falls linearly. Default 1/6: tuned (Mnih: 1,000,000 of 50,000,000 frames). */
  readonly explorationFraction: number;
  /** Steps between two evaluations of the greedy policy on the validation environment. Default 20,000: 24 of them. */
  readonly checkpointInterval: number;
  /**
   * Episodes of such an evaluation; a multiple of the validation environment's `numEnvs`. Default 20:
   * enough to tell a policy that lands from one that does not, in about a second.
   */
  readonly validationEpisodes: number;
}

/** Number of sub-environments the defaults are made for. */
export const dqnNumEnvs = 32;

/** The defaults; `DqnConfig` gives a reason for each. */
export const dqnDefaults: DqnConfig = {
  totalSteps: 480_000,
  hiddenUnits: [128, 128],
  gamma: 0.99,
  doubleDqn: true,
  rewardScale: 0.1,
  replayCapacity: 100_000,
  learningStarts: 5_000,
  batchSize: 64,
  updatesPerStep: 4,
  targetCopyInterval: 100,
  learningRate: 1e-3,
  finalLearningRate: 5e-5,
  initialEpsilon: 1,
  finalEpsilon: 0.05,
  explorationFraction: 1 / 6,
  checkpointInterval: 20_000,
  validationEpisodes: 20,
};

const counts = [
  'totalSteps',
  'replayCapacity',
  'learningStarts',
  'batchSize',
  'updatesPerStep',
  'targetCopyInterval',
  'checkpointInterval',
] as const;

function checkConfig(config: DqnConfig): void {
  for (const name of counts) {
    if (Number.isInteger(config[name]) && config[name] > 0) continue;
    throw new RangeError(`${name} must be a positive integer, not ${config[name]}.`);
  }
  if (config.learningStarts > config.replayCapacity) {
    throw new RangeError(
      `learningStarts (${config.learningStarts}) exceeds replayCapacity (${config.replayCapacity}): the first update would never come.`,
    );
  }
}

/** ε at a step: linear from `initialEpsilon` to `finalEpsilon`, constant afterwards. */
export function epsilonAt(step: number, config: DqnConfig): number {
  const explorationSteps = config.explorationFraction * config.totalSteps;
  return linear(config.initialEpsilon, config.finalEpsilon, step / explorationSteps);
}

/** Adam's step size at a step: linear from `learningRate` to `finalLearningRate` over the training. */
export function learningRateAt(step: number, config: DqnConfig): number {
  return linear(config.learningRate, config.finalLearningRate, step / config.totalSteps);
}

function linear(from: number, to: number, fraction: number): number {
  return fraction < 1 ? from + fraction * (to - from) : to;
}

/**
 * The TD targets r + γ (1 - terminated) Q_target(s', a*), where a* maximises Q_selection(s', ·).
 * Selecting with the target network is DQN's max; selecting with the online network is Double DQN.
 * A truncated transition bootstraps like any other: it did not terminate.
 *
 * @param targetQ Q_target(s', ·), shape [batch.size, numActions].
 * @param selectionQ Q_selection(s', ·), of the same shape.
 * @param into Filled with the targets, shape [batch.size].
 */
export function tdTargets(
  batch: Batch,
  targetQ: Float32Array,
  selectionQ: Float32Array,
  gamma: number,
  into: Float32Array,
): void {
  const numActions = targetQ.length / batch.size;
  for (let row = 0; row < batch.size; row++) {
    const best = argMax(selectionQ, row * numActions, numActions);
    const bootstrap = batch.terminations[row] ? 0 : (targetQ[row * numActions + best] as number);
    into[row] = (batch.rewards[row] as number) + gamma * bootstrap;
  }
}

/** The index, from 0, of the largest of `count` values from `start` on; the first of equal ones. */
function argMax(values: Float32Array, start: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) {
    if ((values[start + i] as number) > (values[start + best] as number)) best = i;
  }
  return best;
}

/** Weights outside TensorFlow.js: one array a layer's kernel or bias, in the network's order. */
export type Weights = readonly Float32Array[];

/** A DQN agent: online and target network and optimizer. It owns tensors: `dispose` it. */
export class DqnAgent {
  readonly config: DqnConfig;
  readonly size: ProblemSize;
  private readonly tf: TensorFlow;
  private readonly online: LayersModel;
  private readonly target: LayersModel;
  private readonly variables: Variable[];
  private readonly optimizer: AdamOptimizer;
  private readonly targets: Float32Array;
  private updates = 0;

  /** @param online The network to start from; the agent owns it from now on. */
  constructor({ tf }: Compute, size: ProblemSize, config: DqnConfig, online: LayersModel) {
    this.tf = tf;
    this.size = size;
    this.config = config;
    this.online = online;
    this.target = qNetwork(tf, size, config, new Random(0));
    // `val` is what tf.variableGrads wants; LayerVariable itself is no Variable.
    this.variables = online.trainableWeights.map((w) => (w as unknown as { val: Variable }).val);
    this.optimizer = tf.train.adam(config.learningRate, 0.9, 0.999, 1e-8);
    this.targets = new Float32Array(config.batchSize);
    this.copyToTarget();
  }

  /** A new agent; the generator's state decides the initial weights. */
  static create(compute: Compute, size: ProblemSize, config: DqnConfig, random: Random): DqnAgent {
    return new DqnAgent(compute, size, config, qNetwork(compute.tf, size, config, random));
  }

  /** Reads what `save` wrote. */
  static async load(compute: Compute, directory: string): Promise<DqnAgent> {
    const saved = JSON.parse(await readFile(join(directory, 'agent.json'), 'utf8')) as SavedAgent;
    const online = await loadModel(compute.tf, directory);
    return new DqnAgent(compute, saved.size, saved.config, online);
  }

  /** Writes `model.json`, `weights.bin` (the online network) and `agent.json` into the folder. */
  async save(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    const saved: SavedAgent = { algorithm: 'DQN', size: this.size, config: this.config };
    await writeFile(join(directory, 'agent.json'), `${JSON.stringify(saved, null, 2)}\n`);
    await saveModel(this.tf, this.online, directory);
  }

  /** The greedy action for each row of the observations, in the environment's own numbering. */
  act(observations: Observations): Int32Array {
    const { numActions, actionStart } = this.size;
    const q = this.qValues(this.online, Float32Array.from(observations));
    const actions = new Int32Array(q.length / numActions);
    for (let row = 0; row < actions.length; row++) {
      actions[row] = actionStart + argMax(q, row * numActions, numActions);
    }
    return actions;
  }

  /**
   * One gradient step of Adam on the Huber loss between Q(s, a) and the TD targets; every
   * `targetCopyInterval`-th one is followed by a copy of the weights into the target network.
   *
   * @returns The mean loss over the batch.
   */
  update(batch: Batch, learningRate: number): number {
    const { tf, config } = this;
    const targetQ = this.qValues(this.target, batch.nextObservations);
    const selectionQ = config.doubleDqn
      ? this.qValues(this.online, batch.nextObservations)
      : targetQ;
    tdTargets(batch, targetQ, selectionQ, config.gamma, this.targets);
    // Adam's rate is protected in the declarations, and no method changes it.
    (this.optimizer as unknown as { learningRate: number }).learningRate = learningRate;
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => this.loss(batch), this.variables);
      this.optimizer.applyGradients(
        Object.entries(grads).map(([name, tensor]) => ({ name, tensor })),
      );
      return value.dataSync()[0] as number;
    });
    this.updates++;
    if (this.updates % config.targetCopyInterval === 0) this.copyToTarget();
    return loss;
  }

  /** Copies of the online network's weights, or the target network's. */
  getWeights(of: 'online' | 'target' = 'online'): Weights {
    return this[of].getWeights().map((weight) => weight.dataSync() as Float32Array);
  }

  /** Replaces the online network's weights. */
  setWeights(weights: Weights): void {
    this.tf.tidy(() => {
      const shapes = this.online.getWeights().map((weight) => weight.shape);
      this.online.setWeights(
        weights.map((values, i) => this.tf.tensor(values, shapes[i] as number[])),
      );
    });
  }

  /** Frees the agent's tensors. */
  dispose(): void {
    this.online.dispose();
    this.target.dispose();
    this.optimizer.dispose();
  }

  private copyToTarget(): void {
    this.target.setWeights(this.online.getWeights());
  }

  private loss(batch: Batch): Scalar {
    const { tf, size } = this;
    const observations = tf.tensor2d(batch.observations, [batch.size, size.observationSize]);
    const taken = tf.oneHot(tf.tensor1d(batch.actions, 'int32'), size.numActions);
    const q = (this.online.apply(observations) as Tensor2D).mul(taken).sum(1);
    return tf.losses.huberLoss(tf.tensor1d(this.targets), q);
  }

  private qValues(network: LayersModel, observations: Float32Array): Float32Array {
    const { tf, size } = this;
    return tf.tidy(() => {
      const rows = observations.length / size.observationSize;
      // predict() would cut the batch into pieces of 32.
      const q = network.predictOnBatch(tf.tensor2d(observations, [rows, size.observationSize]));
      return (q as Tensor2D).dataSync() as Float32Array;
    });
  }
}

interface SavedAgent {
  readonly algorithm: 'DQN';
  readonly size: ProblemSize;
  readonly config: DqnConfig;
}

function qNetwork(
  tf: TensorFlow,
  size: ProblemSize,
  config: DqnConfig,
  random: Random,
): LayersModel {
  const model = tf.sequential();
  let inputSize = size.observationSize;
  const addDense = (units: number, activation: 'relu' | 'linear') => {
    const kernelInitializer = tf.initializers.heUniform({ seed: random.uint32() });
    model.add(tf.layers.dense({ inputShape: [inputSize], units, activation, kernelInitializer }));
    inputSize = units;
  };
  for (const units of config.hiddenUnits) addDense(units, 'relu');
  addDense(size.numActions, 'linear');
  return model;
}

/** What a training is told as it goes on. */
export interface TrainingProgress {
  readonly steps: number;
  readonly totalSteps: number;
  /** Number of episodes that have ended. */
  readonly episodes: number;
  /** Mean return of the last 100 of them (of all while they are fewer); NaN before the first. */
  readonly meanReturn: number;
  /** Mean loss since the last report; NaN before the first update. */
  readonly loss: number;
  readonly epsilon: number;
  /** Steps a second since the last report, without the time of validations. */
  readonly stepsPerSecond: number;
  /** Seconds to go at the training's mean rate so far. */
  readonly etaSeconds: number;
}

/** How a training went. `steps` counts from 1, after the step in question. */
export interface LearningCurve {
  /** Every episode that ended, in order. */
  readonly episodes: { readonly steps: number; readonly return: number }[];
  /** Every evaluation on the validation environment, in order. */
  readonly validations: { readonly steps: number; readonly mean: number; readonly std: number }[];
}

/** What a training is given. */
export interface TrainingOptions {
  readonly compute: Compute;
  /** The environment to learn from, in autoreset mode NextStep. The caller closes it. */
  readonly env: VectorEnvLike;
  /** Another one of the same kind, for the checkpoints. The caller closes it. */
  readonly validationEnv: VectorEnvLike;
  /** Seed of weights, exploration, replay and environment: an integer in [0, 999_999_000]. */
  readonly seed: number;
  /** What differs from `dqnDefaults`. */
  readonly config?: Partial<DqnConfig>;
  /** Called every 1,000 steps or so. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Ends the training between two vector steps, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a training leaves. */
export interface TrainingResult {
  /** The agent with its last weights. The caller disposes of it. */
  readonly agent: DqnAgent;
  /** The checkpoint with the highest mean return in validation; the earliest of equal ones. */
  readonly best: { readonly steps: number; readonly mean: number; readonly weights: Weights };
  readonly curve: LearningCurve;
  readonly steps: number;
  /** Wall-clock time, validations included. */
  readonly seconds: number;
}
/**
 * Trains an agent. The same seed and configuration on the same backend and machine give the same
 * weights, bit for bit.
 *
 * @throws RangeError if the seed or a number of the configuration is out of range.
 * @throws TypeError if the spaces or the autoreset mode are not DQN's.
 */
export async function trainDqn(options: TrainingOptions): Promise<TrainingResult> {
  const training = new Training(options);
  try {
    return await training.run();
  } catch (error) {
    training.agent.dispose();
    throw error;
  }
}

/**
 * Evaluates the greedy policy with a training's last weights, then with its best, on seeds that
 * neither the training nor the choice of the best has seen. The agent keeps the best weights.
 *
 * @param env A fresh environment of the training's kind. The caller closes it.
 * @param options `episodes`, a multiple of `env.numEnvs`, and a signal to end it early.
 */
export async function evaluateTraining(
  { agent, best }: TrainingResult,
  env: VectorEnvLike,
  options: { readonly episodes: number; readonly signal?: AbortSignal },
): Promise<{ readonly best: Evaluation; readonly last: Evaluation }> {
  const policy = (observations: Observations) => agent.act(observations);
  const last = await evaluate(env, policy, { ...options, seed: evaluationSeed });
  agent.setWeights(best.weights);
  return { last, best: await evaluate(env, policy, { ...options, seed: evaluationSeed }) };
}

class Training {
  readonly agent: DqnAgent;
  private readonly options: TrainingOptions;
  private readonly config: DqnConfig;
  private readonly random: Random;
  private readonly buffer: ReplayBuffer;
  private readonly batch: Batch;
  private readonly tracker: EpisodeTracker;
  private readonly curve: LearningCurve = { episodes: [], validations: [] };
  private readonly started = performance.now();
  private best: TrainingResult['best'] | undefined;
  private steps = 0;
  private readonly losses = { sum: 0, count: 0 };
  private lastReport = { steps: 0, time: this.started };

  constructor(options: TrainingOptions) {
    const { compute, env, seed } = options;
    if (!(Number.isInteger(seed) && seed >= 0 && seed <= validationSeed - 1000)) {
      throw new RangeError(`A training seed must be an integer from 0 to 999999000, not ${seed}.`);
    }
    requireNextStepAutoreset(env);
    const size = problemSize(env);
    this.options = options;
    this.config = { ...dqnDefaults, ...options.config };
    checkConfig(this.config);
    episodesPerEnv(options.validationEnv, this.config.validationEpisodes);
    this.random = new Random(seed);
    this.agent = DqnAgent.create(compute, size, this.config, this.random);
    this.buffer = new ReplayBuffer(this.config.replayCapacity, size.observationSize);
    this.batch = createBatch(this.config.batchSize, size.observationSize);
    this.tracker = new EpisodeTracker(env.numEnvs);
  }

  async run(): Promise<TrainingResult> {
    const { env, seed, signal } = this.options;
    const { totalSteps, checkpointInterval } = this.config;
    let { observations } = await env.reset({ seed });
    while (this.steps < totalSteps) {
      signal?.throwIfAborted();
      observations = await this.vectorStep(observations);
      if (crosses(this.steps, env.numEnvs, 1_000) || this.steps >= totalSteps) this.report();
      if (crosses(this.steps, env.numEnvs, checkpointInterval) || this.steps >= totalSteps) {
        await this.validate();
      }
    }
    const best = this.best as TrainingResult['best'];
    const seconds = (performance.now() - this.started) / 1000;
    return { agent: this.agent, best, curve: this.curve, steps: this.steps, seconds };
  }

  /** Steps the environment, learns meanwhile from what came before, and stores the transitions. */
  private async vectorStep(current: Observations): Promise<Observations> {
    const { env } = this.options;
    // A vector environment may write the next observations over these.
    const observations = Float32Array.from(current);
    const actions = this.explore(observations);
    const [step] = await Promise.all([env.step(actions), this.learn()]);
    for (const episode of this.tracker.record(step)) {
      if (Number.isNaN(episode.return)) continue;
      this.curve.episodes.push({ steps: this.steps + env.numEnvs, return: episode.return });
    }
    const { actionStart } = this.agent.size;
    const transitions = {
      observations,
      actions: actions.map((action) => action - actionStart),
      rewards: Float64Array.from(step.rewards, (reward) => reward * this.config.rewardScale),
      terminations: step.terminations,
      nextObservations: step.observations,
    };
    for (let row = 0; row < env.numEnvs; row++) {
      if (this.tracker.isTransition[row]) this.buffer.add(transitions, row);
    }
    this.steps += env.numEnvs;
    return step.observations;
  }

  /** ε-greedy actions. */
  private explore(observations: Observations): Int32Array {
    const epsilon = epsilonAt(this.steps, this.config);
    const { actionStart, numActions } = this.agent.size;
    const actions = this.agent.act(observations);
    for (let row = 0; row < actions.length; row++) {
      if (this.random.uniform() < epsilon) {
        actions[row] = actionStart + this.random.integer(numActions);
      }
    }
    return actions;
  }

  private async learn(): Promise<void> {
    if (this.buffer.size < this.config.learningStarts) return;
    const learningRate = learningRateAt(this.steps, this.config);
    for (let i = 0; i < this.config.updatesPerStep; i++) {
      // An update blocks the event loop: without this the step would be sent only after the last one.
      await setImmediate();
      this.buffer.sample(this.random, this.batch);
      this.losses.sum += this.agent.update(this.batch, learningRate);
      this.losses.count++;
    }
  }

  private async validate(): Promise<void> {
    const { validationEnv, signal } = this.options;
    const begin = performance.now();
    const { mean, std }: Evaluation = await evaluate(
      validationEnv,
      (observations) => this.agent.act(observations),
      { episodes: this.config.validationEpisodes, seed: validationSeed, signal },
    );
    this.curve.validations.push({ steps: this.steps, mean, std });
    if (this.best === undefined || mean > this.best.mean) {
      this.best = { steps: this.steps, mean, weights: this.agent.getWeights() };
    }
    // The rate that is told is that of the training.
    this.lastReport.time += performance.now() - begin;
  }

  private report(): void {
    const { steps, curve, losses, lastReport } = this;
    const { totalSteps } = this.config;
    const time = performance.now();
    const lastReturns = curve.episodes.slice(-100).map((episode) => episode.return);
    this.options.onProgress?.({
      steps,
      totalSteps,
      episodes: curve.episodes.length,
      meanReturn: lastReturns.reduce((sum, value) => sum + value, 0) / lastReturns.length,
      loss: losses.sum / losses.count,
      epsilon: epsilonAt(steps, this.config),
      stepsPerSecond: (steps - lastReport.steps) / ((time - lastReport.time) / 1000),
      etaSeconds: ((time - this.started) / 1000 / steps) * Math.max(totalSteps - steps, 0),
    });
    losses.sum = 0;
    losses.count = 0;
    this.lastReport = { steps, time };
  }
}

/** Whether the last `taken` steps passed a multiple of `interval`. */
function crosses(steps: number, taken: number, interval: number): boolean {
  return Math.floor(steps / interval) > Math.floor((steps - taken) / interval);
}
