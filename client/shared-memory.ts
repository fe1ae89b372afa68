import { closeSync, openSync, readSync } from 'node:fs';
import type { SharedMemoryOffer, SharedSlot } from '../proto/gen/gymlink/v1/session.js';
import { malformed, type UnreadPayload } from './blocks.js';

const headerBytes = 64;
const nonceBytes = 16;

/** Shared memory that a server on this machine offers: payloads are read from it into arrays, without a copy in between. */
export class SharedMemory {
  /** What the file begins with: the proof that this process can read it. */
  readonly nonce: Uint8Array;
  private readonly file: number;
  private readonly slotBytes: number;
  private readonly slots: number;
  private isOpen = true;

  /** Opens it; undefined where this process cannot, for example because the server is on another machine. */
  static open(offer: SharedMemoryOffer): SharedMemory | undefined {
    try {
      return new SharedMemory(offer, openSync(offer.path, 'r'));
    } catch {
      return undefined;
    }
  }

  private constructor({ slotBytes, slots }: SharedMemoryOffer, file: number) {
    this.file = file;
    this.slotBytes = Number(slotBytes);
    this.slots = slots;
    this.nonce = new Uint8Array(nonceBytes);
    this.read(this.nonce, 0);
  }

  /**
   * A payload in a slot.
   *
   * @throws GymlinkError MALFORMED_REPLY if there is no such slot.
   */
  payload({ slot, length }: SharedSlot): UnreadPayload {
    if (slot >= this.slots || length > this.slotBytes)
      throw malformed(`${length} bytes in slot ${slot} are not in the shared memory`);
    const slotBegin = headerBytes + slot * this.slotBytes;
    return {
      length: Number(length),
      readInto: (target, begin) => this.read(target, slotBegin + begin),
    };
  }

  private read(target: Uint8Array, position: number): void {
    for (let at = 0; at < target.length; ) {
      const count = readSync(this.file, target, at, target.length - at, position + at);
      if (count === 0) throw malformed('the shared memory ends early');
      at += count;
    }
  }

  /** Gives it up. */
  close(): void {
    if (this.isOpen) closeSync(this.file);
    this.isOpen = false;
  }
}
