import type { Connection } from '../../index.js';
import { median } from '../median.js';
import { lander, secondsOfHalves } from './landers.js';
import { Mlp } from './mlp.js';
import type { Row } from './row.js';

const [numEnvs, observationSize, actionCount] = [64, 8, 4];
const steps = 300;
const warmUps = 30;
/** A forward pass of all rows takes so much of a step of all sub-environments. */
const share = 0.7;

type Landers = Awaited<ReturnType<typeof makeLanders>>;

/** An agent that thinks about one half of the sub-environments while the other half steps. */
export function overlapRow(): Row {
  // Its size is found where the row is opened, before the other side is.
  let policy: Mlp;
  return {
    what: `${numEnvs} ${lander} with a policy that thinks for about as long as they step, double-buffered`,
    unit: 'steps/s',
    demands: [{ of: 'ratio', atLeast: 1.2, aim: 1.35 }],
    baselines: [
      {
        name: 'the same policy, one step after the other',
        open: async ({ connection }) => {
          const envs = await makeLanders(connection);
          return () => alternate(envs, policy);
        },
      },
    ],
    open: async ({ connection }) => {
      const envs = await makeLanders(connection);
      const { observations } = await envs.reset({ seed: 0 });
      const inputs = observations.slice();
      // Until client and server run compiled code, a step takes longer than it will in the rounds.
      for (let i = 0; i < warmUps; i++) await stepMs(envs);
      policy = policyThatTakes(share * (await stepMs(envs)), inputs);
      return async () => {
        const details = {
          'forward pass, ms': forwardMs(policy, inputs),
          'step of all, ms': await stepMs(envs),
        };
        const seconds = await secondsOfHalves(envs, steps, (seen) => policy.act(seen));
        const value = (numEnvs * steps) / seconds;
        return { value, goodness: value, details };
      };
    },
  };
}

async function makeLanders(connection: Connection) {
  const envs = await connection.makeVec(lander, { numEnvs, copy: false });
  envs.actionSpace.seed(0);
  return envs;
}

async function alternate(envs: Landers, policy: Mlp): Promise<number> {
  let { observations } = await envs.reset({ seed: 0 });
  const begin = performance.now();
  for (let i = 0; i < steps; i++) ({ observations } = await envs.step(policy.act(observations)));
  return (numEnvs * steps) / ((performance.now() - begin) / 1000);
}

/** Milliseconds of a step of all sub-environments, without a policy; the median. */
async function stepMs(envs: Landers): Promise<number> {
  await envs.reset();
  const times: number[] = [];
  for (let i = 0; i < steps / 3; i++) {
    const actions = envs.actionSpace.sample();
    const begin = performance.now();
    await envs.step(actions);
    times.push(performance.now() - begin);
  }
  return median(times);
}

/** A policy whose forward pass for some observations takes about so long. */
function policyThatTakes(ms: number, observations: Float32Array): Mlp {
  let hidden = 16;
  for (;;) {
    const policy = new Mlp(observationSize, hidden, actionCount);
    if (forwardMs(policy, observations) >= ms) return policy;
    hidden = Math.ceil(hidden * 1.07);
  }
}

function forwardMs(policy: Mlp, observations: Float32Array): number {
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const begin = performance.now();
    policy.act(observations);
    times.push(performance.now() - begin);
  }
  return median(times);
}
