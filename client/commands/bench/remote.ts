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
