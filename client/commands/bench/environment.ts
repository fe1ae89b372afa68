import type { Connection } from '../../index.js';
import type { Row } from './row.js';

/** Steps from which the length of a round follows. */
const triedSteps = 10;
const roundMs = 1000;
const maxSteps = 5000;
/** Messages until client and server run compiled code: a slow environment would take a minute to get there. */
const warmUpSteps = 5000;

/**
 * The row of any environment: its steps a second, of `numEnvs` sub-environments unless that is 0. Both sides begin every round with
 * seed 0 and take the same actions.
 *
 * @throws GymlinkError NOT_FOUND for an id that no family has.
 */
export async function environmentRow(
  connection: Connection,
  id: string,
  numEnvs: number,
): Promise<Row> {
  const { environment } = await connection.describe(id);
  let steps = triedSteps;
  return {
    what: id,
    unit: 'steps/s',
    family: environment.family,
    baselines: [
      {
        name:
          numEnvs > 0 ? `gymnasium.vector.SyncVectorEnv, ${numEnvs}` : 'gymnasium.make in Python',
        open: async ({ inPython, manifest }) =>
          inPython('environment', JSON.stringify({ id: environment.id, numEnvs, steps, manifest })),
      },
    ],
    open: async () => {
      await warmUp(connection, numEnvs);
      const play = await openPlay(connection, id, numEnvs);
      const ms = (Math.max(numEnvs, 1) * 1000) / (await play(triedSteps));
      steps = Math.min(Math.max(Math.round(roundMs / ms), triedSteps), maxSteps);
      return () => play(steps);
    },
  };
}

async function warmUp(connection: Connection, numEnvs: number): Promise<void> {
  await using envs = await connection.makeVec('CartPole-v1', { numEnvs: Math.max(numEnvs, 1) });
  await envs.reset();
  const actions = envs.actionSpace.sample();
  for (let i = 0; i < warmUpSteps; i++) await envs.step(actions);
}

/** Opens the environments; the function plays so many steps and gives the steps a second. */
async function openPlay(
  connection: Connection,
  id: string,
  numEnvs: number,
): Promise<(steps: number) => Promise<number>> {
  if (numEnvs > 0) {
    const envs = await connection.makeVec(id, { numEnvs, copy: false });
    return async (steps) => {
      const actions = sampled(envs.actionSpace, steps);
      await envs.reset({ seed: 0 });
      const begin = performance.now();
      for (const action of actions) await envs.step(action);
      return (numEnvs * steps) / ((performance.now() - begin) / 1000);
    };
  }
  const env = await connection.make(id);
  return async (steps) => {
    const actions = sampled(env.actionSpace, steps);
    await env.reset({ seed: 0 });
    const begin = performance.now();
    for (const action of actions) {
      const { terminated, truncated } = await env.step(action);
      if (terminated || truncated) await env.reset();
    }
    return steps / ((performance.now() - begin) / 1000);
  };
}

function sampled<T>(space: { seed(seed: number): unknown; sample(): T }, count: number): T[] {
  space.seed(0);
  return Array.from({ length: count }, () => space.sample());
}
