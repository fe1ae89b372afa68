import type { Connection } from '../../index.js';
import type { Play, Row } from './row.js';

/** States of 64 sub-environments, 20 steps into their episodes: each is saved, restored and dropped. */
export function stateRow(name: string, id: string): Row {
  return {
    what: `states of 64 ${id} saved, restored and dropped`,
    unit: 'save+restore pairs/s',
    baselines: [
      {
        name: 'copy.deepcopy in Python, twice a pair (of MuJoCo and Box2D not exact)',
        open: async ({ inPython }) => inPython(name),
      },
    ],
    open: ({ connection }) => openStates(connection, id),
  };
}

async function openStates(connection: Connection, id: string): Promise<Play> {
  const pairs = 20;
  const envs = await connection.makeVec(id, { numEnvs: 64, copy: false });
  envs.actionSpace.seed(0);
  await envs.reset({ seed: 0 });
  for (let t = 0; t < 20; t++) await envs.step(envs.actionSpace.sample());
  return async () => {
    const begin = performance.now();
    for (let i = 0; i < pairs; i++) {
      const stateIds = await envs.saveState();
      await envs.restoreState(stateIds);
      await envs.dropState(stateIds);
    }
    return (64 * pairs) / ((performance.now() - begin) / 1000);
  };
}
