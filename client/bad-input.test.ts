/** What a user gets to see when a call is wrong: a reason, and a message that names what was asked and what to do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Connection,
  connect,
  GymlinkError,
  launch,
  type VectorEnv,
  type WrapperSpec,
} from './index.js';

let gym: Connection;
let bystander: VectorEnv<unknown, unknown>;
let bystanderSteps = 0;

beforeAll(async () => {
  gym = await launch();
  bystander = (await gym.makeVec('CartPole-v1', { numEnvs: 2, seed: 5 })) as never;
  await bystander.reset();
}, 180_000);

afterAll(async () => {
  await gym?.close();
});

async function failure(call: Promise<unknown>): Promise<GymlinkError> {
  const error = await call.then(
    () => expect.fail('the call succeeded'),
    (found: unknown) => found,
  );
  expect(error).toBeInstanceOf(GymlinkError);
  await bystander.step(bystander.actionSpace.sample());
  expect(bystander.lastTransition().kinds).toHaveLength(2);
  bystanderSteps++;
  return error as GymlinkError;
}

test('an unknown environment is answered with the nearest names', async () => {
  const error = await failure(gym.make('LunarLandr-v3'));
  expect(error.reason).toBe('UNKNOWN_ENVIRONMENT');
  expect(error.message).toContain('LunarLandr-v3');
  expect(error.suggestions).toContain('LunarLander-v3');
});

test('an environment whose package is missing says so', async () => {
  const error = await failure(gym.make('phys2d/CartPole-v1'));
  expect(error.reason).toBe('ENVIRONMENT_UNAVAILABLE');
  expect(error.message).toContain('jax');
});

test('arguments outside the allow-list are refused', async () => {
  const file = await failure(gym.make('HalfCheetah-v5', { kwargs: { xml_file: '/etc/passwd' } }));
  expect(file.reason).toBe('NOT_ALLOWED');
  expect(file.message).toContain('xml_file');
  const misspelt = await failure(gym.make('LunarLander-v3', { kwargs: { gravty: -5 } }));
  expect(misspelt.reason).toBe('NOT_ALLOWED');
  expect(misspelt.suggestions).toContain('gravity');
});

test('arguments that the constructor rejects come with its own message', async () => {
  const error = await failure(gym.make('LunarLander-v3', { kwargs: { gravity: 5 } }));
  expect(error.reason).toBe('INVALID_KWARGS');
  expect(error.message).toContain('gravity');
  expect(error.exception?.type).toBe('builtins.AssertionError');
});

test('wrappers that cannot be used are refused', async () => {
  const wrapped = (wrapper: WrapperSpec) =>
    failure(gym.make('CartPole-v1', { wrappers: [wrapper] }));
  const video = await wrapped({ name: 'RecordVideo', kwargs: { video_folder: '/tmp' } });
  expect(video.reason).toBe('NOT_ALLOWED');
  expect(video.message).toContain('RecordVideo');
  const misspelt = await wrapped({ name: 'FrameStack', kwargs: { stack_size: 4 } });
  expect(misspelt.reason).toBe('NOT_ALLOWED');
  expect(misspelt.suggestions).toContain('FrameStackObservation');
  const refused = await wrapped({ name: 'FrameStackObservation', kwargs: { stack_size: 0 } });
  expect(refused.reason).toBe('INVALID_KWARGS');
  expect(refused.exception?.message).toContain('stack_size needs to be greater than zero');
  expect(refused.message).toContain('FrameStackObservation(stack_size=0)');
  const unfit = await wrapped({ name: 'ClipAction' });
  expect(unfit.reason).toBe('INVALID_KWARGS');
  expect(unfit.message).toContain('ClipAction() cannot be put around CartPole-v1');
});

test('plans that cannot be followed are refused', async () => {
  for (const [options, reason] of [
    [{ plan: [[{ seed: 1 }]] }, 'INVALID_ARGUMENT'],
    [{ plan: [[{ seed: -1 }], []] }, 'INVALID_SEED'],
    [{ plan: [[{ seed: 1 }], []], autoresetMode: 'Disabled' }, 'MALFORMED_REQUEST'],
  ] as const)
    expect(
      (await failure(gym.makeVec('CartPole-v1', { numEnvs: 2, ...options }))).reason,
      JSON.stringify(options),
    ).toBe(reason);
});

test('render modes that cannot be served are refused', async () => {
  expect((await failure(gym.make('CartPole-v1', { renderMode: 'human' }))).message).toContain(
    'human',
  );
  expect((await failure(gym.make('CartPole-v1', { renderMode: 'hologram' }))).message).toContain(
    'rgb_array',
  );
});

test('an action of the wrong length, kind or range changes nothing', async () => {
  await using envs = await gym.makeVec<unknown, unknown>('CartPole-v1', { numEnvs: 3 });
  await envs.reset({ seed: 1 });
  for (const action of [[0, 1], [0, 1, 7], [0, 1, -1], [0, 1, 0.5], ['a', 0, 1], null, { a: 1 }]) {
    const error = await failure(envs.step(action));
    expect(error.reason, JSON.stringify(action)).toBe('INVALID_ACTION');
  }
  await envs.step([0, 1, 0]);
  expect([...envs.lastTransition().episodeSteps]).toEqual([1, 1, 1]);
});

test('an action out of a Box names its sub-environment and says to clip', async () => {
  await using envs = await gym.makeVec<unknown, unknown>('Pendulum-v1', { numEnvs: 3 });
  await envs.reset({ seed: 1 });
  const error = await failure(envs.step([0, 2.5, 0]));
  expect(error.reason).toBe('INVALID_ACTION');
  expect(error.envIndices).toEqual([1]);
  expect(error.message).toMatch(/clip/i);
  expect((await failure(envs.step([0, Number.NaN, 0]))).envIndices).toEqual([1]);
});

test('a step before the first reset needs a reset', async () => {
  await using env = await gym.make('CartPole-v1');
  const error = await failure(env.step(0));
  expect(error.reason).toBe('RESET_NEEDED');
  expect(error.message).toContain('CartPole-v1');
});

test('a step after the end of an episode needs a reset', async () => {
  await using env = await gym.make('CartPole-v1', { maxEpisodeSteps: 1 });
  await env.reset({ seed: 1 });
  expect((await env.step(0)).truncated).toBe(true);
  expect((await failure(env.step(0))).reason).toBe('RESET_NEEDED');
  await env.reset();
  await env.step(0);
});

test('a step after close says that the environment is closed', async () => {
  const env = await gym.make('CartPole-v1');
  await env.reset();
  await env.close();
  await env.close();
  expect((await failure(env.step(0))).reason).toBe('SESSION_CLOSED');
});

test('seeds that do not fit are refused before anything is sent', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
  for (const seed of [-1, 0.5, 2 ** 53, 2n ** 256n, [1], [1, -2]])
    expect((await failure(envs.reset({ seed }))).message).toMatch(/seed/);
  await envs.reset({ seed: 2n ** 127n });
  expect(envs.lastTransition().seeds.get(1)).toBe(2n ** 127n + 1n);
});

test('resets of a mask, seeds or options of the wrong length change nothing', async () => {
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 3 });
  await envs.reset({ seed: 1 });
  await envs.step([0, 1, 0]);
  for (const [options, says] of [
    [{ options: { reset_mask: [true, false] } }, 'reset_mask has 2 items for 3 sub-environments'],
    [{ options: { reset_mask: [true, true, true, true] } }, 'reset_mask has 4 items for 3'],
    [{ options: { reset_mask: [] } }, 'reset_mask has 0 items for 3'],
    [{ options: { reset_mask: [false, false, false] } }, 'reset_mask names no sub-environment'],
    [{ envOptions: [{}, {}] }, '2 options were given for 3 sub-environments'],
    [{ seed: [1, 2, 3, 4] }, '4 seeds were given for 3 sub-environments'],
    [{ envOptions: [{}, {}, {}], options: { low: 0 } }, 'options or envOptions, not both'],
  ] as const)
    expect((await failure(envs.reset(options))).message).toContain(says);
  await envs.step([0, 1, 0]);
  expect([...envs.lastTransition().episodeSteps]).toEqual([2, 2, 2]);
  await envs.reset({ options: { reset_mask: [false, true, false] } });
  expect([...envs.lastTransition().episodeSteps]).toEqual([2, 0, 2]);
});

test('a message over the limit is refused before it is sent', async () => {
  await using env = await gym.make('CartPole-v1');
  const error = await failure(env.reset({ options: { text: 'x'.repeat(65 * 1024 * 1024) } }));
  expect(error.reason).toBe('MESSAGE_TOO_LARGE');
  expect(error.message).toMatch(/reset takes \d+ bytes, over the server’s limit of 67108864/);
  await env.reset({ seed: 1 });
});

test('rendering without a render mode names the option', async () => {
  await using env = await gym.make('CartPole-v1');
  await env.reset();
  expect((await failure(env.render())).reason).toBe('RENDER_UNAVAILABLE');
});

test('renders that cannot be done change nothing', async () => {
  await using text = await gym.make('FrozenLake-v1', { renderMode: 'ansi' });
  await text.reset();
  const error = await failure(text.render({ encoding: 'png' }));
  expect(error.reason).toBe('RENDER_UNAVAILABLE');
  expect(error.message).toContain('ansi');
  expect(await text.render()).toContain('HFFG');
  await using envs = await gym.makeVec('CartPole-v1', { numEnvs: 2, renderMode: 'rgb_array' });
  await envs.reset();
  for (const [options, reason] of [
    [{ encoding: 'gif' as never }, 'INVALID_ARGUMENT'],
    [{ width: 0 }, 'INVALID_ARGUMENT'],
    [{ width: 100_000 }, 'LIMIT_EXCEEDED'],
    [{ envIndices: [] }, 'INVALID_ARGUMENT'],
    [{ envIndices: [2] }, 'INVALID_ENV_INDEX'],
    [{ envIndices: [1, 0] }, 'INVALID_ENV_INDEX'],
  ] as const)
    expect((await failure(envs.render(options))).reason, JSON.stringify(options)).toBe(reason);
});

test('no server at an address is said in one sentence', async () => {
  const error = await failure(connect('127.0.0.1:1', { timeoutMs: 500 }));
  expect(error.reason).toBe('CONNECTION_FAILED');
  expect(error.message).toContain('127.0.0.1:1');
});

test('the session beside all this noticed nothing', () => {
  expect(bystanderSteps).toBeGreaterThan(20);
});

test.each<[string, (envs: VectorEnv) => Promise<unknown>, RegExp]>([
  ['no sub-environment to save', (envs) => envs.saveState([]), /names no sub-environment/],
  [
    'no sub-environment to restore',
    (envs) => envs.restoreState(1n, []),
    /names no sub-environment/,
  ],
  ['no sub-environment to read', (envs) => envs.getAttr('state', []), /names no sub-environment/],
  ['a negative sub-environment', (envs) => envs.saveState([-1]), /whole number from 0 .*not -1/],
  [
    'half a sub-environment',
    (envs) => envs.getAttr('state', [0.5]),
    /whole number from 0 .*not 0.5/,
  ],
  ['a negative state', (envs) => envs.restoreState(-1n), /-1 is no saved state/],
  ['a state of 65 bits', (envs) => envs.dropState([2n ** 64n]), /is no saved state/],
  ['a number as state', (envs) => envs.exportState([1 as never]), /1 is no saved state: .*bigints/],
  ['a text as seed', (envs) => envs.reset({ seed: '5' as never }), /5 is no seed/],
])('%s is refused before anything is sent', async (_, call, message) => {
  await using envs = (await gym.makeVec('CartPole-v1', { numEnvs: 2 })) as VectorEnv;
  await envs.reset({ seed: 1 });
  const [state] = await envs.saveState([0]);
  const before = await envs.getAttr('state');
  const error = await failure(call(envs));
  expect(error.reason).toMatch(/INVALID_(ARGUMENT|SEED)/);
  expect(error.message).toMatch(message);
  expect(await envs.getAttr('state')).toEqual(before);
  expect(await envs.exportState([state as bigint])).toHaveLength(1);
});
