import { GymlinkError } from './errors.js';
import {
  asNdArray,
  type DtypeName,
  decodeElements,
  dtypes,
  isTypedArray,
  type NdArray,
  sizeOf,
} from './nd-array.js';
import type { Graph, GraphInstance, OneOf, Sample, Sequence, Space } from './spaces/index.js';

/** The next multiple of 8. */
export function padded(byteLength: number): number {
  return Math.ceil(byteLength / 8) * 8;
}

/** Takes blocks off a payload, one after another; each begins at a multiple of 8 bytes (space.proto). */
export class Blocks {
  private at = 0;
  private readonly payload: Uint8Array;

  constructor(payload: Uint8Array) {
    this.payload = payload;
  }

  /** The next block's bytes: a view into the payload, at any alignment. */
  take(byteLength: number): Uint8Array {
    const begin = this.at;
    this.at = begin + padded(byteLength);
    if (begin + byteLength > this.payload.length)
      throw malformed(`a block of ${byteLength} bytes does not fit into ${this.payload.length}`);
    return this.payload.subarray(begin, begin + byteLength);
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

/** How many elements of no bytes each are believed: their number is bounded by nothing else. */
const mostWithoutBytes = 2 ** 20;

/** The error for bytes that break the layout. */
export function malformed(what: string): GymlinkError {
  return new GymlinkError(
    'MALFORMED_REPLY',
    `The server sent a payload that does not fit its spaces: ${what}.`,
  );
}

/** Where the rows of a payload belong in a batch: all in a run from `first`, or each at its place in `rows`. */
export interface Places {
  readonly count: number;
  readonly first: number;
  /** Undefined when the rows are a run. */
  readonly rows: ArrayLike<number> | undefined;
}

/** The values of a space for the rows of a batch, kept from step to step. */
export interface Column {
  /** Reads `layout(space, places.count)` into its places. */
  read(blocks: Blocks, places: Places): void;
  /** All rows: views of the column's own memory, or copies. */
  batch(copy: boolean): Sample;
  /** One row, as a copy. */
  row(i: number): Sample;
  /** Rows from `begin` to before `end` as a batch of their own, as a copy. */
  slice(begin: number, end: number): Sample;
}

/** Memory for a batch of a space, zero as long as nothing was read. */
export function columnOf(space: Space, rows: number): Column {
  switch (space.kind) {
    case 'Box': {
      const isPlain = space.dtype !== 'float16';
      const Leaf = isPlain ? PlainColumn : Float16Column;
      return new Leaf(rows, space.shape, space.dtype);
    }
    case 'Discrete':
      return new DiscreteColumn(rows, [], space.dtype);
    case 'MultiDiscrete':
    case 'MultiBinary':
      return new IntegerColumn(rows, space.shape, space.dtype);
    case 'Text':
      return new TextColumn(rows);
    case 'Dict':
      return new DictColumn(space.entries.map(([key, entry]) => [key, columnOf(entry, rows)]));
    case 'Tuple':
      return new TupleColumn(space.spaces.map((entry) => columnOf(entry, rows)));
    case 'Sequence':
      return new SequenceColumn(rows, space);
    case 'Graph':
      return new GraphColumn(rows, space);
    case 'OneOf':
      return new OneOfColumn(rows, space);
  }
}

/** Elements held as they travel: whole runs of bytes are copied. */
class PlainColumn implements Column {
  private readonly array: NdArray;
  private readonly bytes: Uint8Array;
  private readonly rowSize: number;
  private readonly rowBytes: number;
  private readonly shape: readonly number[];

  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    this.shape = shape;
    this.rowSize = sizeOf(shape);
    this.rowBytes = this.rowSize * dtypes[dtype].itemBytes;
    this.array = asNdArray(new dtypes[dtype].Array(rows * this.rowSize), [rows, ...shape], dtype);
    this.bytes = new Uint8Array(this.array.buffer);
  }

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const { rowBytes, bytes } = this;
    const block = blocks.take(count * rowBytes);
    if (rows === undefined) {
      bytes.set(block, first * rowBytes);
      return;
    }
    for (let i = 0; i < count; i++)
      bytes.set(block.subarray(i * rowBytes, (i + 1) * rowBytes), (rows[i] as number) * rowBytes);
  }

  batch(copy: boolean): NdArray {
    const { array } = this;
    return copy ? asNdArray(array.slice(), array.shape, array.dtype) : array;
  }

  row(i: number): NdArray {
    return rowOf(this.array, i, this.rowSize, this.shape);
  }

  slice(begin: number, end: number): NdArray {
    return rowsOf(this.array, begin, end, this.rowSize, this.shape);
  }
}

function rowsOf(
  array: NdArray,
  begin: number,
  end: number,
  size: number,
  shape: readonly number[],
): NdArray {
  const rows = array.slice(begin * size, end * size);
  return asNdArray(rows, [end - begin, ...shape], array.dtype);
}

function rowOf(array: NdArray, i: number, size: number, shape: readonly number[]): NdArray {
  return asNdArray(array.slice(i * size, (i + 1) * size), shape, array.dtype);
}

/** Elements that are held as another type than they travel as. */
abstract class ConvertedColumn implements Column {
  protected readonly array: NdArray;
  private readonly rowSize: number;
  private readonly rowBytes: number;
  private readonly shape: readonly number[];

  constructor(
    Held: typeof Float32Array | typeof Int32Array,
    rows: number,
    shape: readonly number[],
    dtype: DtypeName,
  ) {
    this.shape = shape;
    this.rowSize = sizeOf(shape);
    this.rowBytes = this.rowSize * dtypes[dtype].itemBytes;
    this.array = asNdArray(new Held(rows * this.rowSize), [rows, ...shape], dtype);
  }

  protected abstract convert(block: Uint8Array, dtype: DtypeName): ArrayLike<number>;

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const { rowSize, array } = this;
    const elements = this.convert(blocks.take(count * this.rowBytes), array.dtype);
    for (let i = 0; i < count; i++) {
      const target = (rows === undefined ? first + i : (rows[i] as number)) * rowSize;
      for (let j = 0; j < rowSize; j++) array[target + j] = elements[i * rowSize + j] as number;
    }
  }

  batch(copy: boolean): NdArray {
    const { array } = this;
    return copy ? asNdArray(array.slice(), array.shape, array.dtype) : array;
  }

  row(i: number): Sample {
    return rowOf(this.array, i, this.rowSize, this.shape);
  }

  slice(begin: number, end: number): NdArray {
    return rowsOf(this.array, begin, end, this.rowSize, this.shape);
  }
}

/** float16 as float32. */
class Float16Column extends ConvertedColumn {
  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    super(Float32Array, rows, shape, dtype);
  }

  protected convert(block: Uint8Array, dtype: DtypeName): ArrayLike<number> {
    return decodeElements(block, dtype) as Float32Array;
  }
}

/** Integers of discrete spaces, of any dtype, as int32. */
class IntegerColumn extends ConvertedColumn {
  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    super(Int32Array, rows, shape, dtype);
  }

  protected convert(block: Uint8Array, dtype: DtypeName): ArrayLike<number> {
    if (dtype === 'int64' || dtype === 'uint64') return lowWords(block);
    const elements = decodeElements(block, dtype) as Uint32Array | Int32Array;
    if (dtype === 'uint32' && elements.some((element) => element >= 2 ** 31)) throw tooLarge();
    return elements;
  }
}

function tooLarge(): GymlinkError {
  return malformed('an integer of a discrete space does not fit into 32 bits');
}

/** 64-bit integers as int32, without a BigInt for each. */
function lowWords(block: Uint8Array): Int32Array {
  // Not slice(): a Buffer of Node overrides it with a view.
  const words = new Int32Array(new Uint8Array(block).buffer);
  const numbers = new Int32Array(words.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const low = words[2 * i] as number;
    if (words[2 * i + 1] !== low >> 31) throw tooLarge();
    numbers[i] = low;
  }
  return numbers;
}

class DiscreteColumn extends IntegerColumn {
  override row(i: number): number {
    return this.array[i] as number;
  }
}

class TextColumn implements Column {
  private readonly texts: string[];

  constructor(rows: number) {
    this.texts = new Array<string>(rows).fill('');
  }

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const offsets = decodeElements(blocks.take(4 * (count + 1)), 'uint32') as Uint32Array;
    const bytes = blocks.take(offsets[count] as number);
    for (let i = 0; i < count; i++) {
      const [begin, end] = [offsets[i] as number, offsets[i + 1] as number];
      if (begin > end || (i === 0 && begin !== 0))
        throw malformed('the offsets of a Text do not increase from 0');
      this.texts[rows === undefined ? first + i : (rows[i] as number)] = decodeText(
        bytes.subarray(begin, end),
      );
    }
  }

  batch(copy: boolean): string[] {
    return copy ? [...this.texts] : this.texts;
  }

  row(i: number): string {
    return this.texts[i] as string;
  }

  slice(begin: number, end: number): string[] {
    return this.texts.slice(begin, end);
  }
}

class DictColumn implements Column {
  private readonly entries: readonly [string, Column][];

  constructor(entries: readonly [string, Column][]) {
    this.entries = entries;
  }

  read(blocks: Blocks, places: Places): void {
    for (const [, column] of this.entries) column.read(blocks, places);
  }

  batch(copy: boolean): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, column]) => [key, column.batch(copy)]));
  }

  row(i: number): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, column]) => [key, column.row(i)]));
  }

  slice(begin: number, end: number): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, column]) => [key, column.slice(begin, end)]));
  }
}

class TupleColumn implements Column {
  private readonly columns: readonly Column[];

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  read(blocks: Blocks, places: Places): void {
    for (const column of this.columns) column.read(blocks, places);
  }

  batch(copy: boolean): Sample[] {
    return this.columns.map((column) => column.batch(copy));
  }

  row(i: number): Sample[] {
    return this.columns.map((column) => column.row(i));
  }

  slice(begin: number, end: number): Sample[] {
    return this.columns.map((column) => column.slice(begin, end));
  }
}

/** Rows that differ in size, each a value of its own. */
abstract class ValuesColumn implements Column {
  private readonly values: Sample[];

  constructor(rows: number, make: () => Sample) {
    this.values = Array.from({ length: rows }, make);
  }

  /** The values of a payload, made anew. */
  protected abstract decode(blocks: Blocks, count: number): Sample[];

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const values = this.decode(blocks, count);
    for (let i = 0; i < count; i++)
      this.values[rows === undefined ? first + i : (rows[i] as number)] = values[i] as Sample;
  }

  batch(copy: boolean): Sample[] {
    return copy ? this.values.map(copyOf) : this.values;
  }

  row(i: number): Sample {
    return copyOf(this.values[i] as Sample);
  }

  slice(begin: number, end: number): Sample[] {
    return this.values.slice(begin, end).map(copyOf);
  }
}

function copyOf<T extends Sample | null>(value: T): T {
  return copyOfAny(value) as T;
}

function copyOfAny(value: Sample | null): Sample | null {
  if (typeof value !== 'object' || value === null) return value;
  if (isTypedArray(value)) return asNdArray(value.slice(), value.shape, value.dtype);
  if (Array.isArray(value)) return value.map(copyOf);
  const entries = Object.entries(value as Record<string, Sample | null>);
  return Object.fromEntries(entries.map(([key, item]) => [key, copyOf(item)])) as Sample;
}

/** A column with all values of a run, read from the payload. */
function readAll(space: Space, blocks: Blocks, count: number): Column {
  blocks.expect(count, leastBytes(space));
  const column = columnOf(space, count);
  column.read(blocks, { count, first: 0, rows: undefined });
  return column;
}

/** How many bytes a value has at least, paddings aside. */
function leastBytes(space: Space): number {
  switch (space.kind) {
    case 'Dict':
      return space.entries.reduce((sum, [, entry]) => sum + leastBytes(entry), 0);
    case 'Tuple':
      return space.spaces.reduce((sum, entry) => sum + leastBytes(entry), 0);
    case 'Text':
    case 'Sequence':
    case 'Graph':
    case 'OneOf':
      return 4;
    default:
      return sizeOf(space.shape) * dtypes[space.dtype].itemBytes;
  }
}

function readOffsets(blocks: Blocks, count: number, kind: string): Uint32Array {
  const offsets = decodeElements(blocks.take(4 * (count + 1)), 'uint32') as Uint32Array;
  if (offsets[0] !== 0 || offsets.some((offset, i) => i > 0 && offset < (offsets[i - 1] as number)))
    throw malformed(`the offsets of a ${kind} do not increase from 0`);
  return offsets;
}

/** Calls `make` with the begin and end of each row. */
function byOffsets<T>(
  offsets: Uint32Array,
  make: (begin: number, end: number, i: number) => T,
): T[] {
  return Array.from({ length: offsets.length - 1 }, (_, i) =>
    make(offsets[i] as number, offsets[i + 1] as number, i),
  );
}

class SequenceColumn extends ValuesColumn {
  private readonly space: Sequence;

  constructor(rows: number, space: Sequence) {
    super(rows, () => (space.stack ? columnOf(space.featureSpace, 0).slice(0, 0) : []));
    this.space = space;
  }

  protected decode(blocks: Blocks, count: number): Sample[] {
    const { featureSpace, stack } = this.space;
    const offsets = readOffsets(blocks, count, 'Sequence');
    const elements = readAll(featureSpace, blocks, offsets[count] as number);
    return byOffsets(offsets, (begin, end) =>
      stack
        ? elements.slice(begin, end)
        : Array.from({ length: end - begin }, (_, i) => elements.row(begin + i)),
    );
  }
}

class GraphColumn extends ValuesColumn {
  private readonly space: Graph;

  constructor(rows: number, space: Graph) {
    super(rows, () => {
      const nodes = columnOf(space.nodeSpace, 0).slice(0, 0);
      return { nodes, edges: null, edgeLinks: null };
    });
    this.space = space;
  }

  protected decode(blocks: Blocks, count: number): GraphInstance[] {
    const { nodeSpace, edgeSpace } = this.space;
    const nodeOffsets = readOffsets(blocks, count, 'Graph');
    const nodes = readAll(nodeSpace, blocks, nodeOffsets[count] as number);
    const hasEdges = blocks.take(count);
    const edgeOffsets = readOffsets(blocks, count, 'Graph');
    const edgeCount = edgeOffsets[count] as number;
    const edges = edgeSpace === null ? undefined : readAll(edgeSpace, blocks, edgeCount);
    const links = decodeElements(blocks.take(8 * edgeCount), 'int32') as Int32Array;
    return byOffsets(edgeOffsets, (begin, end, i) => {
      const [from, to] = [nodeOffsets[i] as number, nodeOffsets[i + 1] as number];
      const isWithout = hasEdges[i] === 0;
      if ((hasEdges[i] as number) > 1 || (isWithout && end > begin))
        throw malformed('a graph without edges has some');
      const edgeLinks = asNdArray(links.slice(2 * begin, 2 * end), [end - begin, 2], 'int32');
      if (edgeLinks.some((node) => node < 0 || node >= to - from))
        throw malformed('an edge of a graph links a node that is none of it');
      return {
        nodes: nodes.slice(from, to),
        edges: isWithout ? null : (edges?.slice(begin, end) ?? null),
        edgeLinks: isWithout ? null : edgeLinks,
      };
    });
  }
}

class OneOfColumn extends ValuesColumn {
  private readonly space: OneOf;

  constructor(rows: number, space: OneOf) {
    super(rows, () => [0, columnOf(space.spaces[0] as Space, 1).row(0)]);
    this.space = space;
  }

  protected decode(blocks: Blocks, count: number): Sample[] {
    const { spaces } = this.space;
    const variants = decodeElements(blocks.take(4 * count), 'uint32') as Uint32Array;
    const stranger = variants.find((variant) => variant >= spaces.length);
    if (stranger !== undefined)
      throw malformed(`a OneOf of ${spaces.length} spaces has no space ${stranger}`);
    const values = new Array<Sample>(count);
    for (const [variant, space] of spaces.entries()) {
      const rows = [...variants.keys()].filter((i) => variants[i] === variant);
      const column = readAll(space, blocks, rows.length);
      for (const [j, row] of rows.entries()) values[row] = [variant, column.row(j)];
    }
    return values;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('a Text is not UTF-8');
  }
}
