/** The session socket, told only what session.proto says of it. */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import type {
  EnvironmentServiceClient,
  GetServerInfoResponse,
  ListSessionsResponse,
  SessionSocket,
} from '../proto/gen/gymlink/v1/service.js';
import { SessionRequest, SessionResponse } from '../proto/gen/gymlink/v1/session.js';
import { sidecarsBelow, until } from './fixtures/processes.js';
import { familiesStarted, int64s, open, rawClient, reset, step } from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
let sessionSocket: SessionSocket;
const limit = { timeout: 30_000 };

beforeAll(async () => {
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent' });
  client = rawClient(server.address);
  await familiesStarted(client);
  sessionSocket = (await serverInfo(client)).sessionSocket as SessionSocket;
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

const serverInfo = (of: EnvironmentServiceClient): Promise<GetServerInfoResponse> =>
  new Promise((resolve, reject) =>
    of.getServerInfo({}, (error, info) => (error === null ? resolve(info) : reject(error))),
  );

const sessionCount = (): Promise<number> =>
  new Promise((resolve, reject) =>
    client.listSessions({}, (error, reply: ListSessionsResponse) =>
      error === null ? resolve(reply.sessions.length) : reject(error),
    ),
  );

function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(message.length);
  return Buffer.concat([length, message]);
}

function request(seq: bigint, value: SessionRequest['request']): Buffer {
  return framed(SessionRequest.encode({ seq, acknowledged: 0n, request: value }).finish());
}

/** The next `count` messages; fewer if the server ends the connection before. */
async function responses(socket: Socket, count: number): Promise<SessionResponse[]> {
  let bytes = Buffer.alloc(0);
  const found: SessionResponse[] = [];
  const take = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32LE(0)) {
      const end = 4 + bytes.readUInt32LE(0);
      found.push(SessionResponse.decode(bytes.subarray(4, end)));
      bytes = bytes.subarray(end);
    }
    if (found.length >= count) socket.emit('enough');
  };
  socket.on('data', take);
  socket.resume();
  await Promise.race([once(socket, 'enough'), once(socket, 'end')]);
  socket.off('data', take);
  socket.pause();
  expect(bytes).toHaveLength(0);
  return found;
}

const cases = (found: readonly SessionResponse[]) =>
  found.map(({ seq, response }) => [seq, response?.$case]);

async function connected(): Promise<Socket> {
  const socket = connect(sessionSocket.path);
  await once(socket, 'connect');
  return socket;
}

describe('the session socket', limit, () => {
  test('is told with the port of gRPC, and lies where only the server’s user may go', async () => {
    expect(sessionSocket.port).toBe(Number(server.address.split(':')[1]));
    const folder = await stat(new URL('.', `file://${sessionSocket.path}`).pathname);
    expect(folder.mode & 0o777).toBe(0o700);
    expect((await stat(sessionSocket.path)).mode & 0o777).toBe(0o600);
    const workers = sessionSocket.path.replace('sessions.sock', 'workers.sock');
    expect((await stat(workers)).mode & 0o777).toBe(0o600);
  });

  test('carries a session: requests of any number in a chunk, cut anywhere', async () => {
    const socket = await connected();
    const bytes = Buffer.concat([
      request(1n, open({ envId: 'CartPole-v1', numEnvs: 2 })),
      request(2n, reset()),
      ...Array.from({ length: 100 }, (_, i) => request(BigInt(i + 3), step(int64s(0, 1)))),
      request(103n, { $case: 'close', value: {} }),
    ]);
    socket.write(bytes.subarray(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(bytes.subarray(2, 31));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(bytes.subarray(31));
    expect(cases(await responses(socket, 103))).toEqual([
      [1n, 'opened'],
      ...Array.from({ length: 101 }, (_, i) => [BigInt(i + 2), 'transition']),
      [103n, 'closed'],
    ]);
    socket.resume();
    await once(socket, 'close');
    expect(await sessionCount()).toBe(0);
  });

  test('ends a stream whose rules are broken with an Error of seq 0', async () => {
    const socket = await connected();
    socket.write(framed(Buffer.from('no message')));
    const found = await responses(socket, 3);
    expect(cases(found)).toEqual([
      [0n, 'error'],
      [0n, 'error'],
    ]);
    expect(found[1]?.response?.value).toMatchObject({
      reason: ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
    });
  });

  test('refuses a message over the limit before it has come', async () => {
    const socket = await connected();
    socket.write(request(1n, open({ envId: 'CartPole-v1' })));
    expect(cases(await responses(socket, 1))).toEqual([[1n, 'opened']]);
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    const found = await responses(socket, 2);
    expect(cases(found)).toEqual([[0n, 'error']]);
    expect(found[0]?.response?.value).toMatchObject({
      reason: ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE,
      message: 'A message of 4294967295 bytes is over the limit of 67108864.',
    });
    await until(async () => (await sessionCount()) === 0);
  });

  test.each(['end', 'destroy'] as const)(
    'closes the session of a client that is gone (%s)',
    async (how) => {
      const socket = await connected();
      socket.write(request(1n, open({ envId: 'CartPole-v1' })));
      await responses(socket, 1);
      expect(await sessionCount()).toBe(1);
      socket[how]();
      socket.resume();
      await until(async () => (await sessionCount()) === 0);
      await until(() => sidecarsBelow(process.pid).workers.length === 0);
    },
  );

  test('tells that the server is shutting down', async () => {
    const other = await serve({ listen: '127.0.0.1:0', logLevel: 'silent' });
    const its = rawClient(other.address);
    await familiesStarted(its);
    const socket = connect((await serverInfo(its)).sessionSocket?.path ?? '');
    socket.write(request(1n, open({ envId: 'CartPole-v1' })));
    await responses(socket, 1);
    const found = responses(socket, 2);
    its.close();
    await other.close();
    expect((await found)[0]?.response?.value).toMatchObject({
      reason: ErrorReason.ERROR_REASON_SHUTTING_DOWN,
    });
  });

  test('is not there where other machines can reach the server', async () => {
    const other = await serve({
      listen: '0.0.0.0:0',
      insecure: true,
      logLevel: 'silent',
      families: [],
    });
    const its = rawClient(other.address.replace('0.0.0.0', '127.0.0.1'));
    expect((await serverInfo(its)).sessionSocket).toBeUndefined();
    its.close();
    await other.close();
  });
});
