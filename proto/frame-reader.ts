/** How frames lie in a stream of bytes: each is a header, which tells the length of the body that follows it. */
export interface FrameFormat {
  readonly headerBytes: number;
  /** Length of the body of the frame whose header is at a place. Raises RangeError for one over the limit. */
  bodyBytes(bytes: Buffer, at: number): number;
}

/**
 * Cuts what a socket receives into frames, headers included. A frame within one chunk is a view of that chunk; one that spans chunks is
 * gathered in a buffer of its own length, so that each byte is copied once at most. Nobody writes to a frame again, so it may be kept.
 */
export class FrameReader {
  readonly #format: FrameFormat;
  readonly #onFrame: (frame: Buffer) => void;
  /** The begun frame: first its header, then header and body. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(format: FrameFormat, onFrame: (frame: Buffer) => void) {
    this.#format = format;
    this.#onFrame = onFrame;
  }

  /** Takes a chunk. Raises RangeError when a header announces a body over the limit. */
  push(chunk: Buffer): void {
    const { headerBytes } = this.#format;
    let at = this.#partial === undefined ? 0 : this.#continue(chunk);
    while (at < chunk.length) {
      const left = chunk.length - at;
      const length = left < headerBytes ? undefined : this.#frameBytes(chunk, at);
      if (length === undefined || length > left) {
        this.#begin(chunk.subarray(at), length ?? headerBytes);
        return;
      }
      this.#onFrame(chunk.subarray(at, at + length));
      at += length;
    }
  }

  #frameBytes(bytes: Buffer, at: number): number {
    return this.#format.headerBytes + this.#format.bodyBytes(bytes, at);
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
    const length = this.#frameBytes(bytes, 0);
    if (length > bytes.length) {
      this.#begin(bytes, length);
      return;
    }
    this.#partial = undefined;
    this.#onFrame(bytes);
  }
}
