import { besideRendering } from './beside-rendering.js';
import { overlapDqn } from './dqn-loop.js';
import { makeVec64, sb3Vec64 } from './from-python.js';
import { growth, growthSessions } from './growth.js';
import { engineRow, lander64Halves, single, vectorRow } from './landers.js';
import { memoryRow } from './memory.js';
import { overlapRow } from './overlap.js';
import { pixels, pixelsAsync, pixelsDelayed, pixelsTcp } from './pixels.js';
import { remoteAsyncRow, remoteRow } from './remote.js';
import type { Row } from './row.js';
import { stateRow } from './states.js';
import { stragglersRow } from './stragglers.js';

/** The rows of `gymlink bench` by name. */
export const rows: Readonly<Record<string, Row>> = {
  single,
  lander64: vectorRow('LunarLander-v3', 64, 600, 1.4, 1.6),
  lander64Halves,
  cartpole512: vectorRow('CartPole-v1', 512, 200, 1.1, 1.8),
  cheetah64: vectorRow('HalfCheetah-v5', 64, 200, 1.3, 1.8),
  envpool256: engineRow('envpool/LunarLander-v3', 'envpool', 256, 400, 0.85, 0.95),
  pong32: engineRow('AtariVectorEnv/Pong-v5', 'atari', 32, 300, 0.9, 0.98),
  pixels,
  pixelsAsync,
  pixelsTcp,
  pixelsDelayed,
  remote10: remoteRow(64, 10),
  remote50: remoteRow(64, 50),
  remoteAsync10: remoteAsyncRow(1024, 10),
  remoteAsync50: remoteAsyncRow(4096, 50),
  remoteSingle10: remoteRow(1, 10),
  remoteSingle50: remoteRow(1, 50),
  overlap: overlapRow(),
  overlapDqn,
  stragglers: stragglersRow(),
  growth,
  growthSessions,
  memory: memoryRow(),
  makeVec64,
  sb3Vec64,
  besideRendering,
  ...states(['CartPole-v1', 'Taxi-v4', 'HalfCheetah-v5', 'LunarLander-v3']),
};

function states(ids: readonly string[]): Record<string, Row> {
  return Object.fromEntries(
    ids.map((id) => {
      const name = `states${id.split('-')[0]}`;
      return [name, stateRow(name, id)];
    }),
  );
}
