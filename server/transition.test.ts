import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  SessionResponse,
  type Transition,
  type TransitionPart,
} from '../proto/gen/gymlink/v1/session.js';
import {
  encodedBytes,
  encodeJoined,
  encodeTransition,
  endedEnvIndicesOf,
  envIndicesOf,
  type Part,
  readPart,
} from './transition.js';

/** A payload's columns for these sub-environments, without observations. */
function columns(envIndices: number[], terminated: number[], truncated: number[]): Buffer {
  const rows = envIndices.length;
  const uint32s = (4 * rows + 7) & ~7;
  const uint8s = (rows + 7) & ~7;
  const payload = Buffer.alloc(3 * uint32s + 16 * rows + 4 * uint8s);
  envIndices.forEach((envIndex, row) => {
    payload.writeUInt32LE(envIndex, 4 * row);
  });
  payload.set(terminated, 3 * uint32s + 16 * rows);
  payload.set(truncated, 3 * uint32s + 16 * rows + uint8s);
  return payload;
}

function frameBody(rows: number, payload: Buffer, details: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(rows, 0);
  head.writeUInt32LE(payload.length, 4);
  head.writeUInt32LE(details.length, 8);
  return Buffer.concat([head, payload, details]);
}

function decode(message: Uint8Array): { seq: bigint; transition: Transition } {
  const { seq, response } = SessionResponse.decode(message);
  if (response?.$case !== 'transition') throw new Error(`no transition but ${response?.$case}`);
  return { seq, transition: response.value };
}

const anyPart = fc
  .record({
    rows: fc.integer({ min: 1, max: 300 }),
    payload: fc.uint8Array({ maxLength: 400 }),
    details: fc.uint8Array({ maxLength: 200 }),
    shared: fc.option(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 2 ** 32 - 1 }))),
    uncompressedBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 40 })),
  })
  .map(
    ({ rows, payload, details, shared, uncompressedBytes }): Part => ({
      rows,
      payload: Buffer.from(payload),
      payloadBytes: shared === null ? payload.length : shared[1],
      slot: shared === null ? undefined : { number: shared[0], free: () => undefined },
      details: Buffer.from(details),
      uncompressedBytes,
    }),
  );

function locationOf(location: TransitionPart['location']): unknown {
  return location?.$case === 'payload' ? [...location.value] : location?.value;
}

test('the messages of a delivery decode to its parts, within the limit', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.array(anyPart, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 700, max: 2000 }),
      (seq, delivery, parts, limit) => {
        const messages = encodeTransition(seq, delivery, parts, limit);
        const decoded = messages.map(decode);
        expect(messages.every((message) => message.length <= limit)).toBe(true);
        expect(decoded.map(({ transition }) => transition.more)).toEqual(
          messages.map((_, i) => i < messages.length - 1),
        );
        expect(
          decoded.every((one) => one.seq === seq && one.transition.delivery === BigInt(delivery)),
        ).toBe(true);
        const back = decoded.flatMap(({ transition }) => transition.parts);
        expect(back.map(({ rows, details }) => [rows, [...details]])).toEqual(
          parts.map(({ rows, details }) => [rows, [...details]]),
        );
        expect(back.map(({ location }) => locationOf(location))).toEqual(
          parts.map(({ slot, payload, payloadBytes }) =>
            slot === undefined ? [...payload] : { slot: slot.number, length: BigInt(payloadBytes) },
          ),
        );
      },
    ),
  );
});

test('messages hold about 2 MiB, whatever larger ones the client takes', () => {
  const sizes = [0.9, 0.9, 0.9, 3, 0.5, 0.5].map((mib) => Math.round(mib * 2 ** 20));
  const parts = sizes.map((size): Part => {
    const payload = Buffer.alloc(size);
    const [payloadBytes, details] = [size, Buffer.alloc(0)];
    return { rows: 1, payload, payloadBytes, uncompressedBytes: 0, slot: undefined, details };
  });
  const messages = encodeTransition(1n, 1, parts, 64 * 2 ** 20);
  expect(messages.map((message) => decode(message).transition.parts.length)).toEqual([2, 1, 1, 2]);
});

test('what a part takes is never understated', () => {
  fc.assert(
    fc.property(anyPart, (part) => {
      const [message] = encodeTransition(2n ** 64n - 1n, 2 ** 50, [part], 1e6);
      expect(message?.length).toBeLessThanOrEqual(encodedBytes(part));
    }),
  );
});

test('sees sub-environments and ends of episodes in the columns', () => {
  const payload = columns([4, 5, 9], [0, 1, 0], [0, 0, 1]);
  const part = readPart(frameBody(3, payload, Buffer.from('x')));
  expect(envIndicesOf(part)).toEqual([4, 5, 9]);
  expect(endedEnvIndicesOf(part)).toEqual([5, 9]);
  expect(String(part.details)).toBe('x');
});

test('a frame whose payload is in a slot has its columns', () => {
  const body = frameBody(3, columns([4, 5, 9], [0, 1, 0], [0, 0, 1]), Buffer.from('x'));
  body.writeUInt32LE(5000, 4);
  body.writeUInt32LE(2, 12);
  const slot = { number: 7, free: () => undefined };
  const part = readPart(body, slot);
  expect(part).toMatchObject({ rows: 3, slot, payloadBytes: 5000 });
  expect(endedEnvIndicesOf(part)).toEqual([5, 9]);
  expect(String(part.details)).toBe('x');
  expect(() => readPart(body)).toThrow(RangeError);
});

test('a frame whose payload is compressed has its columns and says how long it was', () => {
  const payload = Buffer.concat([columns([4, 5, 9], [0, 1, 0], [0, 0, 1]), Buffer.from('zstd')]);
  const plain = frameBody(3, payload, Buffer.from('x'));
  plain.writeUInt32LE(4, 12);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(5000n);
  const body = Buffer.concat([plain.subarray(0, 16), length, plain.subarray(16)]);
  const part = readPart(body);
  expect(part).toMatchObject({ rows: 3, payloadBytes: payload.length, uncompressedBytes: 5000 });
  expect(part.payload.equals(payload)).toBe(true);
  expect(endedEnvIndicesOf(part)).toEqual([5, 9]);
  expect(String(part.details)).toBe('x');
  expect(() => readPart(plain)).toThrow(RangeError);
});

test('refuses frames whose lengths do not fit', () => {
  const body = frameBody(3, columns([4, 5, 9], [], []), Buffer.alloc(0));
  expect(() => readPart(body.subarray(0, body.length - 1))).toThrow(RangeError);
  expect(() => readPart(frameBody(4, columns([4, 5, 9], [], []), Buffer.alloc(0)))).toThrow(
    RangeError,
  );
  expect(() => readPart(frameBody(0, Buffer.alloc(0), Buffer.alloc(0)))).toThrow(RangeError);
});

test('joins what several workers rendered', () => {
  const rendering = (envIndex: number): Buffer =>
    Buffer.from(
      SessionResponse.encode({
        seq: 0n,
        response: {
          $case: 'rendered',
          value: { renderings: [{ envIndex, frames: [], isList: false }] },
        },
      }).finish(),
    ).subarray(2);
  const { seq, response } = SessionResponse.decode(
    encodeJoined(300n, 'rendered', [rendering(1), rendering(7)]),
  );
  expect(seq).toBe(300n);
  expect(
    response?.$case === 'rendered' && response.value.renderings.map(({ envIndex }) => envIndex),
  ).toEqual([1, 7]);
});
