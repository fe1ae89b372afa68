/** Offers of shared memory, their proof, and to whom a slot belongs, as the bare protocol shows it. */
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  EnvironmentServiceClient,
  ListSessionsResponse,
  SessionSummary,
} from '../proto/gen/gymlink/v1/service.js';
import type { OpenRequest, Transition } from '../proto/gen/gymlink/v1/session.js';
import { sidecarsBelow } from './fixtures/processes.js';
import {
  familiesStarted,
  int64s,
  RawSession,
  rawClient,
  reset,
  step,
} from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';
import { removeAbandonedMemory } from './shared-memory.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
const limit = { timeout: 30_000 };

beforeAll(async () => {
  const folder = fileURLToPath(new URL('../python-envs/families/gymnasium', import.meta.url));
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', families: [folder] });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

/** Four sub-environments whose frames take 110 KB, in two workers. */
const racing: Partial<OpenRequest> = {
  envId: 'CarRacing-v3',
  numEnvs: 4,
  numWorkers: 2,
  sharedMemory: true,
};
const frameBytes = 96 * 96 * 3;
const actionBytes = 3 * 4;
const actions = new Uint8Array(4 * actionBytes);

async function offered(fields: Partial<OpenRequest> = {}) {
  const session = new RawSession(client);
  const { sharedMemory } = await session.open({ ...racing, ...fields });
  if (sharedMemory === undefined) throw new Error('no offer');
  const file = await openFile(sharedMemory.path, 'r');
  const nonce = Buffer.alloc(16);
  await file.read(nonce, 0, 16, 0);
  const prove = (value: Uint8Array) =>
    ({ $case: 'sharedMemoryProof', value: { nonce: value } }) as const;
  return { session, offer: sharedMemory, file, nonce, prove };
}

/** What the server says of the only session that there is. */
async function statistics(): Promise<SessionSummary> {
  const { sessions } = await new Promise<ListSessionsResponse>((resolve, reject) =>
    client.listSessions({}, (error, found) => (error ? reject(error) : resolve(found))),
  );
  expect(sessions.length).toBe(1);
  return sessions[0] as SessionSummary;
}

const slotsOf = ({ parts }: Transition) =>
  parts.map(({ location }) => (location?.$case === 'slot' ? location.value.slot : undefined));

test('is offered in a file of the user alone, which vanishes with the proof', limit, async () => {
  const { session, offer, file, nonce, prove } = await offered();
  expect(statSync(offer.path).mode & 0o777).toBe(0o600);
  expect(offer.slots).toBe(8);
  await session.ask(prove(nonce), 'sharedMemoryReady');
  expect(existsSync(offer.path)).toBe(false);
  expect((await file.stat()).size).toBe(64 + offer.slots * Number(offer.slotBytes));
  await session.close();
  await file.close();
});

test('a wrong nonce is refused and changes nothing; a second proof is refused', limit, async () => {
  const { session, file, nonce, prove } = await offered();
  for (const wrong of [Buffer.alloc(16), nonce.subarray(1), Buffer.alloc(0)]) {
    const error = await session.ask(prove(wrong), 'error');
    expect(error.message).toContain('not what the offered file begins with');
  }
  expect(slotsOf(await session.reset())).toEqual([undefined, undefined]);
  await session.ask(prove(nonce), 'sharedMemoryReady');
  expect((await session.ask(prove(nonce), 'error')).message).toContain('any more');
  expect(slotsOf(await session.step(actions))).not.toContain(undefined);
  await session.close();
  await file.close();
});

test(
  'a slot is the client’s until it acknowledges; without a free one payloads are in the messages',
  limit,
  async () => {
    const { session, offer, file, nonce, prove } = await offered();
    await session.ask(prove(nonce), 'sharedMemoryReady');
    const first = await session.reset();
    const content = async (transition: Transition) => {
      const bytes = Buffer.alloc(Number(offer.slotBytes));
      const begin = 64 + (slotsOf(transition)[0] as number) * bytes.length;
      await file.read(bytes, 0, bytes.length, begin);
      return bytes;
    };
    const before = await content(first);
    const next: Transition[] = [];
    for (let i = 0; i < 5; i++) next.push(await session.step(actions));
    const used = [first, ...next.slice(0, 3)].flatMap(slotsOf);
    expect(new Set(used)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    expect(next.slice(3).flatMap(slotsOf)).toEqual([undefined, undefined, undefined, undefined]);
    expect((await content(first)).equals(before)).toBe(true);

    session.send(step(actions), first.delivery);
    const reply = await session.next();
    const after = reply.response?.value as Transition;
    expect(slotsOf(after).sort()).toEqual(slotsOf(first).sort());
    expect((await content(first)).equals(before)).toBe(false);

    const { sharedBytes, messageBytes } = await statistics();
    expect(Number(sharedBytes)).toBeGreaterThan(5 * 4 * frameBytes);
    expect(Number(messageBytes)).toBeGreaterThan(2 * 4 * frameBytes);
    await session.close();
    await file.close();
  },
);

test('a request that fails gives its slots back', limit, async () => {
  const { session, file, nonce, prove } = await offered();
  await session.ask(prove(nonce), 'sharedMemoryReady');
  await session.reset();
  for (let i = 0; i < 6; i++) await session.ask(step(int64s(1)), 'error');
  for (let i = 0; i < 3; i++) expect(slotsOf(await session.step(actions))).not.toContain(undefined);
  await session.close();
  await file.close();
});

test(
  'small payloads get no offer, and a session that is not proved leaves no file',
  limit,
  async () => {
    const session = new RawSession(client);
    const { sharedMemory } = await session.open({ numEnvs: 4, sharedMemory: true });
    expect(sharedMemory).toBeUndefined();
    await session.close();
    const { session: another, offer, file } = await offered();
    await another.close();
    expect(existsSync(offer.path)).toBe(false);
    await file.close();
  },
);

test.each([0, 2])(
  'the workers of a client that goes away unmap its memory (batches of %i)',
  limit,
  async (batchSize) => {
    const { session, offer, file, nonce, prove } = await offered({ batchSize });
    await session.ask(prove(nonce), 'sharedMemoryReady');
    session.send(reset());
    await session.next();
    expect(existsSync(offer.path)).toBe(false);
    session.call.cancel();
    await session.status;
    await file.close();
    await expect.poll(() => sidecarsBelow(process.pid).workers, limit).toEqual([]);
  },
);

test('a server removes the offers of one that was killed, and no others', async () => {
  const [old, young] = ['0', '1'].map((digit) => `/dev/shm/gymlink-${digit.repeat(24)}`);
  for (const path of [old, young] as string[]) writeFileSync(path, '');
  const past = Date.now() / 1000 - 60;
  utimesSync(old as string, past, past);
  await removeAbandonedMemory();
  const names = readdirSync('/dev/shm');
  expect(names).not.toContain(`gymlink-${'0'.repeat(24)}`);
  expect(names).toContain(`gymlink-${'1'.repeat(24)}`);
  utimesSync(young as string, past, past);
  await removeAbandonedMemory();
});
