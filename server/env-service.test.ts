import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import {
  Capability,
  type CloseSessionResponse,
  type DescribeEnvironmentRequest,
  type DescribeEnvironmentResponse,
  type EnvironmentServiceClient,
  type GetServerInfoResponse,
  type ListEnvironmentsResponse,
  type ListSessionsResponse,
} from '../proto/gen/gymlink/v1/service.js';
import { sidecarsBelow, until } from './fixtures/processes.js';
import {
  errorOf,
  familiesStarted,
  int64s,
  kwargs,
  RawSession,
  rawClient,
} from './fixtures/raw-client.js';
import { type RunningServer, serve, version } from './index.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
const limit = { timeout: 30_000 };

beforeAll(async () => {
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent' });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

/** Settles with what a unary call calls back with. */
function answer<T>(
  call: (callback: (error: ServiceError | null, reply: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) =>
    call((error, reply) => (error === null ? resolve(reply) : reject(error))),
  );
}

function describeEnvironment(
  request: Partial<DescribeEnvironmentRequest>,
): Promise<DescribeEnvironmentResponse> {
  return answer<DescribeEnvironmentResponse>((callback) =>
    client.describeEnvironment({ envId: '', kwargs: undefined, ...request }, callback),
  );
}

describe('GetServerInfo', limit, () => {
  test('tells version, protocol, capabilities and limits', async () => {
    expect(
      await answer<GetServerInfoResponse>((callback) => client.getServerInfo({}, callback)),
    ).toEqual({
      version,
      protocol: { major: 1, minor: 0 },
      capabilities: [
        Capability.CAPABILITY_AUTORESET_NEXT_STEP,
        Capability.CAPABILITY_AUTORESET_SAME_STEP,
        Capability.CAPABILITY_AUTORESET_DISABLED,
        Capability.CAPABILITY_SPACE_SEQUENCE,
        Capability.CAPABILITY_SPACE_GRAPH,
        Capability.CAPABILITY_SPACE_ONE_OF,
        Capability.CAPABILITY_OBSERVATION_MODE_DIFFERENT,
        Capability.CAPABILITY_RENDER,
        Capability.CAPABILITY_RENDER_ENCODED,
        Capability.CAPABILITY_CALLS,
        Capability.CAPABILITY_SAVED_STATES,
        Capability.CAPABILITY_WRAPPERS,
        Capability.CAPABILITY_INFO_FILTER,
        Capability.CAPABILITY_SEED_PLAN,
        Capability.CAPABILITY_SHARED_MEMORY,
        Capability.CAPABILITY_ASYNCHRONOUS,
        Capability.CAPABILITY_COMPRESSION,
        Capability.CAPABILITY_NEWEST_FRAME_ONLY,
      ],
      limits: { maxMessageBytes: 67_108_864n, maxEnvsPerSession: 4096, maxSessions: 256 },
      sessionSocket: {
        path: expect.stringMatching(/\/gymlink-\w{6}\/sessions\.sock$/),
        port: Number(server.address.split(':')[1]),
      },
    });
  });
});

describe('ListEnvironments', limit, () => {
  test('lists the catalogue, sorted, with what a client may set', async () => {
    const { environments } = await answer<ListEnvironmentsResponse>((callback) =>
      client.listEnvironments({ contains: '' }, callback),
    );
    const ids = environments.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(environments.find(({ id }) => id === 'LunarLander-v3')).toMatchObject({
      family: 'gymnasium',
      maxEpisodeSteps: 1000,
      rewardThreshold: 200,
      allowedKwargs: ['continuous', 'gravity', 'enable_wind', 'wind_power', 'turbulence_power'],
      unavailable: '',
    });
    expect(environments.flatMap(({ allowedKwargs }) => allowedKwargs)).not.toContain('xml_file');
  });

  test('finds parts of ids without regard to case', async () => {
    const { environments } = await answer<ListEnvironmentsResponse>((callback) =>
      client.listEnvironments({ contains: 'cartpole' }, callback),
    );
    expect(environments.map(({ id }) => id)).toEqual([
      'CartPole-v0',
      'CartPole-v1',
      'phys2d/CartPole-v0',
      'phys2d/CartPole-v1',
    ]);
  });
});

describe('DescribeEnvironment', limit, () => {
  test('describes an environment, and again without making it', async () => {
    const before = sidecarsBelow(process.pid).workers.length;
    const description = await describeEnvironment({ envId: 'CartPole-v1' });
    expect(description.environment?.id).toBe('CartPole-v1');
    expect(description.actionSpace?.kind).toMatchObject({
      $case: 'discrete',
      value: { n: 2n, start: 0n },
    });
    expect(description.observationSpace?.kind).toMatchObject({
      $case: 'box',
      value: { shape: [4n] },
    });
    expect(description.documentation).toMatch(/pole/);
    await until(() => sidecarsBelow(process.pid).workers.length === before);
    expect(await describeEnvironment({ envId: 'CartPole-v1' })).toEqual(description);
    expect(sidecarsBelow(process.pid).workers.length).toBe(before);
  });

  test('describes it for the arguments that are asked about', async () => {
    const continuous = kwargs({ continuous: { $case: 'boolean', value: true } });
    const { actionSpace } = await describeEnvironment({
      envId: 'LunarLander-v3',
      kwargs: continuous,
    });
    expect(actionSpace?.kind).toMatchObject({ $case: 'box', value: { shape: [2n] } });
  });

  test.each([
    ['an unknown id', { envId: 'CartPole-v7' }, ErrorReason.ERROR_REASON_UNKNOWN_ENVIRONMENT, 5],
    [
      'an argument outside the list',
      { envId: 'Ant-v5', kwargs: kwargs({ xml_file: { $case: 'text', value: '/etc/passwd' } }) },
      ErrorReason.ERROR_REASON_NOT_ALLOWED,
      7,
    ],
    [
      'a value that the constructor refuses',
      { envId: 'LunarLander-v3', kwargs: kwargs({ gravity: { $case: 'real', value: 5 } }) },
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      3,
    ],
  ])('%s fails with its status and Error', async (_name, request, reason, code) => {
    const failure = await describeEnvironment(request).catch((error: ServiceError) => error);
    if (!(failure instanceof Error)) throw new Error('it did not fail');
    expect(failure.code).toBe(code);
    expect(errorOf(failure)).toMatchObject({ reason, message: failure.details });
  });
});

describe('sessions', limit, () => {
  test('are listed with what they did', async () => {
    const session = new RawSession(client);
    const { sessionId } = await session.open({ numEnvs: 3 });
    await session.reset();
    await session.step(int64s(0, 0, 0));
    const { sessions } = await answer<ListSessionsResponse>((callback) =>
      client.listSessions({}, callback),
    );
    expect(sessions).toEqual([
      {
        sessionId,
        envId: 'CartPole-v1',
        numEnvs: 3,
        rows: 6n,
        ageS: expect.any(Number),
        peer: expect.stringMatching(/^127/),
        messageBytes: expect.any(BigInt),
        sharedBytes: 0n,
      },
    ]);
    await session.close();
  });

  test('an id that is not open is not found', async () => {
    const failure = await answer<CloseSessionResponse>((callback) =>
      client.closeSession({ sessionId: 'x' }, callback),
    ).catch((error: ServiceError) => error);
    if (!(failure instanceof Error)) throw new Error('it did not fail');
    expect(failure.code).toBe(5);
    expect(errorOf(failure).reason).toBe(ErrorReason.ERROR_REASON_SESSION_NOT_FOUND);
  });
});
