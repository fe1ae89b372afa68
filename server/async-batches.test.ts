/** Asynchronous sessions: which rows come in which delivery, and that none is lost or differs from a synchronous session's. */
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import type { EnvironmentServiceClient } from '../proto/gen/gymlink/v1/service.js';
import {
  AutoresetMode,
  type OpenRequest,
  type SessionResponse,
  type Transition,
} from '../proto/gen/gymlink/v1/session.js';
import {
  familiesStarted,
  int64s,
  kwargs,
  RawSession,
  type Row,
  rawClient,
  reset,
  rowsOf,
  step,
} from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
const limit = { timeout: 30_000 };
const family = new URL('fixtures/family-misbehaving', import.meta.url).pathname;

beforeAll(async () => {
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', families: [family] });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

/** Reads replies until the session has given so many deliveries; other replies are gathered. */
async function deliveries(session: RawSession, count: number) {
  const found: Transition[] = [];
  const others: SessionResponse[] = [];
  while (found.length < count) {
    const reply = await session.next();
    if (reply.response?.$case !== 'transition') {
      others.push(reply);
      continue;
    }
    expect(reply.seq).toBe(0n);
    found.push(reply.response.value);
  }
  return { found, others };
}

const envsOf = (transition: Transition) => rowsOf(transition).map(({ envIndex }) => envIndex);

async function opened(fields: Partial<OpenRequest>): Promise<RawSession> {
  const session = new RawSession(client);
  await session.open(fields);
  return session;
}

/** Row and observation of each sub-environment, CartPole-v1. */
function cartRows(transition: Transition) {
  return transition.parts.flatMap((part) => {
    const rows = rowsOf({ ...transition, parts: [part] });
    const payload =
      part.location?.$case === 'payload' ? Uint8Array.from(part.location.value) : new Uint8Array();
    const four = (4 * rows.length + 7) & ~7;
    const one = (rows.length + 7) & ~7;
    const begin = 3 * four + 16 * rows.length + 4 * one;
    return rows.map((row, i) => ({
      ...row,
      observation: [...new Float32Array(payload.slice(begin + 16 * i, begin + 16 * i + 16).buffer)],
    }));
  });
}

type CartRow = Row & { observation: number[] };
const act = ({ observation }: CartRow): number => ((observation[1] as number) > 0 ? 1 : 0);
const plain = ({ seq: _, ...row }: CartRow) => row;
const rowsWanted = 40;

describe.each([AutoresetMode.AUTORESET_MODE_NEXT_STEP, AutoresetMode.AUTORESET_MODE_SAME_STEP])(
  'in autoreset mode %i',
  (autoresetMode) => {
    test('each sub-environment plays as in a synchronous session', limit, async () => {
      const fields = {
        numEnvs: 5,
        numWorkers: 2,
        autoresetMode,
        seed: { magnitude: Buffer.of(3) },
      };
      const sync = await opened(fields);
      let rows: CartRow[] = cartRows(await sync.reset());
      const expected = rows.map((row) => [plain(row)]);
      while (expected[0]?.length !== rowsWanted) {
        rows = cartRows(await sync.step(int64s(...rows.map(act))));
        for (const [env, row] of rows.entries()) expected[env]?.push(plain(row));
      }
      await sync.close();

      const session = await opened({ ...fields, batchSize: 2 });
      session.send(reset());
      const tracks: ReturnType<typeof plain>[][] = expected.map(() => []);
      let delivery = 0n;
      while (tracks.some((track) => track.length < rowsWanted)) {
        const { found } = await deliveries(session, 1);
        const transition = found[0] as Transition;
        delivery += 1n;
        expect(transition.delivery).toBe(delivery);
        const ready: CartRow[] = cartRows(transition);
        expect(ready.length).toBe(2);
        for (const row of ready) tracks[row.envIndex]?.push(plain(row));
        session.send(step(int64s(...ready.map(act)), envsOf(transition)), delivery);
      }
      expect(tracks.map((track) => track.slice(0, rowsWanted))).toEqual(expected);
      session.call.cancel();
    });
  },
);

const faulty = { envId: 'Misbehaving-v0', numEnvs: 4, numWorkers: 2 };
type Options = NonNullable<OpenRequest['kwargs']>;
const well = kwargs({}) as Options;
const fault = (name: string): Options =>
  kwargs({
    at: { $case: 'text', value: 'step' },
    fault: { $case: 'text', value: name },
  }) as Options;

test('a straggler does not hold up the sub-environments of other workers', limit, async () => {
  const session = await opened({ ...faulty, batchSize: 2 });
  const first = session.send(reset({ envOptions: [fault('wait'), well, well, well] }));
  await deliveries(session, 2);
  const all = session.send(step(int64s(0, 0, 0, 0)));
  const order: number[][] = [];
  for (let t = 0; t < 3; t++) {
    const { found } = await deliveries(session, 1);
    order.push(envsOf(found[0] as Transition));
    expect(rowsOf(found[0] as Transition).every(({ seq }) => seq > first)).toBe(true);
    session.send(step(int64s(0, 0), [2, 3]));
  }
  expect(order).toEqual([
    [2, 3],
    [2, 3],
    [2, 3],
  ]);
  // The step of all is answered when the straggler has finished, after others that came later.
  const seqs: bigint[] = [];
  while (!seqs.includes(all)) {
    const reply = await session.next();
    if (reply.response?.$case === 'accepted') seqs.push(reply.seq);
  }
  session.call.cancel();
});

test('a worker steps those first that were quick before', limit, async () => {
  const session = await opened({ ...faulty, numWorkers: 1, batchSize: 3 });
  session.send(reset({ envOptions: [fault('wait'), well, well, well] }));
  session.send(step(int64s(0, 0, 0, 0)));
  session.send(step(int64s(0, 0, 0, 0)));
  const { found } = await deliveries(session, 4);
  const bySeq = found.flatMap(rowsOf).filter(({ seq, envIndex }) => seq === 4n && envIndex === 0);
  // Twelve rows in all: that of the straggler's second step is the last.
  expect(found.slice(0, 3).flatMap(rowsOf)).not.toContainEqual(bySeq[0]);
  expect(bySeq.length).toBe(1);
  session.call.cancel();
});

test('without being asked for a number, a session gets several workers a core', limit, async () => {
  const counts: number[] = [];
  for (const batchSize of [0, 99, 100]) {
    const session = new RawSession(client);
    const { placements } = await session.open({ numEnvs: 100, batchSize });
    counts.push(placements.length);
    await session.close();
  }
  // At most 8 sub-environments each.
  const [few, many] = [1, 4].map((perCore) => Math.min(13, perCore * availableParallelism()));
  expect(counts).toEqual([few, many, few]);
});

test('fewer rows come when the wait is over', limit, async () => {
  const session = await opened({ ...faulty, batchSize: 3, maxWaitUs: 20_000n });
  session.send(reset());
  const sizes: number[] = [];
  while (sizes.reduce((sum, size) => sum + size, 0) < 4) {
    const { found } = await deliveries(session, 1);
    sizes.push(envsOf(found[0] as Transition).length);
  }
  expect(sizes.at(-1)).toBeLessThan(3);
  session.call.cancel();
});

test('what a worker refuses is answered by Error, and nothing advances', limit, async () => {
  const session = await opened({ ...faulty, batchSize: 1 });
  session.send(reset());
  await deliveries(session, 4);
  const seq = session.send(step(int64s(0, 0, 9, 0)));
  for (;;) {
    const reply = await session.next();
    if (reply.seq !== seq) continue;
    expect(reply.response).toMatchObject({
      $case: 'error',
      value: { reason: ErrorReason.ERROR_REASON_INVALID_ACTION, envIndices: [2] },
    });
    break;
  }
  session.send(step(int64s(0, 0, 0, 0)));
  const { found } = await deliveries(session, 4);
  expect(found.flatMap(rowsOf).map(({ episodeStep }) => episodeStep)).toEqual([1, 1, 1, 1]);
  session.call.cancel();
});

test('rows that were ready before a sub-environment raised are delivered', limit, async () => {
  const session = await opened({ ...faulty, numWorkers: 1, batchSize: 1 });
  session.send(reset({ envOptions: [well, well, fault('raise'), well] }));
  await deliveries(session, 4);
  const seq = session.send(step(int64s(0, 0, 0, 0)));
  const { found } = await deliveries(session, 2);
  expect(found.map(envsOf)).toEqual([[0], [1]]);
  let reply = await session.next();
  while (reply.seq !== seq) reply = await session.next();
  expect(reply.response).toMatchObject({
    $case: 'error',
    value: {
      reason: ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED,
      envIndices: [2],
      advancedEnvIndices: [],
    },
  });
  // The one behind it was not stepped, and can be.
  session.send(step(int64s(0), [3]));
  const after = await deliveries(session, 1);
  expect(rowsOf(after.found[0] as Transition)).toMatchObject([{ envIndex: 3, episodeStep: 1 }]);
  session.call.cancel();
});

test('a worker that dies fails its request', limit, async () => {
  const session = await opened({ ...faulty, batchSize: 2 });
  session.send(reset({ envOptions: [fault('exit'), well, well, well] }));
  await deliveries(session, 2);
  const seq = session.send(step(int64s(0, 0, 0, 0)));
  const { found, others } = await deliveries(session, 1);
  expect(envsOf(found[0] as Transition)).toEqual([2, 3]);
  let reply = others.find((other) => other.seq === seq);
  while (reply?.seq !== seq) reply = await session.next();
  expect(reply.response).toMatchObject({
    $case: 'error',
    value: { reason: ErrorReason.ERROR_REASON_WORKER_DIED, envIndices: [0, 1] },
  });
  session.call.cancel();
});

test('Ping and Close overtake steps', limit, async () => {
  const session = await opened({ ...faulty, numWorkers: 1, batchSize: 1 });
  session.send(reset({ envOptions: [fault('wait'), well, well, well] }));
  await deliveries(session, 4);
  const stepped = session.send(step(int64s(0, 0, 0, 0)));
  const waits = session.send(step(int64s(0, 0, 0, 0)));
  const ping = session.send({ $case: 'ping', value: {} });
  const close = session.send({ $case: 'close', value: {} });
  const seqs: [bigint, string | undefined][] = [];
  while (seqs.at(-1)?.[0] !== close) {
    const { seq, response } = await session.next();
    if (seq > 1n && seq !== 2n) seqs.push([seq, response?.$case]);
  }
  expect(seqs).toEqual([
    [ping, 'pong'],
    [waits, 'error'],
    [stepped, 'error'],
    [close, 'closed'],
  ]);
  expect((await session.status).code).toBe(0);
});

test(
  'a request that waits for a straggler is overtaken by those for others alone',
  limit,
  async () => {
    const session = await opened({ ...faulty, numWorkers: 4, batchSize: 1 });
    session.send(reset({ envOptions: [fault('wait'), well, well, well] }));
    await deliveries(session, 4);
    session.send(step(int64s(0), [0]));
    const waits = session.send(step(int64s(0, 0), [0, 1]));
    const behind = session.send(step(int64s(0), [1]));
    const quick = session.send(step(int64s(0, 0), [2, 3]));
    const { found } = await deliveries(session, 6);
    const order = found.flatMap(rowsOf).map(({ envIndex, seq }) => [envIndex, seq]);
    expect(new Set(order.slice(0, 2).map(([env]) => env))).toEqual(new Set([2, 3]));
    expect(order.slice(0, 2).every(([, seq]) => seq === quick)).toBe(true);
    expect(order.filter(([env]) => env === 1)).toEqual([
      [1, waits],
      [1, behind],
    ]);
    session.call.cancel();
  },
);

test('a failure is told after the rows that were ready, however few', limit, async () => {
  const session = await opened({ ...faulty, batchSize: 3, maxMessageBytes: 64n * 1024n });
  const first = session.send(reset({ envOptions: [well, well, fault('raise'), well] }));
  // Three rows, and the fourth waits.
  await deliveries(session, 1);
  let reply = await session.next();
  expect(reply.seq).toBe(first);
  const seq = session.send(step(int64s(0, 0), [1, 2]));
  const { found } = await deliveries(session, 1);
  // The one that was left of the reset, and that of sub-environment 1.
  expect(found.flatMap(rowsOf).length).toBe(2);
  reply = await session.next();
  expect(reply).toMatchObject({ seq, response: { $case: 'error', value: { envIndices: [2] } } });
  session.call.cancel();
});

test('a row over the message limit fails by itself', limit, async () => {
  const session = await opened({
    envId: 'Growing-v0',
    numEnvs: 3,
    numWorkers: 1,
    batchSize: 2,
    maxMessageBytes: 64n * 1024n,
  });
  session.send(reset());
  await deliveries(session, 1);
  const seq = session.send(step(int64s(1, 100), [1, 2]));
  const { found, others } = await deliveries(session, 1);
  expect(envsOf(found[0] as Transition)).toEqual([1, 2]);
  const replies = [...others];
  while (!replies.some((reply) => reply.seq === seq)) replies.push(await session.next());
  expect(replies.find((reply) => reply.seq === seq)?.response).toMatchObject({
    $case: 'error',
    value: { reason: ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE, advancedEnvIndices: [2] },
  });
  const again = session.send(step(int64s(0), [2]));
  let reply = await session.next();
  while (reply.seq !== again) reply = await session.next();
  expect(reply.response).toMatchObject({
    $case: 'error',
    value: { reason: ErrorReason.ERROR_REASON_RESET_NEEDED, envIndices: [2] },
  });
  session.call.cancel();
});
