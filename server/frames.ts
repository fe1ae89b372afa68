// Frames of worker.proto: a header of 16 bytes (uint32 length, uint16 type, uint16 flags, uint64 seq), then the body.
import type { Socket } from 'node:net';
import { type FrameFormat, FrameReader } from '../proto/frame-reader.js';
import type { FrameType } from '../proto/gen/gymlink/worker/v1/worker.js';
import { limits } from './limits.js';

const headerBytes = 16;
/** Bodies up to this many bytes are joined with their header: one copy is cheaper than a gathering write. */
const joinBytes = 16 * 1024;

export interface FrameHead {
  readonly type: FrameType;
  readonly seq: bigint;
  /** The server waits for nothing else; false if missing. */
  readonly alone?: boolean;
  /** Number of the slot of shared memory that the payload of the reply may be written to. */
  readonly slot?: number | undefined;
}

export interface Frame extends FrameHead {
  /** A view of what was received; nobody writes to it again, so it may be kept. */
  readonly body: Buffer;
}

const format: FrameFormat = {
  headerBytes,
  bodyBytes: (bytes, at) => {
    const length = bytes.readUInt32LE(at);
    if (length > limits.maxFrameBytes)
      throw new RangeError(
        `a frame of ${length} bytes is over the limit of ${limits.maxFrameBytes}`,
      );
    return length;
  },
};

/** Cuts what a socket receives into frames. */
export function frameReader(onFrame: (frame: Frame) => void): FrameReader {
  return new FrameReader(format, (bytes) => onFrame(toFrame(bytes)));
}

function toFrame(bytes: Buffer): Frame {
  return {
    type: bytes.readUInt16LE(4) as FrameType,
    seq: bytes.readBigUInt64LE(8),
    body: bytes.subarray(headerBytes),
  };
}

/** Sends a frame whose body is `pieces` one after another, in one write. */
export function writeFrame(
  socket: Socket,
  { type, seq, alone = false, slot = -1 }: FrameHead,
  ...pieces: readonly Uint8Array[]
): void {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const joined = length <= joinBytes;
  const head = Buffer.allocUnsafe(joined ? headerBytes + length : headerBytes);
  head.writeUInt32LE(length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE((alone ? 1 : 0) + 2 * (slot + 1), 6);
  head.writeBigUInt64LE(seq, 8);
  if (joined) {
    let at = headerBytes;
    for (const piece of pieces) {
      head.set(piece, at);
      at += piece.length;
    }
    socket.write(head);
    return;
  }
  socket.cork();
  socket.write(head);
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
}

/** Takes the first frame of a socket and leaves what follows it unread, with the socket paused. */
export function readFirstFrame(socket: Socket, onFrame: (frame: Frame) => void): void {
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    if (received.length < headerBytes) return;
    const length = headerBytes + received.readUInt32LE(0);
    if (length > joinBytes) {
      socket.destroy();
      return;
    }
    if (received.length < length) return;
    socket.off('data', onData);
    socket.pause();
    if (received.length > length) socket.unshift(received.subarray(length));
    onFrame(toFrame(received.subarray(0, length)));
  };
  socket.on('data', onData);
}
