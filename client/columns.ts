import { GymlinkError } from './errors.js';
import {
  asNdArray,
  type DtypeName,
  decodeElements,
  dtypes,
  type NdArray,
  sizeOf,
} from './nd-array.js';
import type { Sample, Space } from './spaces/index.js';

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

  /** Checks that nothing is left over. */
  end(): void {
    if (this.at !== this.payload.length)
      throw malformed(`${this.payload.length} bytes came where ${this.at} were expected`);
  }
}

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
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('a Text is not UTF-8');
  }
}
