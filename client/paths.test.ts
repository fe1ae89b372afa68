/**
 * Every environment of Gymnasium's gives the same to the bit however its rows travel: over the session socket (which oracle.test.ts
 * holds against Gymnasium itself), over gRPC, compressed, in halves, or as they are ready.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import {
  type AutoresetMode,
  type Connection,
  connect,
  type MakeVecOptions,
  type Sample,
  type Space,
  type TransitionDetails,
  type VectorEnv,
  type VectorStep,
} from './index.js';
import { iterate } from './spaces/batch.js';

let gym: Connection;
let overGrpc: Connection;
let stop: () => Promise<void>;
let ids: string[];

beforeAll(async () => {
  const server = await startServer();
  stop = server.stop;
  gym = await connect(server.address);
  overGrpc = await connect(server.address, { sessionSocket: false });
  ids = (await gym.environments())
    .filter(({ family, unavailable }) => family === 'gymnasium' && !unavailable)
    .map(({ id }) => id);
  expect(ids.length).toBeGreaterThanOrEqual(38);
}, 180_000);

afterAll(async () => {
  await overGrpc?.close();
  await gym?.close();
  await stop?.();
});

const numEnvs = 4;
/** Rows of each sub-environment that are compared: several episodes. */
const length = 50;
const settings = { numEnvs, numWorkers: 2, maxEpisodeSteps: 17, seed: 11 } as const;

type Row = Record<string, unknown>;
type Envs = VectorEnv<Sample, Sample>;
type Spaces = Pick<Envs, 'actionSpace' | 'singleActionSpace'>;
/** Rows by sub-environment. */
type Tracks = Row[][];
/** The k-th action of each sub-environment. */
type Actions = Sample[][];

const emptyTracks = (): Tracks => Array.from({ length: numEnvs }, () => []);
const isFull = (tracks: Tracks) => tracks.every((track) => track.length >= length);

function drawActions({ actionSpace, singleActionSpace }: Spaces): Actions {
  actionSpace.seed(5);
  return Array.from({ length }, () => rowsOf(singleActionSpace, actionSpace.sample()));
}

function rowsOf(space: Space, batch: Sample): Sample[] {
  const rows = iterate(space, batch);
  if (rows === undefined) throw new TypeError('no batch of its space');
  return rows as Sample[];
}

/** Adds the rows of a step or, where there are no rewards, of a reset; row i is of sub-environment `envIndices[i]`. */
function add(
  tracks: Tracks,
  envIndices: ArrayLike<number>,
  observations: readonly Sample[],
  step: Partial<VectorStep<Sample>>,
  { kinds, infos, finalInfos, episodes, episodeSteps }: TransitionDetails,
): void {
  const finals = (step.infos?.final_obs ?? []) as Sample[];
  for (const [row, observation] of observations.entries())
    tracks[envIndices[row] as number]?.push({
      observation,
      reward: step.rewards?.[row] ?? 0,
      terminated: step.terminations?.[row] ?? 0,
      truncated: step.truncations?.[row] ?? 0,
      final: finals[row] ?? null,
      finalInfo: finalInfos.get(row) ?? null,
      kind: kinds[row],
      info: infos[row],
      episode: episodes[row],
      episodeStep: episodeSteps[row],
    });
}

const cut = (tracks: Tracks) => tracks.map((track) => track.slice(0, length));

async function together(
  from: Connection,
  id: string,
  options: Partial<MakeVecOptions>,
): Promise<Tracks> {
  await using envs: Envs = await from.makeVec(id, { ...settings, ...options });
  const [tracks, all] = [emptyTracks(), [0, 1, 2, 3]];
  const actions = drawActions(envs);
  const rows = (batch: Sample) => rowsOf(envs.singleObservationSpace, batch);
  add(tracks, all, rows((await envs.reset()).observations), {}, envs.lastTransition());
  for (let t = 0; !isFull(tracks); t++) {
    const step = await envs.step(actions[t] as never);
    add(tracks, all, rows(step.observations), step, envs.lastTransition());
  }
  return cut(tracks);
}

async function inHalves(id: string, autoresetMode: AutoresetMode): Promise<Tracks> {
  await using envs: Envs = await gym.makeVec(id, { ...settings, autoresetMode });
  const tracks = emptyTracks();
  const actions = drawActions(envs);
  for await (const batch of envs.batches()) {
    const observations = rowsOf(envs.singleObservationSpace, batch.observations);
    add(tracks, batch.envIndices, observations, batch, batch.details());
    if (isFull(tracks)) break;
    batch.step(nextActions(tracks, actions, batch.envIndices) as never);
  }
  return cut(tracks);
}

async function asReady(id: string, autoresetMode: AutoresetMode): Promise<Tracks> {
  const options = { ...settings, autoresetMode, batchSize: 3 };
  await using envs = await gym.makeVec<Sample, Sample>(id, options);
  const tracks = emptyTracks();
  const actions = drawActions(envs);
  envs.reset();
  while (!isFull(tracks)) {
    const batch = await envs.recv();
    const observations = rowsOf(envs.singleObservationSpace, batch.observations);
    add(tracks, batch.envIndices, observations, batch, batch.details());
    const going = [...batch.envIndices];
    envs.send(nextActions(tracks, actions, batch.envIndices) as never, going);
  }
  return cut(tracks);
}

/** The next action of each: as many as it has rows, the first of which is that of the reset. */
function nextActions(tracks: Tracks, actions: Actions, envIndices: Int32Array): Sample[] {
  return Array.from(envIndices, (env) => {
    const taken = (tracks[env] as Row[]).length - 1;
    return actions[Math.min(taken, length - 1)]?.[env] as Sample;
  });
}

test.each(['NextStep', 'SameStep'] as const)(
  'in mode %s over gRPC, compressed, in halves and as they are ready',
  { timeout: 300_000 },
  async (autoresetMode) => {
    for (const id of ids) {
      const expected = await together(gym, id, { autoresetMode });
      expect(
        expected.some((track) => track.some((row) => row.terminated === 1 || row.truncated === 1)),
      ).toBe(true);
      const compressed = { compression: 'zstd', sharedMemory: false } as const;
      expect(await together(overGrpc, id, { autoresetMode }), `${id} over gRPC`).toEqual(expected);
      const zstd = await together(gym, id, { autoresetMode, ...compressed });
      expect(zstd, `${id} compressed`).toEqual(expected);
      expect(await inHalves(id, autoresetMode), `${id} in halves`).toEqual(expected);
      expect(await asReady(id, autoresetMode), `${id} as ready`).toEqual(expected);
    }
  },
);
