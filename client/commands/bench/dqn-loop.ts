import { DqnAgent, dqnDefaults, loadCompute } from '../../agents/index.js';
import { Random } from '../../agents/random.js';
import { createBatch, ReplayBuffer, type Transitions } from '../../agents/replay-buffer.js';
import { problemSize } from '../../agents/vector-env-like.js';
import type { Connection } from '../../index.js';
import { lander } from './landers.js';
import type { Play, Row } from './row.js';

const numEnvs = 64;
const steps = 100;
/** As often as `gymlink train` learns from each transition. */
const updates = (numEnvs / 32) * dqnDefaults.updatesPerStep;

/** DQN itself, with its network, replay buffer and updates, double-buffered. */
export const overlapDqn: Row = {
  what: `DQN on ${numEnvs} ${lander}, which acts and learns for one half while the other steps`,
  unit: 'steps/s',
  baselines: [
    {
      name: 'the same, one after the other',
      open: ({ connection }) =>
        openWhole(connection, async (step, learn) => {
          const stepped = await step;
          learn();
          return stepped;
        }),
    },
    {
      name: 'the same, which learns while all step (as gymlink train does)',
      open: ({ connection }) =>
        openWhole(connection, async (step, learn) => {
          // The request leaves before the event loop is blocked.
          await new Promise(setImmediate);
          learn();
          return step;
        }),
    },
  ],
  open: ({ connection }) => openHalves(connection),
};

type Landers = Awaited<ReturnType<typeof makeLanders>>;
type Step = Awaited<ReturnType<Landers['step']>>;

const makeLanders = (connection: Connection) => connection.makeVec(lander, { numEnvs });

async function openWhole(
  connection: Connection,
  together: (step: Promise<Step>, learn: () => void) => Promise<Step>,
): Promise<Play> {
  const envs = await makeLanders(connection);
  const learner = await Learner.make(envs);
  return async () => {
    let { observations } = await envs.reset({ seed: 0 });
    const begin = performance.now();
    for (let i = 0; i < steps; i++) {
      const actions = learner.act(observations);
      const step = await together(envs.step(actions), () => learner.learn(updates));
      learner.remember({ ...step, observations, actions, nextObservations: step.observations });
      observations = step.observations;
    }
    return (numEnvs * steps) / ((performance.now() - begin) / 1000);
  };
}

async function openHalves(connection: Connection): Promise<Play> {
  const envs = await makeLanders(connection);
  const learner = await Learner.make(envs);
  return async () => {
    const last: { observations: Float32Array; actions: Int32Array }[] = [];
    let [batches, begin] = [0, 0];
    for await (const batch of envs.batches({ seed: 0 })) {
      if (batches === 2) begin = performance.now();
      if (batches === 2 + 2 * steps) break;
      const { observations } = batch;
      const actions = learner.act(observations);
      batch.step(actions);
      await new Promise(setImmediate);
      const before = last[batches % 2];
      if (before !== undefined)
        learner.remember({ ...batch, ...before, nextObservations: observations });
      learner.learn(updates / 2);
      last[batches % 2] = { observations, actions };
      batches += 1;
    }
    return (numEnvs * steps) / ((performance.now() - begin) / 1000);
  };
}

/** What DQN has beside its environments. */
class Learner {
  readonly #agent: DqnAgent;
  readonly #buffer: ReplayBuffer;
  readonly #random = new Random(0);
  readonly #batch;

  static async make(envs: Landers): Promise<Learner> {
    const compute = await loadCompute();
    const size = problemSize(envs);
    return new Learner(DqnAgent.create(compute, size, dqnDefaults, new Random(0)));
  }

  private constructor(agent: DqnAgent) {
    const { observationSize } = agent.size;
    this.#agent = agent;
    this.#buffer = new ReplayBuffer(dqnDefaults.replayCapacity, observationSize);
    this.#batch = createBatch(dqnDefaults.batchSize, observationSize);
  }

  act(observations: Float32Array): Int32Array {
    return this.#agent.act(observations);
  }

  /** Keeps all rows: what is learned is of no interest here. */
  remember(transitions: Transitions): void {
    for (let row = 0; row < transitions.rewards.length; row++) this.#buffer.add(transitions, row);
  }

  learn(count: number): void {
    if (this.#buffer.size === 0) return;
    for (let i = 0; i < count; i++) {
      this.#buffer.sample(this.#random, this.#batch);
      this.#agent.update(this.#batch, dqnDefaults.learningRate);
    }
  }
}
