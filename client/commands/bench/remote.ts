import { lander, openVector } from './landers.js';
import type { Bench, Play, Row } from './row.js';

/** Environments at a distance, stepped one batch after the other. */
export function remoteRow(numEnvs: number, roundTripMs: number): Row {
  const steps = 100;
  const open = async ({ overTcp }: Bench, delayMs: number): Promise<Play> =>
    openVector(await overTcp(delayMs), lander, numEnvs, steps);
  return {
    what: `${numEnvs} ${lander} at ${roundTripMs} ms round trip, synchronous`,
    unit: 'steps/s',
    baselines: [{ name: 'the same without delay', open: (bench) => open(bench, 0) }],
    open: (bench) => open(bench, roundTripMs / 2),
  };
}

/** So many in flight, of which those step that are here first: none waits for the way. */
export function remoteAsyncRow(numEnvs: number, roundTripMs: number): Row {
  const batchSize = 128;
  const steps = 200 * batchSize;
  const open = async ({ overTcp }: Bench, delayMs: number): Promise<Play> => {
    const connection = await overTcp(delayMs);
    const envs = await connection.makeVec(lander, { numEnvs, batchSize, copy: false });
    envs.reset({ seed: 0 });
    const actions = Int32Array.from({ length: batchSize }, (_, i) => i % 4);
    return async () => {
      const begin = performance.now();
      for (let i = 0; i < steps; i += batchSize) {
        const { envIndices } = await envs.recv();
        envs.send(actions.subarray(0, envIndices.length), envIndices);
      }
      return steps / ((performance.now() - begin) / 1000);
    };
  };
  return {
    what: `${numEnvs} ${lander} at ${roundTripMs} ms round trip, asynchronous, batches of ${batchSize}`,
    unit: 'steps/s',
    demands: [{ of: 'ratio', atLeast: 0.8, aim: 0.95 }],
    baselines: [{ name: 'the same without delay', open: (bench) => open(bench, 0) }],
    open: (bench) => open(bench, roundTripMs / 2),
  };
}
