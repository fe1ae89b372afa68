// Payloads in shared memory (session.proto, SharedSlot): the server reserves slots in a file, workers write to them, the client
// reads them, and the stream carries their numbers.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type FileHandle, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedMemoryOffer } from '../proto/gen/gymlink/v1/session.js';
import { FrameType, ShareMemory } from '../proto/gen/gymlink/worker/v1/worker.js';
import { ErrorReason, malformed, RequestError, requestError } from './errors.js';
import { ask, type PlacedWorker } from './placed-workers.js';

const folder = '/dev/shm';
const prefix = 'gymlink-';
const headerBytes = 64;
const nonceBytes = 16;
/** Below it the rows of a step are as quick in the message, and so is a row that comes by itself. */
const leastBytes = { together: 64 * 1024, alone: 4 * 1024 };
/** How often all rows of a worker may be unacknowledged until some go into the message. */
const depth = 4;
const pageBytes = 4096;
/** A client proves at once that it can read the file, or never. */
const offerMs = 10_000;

/** A slot that a worker may write a payload to; free again when nobody needs what is in it. */
export interface SharedSlot {
  readonly number: number;
  free(): void;
}

/** The slots of one worker; there are none unless shared memory is in use. */
export class SharedSlots {
  #slots: readonly SharedSlot[] = [];
  #rowsEach = 0;
  readonly #free = new Set<SharedSlot>();

  /**
   * Free slots for so many payloads of so many rows each, side by side, which are taken then; or none. The first that there are:
   * their memory is warm.
   */
  take(count: number, rowsEach: number): SharedSlot[] {
    if (rowsEach > this.#rowsEach) return [];
    let begin = 0;
    for (const [at, slot] of this.#slots.entries()) {
      if (!this.#free.has(slot)) begin = at + 1;
      else if (at + 1 - begin === count) {
        const taken = this.#slots.slice(begin, at + 1);
        for (const one of taken) this.#free.delete(one);
        return taken;
      }
    }
    return [];
  }

  /** Gives the worker slots `first` … `first + count - 1`, which have room for a payload of so many rows each. */
  set(first: number, count: number, rowsEach: number): void {
    this.#rowsEach = rowsEach;
    this.#slots = Array.from({ length: count }, (_, i) => {
      const slot: SharedSlot = { number: first + i, free: () => this.#free.add(slot) };
      return slot;
    });
    for (const slot of this.#slots) this.#free.add(slot);
  }
}

/** The shared memory of a session: offered, then in use if the client proves that it can read it. */
export class SharedMemory {
  readonly offer: SharedMemoryOffer;
  readonly #nonce: Buffer;
  readonly #byRow: boolean;
  readonly #expiry: NodeJS.Timeout;
  #isOpen = true;

  /**
   * Makes an offer, or none where shared memory is not worth it or is not there.
   *
   * @param payloadBytes What a payload takes at most; 0 where there is no greatest size.
   * @param byRow Whether each row is a payload, or all rows of a worker are one.
   */
  static async offer(
    placed: readonly PlacedWorker[],
    payloadBytes: number,
    { byRow }: { readonly byRow: boolean },
  ): Promise<SharedMemory | undefined> {
    const isLarge = byRow
      ? payloadBytes >= leastBytes.alone
      : payloadBytes * placed.length >= leastBytes.together;
    if (!isLarge || payloadBytes === 0) return undefined;
    const nonce = randomBytes(nonceBytes);
    const path = join(folder, `${prefix}${randomBytes(12).toString('hex')}`);
    try {
      await writeFile(path, nonce, { flag: 'wx', mode: 0o600 });
    } catch {
      return undefined;
    }
    const slotBytes = Math.ceil(payloadBytes / pageBytes) * pageBytes;
    const slots = placed.reduce((sum, { count }) => sum + depth * (byRow ? count : 1), 0);
    return new SharedMemory({ path, slotBytes: BigInt(slotBytes), slots }, byRow, nonce);
  }

  private constructor(offer: SharedMemoryOffer, byRow: boolean, nonce: Buffer) {
    this.offer = offer;
    this.#byRow = byRow;
    this.#nonce = nonce;
    this.#expiry = setTimeout(() => this.withdraw(), offerMs).unref();
  }

  /**
   * Takes the client's proof: reserves the memory, has the workers map it, and gives them their slots. The file vanishes then.
   * Raises RequestError.
   */
  async use(nonce: Uint8Array, placed: readonly PlacedWorker[], deadlineMs: number): Promise<void> {
    if (!this.#isOpen) throw malformed('No shared memory is offered any more.');
    if (nonce.length !== nonceBytes || !timingSafeEqual(nonce, this.#nonce))
      throw requestError(
        ErrorReason.ERROR_REASON_PERMISSION_DENIED,
        'That is not what the offered file begins with.',
      );
    this.#isOpen = false;
    const { path, slotBytes, slots } = this.offer;
    try {
      await reserve(path, headerBytes + slots * Number(slotBytes));
      const body = ShareMemory.encode({ path, slotBytes }).finish();
      await Promise.all(placed.map(({ worker }) => ask(worker, { ...question, deadlineMs }, body)));
    } catch (error) {
      throw error instanceof RequestError ? error : noRoom(error as Error);
    } finally {
      await this.withdraw();
    }
    let first = 0;
    for (const { slots: own, count } of placed) {
      const [payloads, rowsEach] = this.#byRow ? [count, 1] : [1, count];
      own.set(first, depth * payloads, rowsEach);
      first += depth * payloads;
    }
  }

  /** Removes the file; whoever has it open or mapped keeps it. */
  async withdraw(): Promise<void> {
    this.#isOpen = false;
    clearTimeout(this.#expiry);
    await rm(this.offer.path, { force: true });
  }
}

const question = {
  what: 'mapping the shared memory',
  type: FrameType.FRAME_TYPE_SHARE_MEMORY,
  replyType: FrameType.FRAME_TYPE_MEMORY_SHARED,
};

/** Writes zeros: memory that was not there would otherwise end whoever touches it with SIGBUS. */
async function reserve(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await writeZeros(file, nonceBytes, bytes);
  } finally {
    await file.close();
  }
}

async function writeZeros(file: FileHandle, begin: number, end: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(end - begin, 1 << 20));
  for (let at = begin; at < end; ) {
    const { bytesWritten } = await file.write(zeros, 0, Math.min(zeros.length, end - at), at);
    at += bytesWritten;
  }
}

function noRoom(error: Error): RequestError {
  return requestError(
    ErrorReason.ERROR_REASON_LIMIT_EXCEEDED,
    `The shared memory cannot be had (${error.message}); payloads come in the messages.`,
  );
}

/** Removes the files of servers that were killed while they offered them; younger ones may still be taken. */
export async function removeAbandonedMemory(): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((found) => /^gymlink-[0-9a-f]{24}$/.test(found))) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info === undefined || info.uid !== process.getuid?.()) continue;
    if (Date.now() - info.mtimeMs > 2 * offerMs) await rm(path, { force: true });
  }
}
