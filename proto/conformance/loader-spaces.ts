import type { Space } from './loader-messages.js';
import { dtypeName, itemBytes, sizeOf } from './loader-values.js';

/** A payload without the layout of its space. */
export class PayloadError extends Error {}

/** One row: an array's bytes, a text, or the rows of its members. */
export type Row =
  | { array: Buffer; dtype: string; shape: number[] }
  | { text: string }
  | { dict: [string, Row][] }
  | { tuple: Row[] }
  | { sequence: Row[] }
  | { graph: { nodes: Row[]; edges: Row[] | null; edgeLinks: Buffer | null } }
  | { oneOf: [number, Row] };

const padding = (length: number) => -length & 7;

/** Takes one block after another from a payload. */
export class PayloadReader {
  #payload: Buffer;
  #at = 0;

  constructor(payload: Buffer) {
    this.#payload = payload;
  }

  block(bytes: number): Buffer {
    const begin = this.#at + padding(this.#at);
    this.#at = begin + bytes;
    if (this.#at > this.#payload.length) {
      throw new PayloadError(`a block ends at ${this.#at} of ${this.#payload.length} bytes`);
    }
    return this.#payload.subarray(begin, this.#at);
  }

  numbers(count: number): number[] {
    const block = this.block(4 * count);
    return Array.from({ length: count }, (_, i) => block.readUInt32LE(4 * i));
  }

  offsets(rows: number): number[] {
    const offsets = this.numbers(rows + 1);
    if (offsets[0] !== 0 || offsets.some((offset, i) => i > 0 && offset < at(offsets, i - 1))) {
      throw new PayloadError('offsets do not begin with 0, or decrease');
    }
    return offsets;
  }

  finish(): void {
    const end = this.#at + padding(this.#at);
    if (end !== this.#payload.length) {
      throw new PayloadError(`the blocks end at ${end} of ${this.#payload.length} bytes`);
    }
  }
}

/** Puts one block after another into a payload. */
export class PayloadWriter {
  #blocks: Buffer[] = [];

  block(data: Buffer): void {
    this.#blocks.push(data, Buffer.alloc(padding(data.length)));
  }

  numbers(numbers: number[]): void {
    this.block(Buffer.from(Uint32Array.from(numbers).buffer));
  }

  finish(): Buffer {
    return Buffer.concat(this.#blocks);
  }
}

function at<T>(values: T[], place: number): T {
  const value = values[place];
  if (value === undefined) throw new RangeError(`no element ${place}`);
  return value;
}

/** dtype and shape of one value of a space that is one array a row. */
export function elementType(space: Space): { dtype: string; shape: number[] } {
  if (space.kind === 'box') {
    return { dtype: dtypeName(space.box.dtype), shape: space.box.shape.map(Number) };
  }
  if (space.kind === 'discrete') return { dtype: dtypeName(space.discrete.dtype), shape: [] };
  if (space.kind === 'multi_discrete') {
    const { dtype, nvec } = space.multi_discrete;
    return { dtype: dtypeName(dtype), shape: nvec.shape.map(Number) };
  }
  return { dtype: 'int8', shape: space.multi_binary.shape.map(Number) };
}

/** Splits values into rows by offsets. */
function split<T>(values: T[], offsets: number[]): T[][] {
  return offsets.slice(1).map((end, i) => values.slice(at(offsets, i), end));
}

function readArrays(space: Space, rows: number, reader: PayloadReader): Row[] {
  const { dtype, shape } = elementType(space);
  const bytes = sizeOf(shape) * itemBytes(dtype);
  const block = reader.block(rows * bytes);
  return Array.from({ length: rows }, (_, i) => {
    return { array: block.subarray(i * bytes, (i + 1) * bytes), dtype, shape };
  });
}

function readTexts(_space: Space, rows: number, reader: PayloadReader): Row[] {
  const offsets = reader.offsets(rows);
  const bytes = reader.block(at(offsets, rows));
  return offsets.slice(1).map((end, i) => ({ text: bytes.toString('utf8', offsets[i], end) }));
}

function readDict(space: Space, rows: number, reader: PayloadReader): Row[] {
  const columns = space.dict.entries.map((entry) => ({
    key: entry.key,
    rows: readRows(entry.space, rows, reader),
  }));
  return Array.from({ length: rows }, (_, i) => {
    return { dict: columns.map(({ key, rows }): [string, Row] => [key, at(rows, i)]) };
  });
}

function readTuple(space: Space, rows: number, reader: PayloadReader): Row[] {
  const columns = space.tuple.spaces.map((element) => readRows(element, rows, reader));
  return Array.from({ length: rows }, (_, i) => ({ tuple: columns.map((rows) => at(rows, i)) }));
}

function readSequences(space: Space, rows: number, reader: PayloadReader): Row[] {
  const offsets = reader.offsets(rows);
  const elements = readRows(space.sequence.space, at(offsets, rows), reader);
  return split(elements, offsets).map((sequence) => ({ sequence }));
}

function readGraphs(space: Space, rows: number, reader: PayloadReader): Row[] {
  const { node_space, edge_space } = space.graph;
  const nodeOffsets = reader.offsets(rows);
  const nodes = split(readRows(node_space, at(nodeOffsets, rows), reader), nodeOffsets);
  const hasEdges = reader.block(rows);
  const offsets = reader.offsets(rows);
  const count = at(offsets, rows);
  const edges = edge_space && split(readRows(edge_space, count, reader), offsets);
  const links = reader.block(8 * count);
  return nodes.map((nodes, i) => ({
    graph: {
      nodes,
      edges: edges && hasEdges[i] ? at(edges, i) : null,
      edgeLinks: hasEdges[i] ? links.subarray(8 * at(offsets, i), 8 * at(offsets, i + 1)) : null,
    },
  }));
}

function readOneOfs(space: Space, rows: number, reader: PayloadReader): Row[] {
  const chosen = reader.numbers(rows);
  const { spaces } = space.one_of;
  if (chosen.some((variant) => variant >= spaces.length)) throw new PayloadError('no such variant');
  const waiting = spaces.map((variant, k) => {
    return readRows(variant, chosen.filter((one) => one === k).length, reader);
  });
  return chosen.map((k) => ({ oneOf: [k, at(waiting, k).shift() as Row] }));
}

const READERS: Record<string, typeof readArrays> = {
  text: readTexts,
  dict: readDict,
  tuple: readTuple,
  sequence: readSequences,
  graph: readGraphs,
  one_of: readOneOfs,
};

/** Reads `layout(space, rows)`. */
export function readRows(space: Space, rows: number, reader: PayloadReader): Row[] {
  return (READERS[space.kind] ?? readArrays)(space, rows, reader);
}

/** One field of each row; the rows are of the kind that has it. */
function pick<K extends string, T>(rows: Row[], key: K): T[] {
  return rows.map((row) => (row as unknown as Record<K, T>)[key]);
}

function offsetsOf(lengths: number[]): number[] {
  const offsets = [0];
  for (const length of lengths) offsets.push(at(offsets, offsets.length - 1) + length);
  return offsets;
}

function writeTexts(_space: Space, rows: Row[], writer: PayloadWriter): void {
  const texts = pick<'text', string>(rows, 'text').map((text) => Buffer.from(text, 'utf8'));
  writer.numbers(offsetsOf(texts.map((text) => text.length)));
  writer.block(Buffer.concat(texts));
}

function writeDict(space: Space, rows: Row[], writer: PayloadWriter): void {
  const dicts = pick<'dict', [string, Row][]>(rows, 'dict');
  for (const [place, entry] of space.dict.entries.entries()) {
    writeRows(
      entry.space,
      dicts.map((dict) => at(dict, place)[1]),
      writer,
    );
  }
}

function writeTuple(space: Space, rows: Row[], writer: PayloadWriter): void {
  const tuples = pick<'tuple', Row[]>(rows, 'tuple');
  for (const [place, element] of space.tuple.spaces.entries()) {
    writeRows(
      element,
      tuples.map((tuple) => at(tuple, place)),
      writer,
    );
  }
}

function writeSequences(space: Space, rows: Row[], writer: PayloadWriter): void {
  const sequences = pick<'sequence', Row[]>(rows, 'sequence');
  writer.numbers(offsetsOf(sequences.map((sequence) => sequence.length)));
  writeRows(space.sequence.space, sequences.flat(), writer);
}

function writeGraphs(space: Space, rows: Row[], writer: PayloadWriter): void {
  type Graph = { nodes: Row[]; edges: Row[] | null; edgeLinks: Buffer | null };
  const graphs = pick<'graph', Graph>(rows, 'graph');
  writer.numbers(offsetsOf(graphs.map(({ nodes }) => nodes.length)));
  writeRows(
    space.graph.node_space,
    graphs.flatMap(({ nodes }) => nodes),
    writer,
  );
  writer.block(Buffer.from(graphs.map(({ edgeLinks }) => (edgeLinks ? 1 : 0))));
  const links = graphs.map(({ edgeLinks }) => edgeLinks ?? Buffer.alloc(0));
  writer.numbers(offsetsOf(links.map((bytes) => bytes.length / 8)));
  const edges = graphs.flatMap(({ edges }) => edges ?? []);
  if (space.graph.edge_space) writeRows(space.graph.edge_space, edges, writer);
  writer.block(Buffer.concat(links));
}

function writeOneOfs(space: Space, rows: Row[], writer: PayloadWriter): void {
  const chosen = pick<'oneOf', [number, Row]>(rows, 'oneOf');
  writer.numbers(chosen.map(([variant]) => variant));
  for (const [k, variant] of space.one_of.spaces.entries()) {
    const own = chosen.filter(([one]) => one === k);
    writeRows(
      variant,
      own.map(([, row]) => row),
      writer,
    );
  }
}

function writeArrays(_space: Space, rows: Row[], writer: PayloadWriter): void {
  writer.block(Buffer.concat(pick<'array', Buffer>(rows, 'array')));
}

const WRITERS: Record<string, typeof writeArrays> = {
  text: writeTexts,
  dict: writeDict,
  tuple: writeTuple,
  sequence: writeSequences,
  graph: writeGraphs,
  one_of: writeOneOfs,
};

/** Writes `layout(space, rows)`. */
export function writeRows(space: Space, rows: Row[], writer: PayloadWriter): void {
  (WRITERS[space.kind] ?? writeArrays)(space, rows, writer);
}

/** The payload that has nothing but `layout(space, rows)`. */
export function encodeRows(space: Space, rows: Row[]): Buffer {
  const writer = new PayloadWriter();
  writeRows(space, rows, writer);
  return writer.finish();
}
