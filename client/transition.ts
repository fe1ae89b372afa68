import type { TransitionPart } from '../proto/gen/gymlink/v1/session.js';
import { Blocks, columnBytes, malformed, padded, type UnreadPayload } from './blocks.js';
import { type Column, columnOf, type Places } from './columns.js';
import type { Decompress } from './compression.js';
import { Details, type EncodedDetails } from './details.js';
import { InfoWarning } from './info-warning.js';
import { maxMessageBytes } from './open-request.js';
import type { SharedMemory } from './shared-memory.js';
import type { Sample, Space } from './spaces/index.js';

/** What became of a row; values of the payload's column `kind` (session.proto, RowKind). */
export const rowKinds = ['step', 'reset', 'autoreset', 'failed'] as const;

/** The sub-environments that were asked for, ascending, empty for all; undefined where rows come as they are ready. */
type Asked = readonly number[] | undefined;

/** What reads the payloads of a session that are not in its messages, or compressed there. */
export interface PayloadReaders {
  readonly memory?: SharedMemory | undefined;
  readonly decompress?: Decompress | undefined;
}

/**
 * The payload of a part.
 *
 * @throws GymlinkError MALFORMED_REPLY if nothing reads it.
 */
export function payloadOf(
  { rows, location, uncompressedBytes }: TransitionPart,
  { memory, decompress }: PayloadReaders,
): Uint8Array | UnreadPayload {
  if (location?.$case === 'payload') {
    if (uncompressedBytes === 0n) return location.value;
    if (decompress === undefined) throw malformed('it is compressed, which nobody asked for');
    return decompressed(location.value, columnBytes(rows), Number(uncompressedBytes), decompress);
  }
  if (location === undefined || memory === undefined)
    throw malformed('it is nowhere that this session knows');
  return memory.payload(location.value);
}

/**
 * The rows of the last transition, one for each sub-environment, in memory that is used again for each. Where it is for some of
 * them only, all is by their places among these.
 */
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
  /** The sub-environment of each row. */
  readonly envIndices: Uint32Array;
  readonly observations: Column;
  /** Infos and seeds of the last transition; made anew for each. */
  details = new Details();
  /** Last observations of episodes that ended in this transition (SameStep), by sub-environment; made anew for each. */
  finalObservations: ReadonlyMap<number, Sample> = new Map();
  private readonly space: Space;
  private readonly warning: InfoWarning;
  /** Parts of a session come in the same few sizes at every step. */
  private readonly headers = new Map<number, Header>();

  private readonly readers: PayloadReaders;

  private readonly rowOf: ReadonlyMap<number, number> | undefined;

  /** @param envs The sub-environments that it is for, ascending; all if it is left out. */
  constructor(
    space: Space,
    numEnvs: number,
    envId: string,
    readers: PayloadReaders = {},
    envs?: readonly number[],
  ) {
    const rows = envs?.length ?? numEnvs;
    this.rowOf = envs && new Map(envs.map((env, row) => [env, row]));
    this.space = space;
    this.readers = readers;
    this.warning = new InfoWarning(envId);
    this.rewards = new Float64Array(rows);
    this.terminations = new Uint8Array(rows);
    this.truncations = new Uint8Array(rows);
    this.kinds = new Uint8Array(rows);
    this.episodes = new Uint32Array(rows);
    this.episodeSteps = new Uint32Array(rows);
    this.envIndices = new Uint32Array(rows);
    this.observations = columnOf(space, rows);
  }

  /**
   * Reads a transition.
   *
   * @param asked The sub-environments that were asked for, ascending; empty for all.
   * @throws GymlinkError MALFORMED_REPLY if it does not have exactly their rows, or a payload breaks its layout.
   */
  read(parts: readonly TransitionPart[], asked: readonly number[] = []): void {
    const count = this.readParts(parts, asked);
    const wanted = asked.length || this.rewards.length;
    if (count !== wanted) throw malformed(`${count} rows came where ${wanted} were asked for`);
  }

  /**
   * Reads a transition of sub-environments that happened to be ready: all is by the places of the rows in it, and `envIndices` says
   * whose they are.
   *
   * @returns How many rows it has: as many as there is memory for, or fewer.
   * @throws GymlinkError MALFORMED_REPLY if it has more, or a payload breaks its layout.
   */
  readReady(parts: readonly TransitionPart[]): number {
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    if (rows > this.rewards.length) throw malformed(`it has ${rows} rows`);
    return this.readParts(parts, undefined);
  }

  private readParts(parts: readonly TransitionPart[], asked: Asked): number {
    const finals = new Map<number, Sample>();
    const details: EncodedDetails[] = [];
    let count = 0;
    for (const part of parts) {
      this.readPart(part, asked, count, finals, details);
      count += part.rows;
    }
    this.finalObservations = finals;
    this.details = new Details(details, this.warning);
    return count;
  }

  /** Reads one part; adds what it has beside columns and observations to `finals` and `details`. */
  private readPart(
    part: TransitionPart,
    asked: Asked,
    before: number,
    finals: Map<number, Sample>,
    details: EncodedDetails[],
  ): void {
    const header = this.headerFor(part.rows);
    const blocks = new Blocks(payloadOf(part, this.readers));
    blocks.takeInto(header.bytes);
    const places = this.place(header, asked, before);
    this.observations.read(blocks, places);
    const ended = header.hasFinal.includes(1) ? rowsWhere(header.hasFinal) : [];
    const endedEnvs = ended.map((row) => envAt(places, row));
    if (ended.length > 0) this.readFinals(blocks, endedEnvs, finals);
    blocks.end();
    if (part.details.length === 0) return;
    const envs = Array.from({ length: places.count }, (_, row) => envAt(places, row));
    details.push({ bytes: part.details, envs, ended: endedEnvs });
  }

  private headerFor(rows: number): Header {
    let header = this.headers.get(rows);
    if (header === undefined) {
      // Checked first: a row count from the wire must not decide how much memory is taken.
      if (rows > this.rewards.length) throw malformed(`it has ${rows} rows`);
      header = new Header(rows);
      this.headers.set(rows, header);
    }
    return header;
  }

  /** Copies a header's columns to their rows, and says which those are. */
  private place(header: Header, asked: Asked, before: number): Places {
    const { rows, envIndex } = header;
    for (let i = 0; i < rows; i++) {
      const env = envIndex[i] as number;
      const row = asked === undefined ? before + i : this.askedRow(env, asked, before + i);
      envIndex[i] = row;
      this.envIndices[row] = env;
      this.rewards[row] = header.reward[i] as number;
      this.terminations[row] = header.terminated[i] as number;
      this.truncations[row] = header.truncated[i] as number;
      this.kinds[row] = header.kind[i] as number;
      this.episodes[row] = header.episode[i] as number;
      this.episodeSteps[row] = header.episodeStep[i] as number;
    }
    const first = envIndex[0] as number;
    const isRun = (envIndex[rows - 1] as number) - first === rows - 1;
    return { count: rows, first, rows: isRun ? undefined : envIndex };
  }

  /** The row of a sub-environment that comes at a place among those that were asked for. */
  private askedRow(env: number, asked: readonly number[], at: number): number {
    if (env !== (asked.length > 0 ? asked[at] : at))
      throw malformed(`sub-environment ${env} was not asked for at that place`);
    return this.rowOf === undefined ? env : (this.rowOf.get(env) as number);
  }

  private readFinals(blocks: Blocks, envs: readonly number[], finals: Map<number, Sample>): void {
    const column = columnOf(this.space, envs.length);
    column.read(blocks, { count: envs.length, first: 0, rows: undefined });
    for (const [i, env] of envs.entries()) finals.set(env, column.row(i));
  }
}

/** A payload of which all behind the columns is compressed. */
function decompressed(
  payload: Uint8Array,
  columns: number,
  length: number,
  decompress: Decompress,
): UnreadPayload {
  // Checked first: a length from the wire must not decide how much memory is taken.
  if (length <= columns || length > maxMessageBytes)
    throw malformed(`${payload.length} bytes are compressed from ${length}`);
  const rest = decompress(payload.subarray(columns), length - columns);
  return {
    length,
    readInto: (target, begin) => {
      const [bytes, from] = begin < columns ? [payload, begin] : [rest, begin - columns];
      target.set(bytes.subarray(from, from + target.length));
    },
  };
}

/** The columns before the observations, copied to where they are aligned: a payload may begin at any offset. */
class Header {
  readonly rows: number;
  readonly bytes: Uint8Array;
  readonly envIndex: Uint32Array;
  readonly episode: Uint32Array;
  readonly episodeStep: Uint32Array;
  readonly reward: Float64Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  readonly kind: Uint8Array;
  readonly hasFinal: Uint8Array;

  constructor(rows: number) {
    if (rows < 1) throw malformed('it has no rows');
    const [four, eight, one] = [padded(4 * rows), 8 * rows, padded(rows)];
    const buffer = new ArrayBuffer(columnBytes(rows));
    this.rows = rows;
    this.bytes = new Uint8Array(buffer);
    this.envIndex = new Uint32Array(buffer, 0, rows);
    this.episode = new Uint32Array(buffer, four, rows);
    this.episodeStep = new Uint32Array(buffer, 2 * four, rows);
    // Between them is `seq`, which the session knows already.
    this.reward = new Float64Array(buffer, 3 * four + eight, rows);
    const flags = 3 * four + 2 * eight;
    this.terminated = new Uint8Array(buffer, flags, rows);
    this.truncated = new Uint8Array(buffer, flags + one, rows);
    this.kind = new Uint8Array(buffer, flags + 2 * one, rows);
    this.hasFinal = new Uint8Array(buffer, flags + 3 * one, rows);
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
