import type { Connection } from '../../index.js';
import { lander, openVector } from './landers.js';
import type { Play, Row } from './row.js';

/** What a session that renders costs another one. */
export const besideRendering: Row = {
  what: `64 ${lander} in one session, while another renders PNG after PNG`,
  unit: 'steps/s',
  baselines: [
    {
      name: 'the same, while the other session steps instead and keeps its process as busy',
      open: ({ connection }) => openBeside(connection, openStepping),
    },
  ],
  open: ({ connection }) => openBeside(connection, openRendering),
};

/** 64 sub-environments that step while another session does something over and over. */
async function openBeside(
  connection: Connection,
  openOther: (connection: Connection) => Promise<() => Promise<unknown>>,
): Promise<Play> {
  const play = await openVector(connection, lander, 64, 600);
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
  const env = await connection.make(lander, { renderMode: 'rgb_array' });
  await env.reset({ seed: 0 });
  return () => env.render({ encoding: 'png' });
}

async function openStepping(connection: Connection): Promise<() => Promise<unknown>> {
  const envs = await connection.makeVec(lander, { numEnvs: 64, numWorkers: 1, copy: false });
  await envs.reset({ seed: 0 });
  return () => envs.step(envs.actionSpace.sample());
}
