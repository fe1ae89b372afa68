import {
  type Infos,
  TransitionDetails,
  type TransitionPart,
} from '../proto/gen/gymlink/v1/session.js';
import { Blocks, type Column, columnOf, malformed, type Places } from './columns.js';
import type { Sample, Space } from './spaces/index.js';
import { fromMagnitude } from './values.js';

/** Infos of some rows, and which sub-environments those are. */
export interface RowInfos {
  readonly infos: Infos;
  readonly envs: readonly number[];
}

/** What became of a row; values of the payload's column `kind` (session.proto, RowKind). */
export const rowKinds = ['step', 'reset', 'autoreset', 'failed'] as const;

/** The rows of the last transition, one for each sub-environment, in memory that is used again for each. */
export class Rows {
  readonly rewards: Float64Array;
  readonly terminations: Uint8Array;
  readonly truncations: Uint8Array;
  /** Index into {@link rowKinds}. */
  readonly kinds: Uint8Array;
  /** Episodes so far of each sub-environment. */
  readonly episodes: Uint32Array;
  /** Steps in that episode. */
  readonly episodeSteps: Uint32Array;
  readonly observations: Column;
  /** Infos of the parts of the last transition. */
  infos: RowInfos[] = [];
  finalInfos: RowInfos[] = [];
  /** Last observations of episodes that ended in this transition (SameStep), by sub-environment. */
  readonly finalObservations = new Map<number, Sample>();
  /** Seeds that resets of this transition used, by sub-environment. */
  readonly seeds = new Map<number, bigint>();
  private readonly space: Space;

  constructor(space: Space, numEnvs: number) {
    this.space = space;
    this.rewards = new Float64Array(numEnvs);
    this.terminations = new Uint8Array(numEnvs);
    this.truncations = new Uint8Array(numEnvs);
    this.kinds = new Uint8Array(numEnvs);
    this.episodes = new Uint32Array(numEnvs);
    this.episodeSteps = new Uint32Array(numEnvs);
    this.observations = columnOf(space, numEnvs);
  }

  /** Forgets infos, final observations and seeds of the last transition. */
  begin(): void {
    if (this.infos.length > 0) this.infos = [];
    if (this.finalInfos.length > 0) this.finalInfos = [];
    this.finalObservations.clear();
    this.seeds.clear();
  }

  /** Reads a part's payload and details (session.proto, TransitionPart). */
  read(part: TransitionPart): void {
    if (part.location?.$case !== 'payload') throw malformed('it is not in the message');
    const n = part.rows;
    const blocks = new Blocks(part.location.value);
    const places = this.places(blocks.take(4 * n), n);
    scatter(blocks.take(4 * n), this.episodes, places);
    scatter(blocks.take(4 * n), this.episodeSteps, places);
    blocks.take(8 * n);
    scatter(blocks.take(8 * n), this.rewards, places);
    scatter(blocks.take(n), this.terminations, places);
    scatter(blocks.take(n), this.truncations, places);
    scatter(blocks.take(n), this.kinds, places);
    const hasFinal = blocks.take(n);
    this.observations.read(blocks, places);
    const ended = rowsWhere(hasFinal);
    if (ended.length > 0) this.readFinals(blocks, places, ended);
    blocks.end();
    if (part.details.length > 0) this.readDetails(part.details, places, ended);
  }

  private places(block: Uint8Array, count: number): Places {
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    const first = view.getUint32(0, true);
    const rows = Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 * i, true));
    if (rows.some((row) => row >= this.rewards.length))
      throw malformed('it names a sub-environment that does not exist');
    const isRun = rows.every((row, i) => row === first + i);
    return { count, first, rows: isRun ? undefined : rows };
  }

  private readFinals(blocks: Blocks, places: Places, ended: readonly number[]): void {
    const column = columnOf(this.space, ended.length);
    column.read(blocks, { count: ended.length, first: 0, rows: undefined });
    for (const [i, row] of ended.entries())
      this.finalObservations.set(envAt(places, row), column.row(i));
  }

  private readDetails(bytes: Uint8Array, places: Places, ended: readonly number[]): void {
    const { infos, finalInfos, seeds } = TransitionDetails.decode(bytes);
    const envs = Array.from({ length: places.count }, (_, row) => envAt(places, row));
    if (infos) this.infos.push({ infos, envs });
    if (finalInfos)
      this.finalInfos.push({ infos: finalInfos, envs: ended.map((row) => envAt(places, row)) });
    for (const { row, seed } of seeds)
      this.seeds.set(envAt(places, row), fromMagnitude(seed?.magnitude ?? new Uint8Array()));
  }
}

function envAt({ first, rows }: Places, row: number): number {
  return rows === undefined ? first + row : (rows[row] as number);
}

function rowsWhere(mask: Uint8Array): number[] {
  const rows: number[] = [];
  for (let i = 0; i < mask.length; i++) if (mask[i] === 1) rows.push(i);
  return rows;
}

/** Copies a block's elements to their places; works on bytes, because a block may start at any offset. */
function scatter(
  block: Uint8Array,
  target: Uint8Array | Uint32Array | Float64Array,
  { count, first, rows }: Places,
): void {
  const bytes = new Uint8Array(target.buffer);
  const size = target.BYTES_PER_ELEMENT;
  if (rows === undefined) {
    bytes.set(block, first * size);
    return;
  }
  for (let i = 0; i < count; i++)
    bytes.set(block.subarray(i * size, (i + 1) * size), (rows[i] as number) * size);
}
