// Rows on their way from workers to the client: TRANSITION frames (worker.proto) become the parts of a Transition
// (session.proto) without being decoded; only a few columns are looked at, where the session has to know.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { SharedSlot } from './shared-memory.js';

const frameHeadBytes = 16;
const flag = { more: 1, shared: 2, compressed: 4 };

/** A TRANSITION frame's body, cut up. */
export interface Part {
  readonly rows: number;
  /** The payload, or only its columns where it is in a slot. */
  readonly payload: Buffer;
  readonly payloadBytes: number;
  /** Length of the payload before compression; 0 when it is not compressed. */
  readonly uncompressedBytes: number;
  /** Where the payload is in shared memory. */
  readonly slot: SharedSlot | undefined;
  readonly details: Buffer;
}

/** Whether another TRANSITION frame answers the same request. */
export function hasMore(body: Buffer): boolean {
  return (body.readUInt32LE(12) & flag.more) !== 0;
}

/** Whether the payload of a TRANSITION frame is in a slot. */
export function isShared(body: Buffer): boolean {
  return (body.readUInt32LE(12) & flag.shared) !== 0;
}

/** Cuts up the body of a TRANSITION frame, whose request named a slot. Raises RangeError when its lengths do not fit. */
export function readPart(body: Buffer, named?: SharedSlot): Part {
  const rows = body.readUInt32LE(0);
  const payloadBytes = body.readUInt32LE(4);
  const slot = isShared(body) ? named : undefined;
  const isCompressed = (body.readUInt32LE(12) & flag.compressed) !== 0;
  const payloadBegin = frameHeadBytes + (isCompressed ? 8 : 0);
  const columnsEnd = columns(rows).end;
  const payloadEnd = payloadBegin + (slot === undefined ? payloadBytes : columnsEnd);
  const end = payloadEnd + body.readUInt32LE(8);
  if (rows === 0 || end !== body.length)
    throw new RangeError('a TRANSITION frame whose lengths do not fit');
  if (payloadBytes < columnsEnd) throw new RangeError('a TRANSITION frame without its columns');
  return {
    rows,
    payload: body.subarray(payloadBegin, payloadEnd),
    payloadBytes,
    uncompressedBytes: isCompressed ? Number(body.readBigUInt64LE(frameHeadBytes)) : 0,
    slot,
    details: body.subarray(payloadEnd, end),
  };
}

/** Where the columns begin that the session looks at; the payload's order is that of TransitionPart in session.proto. */
function columns(rows: number): { terminated: number; truncated: number; end: number } {
  const uint32s = padded(4 * rows);
  const uint8s = padded(rows);
  const terminated = 3 * uint32s + 2 * 8 * rows;
  return { terminated, truncated: terminated + uint8s, end: terminated + 4 * uint8s };
}

function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** The sub-environments of a part's rows. */
export function envIndicesOf({ rows, payload }: Part): number[] {
  return Array.from({ length: rows }, (_, row) => payload.readUInt32LE(4 * row));
}

/** The sub-environments whose episode ended in a part. */
export function endedEnvIndicesOf(part: Part): number[] {
  const { terminated, truncated } = columns(part.rows);
  return envIndicesOf(part).filter(
    (_, row) => part.payload[terminated + row] === 1 || part.payload[truncated + row] === 1,
  );
}

// Tags: SessionResponse.transition, rendered, called; Transition.delivery, parts, more; TransitionPart.rows, payload, slot, details,
// uncompressed_bytes; SharedSlot.slot, length.
const tag = {
  transition: 0x2a,
  rendered: 0x3a,
  called: 0x6a,
  delivery: 0x08,
  part: 0x12,
  more: 0x18,
  rows: 0x08,
  payload: 0x12,
  slot: 0x1a,
  slotNumber: 0x08,
  slotLength: 0x10,
  details: 0x22,
  uncompressedBytes: 0x28,
};
/** Messages of about this size are quicker than larger ones on Node, at both ends (docs/performance.md). */
const preferredMessageBytes = 2 * 1024 * 1024;
/** Most that a message has beside its parts: seq, tag and length of the transition, delivery, more. */
const envelopeBytes = 32;

/** Bytes of a message that has this part alone. */
export function encodedBytes(part: Part): number {
  return envelopeBytes + fieldBytes(contentBytes(part));
}

/**
 * Encodes the SessionResponse messages of one delivery, as many as its size and the client's message limit need. Written by hand
 * because the generated encoder grows its buffer, shifts the payload at every nesting and copies the result: here each payload byte is
 * copied once.
 * No part may be over the limit (`encodedBytes`).
 */
export function encodeTransition(
  seq: bigint,
  delivery: number,
  parts: readonly Part[],
  maxMessageBytes: number,
): Uint8Array[] {
  const seqField = encodeSeq(seq);
  const groups = groupParts(
    parts,
    Math.min(maxMessageBytes, preferredMessageBytes) - envelopeBytes,
  );
  return groups.map((group, i) => encodeMessage(seqField, delivery, group, i < groups.length - 1));
}

/**
 * Encodes the SessionResponse with what several workers rendered, or were called for: serialized messages one after another
 * are one message with all their renderings or results.
 */
export function encodeJoined(
  seq: bigint,
  reply: 'rendered' | 'called',
  bodies: readonly Buffer[],
): Uint8Array {
  const seqField = encodeSeq(seq);
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  const message = Buffer.allocUnsafe(seqField.length + fieldBytes(bytes));
  message.set(seqField);
  let at = writeVarint(message, writeTag(message, seqField.length, tag[reply]), bytes);
  for (const body of bodies) at += body.copy(message, at);
  return message;
}

function encodeSeq(seq: bigint): Uint8Array {
  return new BinaryWriter().uint32(8).uint64(seq).finish();
}

function groupParts(parts: readonly Part[], maxBytes: number): Part[][] {
  const groups: Part[][] = [];
  let group: Part[] = [];
  let bytes = 0;
  for (const part of parts) {
    const partBytes = fieldBytes(contentBytes(part));
    if (group.length > 0 && bytes + partBytes > maxBytes) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(part);
    bytes += partBytes;
  }
  groups.push(group);
  return groups;
}

function encodeMessage(
  seqField: Uint8Array,
  delivery: number,
  parts: readonly Part[],
  more: boolean,
): Uint8Array {
  let transitionBytes = 1 + varintBytes(delivery) + (more ? 2 : 0);
  for (const part of parts) transitionBytes += fieldBytes(contentBytes(part));
  const message = Buffer.allocUnsafe(seqField.length + fieldBytes(transitionBytes));
  message.set(seqField);
  let at = writeVarint(
    message,
    writeTag(message, seqField.length, tag.transition),
    transitionBytes,
  );
  at = writeVarint(message, writeTag(message, at, tag.delivery), delivery);
  for (const part of parts) at = writePart(message, at, part);
  if (more) message[writeTag(message, at, tag.more)] = 1;
  return message;
}

function writePart(message: Buffer, start: number, part: Part): number {
  let at = writeVarint(message, writeTag(message, start, tag.part), contentBytes(part));
  at = writeVarint(message, writeTag(message, at, tag.rows), part.rows);
  at = part.slot === undefined ? writePayload(message, at, part) : writeSlot(message, at, part);
  if (part.details.length > 0) {
    at = writeVarint(message, writeTag(message, at, tag.details), part.details.length);
    at += part.details.copy(message, at);
  }
  if (part.uncompressedBytes === 0) return at;
  return writeVarint(message, writeTag(message, at, tag.uncompressedBytes), part.uncompressedBytes);
}

function writePayload(message: Buffer, start: number, { payload }: Part): number {
  const at = writeVarint(message, writeTag(message, start, tag.payload), payload.length);
  return at + payload.copy(message, at);
}

function writeSlot(message: Buffer, start: number, part: Part): number {
  let at = writeVarint(message, writeTag(message, start, tag.slot), slotBytes(part));
  at = writeVarint(message, writeTag(message, at, tag.slotNumber), part.slot?.number ?? 0);
  return writeVarint(message, writeTag(message, at, tag.slotLength), part.payloadBytes);
}

/** Bytes of the SharedSlot message. */
function slotBytes({ slot, payloadBytes }: Part): number {
  return 2 + varintBytes(slot?.number ?? 0) + varintBytes(payloadBytes);
}

function contentBytes(part: Part): number {
  const { rows, payload, slot, details, uncompressedBytes } = part;
  const compressionBytes = uncompressedBytes === 0 ? 0 : 1 + varintBytes(uncompressedBytes);
  const detailsBytes = details.length === 0 ? 0 : fieldBytes(details.length);
  const location = slot === undefined ? payload.length : slotBytes(part);
  return 1 + varintBytes(rows) + fieldBytes(location) + detailsBytes + compressionBytes;
}

/** Bytes of a length-delimited field: tag, length, content. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= 0x80; left = Math.floor(left / 0x80)) bytes += 1;
  return bytes;
}

function writeTag(message: Buffer, at: number, value: number): number {
  message[at] = value;
  return at + 1;
}

function writeVarint(message: Buffer, start: number, value: number): number {
  let at = start;
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) message[at++] = (left % 0x80) | 0x80;
  message[at] = left;
  return at + 1;
}
