import type { AsyncVectorEnv, Connection, VectorEnv } from '../../index.js';
import type { Row } from './row.js';

const id = 'bench/Sleeper-v0';
const numEnvs = 64;
const batchSize = 32;
/** Of both sides. */
const numWorkers = 8;
const slowCount = 4;
const [slowMs, quickMs] = [20, 0.1];
const secondsPerRound = 2;

type Sleepers = VectorEnv<Float32Array, Int32Array>;
type AsyncSleepers = AsyncVectorEnv<Float32Array, Int32Array>;

/** Slow sub-environments among quick ones, which do not wait for them. */
export function stragglersRow(): Row {
  // Where the slow ones are is drawn once, for both sides.
  const slow = drawn(slowCount, numEnvs);
  const envKwargs = Array.from({ length: numEnvs }, (_, env) => ({
    ms: slow.has(env) ? slowMs : quickMs,
  }));
  const settings = { numEnvs, numWorkers, envKwargs, copy: false } as const;
  const perWorker = numEnvs / numWorkers;
  const details = {
    workers: numWorkers,
    'workers with a slow one': new Set([...slow].map((env) => Math.floor(env / perWorker))).size,
  };
  return {
    what: `${numEnvs} environments of which ${slowCount}, placed at random, sleep ${slowMs} ms a step and the others ${quickMs} ms, batches of ${batchSize}`,
    unit: 'steps/s',
    demands: [{ of: 'ratio', atLeast: 4 }],
    family: 'bench',
    baselines: [
      {
        name: 'the same in the same workers, synchronous',
        open: async ({ connection }) => {
          const envs = await connection.makeVec<Float32Array, Int32Array>(id, settings);
          await envs.reset();
          return () => synchronous(envs);
        },
      },
    ],
    open: async ({ connection }) => {
      const envs = await makeAsync(connection, settings);
      envs.reset();
      return async () => {
        const value = await asynchronous(envs);
        return { value, goodness: value, details };
      };
    },
  };
}

function makeAsync(connection: Connection, settings: object): Promise<AsyncSleepers> {
  return connection.makeVec<Float32Array, Int32Array>(id, { numEnvs, batchSize, ...settings });
}

async function synchronous(envs: Sleepers): Promise<number> {
  const actions = new Int32Array(numEnvs);
  return stepsPerSecond(async () => {
    await envs.step(actions);
    return numEnvs;
  });
}

/** What is under way at its end is so still at the next round's beginning. */
async function asynchronous(envs: AsyncSleepers): Promise<number> {
  return stepsPerSecond(async () => {
    const { envIndices } = await envs.recv();
    envs.send(new Int32Array(envIndices.length), envIndices);
    return envIndices.length;
  });
}

/** @param play Plays some steps and says how many. */
async function stepsPerSecond(play: () => Promise<number>): Promise<number> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  let steps = 0;
  while (seconds() < secondsPerRound) steps += await play();
  return steps / seconds();
}

/** So many different numbers from 0 to below `end`. */
function drawn(count: number, end: number): ReadonlySet<number> {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(Math.floor(Math.random() * end));
  return numbers;
}
