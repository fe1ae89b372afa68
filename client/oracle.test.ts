/**
 * The oracle: Gymnasium itself plays in a plain Python process (python-envs/tests/oracle.py), the bridge plays the same seeds
 * and actions, and everything that comes out must be equal, bit for bit.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AutoresetMode, type Connection, launch, type Space } from './index.js';

const script = fileURLToPath(new URL('../python-envs/tests/oracle.py', import.meta.url));
const steps = 200;
const seed = 7;

/** JSON of oracle.py: arrays with dtype, shape and base64; maps; lists; numbers. */
type Plain =
  | null
  | boolean
  | number
  | string
  | Plain[]
  | { dtype: string; shape: number[]; data: string }
  | { map: Record<string, Plain> }
  | { float: string };

interface Case {
  readonly id: string;
  readonly num_envs: number;
  readonly mode: 'Env' | AutoresetMode;
  readonly max_episode_steps: number;
  readonly steps: number;
  readonly seed: number;
}

type Line = Record<string, Plain> & { op?: string; end?: true };

/** Gymnasium in a plain Python process. */
class Oracle {
  private readonly child = spawn(process.env.GYMLINK_DEV_PYTHON ?? 'python3', [script], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  private readonly lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();

  async *play(settings: Case | { list: true }): AsyncGenerator<Line> {
    this.child.stdin.write(`${JSON.stringify(settings)}\n`);
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`The oracle ended while it played ${JSON.stringify(settings)}.`);
      const line = JSON.parse(value) as Line;
      if (line.end) return;
      yield line;
    }
  }

  close(): void {
    this.child.kill();
  }
}

type Numbers = ArrayLike<number | bigint>;

const floatArrays: Record<string, (bytes: ArrayBuffer) => Numbers> = {
  float32: (bytes) => new Float32Array(bytes),
  float64: (bytes) => new Float64Array(bytes),
};

const integerArrays: Record<string, (bytes: ArrayBuffer) => Numbers> = {
  bool: (bytes) => new Uint8Array(bytes),
  int8: (bytes) => new Int8Array(bytes),
  uint8: (bytes) => new Uint8Array(bytes),
  int32: (bytes) => new Int32Array(bytes),
  uint32: (bytes) => new Uint32Array(bytes),
  int64: (bytes) => new BigInt64Array(bytes),
};

function fromBase64(data: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(data, 'base64')).buffer;
}

function decode(plain: { dtype: string; data: string }): Numbers {
  const make = floatArrays[plain.dtype] ?? integerArrays[plain.dtype];
  if (make === undefined) throw new Error(`No array for dtype ${plain.dtype}.`);
  return make(fromBase64(plain.data));
}

/** Where two values first differ, in words; undefined where they are equal. */
function difference(expected: Plain, actual: unknown, path: string): string | undefined {
  if (Array.isArray(expected)) {
    const items = actual as ArrayLike<unknown>;
    if (items?.length !== expected.length) return `${path}: ${expected.length} items expected`;
    return first(expected, (item, i) => difference(item, items[i], `${path}[${i}]`));
  }
  if (typeof expected !== 'object' || expected === null) {
    const same = Object.is(Number(actual), Number(expected)) || actual === expected;
    return same && (actual === null) === (expected === null)
      ? undefined
      : `${path}: ${String(expected)} expected, ${String(actual)} found`;
  }
  if ('float' in expected)
    return Object.is(actual, Number(expected.float.replace('inf', 'Infinity')))
      ? undefined
      : `${path}: ${expected.float} expected, ${String(actual)} found`;
  if ('map' in expected) return mapDifference(expected.map, actual, path);
  return arrayDifference(expected, actual, path);
}

function first<T>(items: readonly T[], check: (item: T, i: number) => string | undefined) {
  for (const [i, item] of items.entries()) {
    const found = check(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

function mapDifference(expected: Record<string, Plain>, actual: unknown, path: string) {
  const found = (actual ?? {}) as Record<string, unknown>;
  const [names, others] = [Object.keys(expected).sort(), Object.keys(found).sort()];
  if (names.join() !== others.join()) return `${path}: keys ${names} expected, ${others} found`;
  return first(names, (name) =>
    difference(expected[name] as Plain, found[name], `${path}.${name}`),
  );
}

function arrayDifference(
  expected: { dtype: string; shape: number[]; data: string },
  actual: unknown,
  path: string,
): string | undefined {
  const found = actual as Numbers & { shape?: readonly number[]; dtype?: string };
  const numbers = decode(expected);
  if (found?.length !== numbers.length) return `${path}: ${numbers.length} elements expected`;
  if (found.shape?.join() !== expected.shape.join())
    return `${path}: shape ${expected.shape} expected`;
  if (expected.dtype in floatArrays && found.dtype !== expected.dtype)
    return `${path}: dtype ${expected.dtype} expected, ${found.dtype} found`;
  for (let i = 0; i < numbers.length; i++) {
    if (!Object.is(Number(numbers[i]), Number(found[i])))
      return `${path}[${i}]: ${numbers[i]} expected, ${found[i]} found`;
  }
  return undefined;
}

/** An action of oracle.py as the client takes it. */
function toAction(plain: Plain, space: Space): never {
  if (typeof plain === 'number') return plain as never;
  const numbers = decode(plain as { dtype: string; data: string });
  const array =
    space.kind === 'Box' ? numbers : Int32Array.from(numbers as ArrayLike<number>, Number);
  return array as never;
}

function expectEqual(expected: Plain | undefined, actual: unknown, path: string): void {
  const found = difference(expected as Plain, actual, path);
  if (found !== undefined) expect.fail(found);
}

async function compareEnv(gym: Connection, oracle: Oracle, settings: Case): Promise<number> {
  const options = settings.max_episode_steps ? { maxEpisodeSteps: settings.max_episode_steps } : {};
  await using env = await gym.make(settings.id, options);
  let [count, episodes] = [0, 0];
  for await (const line of oracle.play(settings)) {
    const path = `${settings.id} line ${count++}`;
    if (line.op === 'reset') {
      const { observation, info } = await env.reset(count === 1 ? { seed } : {});
      expectEqual(line.observation, observation, `${path} observation`);
      expectEqual(line.info, info, `${path} info`);
      continue;
    }
    const step = await env.step(toAction(line.action as Plain, env.actionSpace));
    for (const name of ['observation', 'reward', 'terminated', 'truncated', 'info'] as const)
      expectEqual(line[name], step[name], `${path} ${name}`);
    if (step.terminated || step.truncated) episodes++;
  }
  expect(count).toBe(steps + 1 + episodes);
  return count;
}

/** Compares all lines; returns how many episodes the sub-environment with the fewest has ended. */
async function compareVector(gym: Connection, oracle: Oracle, settings: Case): Promise<number> {
  const { id, num_envs: numEnvs, mode, max_episode_steps: maxEpisodeSteps } = settings;
  await using envs = await gym.makeVec(id, {
    numEnvs,
    numWorkers: 2,
    autoresetMode: mode as AutoresetMode,
    ...(maxEpisodeSteps ? { maxEpisodeSteps } : {}),
  });
  const ended = new Array<number>(numEnvs).fill(0);
  let count = 0;
  for await (const line of oracle.play(settings)) {
    const path = `${id} ${mode} line ${count++}`;
    const names = line.op === 'reset' ? resetNames : stepNames;
    const found =
      line.op === 'reset'
        ? await envs.reset(count === 1 ? { seed } : { options: { reset_mask: mask(line.mask) } })
        : await envs.step(toAction(line.actions as Plain, envs.singleActionSpace));
    for (const name of names)
      expectEqual(
        line[name],
        (found as unknown as Record<string, unknown>)[name],
        `${path} ${name}`,
      );
    if (line.op === 'step') countEnds(line, ended);
  }
  expect(count).toBeGreaterThan(steps);
  return Math.min(...ended);
}

const resetNames = ['observations', 'infos'];
const stepNames = ['observations', 'rewards', 'terminations', 'truncations', 'infos'];

function mask(plain: Plain | undefined): boolean[] {
  return Array.from(decode(plain as { dtype: string; data: string }), (item) => item === 1);
}

function countEnds(line: Line, ended: number[]): void {
  const [terminations, truncations] = [mask(line.terminations), mask(line.truncations)];
  for (const i of ended.keys())
    if (terminations[i] || truncations[i]) ended[i] = (ended[i] ?? 0) + 1;
}

const modes: readonly AutoresetMode[] = ['NextStep', 'SameStep', 'Disabled'];
const base = { steps, seed };

let gym: Connection;
let ids: string[];

beforeAll(async () => {
  gym = await launch();
  const environments = await gym.environments();
  ids = environments.filter(({ unavailable }) => !unavailable).map(({ id }) => id);
}, 180_000);

afterAll(() => gym?.close());

describe('equal to Gymnasium, bit for bit', { timeout: 600_000 }, () => {
  /** Runs a comparison for every environment, each with its own message. */
  async function forEveryId(compare: (oracle: Oracle, id: string) => Promise<void>): Promise<void> {
    const waiting = [...ids];
    const lane = async () => {
      const oracle = new Oracle();
      try {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
          await compare(oracle, id);
      } finally {
        oracle.close();
      }
    };
    await Promise.all([lane(), lane()]);
  }

  test('the catalogue offers exactly what can be made', async () => {
    const oracle = new Oracle();
    for await (const line of oracle.play({ list: true })) expect(ids).toEqual(line.ids);
    oracle.close();
    expect(ids.length).toBeGreaterThanOrEqual(38);
  });

  test('a single environment', async () => {
    await forEveryId(async (oracle, id) => {
      await compareEnv(gym, oracle, {
        ...base,
        id,
        num_envs: 1,
        mode: 'Env',
        max_episode_steps: 0,
      });
    });
  });

  for (const mode of modes) {
    test(`5 sub-environments over 2 workers, autoreset mode ${mode}`, async () => {
      await forEveryId(async (oracle, id) => {
        await compareVector(gym, oracle, { ...base, id, num_envs: 5, mode, max_episode_steps: 0 });
      });
    });

    test(`the same with episodes of at most 37 steps, autoreset mode ${mode}`, async () => {
      await forEveryId(async (oracle, id) => {
        const settings = { ...base, id, num_envs: 5, mode, max_episode_steps: 37 };
        const fewest = await compareVector(gym, oracle, settings);
        expect(fewest, `${id} ended too few episodes to test autoresets`).toBeGreaterThanOrEqual(3);
      });
    });
  }

  test('1 sub-environment', async () => {
    await forEveryId(async (oracle, id) => {
      const settings = {
        ...base,
        id,
        num_envs: 1,
        mode: 'NextStep',
        max_episode_steps: 37,
      } as const;
      expect(await compareVector(gym, oracle, settings)).toBeGreaterThanOrEqual(3);
    });
  });
});
