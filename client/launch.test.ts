/** The private server: it serves, and it leaves nothing behind, however its client ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, GymlinkError, launch } from './index.js';

const built = fileURLToPath(new URL('../dist/client/index.js', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gymlink-test-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * Runs a script that has a server and one open environment, in a process group of its own as a terminal does, up to its first
 * line of output: the server's address and pid.
 */
async function start(rest: string, before = '') {
  const file = join(folder, `${Math.random()}.mjs`);
  await writeFile(
    file,
    `import { launch } from ${JSON.stringify(built)};
     const pids = [];
     const gym = await launch({ onLog: (line) => pids.push(JSON.parse(line).pid) });
     const envs = await gym.makeVec('CartPole-v1', { numEnvs: 2 });
     await envs.reset();
     ${before}
     console.log(JSON.stringify({ address: gym.address, pid: pids[0] }));
     ${rest}`,
  );
  const stdio = ['ignore', 'pipe', 'ignore'] as const;
  const child = spawn(process.execPath, [file], { stdio: [...stdio], detached: true });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { address, pid } = JSON.parse(line) as { address: string; pid: number };
  return { child, exited, pid, socket: address.slice('unix:'.length) };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits, within the test's time limit, until a server and its socket are gone. */
async function expectGone(pid: number, socket: string): Promise<void> {
  while (isRunning(pid) || existsSync(socket)) await new Promise((done) => setTimeout(done, 50));
}

describe('when the script', { timeout: 60_000 }, () => {
  const ends: readonly [string, string, (child: ChildProcess) => void][] = [
    ['closes its connection', 'await gym.close();', () => undefined],
    ['ends without a word', 'process.exit(0);', () => undefined],
    ['throws', "throw new Error('oops');", () => undefined],
    ['is killed', 'setInterval(() => undefined, 1000);', (child) => child.kill('SIGKILL')],
  ];
  test.each(ends)('%s, server and socket are gone', async (_, rest, finish) => {
    const { child, exited, pid, socket } = await start(rest);
    expect(pid).toBeGreaterThan(0);
    finish(child);
    await exited;
    await expectGone(pid, socket);
  });

  test('forgets to close an idle connection, it ends all the same', async () => {
    const { exited, pid, socket } = await start('await envs.close();');
    expect((await exited)[0]).toBe(0);
    await expectGone(pid, socket);
    expect(existsSync(dirname(socket))).toBe(false);
  });

  test('gets Ctrl-C and handles it, the server goes on', async () => {
    const { child, exited, pid } = await start(
      'setInterval(() => undefined, 1000);',
      `process.on('SIGINT', async () => {
         const { observations } = await envs.step([0, 1]);
         await gym.close();
         process.exit(observations.length);
       });`,
    );
    // As a terminal sends it: to the whole process group.
    process.kill(-(child.pid as number), 'SIGINT');
    expect((await exited)[0]).toBe(8);
    expect(isRunning(pid)).toBe(false);
  });
});

test('two private servers do not meet', async () => {
  const [one, other] = await Promise.all([launch(), launch()]);
  expect(one.address).not.toBe(other.address);
  await one.close();
  await one.close();
  expect((await other.environments({ contains: 'CartPole' })).length).toBeGreaterThan(0);
  const error = await one.make('CartPole-v1').catch((found: unknown) => found);
  expect(error).toMatchObject({ reason: 'SESSION_CLOSED' });
  await other.close();
});

test('a server that cannot start is LAUNCH_FAILED, with its last words', async () => {
  const before = process.env.XDG_RUNTIME_DIR;
  process.env.XDG_RUNTIME_DIR = join(folder, 'x'.repeat(60));
  try {
    const error = await launch().catch((found: unknown) => found);
    expect(error).toBeInstanceOf(GymlinkError);
    expect(error).toMatchObject({ reason: 'LAUNCH_FAILED' });
    expect((error as Error).message).toMatch(/exit code 1\.\ngymlink: .*shorter folder/);
  } finally {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
  }
});

test('close removes the folder of the socket', async () => {
  const gym = await launch();
  const own = dirname(gym.address.slice('unix:'.length));
  expect(existsSync(own)).toBe(true);
  await gym.close();
  expect(existsSync(own)).toBe(false);
});

test.each(['localhost', 'host:port', 'localhost:123456', 'unix:', 'http://localhost:1', ''])(
  'connect refuses the address "%s"',
  async (address) => {
    const error = await connect(address).catch((found: unknown) => found);
    expect(error).toMatchObject({ name: 'GymlinkError', reason: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toContain('HOST:PORT');
  },
);
