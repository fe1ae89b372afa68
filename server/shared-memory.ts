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
/** Below it a payload is as quick in the message. */
const leastPayloadBytes = 64 * 1024;
/** Deliveries of a worker that may be unacknowledged until one goes into the message. */
const slotsPerWorker = 4;
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
  readonly #free: SharedSlot[] = [];

  /** A free slot, which is taken then. */
  take(): SharedSlot | undefined {
    return this.#free.pop();
  }

  /** Adds slots `first` … `first + count - 1`. */
  add(first: number, count: number): void {
    for (let number = first; number < first + count; number++) {
      const slot: SharedSlot = { number, free: () => this.#free.push(slot) };
      this.#free.push(slot);
    }
  }
}

/** The shared memory of a session: offered, then in use if the client proves that it can read it. */
export class SharedMemory {
  readonly offer: SharedMemoryOffer;
  readonly #nonce: Buffer;
  readonly #expiry: NodeJS.Timeout;
  #isOpen = true;

  /**
   * Makes an offer for workers whose payloads take up to `payloadBytes` each, or none where shared memory is not worth it or is not
   * there.
   */
  static async offer(workers: number, payloadBytes: number): Promise<SharedMemory | undefined> {
    if (payloadBytes * workers < leastPayloadBytes || payloadBytes === 0) return undefined;
    const nonce = randomBytes(nonceBytes);
    const path = join(folder, `${prefix}${randomBytes(12).toString('hex')}`);
    try {
      await writeFile(path, nonce, { flag: 'wx', mode: 0o600 });
    } catch {
      return undefined;
    }
    const slotBytes = Math.ceil(payloadBytes / pageBytes) * pageBytes;
    const slots = workers * slotsPerWorker;
    return new SharedMemory({ path, slotBytes: BigInt(slotBytes), slots }, nonce);
  }

  private constructor(offer: SharedMemoryOffer, nonce: Buffer) {
    this.offer = offer;
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
    for (const [i, { slots: own }] of placed.entries()) own.add(i * slotsPerWorker, slotsPerWorker);
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
