import { GymlinkError } from './errors.js';
import {
  asNdArray,
  type DtypeName,
  decodeElements,
  dtypes,
  encodeElements,
  type NdArray,
  sizeOf,
  type TypedArray,
} from './nd-array.js';
import type { Sample, Space } from './spaces/index.js';

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
    this.at = begin + Math.ceil(byteLength / 8) * 8;
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

/** Memory for a batch of a space. */
export function columnOf(space: Space, rows: number): Column {
  switch (space.kind) {
    case 'Box':
      return leaf(
        rows,
        space.shape,
        space.dtype,
        space.dtype === 'float16' ? Float32Array : undefined,
      );
    case 'Discrete':
      return new DiscreteColumn(rows, space.dtype);
    case 'MultiDiscrete':
    case 'MultiBinary':
      return leaf(rows, space.shape, space.dtype, Int32Array);
    case 'Text':
      return new TextColumn(rows);
    case 'Dict':
      return new DictColumn(
        Object.entries(space.spaces).map(([key, entry]) => [key, columnOf(entry, rows)]),
      );
    case 'Tuple':
      return new TupleColumn(space.spaces.map((entry) => columnOf(entry, rows)));
  }
}

function leaf(
  rows: number,
  shape: readonly number[],
  dtype: DtypeName,
  Target: typeof Float32Array | typeof Int32Array | undefined,
): Column {
  return Target === undefined || (dtypes[dtype].Array === Target && dtype !== 'float16')
    ? new PlainColumn(rows, shape, dtype)
    : new ConvertedColumn(rows, shape, dtype, new Target(rows * sizeOf(shape)));
}

/** Elements held as they travel: whole runs of bytes are copied. */
class PlainColumn implements Column {
  private readonly array: NdArray;
  private readonly bytes: Uint8Array;
  private readonly rowSize: number;
  private readonly rowBytes: number;
  private readonly shape: readonly number[];
  private readonly dtype: DtypeName;

  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    this.shape = shape;
    this.dtype = dtype;
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
    return copy ? asNdArray(this.array.slice(), this.array.shape, this.dtype) : this.array;
  }

  row(i: number): NdArray {
    const { rowSize, shape, dtype } = this;
    return asNdArray(this.array.slice(i * rowSize, (i + 1) * rowSize), shape, dtype);
  }
}

/** Elements held as another type than they travel: float16 as float32, integers of discrete spaces as int32. */
class ConvertedColumn implements Column {
  private readonly array: Float32Array | Int32Array;
  private readonly rows: number;
  private readonly rowSize: number;
  private readonly shape: readonly number[];
  private readonly dtype: DtypeName;

  constructor(
    rows: number,
    shape: readonly number[],
    dtype: DtypeName,
    array: Float32Array | Int32Array,
  ) {
    this.rows = rows;
    this.shape = shape;
    this.dtype = dtype;
    this.rowSize = sizeOf(shape);
    this.array = array;
  }

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const { rowSize, array } = this;
    const block = blocks.take(count * rowSize * dtypes[this.dtype].itemBytes);
    const elements = decodeElements(block, this.dtype);
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? first + i : (rows[i] as number);
      for (let j = 0; j < rowSize; j++)
        array[row * rowSize + j] = Number(elements[i * rowSize + j]);
    }
  }

  batch(copy: boolean): NdArray {
    return asNdArray(
      copy ? this.array.slice() : this.array,
      [this.rows, ...this.shape],
      this.dtype,
    );
  }

  row(i: number): Sample {
    const { rowSize, shape, dtype } = this;
    return asNdArray(this.array.slice(i * rowSize, (i + 1) * rowSize), shape, dtype);
  }
}

class DiscreteColumn extends ConvertedColumn {
  constructor(rows: number, dtype: DtypeName) {
    super(rows, [], dtype, new Int32Array(rows));
  }

  override row(i: number): number {
    return (super.row(i) as NdArray<Int32Array>)[0] as number;
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
      if (begin > end) throw malformed('the offsets of a Text decrease');
      const row = rows === undefined ? first + i : (rows[i] as number);
      this.texts[row] = Buffer.from(bytes.subarray(begin, end)).toString('utf8');
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

function invalidAction(space: Space, what: string): GymlinkError {
  return new GymlinkError(
    'INVALID_ACTION',
    `The action does not fit ${space}: ${what}. Nothing was sent.`,
  );
}

function padded(bytes: Uint8Array): Uint8Array[] {
  const rest = -bytes.length & 7;
  return rest === 0 ? [bytes] : [bytes, new Uint8Array(rest)];
}

/** Elements of n values, given flat or as n arrays or numbers, in one array of the space's dtype. */
function flatten(
  space: Space,
  dtype: DtypeName,
  size: number,
  n: number,
  values: unknown,
): TypedArray {
  const flat = isArrayLike(values) ? values : [values];
  const nested = flat.length === n && n > 0 && isArrayLike(flat[0]);
  const elements = nested ? concat(space, flat as ArrayLike<ArrayLike<unknown>>, size) : flat;
  if (elements.length !== n * size)
    throw invalidAction(
      space,
      `${n * size} elements are needed for ${n} values, ${elements.length} were given`,
    );
  const array = new dtypes[dtype].Array(n * size);
  const isBig = array instanceof BigInt64Array || array instanceof BigUint64Array;
  const isInteger = isBig || !dtype.startsWith('float');
  for (let i = 0; i < array.length; i++) {
    const element = elements[i];
    if (typeof element !== 'number' && typeof element !== 'bigint' && typeof element !== 'boolean')
      throw invalidAction(
        space,
        `a ${element === null ? 'null' : typeof element} was given where a number is needed`,
      );
    if (isInteger && typeof element === 'number' && !Number.isSafeInteger(element))
      throw invalidAction(space, `${element} is no whole number`);
    array[i] = (isBig ? BigInt(element) : Number(element)) as never;
    if (isInteger && !isBig && Number(array[i]) !== Number(element))
      throw invalidAction(space, `${element} does not fit ${dtype}`);
  }
  return array;
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function concat(space: Space, rows: ArrayLike<ArrayLike<unknown>>, size: number): unknown[] {
  return Array.from(rows).flatMap((row) => {
    const elements = Array.isArray(row) ? (row as unknown[]).flat(Infinity) : Array.from(row);
    if (elements.length !== size)
      throw invalidAction(space, `a value has ${elements.length} elements instead of ${size}`);
    return elements;
  });
}

/** The commonest actions, int64 of a Discrete from an Int32Array, without a BigInt for each. */
function encodeInt64(values: Int32Array): Uint8Array {
  const words = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i] as number;
    words[2 * i + 1] = (values[i] as number) >> 31;
  }
  return new Uint8Array(words.buffer);
}

function encodeLeaf(
  space: Space,
  shape: readonly number[],
  dtype: DtypeName,
  n: number,
  values: unknown,
): Uint8Array[] {
  const size = sizeOf(shape);
  if (dtype === 'int64' && values instanceof Int32Array && values.length === n * size)
    return [encodeInt64(values)];
  return padded(encodeElements(flatten(space, dtype, size, n, values), dtype));
}

function encodeText(space: Space, n: number, values: unknown): Uint8Array[] {
  const texts = (typeof values === 'string' ? [values] : values) as readonly unknown[];
  if (!Array.isArray(texts) || texts.length !== n || texts.some((text) => typeof text !== 'string'))
    throw invalidAction(space, `${n} strings are needed`);
  const encoded = texts.map((text) => Buffer.from(text as string, 'utf8'));
  const offsets = new Uint32Array(n + 1);
  for (const [i, bytes] of encoded.entries())
    offsets[i + 1] = (offsets[i] as number) + bytes.length;
  return [...padded(new Uint8Array(offsets.buffer)), ...padded(Buffer.concat(encoded))];
}

/** Values of a Dict or Tuple for an entry: from a batch of the entry, or from n values that each have one. */
function entryValues(
  space: Space,
  n: number,
  values: unknown,
  key: string | number,
  isBatch: boolean,
): unknown {
  if (isBatch) return (values as Record<string | number, unknown>)[key];
  const rows = values as readonly Record<string | number, unknown>[];
  if (!Array.isArray(rows) || rows.length !== n)
    throw invalidAction(space, `${n} values are needed`);
  return rows.map((row) => row?.[key]);
}

function encodeParts(space: Space, n: number, values: unknown): Uint8Array[] {
  switch (space.kind) {
    case 'Box':
      return encodeLeaf(space, space.shape, space.dtype, n, values);
    case 'Discrete':
      return encodeLeaf(space, [], space.dtype, n, values);
    case 'MultiDiscrete':
    case 'MultiBinary':
      return encodeLeaf(space, space.shape, space.dtype, n, values);
    case 'Text':
      return encodeText(space, n, values);
    case 'Dict': {
      if (typeof values !== 'object' || values === null)
        throw invalidAction(space, 'an object is needed');
      const isBatch = !Array.isArray(values);
      return Object.entries(space.spaces).flatMap(([key, entry]) =>
        encodeParts(entry, n, entryValues(space, n, values, key, isBatch)),
      );
    }
    case 'Tuple': {
      if (!Array.isArray(values) || values.length !== space.spaces.length)
        throw invalidAction(space, `an array of ${space.spaces.length} entries is needed`);
      return space.spaces.flatMap((entry, i) => encodeParts(entry, n, values[i]));
    }
  }
}

/**
 * Lays out n actions of a space as `layout(space, n)` of space.proto.
 *
 * @param values A batch: for Box a flat array of n × size elements or n arrays; for Discrete n numbers; for Dict an object of
 *   batches or n objects; for Tuple an array of batches.
 * @throws GymlinkError INVALID_ACTION if number, kind or length does not fit. The range is checked by the server.
 */
export function encodeActions(space: Space, n: number, values: unknown): Uint8Array {
  const parts = encodeParts(space, n, values);
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}
