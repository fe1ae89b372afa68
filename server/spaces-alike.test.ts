import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import type { EnvironmentServiceClient } from '../proto/gen/gymlink/v1/service.js';
import { ObservationMode, OpenRequest } from '../proto/gen/gymlink/v1/session.js';
import type { BoxSpace, Space } from '../proto/gen/gymlink/v1/space.js';
import { Dtype } from '../proto/gen/gymlink/v1/value.js';
import { WorkerOpened } from '../proto/gen/gymlink/worker/v1/worker.js';
import {
  familiesStarted,
  int64s,
  kwargs,
  open,
  RawSession,
  rawClient,
} from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';
import { mergeOpened } from './spaces-alike.js';

const limit = { timeout: 30_000 };
const different = { observationMode: ObservationMode.OBSERVATION_MODE_DIFFERENT };
let server: RunningServer;
let client: EnvironmentServiceClient;

beforeAll(async () => {
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent' });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

const map = (name: string) => kwargs({ map_name: { $case: 'text', value: name } });
const lakes = (...names: string[]) => ({
  envId: 'FrozenLake-v1',
  numEnvs: names.length,
  envKwargs: names.flatMap((name) => map(name) ?? []),
});

describe('a session in observation mode DIFFERENT', limit, () => {
  test('tells the space of each sub-environment, also over several workers', async () => {
    const session = new RawSession(client);
    const opened = await session.open({
      ...lakes('4x4', '8x8', '8x8', '4x4', '8x8'),
      ...different,
      numWorkers: 2,
    });
    const sizes = [opened.observationSpace, ...opened.observationSpaces].map((space) =>
      space?.kind?.$case === 'discrete' ? space.kind.value.n : undefined,
    );
    expect(sizes).toEqual([16n, 16n, 64n, 64n, 16n, 64n]);
    await session.reset();
    expect((await session.step(int64s(1, 1, 1, 1, 1))).parts).toHaveLength(2);
    await session.close();
  });

  test('has equal spaces, too', async () => {
    const session = new RawSession(client);
    const { observationSpace, observationSpaces } = await session.open({
      ...different,
      numEnvs: 3,
      numWorkers: 3,
    });
    expect(observationSpaces).toHaveLength(3);
    expect(observationSpaces).toEqual(Array(3).fill(observationSpace));
    await session.close();
  });
});

describe('what does not go together is refused', limit, () => {
  test.each([
    ['within a worker', lakes('4x4', '4x4', '8x8'), ErrorReason.ERROR_REASON_INVALID_KWARGS, [2]],
    [
      'of two workers',
      { ...lakes('4x4', '4x4', '8x8'), numWorkers: 2 },
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      [2],
    ],
    [
      'of another number',
      { ...lakes('4x4', '8x8'), numEnvs: 3 },
      ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
      [],
    ],
    [
      'of other names than allowed',
      {
        envKwargs: [{ entries: [] }, kwargs({ seed: { $case: 'boolean', value: true } })],
        numEnvs: 2,
      },
      ErrorReason.ERROR_REASON_NOT_ALLOWED,
      [],
    ],
  ] as const)('arguments %s', async (_name, fields, reason, envIndices) => {
    const session = new RawSession(client);
    const error = await session.ask(open(fields as Partial<OpenRequest>), 'error');
    expect([error.reason, error.envIndices]).toEqual([reason, envIndices]);
    await session.open({});
    await session.close();
  });
});

describe('mergeOpened', limit, () => {
  const box = (fields: Partial<BoxSpace>): Space => {
    const plain = { dtype: Dtype.DTYPE_FLOAT32, shape: [2n], low: floats(-1), high: floats(1) };
    const none = { unboundedBelow: new Uint8Array(), unboundedAbove: new Uint8Array() };
    return { kind: { $case: 'box', value: { ...plain, ...none, ...fields } } };
  };
  const floats = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
  const sequence = (space: Space): Space => ({
    kind: { $case: 'sequence', value: { space, stacked: false } },
  });
  const merged = (spaces: Space[], actionSpaces: Space[] = []) =>
    mergeOpened(
      spaces.map((observationSpace, i) => ({
        ...WorkerOpened.decode(new Uint8Array()),
        observationSpace,
        observationSpaces: [observationSpace],
        actionSpace: actionSpaces[i],
      })),
      spaces.map((_, i) => i),
      { ...OpenRequest.decode(new Uint8Array()), ...different },
    );

  test('takes other bounds, however deep', () => {
    const [a, b] = [
      box({}),
      box({ low: floats(0), high: floats(9), unboundedAbove: Uint8Array.of(1) }),
    ];
    expect(merged([a, b]).observationSpaces).toEqual([a, b]);
    expect(merged([sequence(a), sequence(b)]).observationSpace).toEqual(sequence(a));
  });

  test.each([
    ['shapes', box({}), box({ shape: [3n] })],
    ['dtypes', box({}), box({ dtype: Dtype.DTYPE_FLOAT64 })],
    ['kinds', box({}), sequence(box({}))],
    ['elements', sequence(box({})), sequence(box({ shape: [3n] }))],
  ])('refuses other %s', (_name, a, b) => {
    expect(() => merged([a, a, b])).toThrow(
      /^Sub-environment 2 of .* another kind, shape or dtype/,
    );
  });

  test('refuses other action spaces', () => {
    const [a, b] = [box({}), box({ low: floats(0) })];
    expect(() => merged([a, a], [a, b])).toThrow(/^Sub-environment 1 of .* another action space/);
  });
});
