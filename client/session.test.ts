/** Order, deadlines and ends of a session, on a stream that can be made to fail. What a server really answers is tested beside. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import {
  OpenedResponse,
  OpenRequest,
  SessionRequest,
  type SessionResponse,
  type TransitionPart,
} from '../proto/gen/gymlink/v1/session.js';
import { Dtype } from '../proto/gen/gymlink/v1/value.js';
import { GymlinkError } from './errors.js';
import { Session, type SessionStream } from './session.js';

class FakeStream implements SessionStream {
  readonly sent: SessionRequest[] = [];
  cancelled = false;
  respond!: (response: SessionResponse) => void;
  end!: (error?: GymlinkError) => void;

  write(message: Uint8Array): void {
    this.sent.push(SessionRequest.decode(message));
  }

  onResponse(listener: (response: SessionResponse) => void): void {
    this.respond = listener;
  }

  onEnd(listener: (error: GymlinkError | undefined) => void): void {
    this.end = listener;
  }

  cancel(): void {
    this.cancelled = true;
  }

  get seqs(): number[] {
    return this.sent.map(({ seq }) => Number(seq));
  }

  transition(seq: bigint, delivery: bigint, parts: TransitionPart[] = [], more = false): void {
    this.respond({ seq, response: { $case: 'transition', value: { delivery, parts, more } } });
  }
}

const actions = Uint8Array.of(1);
let stream: FakeStream;
let session: Session;

async function open(limits: Partial<OpenedResponse> = {}, numEnvs = 0): Promise<void> {
  const opening = session.open({ ...OpenRequest.decode(new Uint8Array()), numEnvs });
  const opened = OpenedResponse.decode(new Uint8Array());
  const usual = { maxInFlight: 8, deliveryWindow: 8, maxMessageBytes: 1000n };
  const value = { ...opened, ...usual, ...limits };
  stream.respond({ seq: 1n, response: { $case: 'opened', value } });
  await opening;
}

const reason = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as GymlinkError).reason,
  );

beforeEach(() => {
  vi.useFakeTimers();
  stream = new FakeStream();
  session = new Session(stream, 1000);
});

afterEach(() => {
  // Nothing may keep the process alive.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('each reply goes to the request of its seq, and deliveries are acknowledged', async () => {
  await open();
  const steps = [session.step(actions), session.step(actions)];
  expect(stream.seqs).toEqual([1, 2, 3]);
  stream.transition(2n, 1n);
  stream.transition(3n, 2n);
  expect((await Promise.all(steps)).map(({ delivery }) => delivery)).toEqual([1n, 2n]);
  const third = session.step(actions);
  expect(stream.sent.at(-1)).toMatchObject({ seq: 4n, acknowledged: 2n });
  stream.transition(4n, 3n);
  await third;
});

test('a message over the server’s limit is not sent, and the session goes on', async () => {
  await open({ maxInFlight: 1 });
  const [first, large, last] = [1, 1000, 2].map((bytes) => session.step(new Uint8Array(bytes)));
  stream.transition(2n, 1n);
  await first;
  await expect(large).rejects.toMatchObject({ reason: 'MESSAGE_TOO_LARGE' });
  await expect(large).rejects.toThrow(/step takes 1\d\d\d bytes, over .* limit of 1000/);
  expect(stream.seqs).toEqual([1, 2, 3]);
  stream.transition(3n, 2n);
  await last;
});

test('a transition that is split is whole with its last message, and acknowledged then', async () => {
  await open();
  const part = (rows: number) => ({
    rows,
    location: undefined,
    details: actions,
    uncompressedBytes: 0n,
  });
  const step = session.step(actions);
  stream.transition(2n, 1n, [part(1)], true);
  const other = session.step(actions);
  expect(stream.sent.at(-1)?.acknowledged).toBe(0n);
  stream.transition(2n, 1n, [part(2), part(3)], true);
  stream.transition(2n, 1n, [part(4)]);
  expect((await step).parts.map(({ rows }) => rows)).toEqual([1, 2, 3, 4]);
  stream.transition(3n, 2n);
  await other;
});

test('transitions that answer no request go whole to who listens for them, and are acknowledged', async () => {
  await open();
  const part = (rows: number) => ({
    rows,
    location: undefined,
    details: actions,
    uncompressedBytes: 0n,
  });
  const found: [bigint, number[]][] = [];
  session.onDelivery(({ delivery, parts }) =>
    found.push([delivery, parts.map(({ rows }) => rows)]),
  );
  const ping = session.request({ $case: 'ping', value: {} }, 'pong');
  stream.transition(0n, 1n, [part(1)], true);
  expect(found).toEqual([]);
  stream.transition(0n, 1n, [part(2)]);
  stream.transition(0n, 2n, [part(3)]);
  expect(found).toEqual([
    [1n, [1, 2]],
    [2n, [3]],
  ]);
  stream.respond({ seq: 2n, response: { $case: 'pong', value: {} } });
  await ping;
  const step = session.step(actions);
  expect(stream.sent.at(-1)).toMatchObject({ seq: 3n, acknowledged: 2n });
  stream.transition(3n, 3n);
  await step;
});

test('a deadline of what answers no request ends the session, unless it is cleared', async () => {
  await open();
  const ends: string[] = [];
  session.onEnd(({ message }) => ends.push(message));
  clearTimeout(session.deadline('nothing'));
  session.deadline('recv');
  await vi.advanceTimersByTimeAsync(1000);
  expect(ends).toEqual([expect.stringMatching(/did not answer recv within 1 s/)]);
  expect(await reason(session.step(actions))).toBe('DEADLINE_EXCEEDED');
});

test.each([
  ['unanswered requests', { maxInFlight: 2 }],
  ['unacknowledged deliveries', { deliveryWindow: 2 }],
])(
  'no more than the allowed %s are on their way; the others follow in order',
  async (_, limits) => {
    await open(limits);
    const steps = [0, 1, 2, 3].map(() => session.step(actions));
    expect(stream.seqs).toEqual([1, 2, 3]);
    stream.transition(2n, 1n);
    expect(stream.sent.at(-1)).toMatchObject({ seq: 4n, acknowledged: 1n });
    stream.transition(3n, 2n);
    expect(stream.sent.at(-1)).toMatchObject({ seq: 5n, acknowledged: 2n });
    stream.transition(4n, 3n);
    stream.transition(5n, 4n);
    expect((await Promise.all(steps)).map(({ delivery }) => delivery)).toEqual([1n, 2n, 3n, 4n]);
  },
);

test('an error is the answer to its request alone', async () => {
  await open();
  const [bad, good] = [session.step(actions), session.step(actions)];
  const value = {
    reason: ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED,
    message: 'It raised.',
    envId: 'X-v0',
    envIndices: [1],
    advancedEnvIndices: [0],
    exception: { type: 'builtins.ValueError', message: 'no', traceback: '' },
    suggestions: ['Y-v0'],
  };
  stream.respond({ seq: 2n, response: { $case: 'error', value } });
  stream.transition(3n, 1n);
  const error = await bad.catch((found: unknown) => found);
  expect(error).toBeInstanceOf(GymlinkError);
  expect(error).toMatchObject({ ...value, reason: 'ENVIRONMENT_RAISED' });
  expect((await good).delivery).toBe(1n);
});

test('a reason that this client does not know is INTERNAL', async () => {
  await open();
  const step = session.step(actions);
  const value = {
    reason: 99 as ErrorReason,
    message: 'new',
    envId: '',
    envIndices: [],
    advancedEnvIndices: [],
    exception: undefined,
    suggestions: [],
  };
  stream.respond({ seq: 2n, response: { $case: 'error', value } });
  expect(await reason(step)).toBe('INTERNAL');
});

test('a request without an answer ends the session at its deadline, with all that wait', async () => {
  await open({ maxInFlight: 1 });
  const steps = [session.step(actions), session.step(actions)].map(reason);
  await vi.advanceTimersByTimeAsync(999);
  expect(stream.cancelled).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await Promise.all(steps)).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  expect(stream.cancelled).toBe(true);
  expect(await reason(session.step(actions))).toBe('DEADLINE_EXCEEDED');
  await session.close();
});

test('the end of the stream ends all requests with its reason', async () => {
  await open({ maxInFlight: 1 });
  const ends = vi.fn();
  session.onEnd(ends);
  const steps = [session.step(actions), session.step(actions)].map(reason);
  stream.end(new GymlinkError('SHUTTING_DOWN', 'The server stops.'));
  stream.end();
  expect(await Promise.all(steps)).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN']);
  expect(await reason(session.step(actions))).toBe('SHUTTING_DOWN');
  expect(ends).toHaveBeenCalledTimes(1);
  await session.close();
});

test('a stream that just ends is a lost connection', async () => {
  await open();
  const step = reason(session.step(actions));
  stream.end();
  expect(await step).toBe('CONNECTION_FAILED');
});

test('close follows what was asked before, and may be called again', async () => {
  await open({ maxInFlight: 1 });
  const step = session.step(actions);
  const closes = [session.close(), session.close()];
  expect(stream.sent.at(-1)?.request?.$case).toBe('step');
  stream.transition(2n, 1n);
  expect(stream.sent.at(-1)?.request?.$case).toBe('close');
  stream.respond({ seq: 3n, response: { $case: 'closed', value: {} } });
  await Promise.all([step, ...closes]);
  expect(await reason(session.step(actions))).toBe('SESSION_CLOSED');
  await session.close();
  expect(stream.seqs).toEqual([1, 2, 3]);
});

test('a connection that is lost while closing has closed', async () => {
  await open();
  const close = session.close();
  stream.end(new GymlinkError('CONNECTION_FAILED', 'gone'));
  await close;
});

describe('a server that breaks the protocol ends the session as MALFORMED_REPLY', () => {
  const replies: readonly [string, SessionResponse][] = [
    ['with a reply nobody asked for', { seq: 9n, response: { $case: 'pong', value: {} } }],
    [
      'with rows that nobody asked for',
      {
        seq: 0n,
        response: { $case: 'transition', value: { delivery: 1n, parts: [], more: false } },
      },
    ],
    ['with an empty reply', { seq: 2n, response: undefined }],
  ];
  test.each(replies)('%s', async (_, response) => {
    await open();
    const step = reason(session.step(actions));
    stream.respond(response);
    expect(await step).toBe('MALFORMED_REPLY');
    expect(stream.cancelled).toBe(true);
  });
});

test('a stack that goes on from none ends the session as MALFORMED_REPLY', async () => {
  const bounds = { unboundedBelow: new Uint8Array(), unboundedAbove: new Uint8Array() };
  const box = { dtype: Dtype.DTYPE_UINT8, low: Uint8Array.of(0), high: Uint8Array.of(255) };
  const value = { ...box, ...bounds, shape: [2n, 1n] };
  await open({ newestFrameOnly: true, observationSpace: { kind: { $case: 'box', value } } }, 1);
  const steps = [reason(session.step(actions)), reason(session.step(actions))];
  // One row: its columns, which of its stacks are shifted, and the newest frame.
  const payload = new Uint8Array(72 + 8 + 8);
  payload[72] = 1;
  const location = { $case: 'payload', value: payload } as const;
  stream.transition(2n, 1n, [
    { rows: 1, location, details: new Uint8Array(), uncompressedBytes: 0n },
  ]);
  expect(await Promise.all(steps)).toEqual(['MALFORMED_REPLY', 'MALFORMED_REPLY']);
  expect(stream.cancelled).toBe(true);
});

test('a reply of the wrong kind is MALFORMED_REPLY', async () => {
  await open();
  const step = reason(session.step(actions));
  stream.respond({ seq: 2n, response: { $case: 'pong', value: {} } });
  expect(await step).toBe('MALFORMED_REPLY');
});
