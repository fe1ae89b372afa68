/**
 * Families beside each other on one server: their environments play in plain Python, each in the family's own interpreter, and
 * through the bridge, with the same seeds and actions, and everything that comes out must be equal, bit for bit.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareEnv, compareParallel, compareVector } from './client/fixtures/oracle.js';
import {
  type Connection,
  connect,
  type MakeOptions,
  type NdArray,
  type ParallelEnv,
  type ParallelReset,
  type Sample,
} from './client/index.js';
import { familyOracle } from './family-oracle.js';
import type { ListSessionsResponse } from './proto/gen/gymlink/v1/service.js';
import { readFamily } from './server/family.js';
import { rawClient } from './server/fixtures/raw-client.js';
import { type RunningServer, serve } from './server/index.js';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Environments to play, by the folder of their family. */
const played: Record<string, readonly string[]> = {
  'python-envs/families/atari': ['ALE/Pong-v5', 'BreakoutNoFrameskip-v4'],
  'python-envs/families/minigrid': ['MiniGrid-DoorKey-6x6-v0', 'BabyAI-GoToLocal-v0'],
  'python-envs/families/aloha': ['gym_aloha/AlohaInsertion-v0'],
  'python-envs/tests/families/old': ['CartPole-v1', 'Pendulum-v1', 'Taxi-v3'],
  'python-envs/tests/families/awkward': ['Sailing-v0'],
};

const pettingzoo = 'python-envs/families/pettingzoo';

/** Environments of several agents, and how many of these are alive in the course of the steps that are played. */
const playedByAgents: Record<string, readonly number[]> = {
  'butterfly/knights_archers_zombies_v11': [0, 3, 4],
  'classic/connect_four_v3': [0, 2],
  'classic/hanabi_v5': [0, 2],
  'classic/rps_v2': [0, 2],
  'mpe/simple_speaker_listener_v4': [0, 2],
  'sisl/multiwalker_v9': [0, 3],
};

/** As over a network: what is in shared memory is not compressed. */
const compressed = { compression: 'zstd', sharedMemory: false } as const;

let server: RunningServer;
let gym: Connection;

/** Bytes that the only open session has sent in messages. */
async function payloadBytes(): Promise<number> {
  const client = rawClient(server.address);
  try {
    const { sessions } = await new Promise<ListSessionsResponse>((resolve, reject) =>
      client.listSessions({}, (error, found) => (error ? reject(error) : resolve(found))),
    );
    expect(sessions).toHaveLength(1);
    return Number(sessions[0]?.messageBytes);
  } finally {
    client.close();
  }
}

beforeAll(async () => {
  const familiesOnDemand = [...Object.keys(played), pettingzoo].map((folder) => join(root, folder));
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', familiesOnDemand });
  gym = await connect(server.address);
}, 300_000);

afterAll(async () => {
  await gym?.close();
  await server?.close();
});

describe('equal to plain Python, bit for bit', { timeout: 300_000 }, () => {
  const cases = Object.entries(played).flatMap(([folder, ids]) =>
    ids.map((id) => [id, folder] as const),
  );

  async function playBeside(id: string, folder: string, options: MakeOptions = {}) {
    const oracle = await familyOracle(join(root, folder));
    try {
      const { name, manifest } = readFamily(join(root, folder));
      await using env = await gym.make(`${name}/${id}`, options);
      const settings = {
        id,
        num_envs: 1,
        mode: 'Env',
        max_episode_steps: 0,
        steps: 200,
        seed: 7,
        entry: manifest.environments[id],
      } as const;
      await compareEnv(env, oracle, settings);
      return await payloadBytes();
    } finally {
      oracle.close();
    }
  }

  test.each(cases)('%s', async (id, folder) => {
    await playBeside(id, folder);
  });

  test('ALE/Pong-v5, compressed', async () => {
    const bytes = await playBeside('ALE/Pong-v5', 'python-envs/families/atari', compressed);
    expect(bytes).toBeLessThan((201 * 210 * 160 * 3) / 10);
  });

  const ways = [
    ['as it is', {}],
    ['compressed', compressed],
    ['compressed newest frames', { ...compressed, newestFrameOnly: true }],
  ] as const;
  const vectorised = (['NextStep', 'SameStep', 'Disabled'] as const).flatMap((mode) =>
    ways.map(([how, options]) => [mode, how, options] as const),
  );

  test.each(vectorised)('AtariVectorEnv/Pong-v5 in mode %s, %s', async (mode, _, options) => {
    const oracle = await familyOracle(join(root, 'python-envs/families/atari'));
    // Episodes of 30 steps.
    const kwargs = { max_num_frames_per_episode: 120, repeat_action_probability: 0.25 };
    try {
      await using envs = await gym.makeVec('AtariVectorEnv/Pong-v5', {
        numEnvs: 3,
        autoresetMode: mode,
        kwargs,
        ...options,
      });
      const entry = {
        constructor: 'ale_py.vector_env:AtariVectorEnv',
        kwargs: {
          game: 'pong',
          autoreset_mode: mode === 'SameStep' ? mode : 'NextStep',
          ...kwargs,
        },
        api: 'vector',
      };
      const settings = { id: 'AtariVectorEnv', num_envs: 3, max_episode_steps: 0, steps: 200 };
      const ended = await compareVector(envs, oracle, { ...settings, mode, seed: 7, entry });
      expect(ended).toBeGreaterThan(3);
      if ('compression' in options)
        expect(await payloadBytes()).toBeLessThan((201 * 3 * 4 * 84 * 84) / 10);
    } finally {
      oracle.close();
    }
  });

  test('AtariVectorEnv refuses what it cannot do, and goes on', async () => {
    const id = 'AtariVectorEnv/Pong-v5';
    await expect(gym.makeVec(id, { numEnvs: 2, renderMode: 'rgb_array' })).rejects.toThrow(
      /vectorised and cannot be opened with render modes/,
    );
    await using envs = await gym.makeVec<NdArray, Int32Array>(id, { numEnvs: 2 });
    await expect(envs.reset({ seed: 2 ** 31 })).rejects.toThrow(/takes seeds below 2\*\*31/);
    const { observations } = await envs.reset({ seed: 4 });
    const first = observations.slice();
    await envs.step(Int32Array.of(2, 3));
    expect((await envs.reset({ seed: 4 })).observations.slice()).toEqual(first);
  });

  test.each(Object.entries(playedByAgents))('%s, by its agents', async (id, alive) => {
    const oracle = await familyOracle(join(root, pettingzoo));
    try {
      await using env = await gym.makeParallel(`pettingzoo/${id}`);
      const settings = {
        id,
        num_envs: 1,
        mode: 'Env',
        max_episode_steps: 0,
        steps: 200,
        seed: 1,
        entry: readFamily(join(root, pettingzoo)).manifest.environments[id],
      } as const;
      const seen = await compareParallel(env, oracle, settings);
      expect([...new Set(seen)].sort()).toEqual(alive);
    } finally {
      oracle.close();
    }
  });
});

describe('states of environments of several agents go on alike, elsewhere too', {
  timeout: 120_000,
}, () => {
  type Actions = Record<string, Sample>;

  /** Actions that masks allow. */
  function draw(env: ParallelEnv, { observations, infos }: ParallelReset<Sample>): Actions {
    const maskOf = (agent: string) =>
      ((observations[agent] as Actions)?.action_mask ?? infos[agent]?.action_mask) as
        | NdArray
        | undefined;
    return Object.fromEntries(
      env.acting.map((agent) => [agent, env.actionSpace(agent).sample(maskOf(agent) as never)]),
    );
  }

  /** Steps; where there are no actions an episode begins. */
  const go = (env: ParallelEnv, actions: Actions | undefined) =>
    actions === undefined ? env.reset() : env.step(actions);

  /** A text that differs where anything does; vitest would compare each number of a picture by itself. */
  const exact = (found: unknown) =>
    JSON.stringify(found, (_, item) => {
      if (ArrayBuffer.isView(item))
        return Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString('base64');
      return typeof item === 'bigint' ? `${item}` : item;
    });

  const firstDifference = (left: readonly string[], right: readonly string[]) =>
    left.findIndex((text, i) => text !== right[i]);

  async function play(env: ParallelEnv, seen: ParallelReset<Sample>, steps: number) {
    const played: { actions: Actions | undefined; found: ParallelReset<Sample> }[] = [];
    for (let found = seen, t = 0; t < steps; t++) {
      const actions = env.agents.length === 0 ? undefined : draw(env, found);
      found = await go(env, actions);
      played.push({ actions, found });
    }
    return played;
  }

  test.each(Object.keys(readFamily(join(root, pettingzoo)).manifest.environments))(
    '%s',
    async (id) => {
      await using env = await gym.makeParallel(`pettingzoo/${id}`);
      await using other = await gym.makeParallel(`pettingzoo/${id}`);
      // What a reset without a seed gives depends on the episodes before it.
      await play(env, await env.reset({ seed: 3 }), 5);
      const before = await play(env, await env.reset(), 7);
      const state = await env.saveState();
      const steps = await play(env, (before.at(-1) as { found: ParallelReset<Sample> }).found, 20);
      const again = async (where: ParallelEnv) => {
        const found: string[] = [];
        for (const { actions } of steps) found.push(exact(await go(where, actions)));
        return found;
      };
      const expected = steps.map(({ found }) => exact(found));
      await other.restoreState(await other.importState(await env.exportState(state)));
      expect(firstDifference(await again(other), expected)).toBe(-1);
      await env.restoreState(state);
      expect(firstDifference(await again(env), expected)).toBe(-1);
    },
  );
});

test('the catalogue has the environments of families that are built, and says how far each family is', async () => {
  const environments = await gym.environments();
  for (const [folder, ids] of Object.entries(played)) {
    const { name } = readFamily(join(root, folder));
    const listed = environments.filter(({ family }) => family === name).map(({ id }) => id);
    // Ids that the default family has as well are listed with the family's name.
    for (const id of ids)
      expect([id, `${name}/${id}`].some((form) => listed.includes(form))).toBe(true);
  }
});

test('constructors tell the defaults of the arguments that clients may set', async () => {
  const environments = await gym.environments();
  const told = environments.filter(({ family }) => family === 'pettingzoo');
  expect(told.length).toBeGreaterThan(0);
  const defaultless = told.flatMap(({ id, arguments: args }) =>
    args.filter((argument) => argument.default === undefined).map(({ name }) => `${id} ${name}`),
  );
  expect(defaultless).toEqual([]);
});

test('families whose requirements conflict step at the same time, each as it does alone', {
  timeout: 60_000,
}, async () => {
  const ids = [
    'CartPole-v1',
    'ALE/Pong-v5',
    'MiniGrid-DoorKey-6x6-v0',
    'old/CartPole-v1',
    'Sailing-v0',
  ];
  const play = async (id: string) => {
    await using envs = await gym.makeVec(id, { numEnvs: 2 });
    await envs.reset({ seed: 1 });
    envs.actionSpace.seed(2);
    const steps: unknown[] = [];
    for (let t = 0; t < 50; t++) {
      const { observations, rewards } = await envs.step(envs.actionSpace.sample() as never);
      steps.push(structuredClone([observations, rewards]));
    }
    return steps;
  };
  const alone = [];
  for (const id of ids) alone.push(await play(id));
  const together = await Promise.all(ids.map(play));
  expect(together.map((steps) => steps.length)).toEqual(ids.map(() => 50));
  expect(together).toEqual(alone);
});

test('a later server lists and describes what an earlier one started, and starts nothing', async () => {
  const [id, folder] = ['ALE/Pong-v5', join(root, 'python-envs/families/atari')];
  const described = await gym.describe(id);
  const settings = { listen: '127.0.0.1:0', logLevel: 'silent' } as const;
  const later = await serve({ ...settings, familiesOnDemand: [folder] });
  try {
    await using client = await connect(later.address);
    expect((await client.environments({ contains: id })).map((entry) => entry.id)).toEqual([id]);
    const again = await client.describe(id);
    expect([`${again.observationSpace}`, again.documentation, again.environment]).toEqual([
      `${described.observationSpace}`,
      described.documentation,
      described.environment,
    ]);
    const atari = (await client.families()).find(({ name }) => name === 'atari');
    expect(atari?.state).toBe('BUILT');
  } finally {
    await later.close();
  }
});

describe('a family that is not there to serve', { timeout: 120_000 }, () => {
  let folder: string;
  let other: RunningServer;
  let client: Connection;

  const write = (name: string, manifest: object, lock?: string) => {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(
      join(path, 'family.json'),
      JSON.stringify({ name, python: '>=3.11,<3.14', ...manifest }),
    );
    if (lock !== undefined) writeFileSync(join(path, 'requirements.lock'), lock);
    return path;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gl-families-'));
    const nothing = `gymlink-no-such-package==1.0 --hash=sha256:${'0'.repeat(64)}\n`;
    const familiesOnDemand = [
      write('unresolved', { ids: ['Unresolved-*'] }, nothing),
      write('unlocked', { ids: ['Unlocked-*'] }),
      write('ancient', { ids: ['Ancient-*'], python: '>=3.2,<3.3' }, ''),
    ];
    other = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', familiesOnDemand });
    client = await connect(other.address);
  });

  afterAll(async () => {
    await client?.close();
    await other?.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    [
      'Unresolved-v0',
      /family unresolved could not be made: .*No matching distribution found for gymlink-no-such-package/,
    ],
    [
      'unlocked/Unlocked-v0',
      /requirements\.lock of family unlocked is missing: "gymlink family lock/,
    ],
    ['Ancient-v0', /Python >=3\.2,<3\.3 is needed and .*install Python 3\.2/],
  ])('%s says why', async (id, message) => {
    await expect(client.make(id)).rejects.toMatchObject({
      reason: 'FAMILY_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
  });

  test('leaves the others alone, and is told in the catalogue', async () => {
    await using env = await client.make('CartPole-v1');
    expect((await env.reset({ seed: 1 })).observation.length).toBe(4);
    const families = await client.families();
    expect(families.map(({ name, state }) => [name, state])).toEqual([
      ['gymnasium', 'RUNNING'],
      ['unresolved', 'FAILED'],
      ['unlocked', 'FAILED'],
      ['ancient', 'FAILED'],
    ]);
    expect(families[2]?.detail).toMatch(/lock file/);
    await expect(client.make('CartPoel-v1')).rejects.toMatchObject({
      reason: 'UNKNOWN_ENVIRONMENT',
      message: expect.stringMatching(
        /Did you mean CartPole-v1.* Not built yet: unresolved \(Unresolved-\*\), /,
      ),
    });
  });
});

test('two families of one name are refused', async () => {
  const folder = join(root, 'python-envs/families/atari');
  await expect(serve({ familiesOnDemand: [folder, folder] })).rejects.toThrow(
    /Two families are named atari/,
  );
});
