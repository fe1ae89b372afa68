import { GymlinkError } from './errors.js';
import { decodeElements } from './nd-array.js';

/** The next multiple of 8. */
export function padded(byteLength: number): number {
  return Math.ceil(byteLength / 8) * 8;
}

/** Bytes of the columns ahead of the observations, blocks 1 to 9 of a payload of so many rows (session.proto, TransitionPart). */
export function columnBytes(rows: number): number {
  return 3 * padded(4 * rows) + 2 * 8 * rows + 4 * padded(rows);
}

/** A payload that is not in memory yet. */
export interface UnreadPayload {
  readonly length: number;
  /** Fills `target` with the bytes from `begin` on. */
  readInto(target: Uint8Array, begin: number): void;
}

/** Takes blocks off a payload, one after another; each begins at a multiple of 8 bytes (space.proto). */
export class Blocks {
  private at = 0;
  private readonly payload: Uint8Array | UnreadPayload;

  constructor(payload: Uint8Array | UnreadPayload) {
    this.payload = payload;
  }

  /** The next block's bytes: a view into the payload, at any alignment, or a copy. */
  take(byteLength: number): Uint8Array {
    const begin = this.advance(byteLength);
    if (this.payload instanceof Uint8Array) return this.payload.subarray(begin, begin + byteLength);
    const bytes = new Uint8Array(byteLength);
    this.payload.readInto(bytes, begin);
    return bytes;
  }

  /** Copies the next block to where its bytes are wanted. */
  takeInto(target: Uint8Array): void {
    const begin = this.advance(target.length);
    if (this.payload instanceof Uint8Array)
      target.set(this.payload.subarray(begin, begin + target.length));
    else this.payload.readInto(target, begin);
  }

  private advance(byteLength: number): number {
    const begin = this.at;
    this.at = begin + padded(byteLength);
    if (begin + byteLength > this.payload.length)
      throw malformed(`a block of ${byteLength} bytes does not fit into ${this.payload.length}`);
    return begin;
  }

  /** The next block as the offsets of some rows, of a space of some kind. */
  offsets(rows: number, kind: string): Uint32Array {
    const offsets = decodeElements(this.take(4 * (rows + 1)), 'uint32') as Uint32Array;
    for (let i = 0; i < rows; i++)
      if ((offsets[i] as number) > (offsets[i + 1] as number)) throw unordered(kind);
    if (offsets[0] !== 0) throw unordered(kind);
    return offsets;
  }

  /** Checks that so many elements can follow, before there is memory for them. */
  expect(elements: number, leastBytes: number): void {
    const most = leastBytes === 0 ? mostWithoutBytes : (this.payload.length - this.at) / leastBytes;
    if (elements > most)
      throw malformed(`${elements} elements do not fit into ${this.payload.length} bytes`);
  }

  /** Checks that nothing is left over. */
  end(): void {
    if (this.at !== this.payload.length)
      throw malformed(`${this.payload.length} bytes came where ${this.at} were expected`);
  }
}

/** How many elements of no bytes each there may be: their number is bounded by nothing else. */
const mostWithoutBytes = 65_536;

function unordered(kind: string): GymlinkError {
  return malformed(`the offsets of a ${kind} do not increase from 0`);
}

/** The error for bytes that break the layout. */
export function malformed(what: string): GymlinkError {
  return new GymlinkError(
    'MALFORMED_REPLY',
    `The server sent a payload that does not fit its spaces: ${what}.`,
  );
}
