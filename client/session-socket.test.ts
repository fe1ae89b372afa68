/** Sessions go over the session socket where the server is on this machine, and nobody notices but the statistics. */
import { rm } from 'node:fs/promises';
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import { EnvironmentServiceClient } from '../proto/gen/gymlink/v1/service.js';
import { type Connection, type ConnectOptions, connect } from './index.js';

let server: Awaited<ReturnType<typeof startServer>>;
let raw: EnvironmentServiceClient;
let gym: Connection | undefined;
const limit = { timeout: 60_000 };

beforeAll(async () => {
  server = await startServer();
  raw = rawClient(server.address);
}, 180_000);

afterEach(async () => {
  await gym?.close();
});

afterAll(async () => {
  raw.close();
  await server.stop();
});

const rawClient = (address: string) =>
  new EnvironmentServiceClient(address, credentials.createInsecure());

const peers = (client = raw): Promise<string[]> =>
  new Promise((resolve, reject) =>
    client.listSessions({}, (error, { sessions }) =>
      error === null ? resolve(sessions.map(({ peer }) => peer)) : reject(error),
    ),
  );

const sessionSocketPath = (client: EnvironmentServiceClient): Promise<string> =>
  new Promise((resolve, reject) =>
    client.getServerInfo({}, (error, { sessionSocket }) =>
      error === null ? resolve(sessionSocket?.path ?? '') : reject(error),
    ),
  );

async function peerWith(address: string, options?: ConnectOptions): Promise<string> {
  gym = await connect(address, options);
  await using env = await gym.make('CartPole-v1');
  await env.reset({ seed: 1 });
  const [peer = ''] = await peers();
  return peer;
}

/** A proxy at a port of its own. */
async function proxied(address: string): Promise<Server> {
  const port = Number(address.split(':')[1]);
  const proxy = createServer((socket) => {
    const behind = connectSocket(port, '127.0.0.1');
    socket.pipe(behind).pipe(socket);
    for (const end of [socket, behind]) end.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

describe('a session', limit, () => {
  test('goes over the session socket of a server on this machine', async () => {
    expect(await peerWith(server.address)).toBe('session socket');
    expect(await peerWith(server.address.replace('127.0.0.1', 'localhost'))).toBe('session socket');
  });

  test('goes over gRPC where that is wanted', async () => {
    expect(await peerWith(server.address, { sessionSocket: false })).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('goes through a proxy where the client does', async () => {
    const proxy = await proxied(server.address);
    const { port } = proxy.address() as { port: number };
    expect(await peerWith(`127.0.0.1:${port}`)).toMatch(/^127\.0\.0\.1:\d+$/);
    await gym?.close();
    proxy.close();
  });

  test('gives the same to the bit in both ways', async () => {
    const play = async (sessionSocket: boolean) => {
      await using connection = await connect(server.address, { sessionSocket });
      await using envs = await connection.makeVec('LunarLander-v3', { numEnvs: 5, numWorkers: 2 });
      envs.actionSpace.seed(3);
      const steps: unknown[] = [await envs.reset({ seed: 3 })];
      for (let i = 0; i < 150; i++) steps.push(await envs.step(envs.actionSpace.sample()));
      return steps;
    };
    const [first, second] = [await play(true), await play(false)];
    expect(first).toEqual(second);
    expect(first).toHaveLength(151);
  });
});

describe('a server of its own', limit, () => {
  test('whose socket is gone still serves over gRPC', async () => {
    const other = await startServer();
    const connection = await connect(other.address);
    const its = rawClient(other.address);
    await rm(await sessionSocketPath(its));
    await using env = await connection.make('CartPole-v1');
    await env.reset();
    expect(await peers(its)).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
    its.close();
    await connection.close();
    await other.stop();
  });

  test('that stops tells its sessions why', async () => {
    const other = await startServer();
    const connection = await connect(other.address);
    const env = await connection.make('CartPole-v1');
    await env.reset();
    await other.stop();
    await expect(env.step(0)).rejects.toMatchObject({
      reason: 'SHUTTING_DOWN',
      message: 'The server is shutting down.',
    });
    await connection.close();
  });
});
