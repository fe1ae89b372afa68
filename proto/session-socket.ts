// Messages on a session socket (session.proto, "Session socket"): uint32 length, little-endian, then the message.
import type { Socket } from 'node:net';
import { FrameReader } from './frame-reader.js';

const headerBytes = 4;
/** Messages up to this many bytes are joined with their length: one copy is cheaper than a gathering write. */
const joinBytes = 16 * 1024;

/** Sends a message; false when the other side reads too slowly. */
export function writeMessage(socket: Socket, message: Uint8Array): boolean {
  const isJoined = message.length <= joinBytes;
  const head = Buffer.allocUnsafe(headerBytes + (isJoined ? message.length : 0));
  head.writeUInt32LE(message.length, 0);
  if (isJoined) {
    head.set(message, headerBytes);
    return socket.write(head);
  }
  socket.cork();
  socket.write(head);
  const isTaken = socket.write(message);
  socket.uncork();
  return isTaken;
}

/** Cuts what a socket receives into messages. Its `push` raises RangeError when a message is announced that is over the limit. */
export function messageReader(
  maxMessageBytes: number,
  onMessage: (message: Buffer) => void,
): FrameReader {
  const bodyBytes = (bytes: Buffer, at: number): number => {
    const length = bytes.readUInt32LE(at);
    if (length > maxMessageBytes)
      throw new RangeError(`A message of ${length} bytes is over the limit of ${maxMessageBytes}.`);
    return length;
  };
  return new FrameReader({ headerBytes, bodyBytes }, (frame) =>
    onMessage(frame.subarray(headerBytes)),
  );
}
