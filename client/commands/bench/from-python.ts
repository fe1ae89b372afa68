import { lander } from './landers.js';
import type { Row } from './row.js';

/** 64 environments from Python, by `gymnasium.make_vec`. */
export const makeVec64: Row = {
  what: `64 ${lander} from Python, by gymnasium.make_vec("gymlink/…")`,
  unit: 'steps/s',
  baselines: [
    {
      name: 'gymnasium.make_vec(…, vectorization_mode="sync")',
      open: async ({ inPython }) => inPython('makeVec64'),
    },
  ],
  open: async ({ connection, inPython }) => inPython('makeVec64', connection.address),
};

/** 64 environments from Python, as Stable-Baselines3 has them. */
export const sb3Vec64: Row = {
  what: `64 ${lander} from Python, in gymlink.sb3.RemoteVecEnv`,
  unit: 'steps/s',
  measuredBy: 'npm run bench:sb3 -- sb3Vec64',
  baselines: [
    {
      name: 'DummyVecEnv of Stable-Baselines3',
      open: async ({ inPython }) => inPython('sb3Vec64'),
    },
  ],
  open: async ({ connection, inPython }) => inPython('sb3Vec64', connection.address),
};
