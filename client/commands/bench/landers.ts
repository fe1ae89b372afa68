import { type Connection, MultiDiscrete, type VectorEnv } from '../../index.js';
import { median } from '../median.js';
import type { Baseline, Bench, Play, Row } from './row.js';

export const lander = 'LunarLander-v3';
const singleSteps = 5000;

/** One LunarLander-v3, step by step. */
export const single: Row = {
  what: `one ${lander}, step by step; the ratio is that of the steps a second`,
  unit: 'µs a step (p50)',
  lessIsBetter: true,
  demands: [
    { of: 'ratio', atLeast: 2.5, aim: 4 },
    { of: 'value', atLeast: 150, aim: 90 },
  ],
  baselines: ['dm_env_rpc', 'openenv'].map((peer) => ({
    name: `${peer}, server and client in Python`,
    open: async ({ inPython }) => inPython(peer),
  })),
  stepsPerRound: singleSteps,
  open: ({ connection }) => openSingle(connection),
};

/** So many of an environment in one session, step by step, beside Gymnasium's own vectorisers. */
export function vectorRow(
  id: string,
  numEnvs: number,
  steps: number,
  atLeast: number,
  aim: number,
): Row {
  return {
    what: `${numEnvs} ${id} in one session`,
    unit: 'steps/s',
    demands: [{ of: 'ratio', atLeast, aim }],
    baselines: [
      vectorizer('SyncVectorEnv', { id, numEnvs, steps, vectorizer: 'sync' }),
      vectorizer('AsyncVectorEnv', { id, numEnvs, steps, vectorizer: 'async' }),
    ],
    stepsPerRound: numEnvs * steps,
    open: ({ connection }) => openVector(connection, id, numEnvs, steps),
  };
}

/** 64 of them in one session whose halves step in turn. */
export const lander64Halves: Row = {
  ...vectorRow(lander, 64, 600, 1.4, 1.8),
  what: `64 ${lander} in one session, double-buffered`,
  open: ({ connection }) => openHalves(connection, 64, 600),
};

/** An engine that steps a whole batch by a call, served, beside the same in the agent's own process. */
export function engineRow(
  id: string,
  family: string,
  numEnvs: number,
  steps: number,
  atLeast: number,
  aim: number,
): Row {
  const asked = JSON.stringify({ id, numEnvs, steps });
  return {
    what: `${numEnvs} ${id} in one session`,
    unit: 'steps/s',
    demands: [{ of: 'ratio', atLeast, aim }],
    family,
    baselines: [
      {
        name: `${id.split('/')[0]} itself, in the process of the agent`,
        open: async ({ inPython }) => inPython('engine', asked),
      },
    ],
    stepsPerRound: numEnvs * steps,
    open: ({ connection }) => openVector(connection, id, numEnvs, steps),
  };
}

function vectorizer(name: string, vectorCase: object): Baseline {
  return {
    name: `gymnasium.vector.${name}`,
    open: async ({ inPython }: Bench) => inPython('vector', JSON.stringify(vectorCase)),
  };
}

async function openSingle(connection: Connection): Promise<Play> {
  const env = await connection.make(lander);
  env.actionSpace.seed(0);
  await env.reset({ seed: 0 });
  const times = new Float64Array(singleSteps);
  return async () => {
    const roundBegin = performance.now();
    for (let i = 0; i < singleSteps; i++) {
      const action = env.actionSpace.sample();
      const begin = performance.now();
      const { terminated, truncated } = await env.step(action);
      times[i] = (performance.now() - begin) * 1000;
      if (terminated || truncated) await env.reset();
    }
    const seconds = (performance.now() - roundBegin) / 1000;
    return { value: median(times), goodness: singleSteps / seconds };
  };
}

/** Plays so many steps of so many sub-environments a round. */
export async function openVector(
  connection: Connection,
  id: string,
  numEnvs: number,
  steps: number,
): Promise<Play> {
  const envs = await connection.makeVec(id, { numEnvs, copy: false });
  envs.actionSpace.seed(0);
  await envs.reset({ seed: 0 });
  const actions = Array.from({ length: steps }, () => envs.actionSpace.sample());
  return async () => {
    const begin = performance.now();
    for (const action of actions) await envs.step(action);
    return (numEnvs * steps) / ((performance.now() - begin) / 1000);
  };
}

async function openHalves(connection: Connection, numEnvs: number, steps: number): Promise<Play> {
  const envs = await connection.makeVec(lander, { numEnvs, copy: false });
  const half = new MultiDiscrete(new Int32Array(numEnvs / 2).fill(4));
  half.seed(0);
  const actions = Array.from({ length: 2 * steps }, () => half.sample() as Int32Array);
  let next = 0;
  const act = () => actions[next++ % actions.length] as Int32Array;
  return async () => (numEnvs * steps) / (await secondsOfHalves(envs, steps, act));
}

/** Plays so many steps of all sub-environments, half of which step while the agent acts on what the others gave. */
export async function secondsOfHalves<Obs, Act>(
  envs: VectorEnv<Obs, Act>,
  steps: number,
  act: (observations: Obs) => Act,
): Promise<number> {
  let [batches, begin] = [0, 0];
  for await (const batch of envs.batches({ seed: 0 })) {
    // Of the halves' resets, which do not count, are the first two.
    if (batches === 2) begin = performance.now();
    if (batches++ === 2 + 2 * steps) break;
    batch.step(act(batch.observations));
  }
  return (performance.now() - begin) / 1000;
}
