/**
 * Families that could not be installed together step at the same time on one server, and each gives what it gives alone, bit for bit.
 * Run by `npm run test:matrix`; BiGym takes part where its source can be had: GYMLINK_BIGYM_SOURCE names a checkout, or its family
 * has been built.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connection, connect } from './client/index.js';
import type { AnyVectorEnv } from './client/wrappers/vector/index.js';
import { readFamily } from './server/family.js';
import { type RunningServer, serve } from './server/index.js';
import { ensurePythonEnv, locatePythonEnv } from './server/python-env.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('.', import.meta.url));
const bigym = readFamily(join(root, 'python-envs/families/bigym'));

const bigymIsThere =
  Boolean(process.env.GYMLINK_BIGYM_SOURCE) ||
  (await locatePythonEnv(bigym).then(
    ({ complete }) => complete,
    () => false,
  ));

/** An environment of each family, by the family's folder. */
const played: Record<string, string> = {
  'python-envs/families/gymnasium': 'Ant-v5',
  'python-envs/families/robotics': 'FetchReach-v4',
  'python-envs/tests/families/old': 'old/CartPole-v1',
  ...(bigymIsThere ? { 'python-envs/families/bigym': 'bigym/ReachTarget' } : {}),
};

const tellVersions = `
from importlib.metadata import PackageNotFoundError, version
import platform
def told(name):
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"
print("Python", platform.python_version(), *map(told, ("gymnasium", "numpy", "mujoco")), sep=", ")`;

let server: RunningServer;
let gym: Connection;

beforeAll(async () => {
  for (const folder of Object.keys(played)) {
    const family = readFamily(join(root, folder));
    const { python } = await ensurePythonEnv(family);
    console.log(`${family.name}: ${(await run(python, ['-c', tellVersions])).stdout.trim()}`);
  }
  const familiesOnDemand = Object.keys(played)
    .slice(1)
    .map((folder) => join(root, folder));
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', familiesOnDemand });
  gym = await connect(server.address);
}, 900_000);

afterAll(async () => {
  await gym?.close();
  await server?.close();
});

/** A game of two sub-environments, whose actions are the same every time. */
class Game {
  readonly steps: unknown[] = [];
  readonly #envs: AnyVectorEnv;

  private constructor(envs: AnyVectorEnv) {
    this.#envs = envs;
  }

  static async begin(id: string): Promise<Game> {
    const envs = await gym.makeVec(id, { numEnvs: 2 });
    const game = new Game(envs as never);
    game.steps.push(structuredClone((await envs.reset({ seed: 1 })).observations));
    envs.actionSpace.seed(2);
    return game;
  }

  async step(): Promise<void> {
    const action = this.#envs.actionSpace.sample() as never;
    const { observations, rewards, terminations, truncations } = await this.#envs.step(action);
    this.steps.push(structuredClone([observations, rewards, terminations, truncations]));
  }

  async end(): Promise<unknown[]> {
    await this.#envs.close();
    return this.steps;
  }
}

const length = 100;

async function play(id: string): Promise<unknown[]> {
  const game = await Game.begin(id);
  for (let t = 0; t < length; t++) await game.step();
  return game.end();
}

test('families whose requirements conflict give what each gives alone', {
  timeout: 600_000,
}, async () => {
  const ids = Object.values(played);
  const alone: unknown[][] = [];
  for (const id of ids) alone.push(await play(id));
  expect(alone.map((steps) => steps.length)).toEqual(ids.map(() => length + 1));

  // One after the other, a step each.
  const games: Game[] = [];
  for (const id of ids) games.push(await Game.begin(id));
  for (let t = 0; t < length; t++) for (const game of games) await game.step();
  for (const [i, game] of games.entries()) expect(await game.end(), ids[i]).toEqual(alone[i]);

  const together = await Promise.all(ids.map(play));
  for (const [i, steps] of together.entries()) expect(steps, ids[i]).toEqual(alone[i]);
});
