import type { Connection } from '../../index.js';
import { lander, openVector } from './landers.js';
import type { Play, Row } from './row.js';

const id = 'CartPole-v1';

/** Sub-environments that step in a round, however they are spread. */
const steps = 20_000;

/** How the cost of a step changes while sub-environments, or sessions of `numEnvs`, grow in number. */
export const growth = growthRow(
  `1 to 1,024 ${id} in one session`,
  [1, 4, 16, 64, 256, 1024],
  openSubEnvironments,
);

export const growthSessions = growthRow(
  `1 to 64 sessions of 4 ${lander} at the same time`,
  [1, 4, 16, 64],
  openSessions,
);

/** A cost that never rises by more than 1.3 times after its least. */
function growthRow(
  what: string,
  sizes: readonly number[],
  open: (connection: Connection, size: number) => Promise<Play>,
): Row {
  let least = Number.NaN;
  return {
    what: `cost of a step, ${what}: the greatest after the least`,
    unit: 'µs a step',
    lessIsBetter: true,
    demands: [{ of: 'ratio', atLeast: 1 / 1.3, aim: 1 }],
    baselines: [{ name: 'the least cost of a step', open: async () => async () => least }],
    open: async ({ connection }) => {
      const plays: Play[] = [];
      for (const size of sizes) plays.push(await open(connection, size));
      return async () => {
        const costs: number[] = [];
        for (const play of plays) costs.push(1e6 / Number(await play()));
        least = Math.min(...costs);
        const value = Math.max(...costs.slice(costs.indexOf(least)));
        const details = Object.fromEntries(
          sizes.map((size, i) => [`${size}, µs`, costs[i] as number]),
        );
        return { value, goodness: 1 / value, details };
      };
    },
  };
}

function openSubEnvironments(connection: Connection, numEnvs: number): Promise<Play> {
  return openVector(connection, id, numEnvs, Math.ceil(steps / Math.max(numEnvs, 16)));
}

async function openSessions(connection: Connection, count: number): Promise<Play> {
  const numEnvs = 4;
  const each = Math.ceil(steps / numEnvs / Math.max(count, 4));
  const plays = await Promise.all(
    Array.from({ length: count }, () => openVector(connection, lander, numEnvs, each)),
  );
  return async () => {
    const begin = performance.now();
    await Promise.all(plays.map((play) => play()));
    return (count * numEnvs * each) / ((performance.now() - begin) / 1000);
  };
}
