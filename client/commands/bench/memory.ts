import { residentBytes } from './processes.js';
import type { Row } from './row.js';

const id = 'CartPole-v1';
const numEnvs = 512;

/** The server's memory after ten times as many steps as before, which shows what it keeps of a step. */
export function memoryRow(): Row {
  let before = Number.NaN;
  return {
    what: `the server's memory (RSS) after 10 million steps of ${id}, or ten times --steps`,
    unit: 'MB',
    lessIsBetter: true,
    demands: [{ of: 'ratio', atLeast: 1 / 1.1 }],
    once: true,
    baselines: [{ name: 'after a tenth of the steps', open: async () => async () => before }],
    open: async ({ connection, serverPid, memorySteps }) => {
      const envs = await connection.makeVec(id, { numEnvs, copy: false });
      await envs.reset({ seed: 0 });
      const actions = envs.actionSpace.sample();
      const step = async (count: number) => {
        for (let i = 0; i < count; i += numEnvs) await envs.step(actions);
      };
      return async () => {
        await step(memorySteps);
        before = residentBytes(serverPid) / 1e6;
        await step(9 * memorySteps);
        return residentBytes(serverPid) / 1e6;
      };
    },
  };
}
