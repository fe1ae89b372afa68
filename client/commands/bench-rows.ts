import type { Connection } from '../index.js';
import { median } from './median.js';

/** Plays one round and gives its figure. */
export type Play = () => Promise<number>;

/** What a row of `gymlink bench` measures, on gymlink's side and on the other. */
export interface Row {
  /** What is measured, in a line of `gymlink bench --help`. */
  readonly what: string;
  readonly unit: string;
  readonly baseline: string;
  /** Whether a smaller figure is the better one. */
  readonly lessIsBetter: boolean;
  /** Whose Python plays the other side; by default the default family's. */
  readonly family?: string;
  /** Opens the environments of gymlink's side. `inPython` plays the row with the Python client, in a process of its own. */
  open(connection: Connection, inPython: () => Play): Promise<Play>;
  /** Opens those of the other side; by default it is the row of this name in python-envs/gymlink/bench.py. */
  openBaseline?(
    connection: Connection,
    inPython: (...args: readonly string[]) => Play,
    manifest: unknown,
  ): Promise<Play>;
}

const environment = 'LunarLander-v3';

export const rows: Readonly<Record<string, Row>> = {
  single: {
    what: `one ${environment}, step by step`,
    unit: 'µs a step (p50)',
    baseline: 'gymnasium.make in Python',
    lessIsBetter: true,
    open: openSingle,
  },
  lander64: {
    what: `64 ${environment} in one session`,
    unit: 'steps/s',
    baseline: 'gymnasium.vector.SyncVectorEnv, 64 sub-environments',
    lessIsBetter: false,
    open: openLander64,
  },
  makeVec64: {
    what: `64 ${environment} from Python, by gymnasium.make_vec("gymlink/…")`,
    unit: 'steps/s',
    baseline: 'gymnasium.make_vec(…, vectorization_mode="sync")',
    lessIsBetter: false,
    open: async (_, inPython) => inPython(),
  },
  sb3Vec64: {
    what: `64 ${environment} from Python, in gymlink.sb3.RemoteVecEnv`,
    unit: 'steps/s',
    baseline: 'DummyVecEnv of Stable-Baselines3',
    lessIsBetter: false,
    open: async (_, inPython) => inPython(),
  },
  besideRendering: {
    what: `64 ${environment} in one session, while another renders PNG after PNG`,
    unit: 'steps/s',
    baseline: 'the same, while the other session steps instead and keeps its process as busy',
    lessIsBetter: false,
    open: (connection) => openBeside(connection, openRendering),
    openBaseline: (connection) => openBeside(connection, openStepping),
  },
  statesCartPole: stateRow('CartPole-v1'),
  statesTaxi: stateRow('Taxi-v4'),
  statesHalfCheetah: stateRow('HalfCheetah-v5'),
  statesLunarLander: stateRow('LunarLander-v3'),
};

/** States of 64 sub-environments, 20 steps into their episodes: each is saved, restored and dropped. */
function stateRow(id: string): Row {
  return {
    what: `states of 64 ${id} saved, restored and dropped`,
    unit: 'save+restore pairs/s',
    baseline: 'copy.deepcopy in Python, twice a pair (of MuJoCo and Box2D not exact)',
    lessIsBetter: false,
    open: (connection) => openStates(connection, id),
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

async function openSingle(connection: Connection): Promise<Play> {
  const steps = 5000;
  const env = await connection.make(environment);
  env.actionSpace.seed(0);
  await env.reset({ seed: 0 });
  const times = new Float64Array(steps);
  return async () => {
    for (let i = 0; i < steps; i++) {
      const action = env.actionSpace.sample();
      const begin = performance.now();
      const { terminated, truncated } = await env.step(action);
      times[i] = (performance.now() - begin) * 1000;
      if (terminated || truncated) await env.reset();
    }
    return median(times);
  };
}

async function openLander64(connection: Connection): Promise<Play> {
  const vectorSteps = 600;
  const envs = await connection.makeVec(environment, { numEnvs: 64, copy: false });
  envs.actionSpace.seed(0);
  await envs.reset({ seed: 0 });
  const actions = Array.from({ length: vectorSteps }, () => envs.actionSpace.sample());
  return async () => {
    const begin = performance.now();
    for (const action of actions) await envs.step(action);
    return (64 * vectorSteps) / ((performance.now() - begin) / 1000);
  };
}

/** `lander64` while another session does something over and over. */
async function openBeside(
  connection: Connection,
  openOther: (connection: Connection) => Promise<() => Promise<unknown>>,
): Promise<Play> {
  const play = await openLander64(connection);
  const other = await openOther(connection);
  return async () => {
    let over = false;
    const playing = play().finally(() => {
      over = true;
    });
    const repeat = async () => {
      while (!over) await other();
    };
    const [figure] = await Promise.all([playing, repeat()]);
    return figure;
  };
}

async function openRendering(connection: Connection): Promise<() => Promise<unknown>> {
  const env = await connection.make(environment, { renderMode: 'rgb_array' });
  await env.reset({ seed: 0 });
  return () => env.render({ encoding: 'png' });
}

async function openStepping(connection: Connection): Promise<() => Promise<unknown>> {
  const envs = await connection.makeVec(environment, { numEnvs: 64, numWorkers: 1, copy: false });
  await envs.reset({ seed: 0 });
  return () => envs.step(envs.actionSpace.sample());
}
