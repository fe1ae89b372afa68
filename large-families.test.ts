/**
 * Families that are too large to be built by `npm test`: `npm run test:families` builds what is missing of them and plays them as
 * families.test.ts plays the others. `npm run test:families -- -t metaworld` does so with one.
 */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareEnv, compareVector } from './client/fixtures/oracle.js';
import {
  type Argument,
  type Connection,
  connect,
  type MakeVecOptions,
  type NdArray,
} from './client/index.js';
import { familyOracle } from './family-oracle.js';
import { readFamily } from './server/family.js';
import { checkFamily } from './server/family-checker.js';
import { type RunningServer, serve } from './server/index.js';
import { ensurePythonEnv } from './server/python-env.js';

const families = fileURLToPath(new URL('python-envs/families', import.meta.url));

/** Environments to play, by family. */
const played = {
  aloha: ['gym_aloha/AlohaTransferCube-v0'],
  highway: ['highway-fast-v0', 'intersection-v1', 'merge-v1', 'parking-v0', 'racetrack-v0'],
  metaworld: ['metaworld/assembly-v3', 'metaworld/button-press-v3', 'metaworld/stick-pull-v3'],
  myosuite: [
    'motorFingerReachRandom-v0',
    'myoChallengeBaodingP2-v1',
    'myoElbowPoseTaskRandom-v0',
    'myoFatiHandPoseRandom-v0',
    'myoLegWalk-v0',
    'myoReafHandKeyTurnRandom-v0',
    'myoSarcTorsoPoseFixed-v0',
  ],
  pufferlib: [
    'pufferlib/bandit',
    'pufferlib/continuous',
    'pufferlib/memory',
    'pufferlib/password',
    'pufferlib/spaces',
    'pufferlib/squared',
    'pufferlib/stochastic',
    'pufferlib/Blackjack-v1',
    'pufferlib/CartPole-v1',
    'pufferlib/Taxi-v3',
  ],
  robotics: [
    'AdroitHandDoor-v1',
    'AntMaze_UMaze-v5',
    'FetchPush-v4',
    'HandReach-v3',
    'PointMaze_UMaze-v3',
  ],
} as const;
type Name = keyof typeof played | 'envpool';

/** A server of one family for the tests of a describe. */
function served(name: Name): { readonly gym: Connection } {
  const folder = join(families, name);
  let server: RunningServer | undefined;
  let gym: Connection | undefined;
  beforeAll(async () => {
    await ensurePythonEnv(readFamily(folder), { onProgress: (line) => console.error(line) });
    const settings = { listen: '127.0.0.1:0', logLevel: 'silent' } as const;
    server = await serve({ ...settings, familiesOnDemand: [folder] });
    gym = await connect(server.address);
  }, 1_800_000);
  afterAll(async () => {
    await gym?.close();
    await server?.close();
  });
  return {
    get gym() {
      if (gym === undefined) throw new Error(`Family ${name} is not served.`);
      return gym;
    },
  };
}

async function compare(
  gym: Connection,
  name: Name,
  id: string,
  { kwargs = {}, entry }: { kwargs?: Record<string, Argument>; entry?: unknown } = {},
): Promise<void> {
  const oracle = await familyOracle(join(families, name));
  try {
    await using env = await gym.make(id, { kwargs });
    const settings = { id, num_envs: 1, mode: 'Env', max_episode_steps: 0, steps: 200 } as const;
    await compareEnv(env, oracle, { ...settings, seed: 7, entry });
  } finally {
    oracle.close();
  }
}

/** All that comes out of some steps of two sub-environments, with the actions of a seed. */
async function play(
  gym: Connection,
  id: string,
  options: Partial<MakeVecOptions>,
): Promise<unknown[]> {
  await using envs = await gym.makeVec(id, { numEnvs: 2, ...options });
  const steps: unknown[] = [structuredClone(await envs.reset({ seed: 3 }))];
  envs.actionSpace.seed(4);
  for (let t = 0; t < 20; t++)
    steps.push(structuredClone(await envs.step(envs.actionSpace.sample() as never)));
  return steps;
}

/** Fails unless compressed observations are those that come without compression. */
async function expectAlikeCompressed(
  gym: Connection,
  id: string,
  options: Partial<MakeVecOptions> = {},
): Promise<void> {
  const remote = { ...options, sharedMemory: false };
  const compressed = await play(gym, id, { ...remote, compression: 'zstd' });
  // vitest would compare each number of a picture by itself.
  expect(isDeepStrictEqual(compressed, await play(gym, id, remote))).toBe(true);
}

async function idsOf(gym: Connection, name: Name): Promise<string[]> {
  const environments = await gym.environments();
  return environments.filter(({ family }) => family === name).map(({ id }) => id);
}

async function stepSome(gym: Connection, id: string, steps: number): Promise<void> {
  await using env = await gym.make(id);
  env.actionSpace.seed(1);
  await env.reset({ seed: 1 });
  for (let t = 0; t < steps; t++) {
    const { reward, terminated, truncated } = await env.step(env.actionSpace.sample() as never);
    expect(reward, id).toSatisfy(Number.isFinite);
    if (terminated || truncated) await env.reset();
  }
}

async function pixels(gym: Connection, id: string): Promise<void> {
  await using env = await gym.make(id, { renderMode: 'rgb_array' });
  await env.reset({ seed: 1 });
  const frame = (await env.render()) as unknown as Uint8Array & { shape: readonly number[] };
  expect(frame.shape).toHaveLength(3);
  expect(new Set(frame).size).toBeGreaterThan(20);
}

/** Fails unless what follows a saved state follows it again each time that it is restored. */
async function expectRestored(gym: Connection, id: string): Promise<void> {
  await using envs = await gym.makeVec(id, { numEnvs: 1 });
  await envs.reset({ seed: 5 });
  envs.actionSpace.seed(2);
  const act = (count: number) => Array.from({ length: count }, () => envs.actionSpace.sample());
  for (const action of act(15)) await envs.step(action as never);
  const actions = act(25);
  const follow = async () => {
    const steps: unknown[] = [];
    for (const action of actions)
      steps.push(structuredClone(await envs.step(structuredClone(action) as never)));
    return steps;
  };
  const states = await envs.saveState();
  const first = await follow();
  for (let i = 0; i < 2; i++) {
    await envs.restoreState(states);
    expect(await follow(), id).toEqual(first);
  }
}

describe('large families', { timeout: 600_000 }, () => {
  describe.each(Object.keys(played) as (keyof typeof played)[])('%s', (name) => {
    const server = served(name);

    test.each(played[name])('200 steps of %s are those of plain Python', async (id) => {
      await compare(server.gym, name, id);
    });

    test('two environments play the same in one process, in two, and again', async () => {
      const [id] = played[name];
      const one = await play(server.gym, id, { numWorkers: 1 });
      expect(await play(server.gym, id, { numWorkers: 2 })).toEqual(one);
      expect(await play(server.gym, id, { numWorkers: 1 })).toEqual(one);
    });

    test('compressed observations are the same', async () => {
      const [id] = played[name];
      await expectAlikeCompressed(server.gym, id);
    });
  });

  describe('metaworld and Meta-World', () => {
    const server = served('metaworld');

    test('episodes are those of Meta-World’s MT1 that was made with the seed', async () => {
      const kwargs = { id: 'Meta-World/MT1', env_name: 'pick-place-v3', seed: 7 };
      const entry = {
        api: 'gymnasium',
        constructor: 'gymnasium:make',
        kwargs,
        max_episode_steps: 500,
      };
      const given = { kwargs: { seed: 7 }, entry };
      await compare(server.gym, 'metaworld', 'metaworld/pick-place-v3', given);
    });

    test('one session may hold several tasks', async () => {
      const envKwargs = ['reach-v3', 'push-v3'].map((env_name) => ({ env_name }));
      const settings = { numEnvs: 2, envKwargs, observationMode: 'different' } as const;
      await using envs = await server.gym.makeVec('metaworld/MT1', settings);
      await envs.reset({ seed: 1 });
      const { rewards } = await envs.step(envs.actionSpace.sample() as never);
      expect(new Set(rewards).size).toBe(2);
      await expect(
        server.gym.make('metaworld/MT1', { kwargs: { env_name: 'fly-v3' } }),
      ).rejects.toThrow(/There is no task 'fly-v3'; there are assembly-v3, /);
    });

    test('all tasks are made and stepped', async () => {
      const ids = await idsOf(server.gym, 'metaworld');
      expect(ids).toHaveLength(51);
      for (const id of ids) await stepSome(server.gym, id, 20);
    });

    test('what follows a saved state follows it again', async () => {
      for (const id of await idsOf(server.gym, 'metaworld')) await expectRestored(server.gym, id);
    });

    test('it renders', async () => {
      await pixels(server.gym, 'metaworld/hammer-v3');
    });
  });

  describe('myosuite and its infos', () => {
    const server = served('myosuite');

    test('infos are nested', async () => {
      await using env = await server.gym.make('myoElbowPose1D6MRandom-v0');
      await env.reset({ seed: 1 });
      const { info } = await env.step(env.actionSpace.sample() as never);
      const { obs_dict, rwd_dict } = info as Record<string, Record<string, unknown>>;
      expect(obs_dict?.pose_err).toMatchObject({ length: 1, dtype: 'float64' });
      expect(rwd_dict).toHaveProperty('bonus');
    });

    test('it renders', async () => {
      await pixels(server.gym, 'myoHandPoseRandom-v0');
    });

    test('what it would have to download is not served', async () => {
      const ids = await idsOf(server.gym, 'myosuite');
      expect(ids).toHaveLength(220);
      expect(ids.filter((id) => /Mimic|FBVs|FullBody/.test(id))).toEqual([]);
    });
  });

  describe('pufferlib and what it has', () => {
    const server = served('pufferlib');

    test('all environments are made and stepped', async () => {
      const ids = await idsOf(server.gym, 'pufferlib');
      expect(ids).toHaveLength(18);
      for (const id of ids) await stepSome(server.gym, id, 300);
    });

    test('what follows a saved state follows it again', async () => {
      for (const id of await idsOf(server.gym, 'pufferlib')) await expectRestored(server.gym, id);
    });

    test('Dicts of observations and actions are flat', async () => {
      const { observationSpace, actionSpace } = await server.gym.describe('pufferlib/spaces');
      expect([`${observationSpace}`, `${actionSpace}`]).toEqual([
        'Box(0, 255, (108,), uint8)',
        'MultiDiscrete([2 2])',
      ]);
    });
  });

  describe('envpool', () => {
    const server = served('envpool');
    const ids = ['CartPole-v1', 'LunarLander-v3', 'Pong-v5', 'HalfCheetah-v5', 'FrozenLake-v1'];
    const modes = ['NextStep', 'Disabled'] as const;
    const cases = ids.flatMap((id) => modes.map((mode) => [id, mode] as const));

    test.each(cases)('200 steps of %s in mode %s are EnvPool’s', async (id, mode) => {
      const oracle = await familyOracle(join(families, 'envpool'));
      try {
        await using envs = await server.gym.makeVec(`envpool/${id}`, {
          numEnvs: 4,
          autoresetMode: mode,
          maxEpisodeSteps: 70,
        });
        const kwargs = { task_id: id, seed: 7, max_episode_steps: 70, num_threads: 1 };
        const entry = { constructor: 'envpool:make_gymnasium', kwargs, api: 'vector' };
        const settings = { id, num_envs: 4, mode, max_episode_steps: 70, steps: 200, seed: 7 };
        const ended = await compareVector(envs, oracle, { ...settings, entry });
        expect(ended).toBeGreaterThanOrEqual(2);
      } finally {
        oracle.close();
      }
    });

    test('some may be stepped and reset, and a seed begins all anew', async () => {
      await using envs = await server.gym.makeVec<NdArray, Int32Array>('envpool/LunarLander-v3', {
        numEnvs: 4,
        autoresetMode: 'Disabled',
        kwargs: { num_threads: 2 },
      });
      const play = async () => {
        const seen = [(await envs.reset({ seed: 5 })).observations.slice()];
        for (let t = 0; t < 8; t++)
          seen.push((await envs.step(Int32Array.of(0, 1, 0, 1))).observations.slice());
        return seen;
      };
      const first = await play();
      expect(await play()).toEqual(first);
      await envs.reset({ options: { reset_mask: [false, true, false, true] } });
      await expect(
        envs.reset({
          seed: [null, 9, null, null],
          options: { reset_mask: [true, true, false, false] },
        }),
      ).rejects.toThrow(/takes seeds only where all of its sub-environments get new ones/);
      await expect(envs.reset({ seed: 2 ** 31 })).rejects.toThrow(/takes seeds below 2\*\*31/);
      await envs.step(Int32Array.of(1, 1, 1, 1));
    });

    test('what EnvPool cannot do is refused by name', async () => {
      const id = 'envpool/CartPole-v1';
      const open = (options: object) => server.gym.makeVec(id, { numEnvs: 2, ...options });
      await expect(open({ autoresetMode: 'SameStep' })).rejects.toThrow(
        /does not have autoreset mode SAME_STEP: open it with NEXT_STEP or DISABLED/,
      );
      await expect(open({ numWorkers: 2 })).rejects.toThrow(/several workers/);
      await expect(open({ kwargs: { num_threads: 0 } })).rejects.toThrow(
        /num_threads must be an integer from 1/,
      );
      await using envs = await open({});
      await envs.reset({ seed: 1 });
      await expect(envs.saveState()).rejects.toThrow(/its states cannot be saved/);
    });

    test('compressed pictures are the same', async () => {
      await expectAlikeCompressed(server.gym, 'envpool/Pong-v5');
    });

    test('its check finds nothing wrong', async () => {
      const family = readFamily(join(families, 'envpool'));
      const { python } = await ensurePythonEnv(family);
      const patterns = ['envpool/CartPole-v1', 'envpool/FrozenLake-v1', 'envpool/Pong-v5'];
      const { signal } = new AbortController();
      const found: string[] = [];
      for await (const line of checkFamily(family, python, { patterns, limit: 120, signal }))
        if ('id' in line) found.push(`${line.id}: ${[...line.problems, ...line.warnings]}`);
      expect(found).toEqual(patterns.map((id) => `${id}: `));
    });

    test('each of its environments is made and stepped', async () => {
      for (const id of await idsOf(server.gym, 'envpool')) await stepSome(server.gym, id, 3);
    });
  });

  describe('robotics, its pictures and mazes', () => {
    const server = served('robotics');

    test('compressed pictures are the same', async () => {
      const pictures = { renderMode: 'rgb_array', wrappers: ['AddRenderObservation'] } as const;
      await expectAlikeCompressed(server.gym, 'FetchReach-v4', pictures);
    });

    test('they leave no file among everyone’s temporary files', async () => {
      const mazes = () => readdirSync(tmpdir()).filter((file) => file.startsWith('ant_maze'));
      const before = mazes();
      await stepSome(server.gym, 'AntMaze_Open-v5', 1);
      expect(mazes()).toEqual(before);
    });
  });
});
