/** Asynchronous sessions over shared memory, as the bare protocol shows them: each row has a slot of its own, or comes in the message. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../proto/conformance/harness.js';
import type { Error as ErrorMessage } from '../proto/gen/gymlink/v1/error.js';
import type {
  EnvironmentServiceClient,
  ListSessionsResponse,
} from '../proto/gen/gymlink/v1/service.js';
import type { OpenRequest, Transition } from '../proto/gen/gymlink/v1/session.js';
import {
  familiesStarted,
  int64s,
  RawSession,
  rawClient,
  reset,
  step,
} from './fixtures/raw-client.js';

let client: EnvironmentServiceClient;
let stop: () => Promise<void>;
const limit = { timeout: 60_000 };

beforeAll(async () => {
  const server = await startServer();
  stop = server.stop;
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client?.close();
  await stop?.();
});

const frameBytes = 210 * 160 * 3;
/** Blocks 1 to 9 of a payload with one row. */
const columnBytes = 72;

interface Row {
  readonly envIndex: number;
  readonly slot: number | undefined;
  /** The checksum of a frame that was not torn. */
  readonly sum: number;
}

/** Six sub-environments in two workers, whose frames begin with their checksums, in batches of two. */
async function pixels(fields: Partial<OpenRequest> = {}) {
  const session = new RawSession(client);
  const { sharedMemory: offer } = await session.open({
    envId: 'fixtures/Pixels-v0',
    numEnvs: 6,
    numWorkers: 2,
    batchSize: 2,
    sharedMemory: true,
    ...fields,
  });
  if (offer === undefined) throw new Error('no offer');
  const slotBytes = Number(offer.slotBytes);
  const file = openSync(offer.path, 'r');
  const nonce = Buffer.alloc(16);
  readSync(file, nonce, 0, 16, 0);
  await session.ask({ $case: 'sharedMemoryProof', value: { nonce } }, 'sharedMemoryReady');
  expect(existsSync(offer.path)).toBe(false);

  /** The next reply of a kind; others in between are passed over. */
  const next = async <C extends 'transition' | 'error' | 'closed'>(kind: C) => {
    for (;;) {
      const { response } = await session.next();
      if (response?.$case === kind) return response.value;
    }
  };
  const inSlot = (slot: number): Buffer => {
    const payload = Buffer.alloc(slotBytes);
    readSync(file, payload, 0, slotBytes, 64 + slot * slotBytes);
    return payload;
  };
  return {
    session,
    offer,
    checked: (slot: number) => checkedRow(inSlot(slot), slot).sum,
    delivery: async () => {
      const { delivery, parts } = (await next('transition')) as Transition;
      const rows = parts.map(({ rows: count, location }) => {
        expect(count).toBe(1);
        if (location?.$case === 'payload') return checkedRow(Buffer.from(location.value));
        const { slot = 0 } = location?.value ?? {};
        return checkedRow(inSlot(slot), slot);
      });
      return { delivery, rows, envs: rows.map(({ envIndex }) => envIndex) };
    },
    error: async () => (await next('error')) as ErrorMessage,
    step: (envs: number[], acknowledged = 0n) =>
      session.send(step(int64s(...envs.map(() => 1)), envs), acknowledged),
    close: async (acknowledged = 0n) => {
      session.send({ $case: 'close', value: {} }, acknowledged);
      await next('closed');
      closeSync(file);
    },
  };
}

function checkedRow(payload: Buffer, slot?: number): Row {
  const frame = payload.subarray(columnBytes, columnBytes + frameBytes);
  const sum = frame.readUInt32LE(0);
  expect(crc32(frame.subarray(4))).toBe(sum);
  return { envIndex: payload.readUInt32LE(0), slot, sum };
}

/** Bytes that the server has delivered in the only session that there is. */
async function delivered() {
  const { sessions } = await new Promise<ListSessionsResponse>((resolve, reject) =>
    client.listSessions({}, (error, found) => (error ? reject(error) : resolve(found))),
  );
  expect(sessions.length).toBe(1);
  const { sharedBytes, messageBytes } = sessions[0] as (typeof sessions)[number];
  return { shared: Number(sharedBytes), inMessages: Number(messageBytes) };
}

const isShared = ({ slot }: Row) => slot !== undefined;

test('each row is in a slot of its own, of the size of one row', limit, async () => {
  const envs = await pixels();
  expect(envs.offer.slots).toBe(4 * 6);
  expect(Number(envs.offer.slotBytes)).toBeLessThan(columnBytes + frameBytes + 4096);
  envs.session.send(reset());
  for (let i = 0; i < 60; i++) {
    const { rows, envs: named, delivery } = await envs.delivery();
    expect(rows.length).toBe(2);
    expect(rows.every(isShared)).toBe(true);
    envs.step(named, delivery);
  }
  const { shared, inMessages } = await delivered();
  expect(shared).toBeGreaterThanOrEqual(60 * 2 * frameBytes);
  expect(inMessages).toBe(0);
  await envs.close();
});

test(
  'a client that never acknowledges keeps its slots, and goes on in messages',
  limit,
  async () => {
    const envs = await pixels();
    envs.session.send(reset());
    const held = new Map<number, number>();
    let last = { delivery: 0n, rows: [] as Row[], envs: [] as number[] };
    for (let i = 0; i < 40; i++) {
      last = await envs.delivery();
      for (const { slot, sum } of last.rows.filter(isShared)) {
        expect(held.has(slot as number)).toBe(false);
        held.set(slot as number, sum);
      }
      envs.step(last.envs);
    }
    expect(last.rows.some(isShared)).toBe(false);
    // A request of two rows of a worker takes two that lie side by side, or none.
    expect(held.size).toBeGreaterThan(12);
    for (const [slot, sum] of held) expect(envs.checked(slot)).toBe(sum);
    const { shared, inMessages } = await delivered();
    expect(shared).toBe(held.size * (columnBytes + frameBytes));
    expect(inMessages).toBeGreaterThan(shared);

    // It acknowledges at last: what it asks for from then on is in slots again.
    for (let i = 0; i < 6; i++) {
      last = await envs.delivery();
      envs.step(last.envs, last.delivery);
    }
    expect(last.rows.every(isShared)).toBe(true);
    await envs.close(last.delivery);
  },
);

test('a client that acknowledges late finds every frame whole until then', limit, async () => {
  const envs = await pixels();
  envs.session.send(reset());
  const unread: Awaited<ReturnType<typeof envs.delivery>>[] = [];
  for (let i = 0; i < 80; i++) {
    const newest = await envs.delivery();
    unread.push(newest);
    const oldest = unread.length > 3 ? unread.shift() : undefined;
    for (const { slot, sum } of oldest?.rows.filter(isShared) ?? [])
      expect(envs.checked(slot as number)).toBe(sum);
    envs.step(newest.envs, oldest?.delivery ?? 0n);
  }
  await envs.close();
});

test('requests that fail give their slots back', limit, async () => {
  const envs = await pixels();
  envs.session.send(reset());
  let { rows, envs: named, delivery } = await envs.delivery();
  for (let i = 0; i < 20; i++) {
    envs.session.send(step(int64s(...named.map(() => 7)), named), delivery);
    expect((await envs.error()).message).toContain('not valid');
  }
  for (let i = 0; i < 12; i++) {
    envs.step(named, delivery);
    ({ rows, envs: named, delivery } = await envs.delivery());
    expect(rows.every(isShared)).toBe(true);
  }
  await envs.close();
});

test('restored rows, which come together, are in the message', limit, async () => {
  const { session, close } = await pixels({ envId: 'CarRacing-v3' });
  session.send(reset());
  session.send({ $case: 'saveState', value: { envIndices: [] } });
  let stateIds: bigint[] = [];
  while (stateIds.length === 0) {
    const { response } = await session.next();
    expect(response?.$case === 'error' && response.value.message).toBe(false);
    if (response?.$case === 'stateSaved') ({ stateIds } = response.value);
  }
  const { parts } = await session.ask(
    { $case: 'restoreState', value: { envIndices: [], stateIds } },
    'transition',
  );
  expect(parts.map(({ rows, location }) => [rows, location?.$case])).toEqual([
    [3, 'payload'],
    [3, 'payload'],
  ]);
  await close();
});

test('small rows get no offer, however many there are', limit, async () => {
  const session = new RawSession(client);
  const { sharedMemory } = await session.open({ numEnvs: 900, batchSize: 9, sharedMemory: true });
  expect(sharedMemory).toBeUndefined();
  await session.close();
});
