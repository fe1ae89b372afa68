import type { TransitionPart } from '../proto/gen/gymlink/v1/session.js';
import { Blocks, columnBytes, malformed, padded } from './blocks.js';
import { dtypes, sizeOf } from './nd-array.js';
import type { Space } from './spaces/index.js';
import { type PayloadReaders, payloadOf } from './transition.js';

/** What came of a stack: its newest frame, or all of its frames. */
interface Received {
  readonly isShifted: boolean;
  readonly bytes: Uint8Array;
}

/**
 * The last stack of each sub-environment of a session, where only the newest frame of a stack travels (session.proto,
 * TransitionPart).
 */
export class Stacks {
  private readonly stackBytes: number;
  private readonly frameBytes: number;
  private readonly numEnvs: number;
  private readonly kept: Uint8Array;
  private readonly isKnown: Uint8Array;

  /**
   * @param space Observation space of a sub-environment.
   * @throws GymlinkError MALFORMED_REPLY unless its observations are stacks.
   */
  constructor(space: Space, numEnvs: number) {
    if (space.kind !== 'Box' || space.shape.length < 2)
      throw malformed('observations are no stacks');
    this.stackBytes = sizeOf(space.shape) * dtypes[space.dtype].itemBytes;
    this.frameBytes = this.stackBytes / (space.shape[0] as number);
    this.numEnvs = numEnvs;
    this.kept = new Uint8Array(numEnvs * this.stackBytes);
    this.isKnown = new Uint8Array(numEnvs);
  }

  /**
   * A part with the frames that were left out of it, in memory of its own.
   *
   * @throws GymlinkError MALFORMED_REPLY if its payload breaks its layout.
   */
  whole(part: TransitionPart, readers: PayloadReaders): TransitionPart {
    const { rows } = part;
    const blocks = new Blocks(payloadOf(part, readers));
    const columns = blocks.take(columnBytes(rows));
    const { envs, ended } = this.envsOf(columns, rows);
    const stacks = this.take(blocks, ended.length + rows);
    blocks.end();
    const finals = columns.length + padded(rows * this.stackBytes);
    const value = new Uint8Array(finals + padded(ended.length * this.stackBytes));
    value.set(columns);
    const write = (received: Received, env: number, at: number) =>
      value.set(this.advance(env, received), at);
    // Final observations first: the others take their place.
    for (const [i, received] of stacks.entries()) {
      const row = i - ended.length;
      if (row < 0) write(received, ended[i] as number, finals + i * this.stackBytes);
      else write(received, envs[row] as number, columns.length + row * this.stackBytes);
    }
    return { ...part, location: { $case: 'payload', value }, uncompressedBytes: 0n };
  }

  /** The stack of a sub-environment after the one that is kept, which it replaces. */
  private advance(env: number, { isShifted, bytes }: Received): Uint8Array {
    const { stackBytes, frameBytes } = this;
    const kept = this.kept.subarray(env * stackBytes, (env + 1) * stackBytes);
    if (isShifted && this.isKnown[env] === 0)
      throw malformed(`sub-environment ${env} has no stack to go on from`);
    if (isShifted) kept.copyWithin(0, frameBytes);
    kept.set(bytes, isShifted ? stackBytes - frameBytes : 0);
    this.isKnown[env] = 1;
    return kept;
  }

  /** The sub-environments of the rows, and those of them that have a final observation. */
  private envsOf(columns: Uint8Array, rows: number): { envs: number[]; ended: number[] } {
    const view = new DataView(columns.buffer, columns.byteOffset, columns.byteLength);
    const hasFinal = columns.length - padded(rows);
    const envs = Array.from({ length: rows }, (_, row) => view.getUint32(4 * row, true));
    for (const env of envs)
      if (env >= this.numEnvs) throw malformed(`there is no sub-environment ${env}`);
    return { envs, ended: envs.filter((_, row) => columns[hasFinal + row] === 1) };
  }

  private take(blocks: Blocks, count: number): Received[] {
    const shifted = blocks.take(count);
    if (shifted.some((flag) => flag > 1))
      throw malformed('whether a stack is shifted is not 0 or 1');
    const newestCount = shifted.reduce((sum, flag) => sum + flag, 0);
    const newest = runs(blocks, newestCount, this.frameBytes);
    const whole = runs(blocks, count - newestCount, this.stackBytes);
    return Array.from(shifted, (flag) => {
      const { value } = (flag === 1 ? newest : whole).next();
      return { isShifted: flag === 1, bytes: value as Uint8Array };
    });
  }
}

/** The next block's bytes in as many runs of one length. */
function runs(blocks: Blocks, count: number, length: number): Iterator<Uint8Array> {
  const bytes = count > 0 ? blocks.take(count * length) : new Uint8Array();
  const begins = Array.from({ length: count }, (_, i) => i * length);
  return begins.map((begin) => bytes.subarray(begin, begin + length)).values();
}
