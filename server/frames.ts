// Frames of worker.proto: a header of 16 bytes (uint32 length, uint16 type, uint16 flags, uint64 seq), then the body.
import type { Socket } from 'node:net';
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

/**
 * Cuts what a socket receives into frames. A frame within one chunk is a view of that chunk; one that spans chunks is gathered
 * in a buffer of its own length, so that each byte is copied once at most.
 */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  /** The begun frame: first its header, then header and body. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes a chunk. Raises RangeError when a header announces a body over the limit. */
  push(chunk: Buffer): void {
    let at = this.#partial === undefined ? 0 : this.#continue(chunk);
    while (at < chunk.length) {
      const left = chunk.length - at;
      const length = left < headerBytes ? undefined : frameBytes(chunk, at);
      if (length === undefined || length > left) {
        this.#begin(chunk.subarray(at), length ?? headerBytes);
        return;
      }
      this.#onFrame(frameAt(chunk, at, length));
      at += length;
    }
  }

  #begin(bytes: Buffer, length: number): void {
    this.#partial = Buffer.allocUnsafe(length);
    this.#filled = bytes.copy(this.#partial);
  }

  /** Fills the begun frame; returns where the next one begins in the chunk. */
  #continue(chunk: Buffer): number {
    let at = 0;
    while (this.#partial !== undefined && at < chunk.length) {
      const copied = chunk.copy(this.#partial, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled === this.#partial.length) this.#complete(this.#partial);
    }
    return at;
  }

  #complete(bytes: Buffer): void {
    const length = frameBytes(bytes, 0);
    if (length > bytes.length) {
      this.#begin(bytes, length);
      return;
    }
    this.#partial = undefined;
    this.#onFrame(frameAt(bytes, 0, length));
  }
}

function frameBytes(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  if (length > limits.maxFrameBytes)
    throw new RangeError(`a frame of ${length} bytes is over the limit of ${limits.maxFrameBytes}`);
  return headerBytes + length;
}

function frameAt(bytes: Buffer, at: number, length: number): Frame {
  return {
    type: bytes.readUInt16LE(at + 4) as FrameType,
    seq: bytes.readBigUInt64LE(at + 8),
    body: bytes.subarray(at + headerBytes, at + length),
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
    onFrame(frameAt(received, 0, length));
  };
  socket.on('data', onData);
}
