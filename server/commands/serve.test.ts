import { once } from 'node:events';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { credentials, loadPackageDefinition, makeGenericClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { service as healthService } from 'grpc-health-check';
import { afterEach, describe, expect, test } from 'vitest';
import { ErrorReason } from '../../proto/gen/gymlink/v1/error.js';
import { isAlive, sidecarsBelow, until } from '../fixtures/processes.js';
import {
  errorOf,
  int64s,
  kwargs,
  open,
  RawSession,
  rawClient,
  step,
} from '../fixtures/raw-client.js';
import { newFolder, ServerProcess } from '../fixtures/server-process.js';
import { version } from '../package-paths.js';

const limit = { timeout: 60_000 };
const misbehaving = new URL('../fixtures/family-misbehaving', import.meta.url).pathname;
const unavailable = 14;
const started: { dispose(): void }[] = [];

afterEach(() => {
  for (const one of started.splice(0)) one.dispose();
});

function serve(...args: string[]): ServerProcess {
  const server = ServerProcess.serve(args);
  started.push(server);
  return server;
}

function serveMisbehaving(runtime = newFolder()): ServerProcess {
  const server = ServerProcess.serveFamily(misbehaving, runtime);
  started.push(server);
  return server;
}

function folder(): string {
  const path = newFolder();
  started.push({ dispose: () => rmSync(path, { recursive: true, force: true }) });
  return path;
}

async function opened(
  address: string,
  fields: Parameters<RawSession['open']>[0],
): Promise<RawSession> {
  const client = rawClient(address);
  started.push({ dispose: () => client.close() });
  const session = new RawSession(client);
  await session.open(fields);
  return session;
}

function failing(fault: string, at: string) {
  return kwargs({ fault: { $case: 'text', value: fault }, at: { $case: 'text', value: at } });
}

describe('gymlink serve', limit, () => {
  test('prints its address, and leaves nothing behind after SIGTERM', async () => {
    const server = serve('--listen', '127.0.0.1:0', '--json');
    const line = JSON.parse(await server.firstLine());
    expect(line).toEqual({
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      version,
      pid: server.pid,
    });
    const session = await opened(line.address, { numEnvs: 2 });
    const { parents, workers } = sidecarsBelow(server.pid);
    expect([parents.length, workers.length]).toEqual([1, 1]);
    server.child.kill('SIGTERM');
    const status = await session.status;
    expect(status.code).toBe(unavailable);
    expect(errorOf(status).reason).toBe(ErrorReason.ERROR_REASON_SHUTTING_DOWN);
    expect(await server.ended()).toEqual([0, null]);
    expect([...parents, ...workers].filter(isAlive)).toEqual([]);
    expect(server.leftovers).toEqual([]);
  });

  test('stops within seconds after SIGINT, although an environment hangs', async () => {
    const server = serve('--listen', '127.0.0.1:0', '--json');
    await opened(await server.address(), { envId: 'LunarLander-v3', numEnvs: 4, numWorkers: 2 });
    const { parents, workers } = sidecarsBelow(server.pid);
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    server.child.kill('SIGINT');
    expect(await server.ended()).toEqual([0, null]);
    expect([...parents, ...workers].filter(isAlive)).toEqual([]);
  });

  test('a second signal forces it to stop', async () => {
    const server = serve('--listen', '127.0.0.1:0', '--json');
    await opened(await server.address(), { numEnvs: 1 });
    const { parents, workers } = sidecarsBelow(server.pid);
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    server.child.kill('SIGINT');
    await until(() => /closed/.test(server.log));
    server.child.kill('SIGINT');
    expect(await server.ended()).toEqual([1, null]);
    await until(() => ![...parents, ...workers].some(isAlive));
  });

  test('listens on a Unix socket that only its owner can open', async () => {
    const path = join(folder(), 's.sock');
    const server = serve('--listen', `unix:${path}`, '--json');
    expect(await server.address()).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await (await opened(`unix:${path}`, {})).close();
    server.child.kill('SIGTERM');
    await server.ended();
    expect(existsSync(path)).toBe(false);
  });

  test('takes over the Unix socket of a server that was killed, but not of one that runs', async () => {
    const path = join(folder(), 's.sock');
    const first = serve('--listen', `unix:${path}`, '--json');
    await first.firstLine();
    const second = serve('--listen', `unix:${path}`, '--json');
    expect(await second.ended()).toEqual([1, null]);
    expect(second.log).toMatch(/Another server listens on .*s\.sock/);
    first.child.kill('SIGKILL');
    await first.ended();
    expect(existsSync(path)).toBe(true);
    const third = serve('--listen', `unix:${path}`, '--json');
    expect(await third.address()).toBe(`unix:${path}`);
  });

  test('ends with its standard input', async () => {
    const server = serve('--listen', '127.0.0.1:0', '--json', '--private');
    await server.firstLine();
    server.child.stdin?.end();
    expect(await server.ended()).toEqual([0, null]);
    expect(server.leftovers).toEqual([]);
  });
});

describe('an address that cannot be served', limit, () => {
  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const server = serve('--listen', `127.0.0.1:${port}`);
    expect(await server.ended()).toEqual([1, null]);
    expect(server.log).toMatch(new RegExp(`Port ${port} on 127.0.0.1 is in use`));
    expect(server.leftovers).toEqual([]);
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    client.destroy();
    other.close();
  });

  test.each([
    ['0.0.0.0:0', /--insecure/],
    ['[::]:0', /--insecure/],
    ['example.org:1', /--insecure/],
    ['nonsense', /HOST:PORT/],
    ['127.0.0.1:99999', /HOST:PORT/],
    [`unix:/tmp/${'x'.repeat(100)}`, /at most 100 bytes/],
  ])('%s', async (address, message) => {
    const server = serve('--listen', address);
    expect(await server.ended()).toEqual([1, null]);
    expect(server.log).toMatch(message);
    expect(server.leftovers).toEqual([]);
  });

  test('a file that is no socket, which stays', async () => {
    const path = join(folder(), 'notes.txt');
    writeFileSync(path, 'mine');
    const server = serve('--listen', `unix:${path}`);
    expect(await server.ended()).toEqual([1, null]);
    expect(server.log).toMatch(/is no socket/);
    expect(existsSync(path)).toBe(true);
  });

  test('--insecure allows an address that others can reach', async () => {
    const server = serve('--listen', '0.0.0.0:0', '--insecure', '--json');
    expect(await server.address()).toMatch(/^0\.0\.0\.0:\d+$/);
  });
});

test('without Python, sessions hear how to get it, and the server goes on', limit, async () => {
  const empty = folder();
  const variables = { PATH: empty, HOME: empty, PYENV_ROOT: '', GYMLINK_PYTHON: '' };
  const server = ServerProcess.serve(['--listen', '127.0.0.1:0', '--json'], variables);
  started.push(server);
  const client = rawClient(await server.address());
  started.push({ dispose: () => client.close() });
  const error = await new RawSession(client).ask(open({}), 'error');
  expect(error.reason).toBe(ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE);
  expect(error.message).toMatch(/none is on PATH.*install Python.*gymlink doctor/);
  const info = await new Promise((resolve) =>
    client.getServerInfo({}, (_, reply) => resolve(reply)),
  );
  expect(info).toMatchObject({ version });
});

describe('a server that is killed', limit, () => {
  test('leaves no process, also in the middle of a step, and the next one removes its folder', async () => {
    const runtime = newFolder();
    const server = serveMisbehaving(runtime);
    const session = await opened(await server.address(), {
      envId: 'Misbehaving-v0',
      numEnvs: 2,
      numWorkers: 2,
    });
    await session.reset({ options: failing('hang', 'step') });
    session.send(step(int64s(0, 0)));
    const { parents, workers } = sidecarsBelow(server.pid);
    expect([parents.length, workers.length]).toEqual([1, 2]);
    server.child.kill('SIGKILL');
    await until(() => ![...parents, ...workers].some(isAlive));
    const [folderOfKilled] = server.leftovers;
    expect(folderOfKilled).toMatch(/^gymlink-/);
    const next = serveMisbehaving(runtime);
    await next.address();
    expect(next.leftovers).toHaveLength(1);
    expect(next.leftovers).not.toContain(folderOfKilled);
    next.child.kill('SIGKILL');
  });
});

test(
  'what an environment prints is in the log under its worker’s name, at most 100 lines a second',
  limit,
  async () => {
    const server = serveMisbehaving();
    const session = await opened(await server.address(), { envId: 'Misbehaving-v0' });
    await session.reset({ options: failing('print', 'step') });
    await session.step(int64s(0));
    await session.close();
    const lines = server.log.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    const printed = lines.filter(({ line }) => /^line \d+$/.test(line ?? ''));
    expect(printed[0]).toMatchObject({ worker: 'misbehaving-1', line: 'line 0' });
    expect(printed.length).toBeGreaterThanOrEqual(100);
    expect(printed.length).toBeLessThan(500);
  },
);

describe('standard services', limit, () => {
  test('health says that it serves', async () => {
    const server = serve('--listen', '127.0.0.1:0', '--json');
    const Client = makeGenericClientConstructor(healthService, 'Health');
    const client = new Client(await server.address(), credentials.createInsecure());
    const reply = await new Promise((resolve, reject) =>
      client.check?.(
        { service: 'gymlink.v1.EnvironmentService' },
        (error: unknown, value: unknown) => (error ? reject(error) : resolve(value)),
      ),
    );
    expect(reply).toMatchObject({ status: 'SERVING' });
    client.close();
  });

  test('reflection lists the services', async () => {
    const server = serve('--listen', '127.0.0.1:0', '--json');
    const reflection = dirname(createRequire(import.meta.url).resolve('@grpc/reflection'));
    const proto = join(reflection, '../proto/grpc/reflection/v1/reflection.proto');
    // biome-ignore lint/suspicious/noExplicitAny: a client made at run time has no types.
    const loaded = loadPackageDefinition(loadSync(proto)) as any;
    const client = new loaded.grpc.reflection.v1.ServerReflection(
      await server.address(),
      credentials.createInsecure(),
    );
    const call = client.serverReflectionInfo();
    call.write({ listServices: '' });
    const [reply] = await once(call, 'data');
    const names = reply.listServicesResponse.service.map(({ name }: { name: string }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['gymlink.v1.EnvironmentService', 'grpc.health.v1.Health']),
    );
    const ended = once(call, 'end');
    call.end();
    await ended;
    client.close();
  });
});
