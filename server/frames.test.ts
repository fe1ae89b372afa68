import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Frame, frameReader, readFirstFrame, writeFrame } from './frames.js';

function frameBytes(type: number, seq: bigint, body: Uint8Array): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(body.length, 0);
  head.writeUInt16LE(type, 4);
  head.writeBigUInt64LE(seq, 8);
  return Buffer.concat([head, body]);
}

function readAll(chunks: readonly Buffer[]): [number, bigint, number[]][] {
  const frames: Frame[] = [];
  const reader = frameReader((frame) => frames.push(frame));
  for (const chunk of chunks) reader.push(chunk);
  return frames.map(({ type, seq, body }) => [type, seq, [...body]]);
}

test('reads the same frames however the bytes are cut into chunks', () => {
  const frame = fc.record({
    type: fc.integer({ min: 1, max: 15 }),
    seq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    body: fc.uint8Array({ maxLength: 60 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      (frames, cuts) => {
        let bytes = Buffer.concat(frames.map(({ type, seq, body }) => frameBytes(type, seq, body)));
        const chunks: Buffer[] = [];
        while (bytes.length > 0) {
          const length = cuts.next().value;
          chunks.push(bytes.subarray(0, length));
          bytes = bytes.subarray(length);
        }
        expect(readAll(chunks)).toEqual(
          frames.map(({ type, seq, body }) => [type, seq, [...body]]),
        );
      },
    ),
  );
});

test('hands out views of a chunk that holds whole frames', () => {
  const chunk = Buffer.concat([
    frameBytes(5, 1n, Buffer.from('abc')),
    frameBytes(6, 2n, Buffer.from('de')),
  ]);
  const bodies: Buffer[] = [];
  frameReader(({ body }) => bodies.push(body)).push(chunk);
  expect(bodies.map(String)).toEqual(['abc', 'de']);
  expect(bodies.every((body) => body.buffer === chunk.buffer)).toBe(true);
});

test('refuses a header that announces more than a gigabyte', () => {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(2 ** 31, 0);
  expect(() => frameReader(() => undefined).push(header)).toThrow(RangeError);
});

async function socketPair(): Promise<{ near: Socket; far: Socket; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'frames-'));
  const server = createServer();
  server.listen(join(folder, 's'));
  await once(server, 'listening');
  const near = connect(join(folder, 's'));
  const [far] = (await once(server, 'connection')) as [Socket];
  const close = async (): Promise<void> => {
    near.destroy();
    far.destroy();
    server.close();
    await rm(folder, { recursive: true });
  };
  return { near, far, close };
}

test.each([0, 100, 5_000_000])(
  'a frame of %i bytes arrives as it was written',
  { timeout: 10_000 },
  async (size) => {
    const { near, far, close } = await socketPair();
    const body = Buffer.alloc(size, 7);
    const arrived = new Promise<Frame>((resolve) => {
      const reader = frameReader(resolve);
      far.on('data', (chunk: Buffer) => reader.push(chunk));
    });
    writeFrame(near, { type: 4, seq: 9n }, body.subarray(0, size / 2), body.subarray(size / 2));
    const frame = await arrived;
    expect([frame.type, frame.seq, frame.body.equals(body)]).toEqual([4, 9n, true]);
    await close();
  },
);

test('leaves what follows the first frame unread', { timeout: 10_000 }, async () => {
  const { near, far, close } = await socketPair();
  near.write(Buffer.concat([frameBytes(1, 0n, Buffer.from('hello')), Buffer.from('and more')]));
  const first = await new Promise<Frame>((resolve) => readFirstFrame(far, resolve));
  expect(String(first.body)).toBe('hello');
  const [rest] = (await once(far.resume(), 'data')) as [Buffer];
  expect(String(rest)).toBe('and more');
  await close();
});
