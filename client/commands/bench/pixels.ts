import type { Connection } from '../../index.js';
import type { Bench, Play, Row } from './row.js';

const id = 'bench/Pixels-v0';
const numEnvs = 64;
const gigabytesPerStep = (numEnvs * 210 * 160 * 3) / 1e9;

/** How frames reach the client, in words, and what is demanded in GB/s. */
interface Way {
  readonly what: string;
  readonly atLeast: number;
  readonly aim?: number;
  /** Steps of all sub-environments in a round. */
  readonly steps: number;
  connect(bench: Bench): Promise<Connection>;
  readonly sharedMemory: boolean;
}

/** 64 environments that do nothing but give 210×160×3 frames. */
function pixelsRow({ what, atLeast, aim, steps, connect, sharedMemory }: Way): Row {
  return {
    what: `${numEnvs} frames of 210×160×3 uint8 a step, ${what}`,
    unit: 'GB/s',
    demands: [{ of: 'value', atLeast, ...(aim !== undefined && { aim }) }],
    family: 'bench',
    baselines: [
      {
        name: 'gymnasium.vector.SyncVectorEnv, in the process of the agent',
        open: async ({ connection, inPython, manifest }) => {
          const { environment } = await connection.describe(id);
          const asked = { id: environment.id, numEnvs, steps, manifest };
          const play = inPython('environment', JSON.stringify(asked));
          return async () => (Number(await play()) / numEnvs) * gigabytesPerStep;
        },
      },
    ],
    open: async (bench) => openPixels(await connect(bench), steps, sharedMemory),
  };
}

async function openPixels(
  connection: Connection,
  steps: number,
  sharedMemory: boolean,
): Promise<Play> {
  const envs = await connection.makeVec(id, { numEnvs, sharedMemory, copy: false });
  await envs.reset({ seed: 0 });
  const actions = envs.actionSpace.sample();
  return async () => {
    const begin = performance.now();
    for (let i = 0; i < steps; i++) await envs.step(actions);
    return (steps * gigabytesPerStep) / ((performance.now() - begin) / 1000);
  };
}

export const pixels = pixelsRow({
  what: 'through shared memory',
  atLeast: 2,
  aim: 5,
  steps: 300,
  connect: async ({ connection }) => connection,
  sharedMemory: true,
});

export const pixelsTcp = pixelsRow({
  what: 'in messages over TCP',
  atLeast: 0.4,
  aim: 0.8,
  steps: 60,
  connect: ({ overTcp }) => overTcp(0),
  sharedMemory: false,
});

export const pixelsDelayed = pixelsRow({
  what: 'in messages over TCP with 5 ms of delay each way',
  atLeast: 0.1,
  steps: 30,
  connect: ({ overTcp }) => overTcp(5),
  sharedMemory: false,
});

const batchSize = 32;

/** Frames of whichever environments are ready first. */
export const pixelsAsync: Row = {
  what: `frames of 210×160×3 uint8 of ${numEnvs} environments in batches of the first ${batchSize}, through shared memory`,
  unit: 'GB/s',
  family: 'bench',
  baselines: [
    {
      name: 'the same in messages',
      open: ({ connection }) => openReady(connection, 60, false),
    },
  ],
  open: ({ connection }) => openReady(connection, 600, true),
};

async function openReady(
  connection: Connection,
  batches: number,
  sharedMemory: boolean,
): Promise<Play> {
  const options = { numEnvs, batchSize, sharedMemory, copy: false };
  const envs = await connection.makeVec<Uint8Array, Int32Array>(id, options);
  envs.reset({ seed: 0 });
  return async () => {
    const begin = performance.now();
    for (let i = 0; i < batches; i++) {
      const { envIndices } = await envs.recv();
      envs.send(new Int32Array(envIndices.length), envIndices);
    }
    const steps = (batches * batchSize) / numEnvs;
    return (steps * gigabytesPerStep) / ((performance.now() - begin) / 1000);
  };
}
