import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import type { EnvironmentServiceClient } from '../proto/gen/gymlink/v1/service.js';
import type { OpenRequest } from '../proto/gen/gymlink/v1/session.js';
import { isAlive, sidecarsBelow, until } from './fixtures/processes.js';
import {
  familiesStarted,
  int64s,
  kwargs,
  open,
  RawSession,
  rawClient,
  reset,
  rowsOf,
  step,
} from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
const folder = (name: string): string => new URL(`fixtures/${name}`, import.meta.url).pathname;
const limit = { timeout: 30_000 };

beforeAll(async () => {
  server = await serve({
    listen: '127.0.0.1:0',
    logLevel: 'silent',
    families: [folder('family-misbehaving'), folder('family-broken')],
    deadlines: { stepMs: 1_500, closeMs: 500, openMs: 20_000 },
  });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
  expect(sidecarsBelow(process.pid)).toEqual({ parents: [], workers: [] });
}, 30_000);

async function opened(fields: Partial<OpenRequest> = {}): Promise<RawSession> {
  const session = new RawSession(client);
  await session.open({ envId: 'Misbehaving-v0', ...fields });
  return session;
}

/** Options that make one sub-environment fail. */
function failing(fault: string, at: string) {
  return kwargs({ fault: { $case: 'text', value: fault }, at: { $case: 'text', value: at } });
}

async function listIds(): Promise<string[]> {
  return new Promise((resolve, reject) =>
    client.listSessions({}, (error, reply) =>
      error === null ? resolve(reply.sessions.map(({ sessionId }) => sessionId)) : reject(error),
    ),
  );
}

describe('an environment that raises', limit, () => {
  test('in its constructor fails Open', async () => {
    const session = new RawSession(client);
    const request = open({
      envId: 'Misbehaving-v0',
      kwargs: kwargs({ fault: { $case: 'text', value: 'raise' } }),
    });
    const error = await session.ask(request, 'error');
    expect(error).toMatchObject({
      exception: { type: 'builtins.ValueError', message: 'asked to fail' },
      envId: 'Misbehaving-v0',
    });
  });

  test('in step fails that step, says who advanced, and needs a reset', async () => {
    const session = await opened({ numEnvs: 4, numWorkers: 2 });
    await session.reset();
    await session.reset({ envIndices: [3], options: failing('raise', 'step') });
    const error = await session.ask(step(int64s(0, 0, 0, 0)), 'error');
    expect(error.reason).toBe(ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED);
    expect(error.exception?.message).toBe('asked to fail');
    expect(error.envIndices).toEqual([3]);
    expect(error.advancedEnvIndices).toEqual([0, 1, 2]);
    const refused = await session.ask(step(int64s(0, 0, 0, 0)), 'error');
    expect([refused.reason, refused.envIndices]).toEqual([
      ErrorReason.ERROR_REASON_RESET_NEEDED,
      [0, 1, 2, 3],
    ]);
    await session.reset();
    expect(
      rowsOf(await session.step(int64s(0, 0, 0, 0))).map(({ episodeStep }) => episodeStep),
    ).toEqual([1, 1, 1, 1]);
    await session.close();
  });

  test('in reset fails that reset', async () => {
    const session = await opened({ numEnvs: 2 });
    const error = await session.ask(
      reset({ envIndices: [1], options: failing('raise', 'reset') }),
      'error',
    );
    expect([error.reason, error.envIndices]).toEqual([
      ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED,
      [1],
    ]);
    await session.reset();
    await session.close();
  });
});

describe('a worker that ends', limit, () => {
  test('by itself breaks its session with a stored error, and no other', async () => {
    const other = await opened({ numEnvs: 2 });
    await other.reset();
    const session = await opened({ numEnvs: 4, numWorkers: 2 });
    await session.reset();
    await session.reset({ envIndices: [1], options: failing('exit', 'step') });
    const error = await session.ask(step(int64s(0, 0, 0, 0)), 'error');
    expect(error).toMatchObject({
      reason: ErrorReason.ERROR_REASON_WORKER_DIED,
      envId: 'Misbehaving-v0',
      envIndices: [0, 1],
      advancedEnvIndices: [2, 3],
    });
    expect(error.message).toMatch(/exited with status 3/);
    for (const request of [reset(), step(int64s(0), [3]), { $case: 'ping', value: {} } as const])
      expect((await session.ask(request, 'error')).message).toBe(error.message);
    await session.close();
    await other.step(int64s(0, 0));
    await other.close();
  });

  test('by SIGKILL while it is idle breaks its session', async () => {
    const before = new Set(sidecarsBelow(process.pid).workers);
    const session = await opened();
    const [pid] = sidecarsBelow(process.pid).workers.filter((worker) => !before.has(worker));
    process.kill(pid as number, 'SIGKILL');
    await until(() => !isAlive(pid as number));
    let message = '';
    await until(async () => {
      session.send({ $case: 'ping', value: {} });
      const { response } = await session.next();
      message = response?.$case === 'error' ? response.value.message : '';
      return message !== '';
    });
    expect(message).toMatch(/ended by signal 9/);
    await session.close();
  });

  test('because it hung past the deadline breaks its session', async () => {
    const session = await opened({ numEnvs: 2, numWorkers: 2 });
    await session.reset();
    await session.reset({ envIndices: [0], options: failing('hang', 'step') });
    const { workers } = sidecarsBelow(process.pid);
    const error = await session.ask(step(int64s(0, 0)), 'error');
    expect(error).toMatchObject({
      reason: ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
      envIndices: [0],
      advancedEnvIndices: [1],
    });
    expect(error.message).toMatch(
      /Misbehaving-v0, sub-environment 0\) did not finish Step within 1.5 s .* open a new one, with another seed/,
    );
    await until(() => sidecarsBelow(process.pid).workers.length === workers.length - 1);
    expect((await session.ask(reset(), 'error')).message).toBe(error.message);
    await session.close();
  });

  test('when closing hangs is killed after its grace', async () => {
    const { workers } = sidecarsBelow(process.pid);
    const session = await opened();
    await session.reset({ options: failing('hang', 'close') });
    await session.close();
    await until(() => sidecarsBelow(process.pid).workers.length === workers.length);
  });
});

describe('a state that a process keeps', limit, () => {
  const restore = (envIndices: number[], ...stateIds: bigint[]) =>
    ({ $case: 'restoreState', value: { envIndices, stateIds } }) as const;
  const save = (...envIndices: number[]) =>
    ({ $case: 'saveState', value: { envIndices } }) as const;

  test('and what is restored from it go with the session, the state also when it is dropped', async () => {
    const { workers } = sidecarsBelow(process.pid);
    const more = () => sidecarsBelow(process.pid).workers.length - workers.length;
    const session = await opened({ numEnvs: 2, numWorkers: 2 });
    await session.reset();
    const { stateIds } = await session.ask(save(), 'stateSaved');
    expect(more()).toBe(4);
    const [first, second] = stateIds as [bigint, bigint];
    await session.ask(restore([0, 1], second, first), 'transition');
    expect(more()).toBe(6);
    await session.ask({ $case: 'dropState', value: { stateIds } }, 'stateDropped');
    await until(() => more() === 4);
    const rows = rowsOf(await session.step(int64s(0, 0)));
    expect(rows.map(({ episodeStep }) => episodeStep)).toEqual([1, 1]);
    await session.ask(save(1), 'stateSaved');
    await session.close();
    await until(() => more() === 0);
  });

  test('runs in another worker, with which it is killed when it hangs', async () => {
    const { workers } = sidecarsBelow(process.pid);
    const more = () => sidecarsBelow(process.pid).workers.length - workers.length;
    const session = await opened({ numEnvs: 2, numWorkers: 2 });
    await session.reset();
    await session.reset({ envIndices: [0], options: failing('hang', 'step') });
    const { stateIds } = await session.ask(save(0), 'stateSaved');
    await session.ask(restore([1], ...stateIds), 'transition');
    expect(more()).toBe(4);
    const error = await session.ask(step(int64s(0), [1]), 'error');
    expect([error.reason, error.envIndices]).toEqual([
      ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
      [1],
    ]);
    await until(() => more() === 2);
    await session.close();
    await until(() => more() === 0);
  });

  test('goes with its session in the middle of a step', async () => {
    const { workers } = sidecarsBelow(process.pid);
    const session = await opened();
    await session.reset({ options: failing('hang', 'step') });
    const { stateIds } = await session.ask(save(), 'stateSaved');
    await session.ask(restore([], ...stateIds), 'transition');
    session.send(step(int64s(0)));
    session.call.cancel();
    await until(() => sidecarsBelow(process.pid).workers.length === workers.length);
  });

  test('is one of a limited number', async () => {
    const { workers } = sidecarsBelow(process.pid);
    const session = await opened({ numEnvs: 257, numWorkers: 2 });
    await session.reset();
    const error = await session.ask(save(), 'error');
    expect([error.reason, error.message]).toEqual([
      ErrorReason.ERROR_REASON_LIMIT_EXCEEDED,
      expect.stringMatching(/may have 256 more .*maxForkedStatesPerSession/),
    ]);
    expect(sidecarsBelow(process.pid).workers.length).toBe(workers.length + 2);
    const { stateIds } = await session.ask(save(3, 200), 'stateSaved');
    const rest = await session.ask(save(...Array.from({ length: 255 }, (_, i) => i)), 'error');
    expect(rest.message).toMatch(/may have 254 more/);
    await session.ask({ $case: 'dropState', value: { stateIds } }, 'stateDropped');
    await session.close();
  });
});

describe('a dropped stream', limit, () => {
  test('closes its session, also in the middle of a step', async () => {
    const none = () => sidecarsBelow(process.pid).workers.length === 0;
    await until(none);
    const session = await opened({ numEnvs: 2, numWorkers: 2 });
    await session.reset({ options: failing('hang', 'step') });
    session.send(step(int64s(0, 0)));
    session.call.cancel();
    await until(none);
    expect(await listIds()).toEqual([]);
  });

  test('while opening ends what was begun', async () => {
    const { workers } = sidecarsBelow(process.pid);
    const session = new RawSession(client);
    session.send(
      open({
        envId: 'Misbehaving-v0',
        kwargs: kwargs({ fault: { $case: 'text', value: 'hang' } }),
      }),
    );
    await until(() => sidecarsBelow(process.pid).workers.length === workers.length + 1);
    session.call.cancel();
    await until(() => sidecarsBelow(process.pid).workers.length === workers.length);
  });
});

describe('CloseSession', limit, () => {
  test('ends the stream of a session', async () => {
    const session = new RawSession(client);
    const { sessionId } = await session.open({ envId: 'Misbehaving-v0' });
    expect(await listIds()).toEqual([sessionId]);
    await new Promise((resolve) => client.closeSession({ sessionId }, resolve));
    const { code, details } = await session.status;
    expect([code, details]).toEqual([9, expect.stringMatching(/closed/)]);
    expect(await listIds()).toEqual([]);
  });
});

describe('a family', limit, () => {
  test('whose parent is killed gets a new one with the next session', async () => {
    const session = await opened({ numEnvs: 2 });
    await session.reset();
    const { parents } = sidecarsBelow(process.pid);
    for (const pid of parents) process.kill(pid, 'SIGKILL');
    await until(() => !parents.some(isAlive));
    const error = await session.ask(step(int64s(0, 0)), 'error');
    expect(error.reason).toBe(ErrorReason.ERROR_REASON_WORKER_DIED);
    await session.close();
    const next = await opened();
    await next.reset();
    await next.close();
  });
});

test(
  'a family whose sidecar dies at its start says what it printed, and others are served',
  limit,
  async () => {
    const broken = await serve({
      listen: '127.0.0.1:0',
      logLevel: 'silent',
      families: [folder('family-broken')],
    });
    const brokenClient = rawClient(broken.address);
    const error = await new RawSession(brokenClient).ask(open({}), 'error');
    expect(error.reason).toBe(ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE);
    expect(error.message).toMatch(
      /exited with status 1.*a_package_that_is_missing.*gymlink doctor/s,
    );
    brokenClient.close();
    await broken.close();
    await (await opened()).close();
  },
);
