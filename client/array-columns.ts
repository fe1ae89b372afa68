import { type Blocks, malformed } from './blocks.js';
import type { Column, Places } from './columns.js';
import type { GymlinkError } from './errors.js';
import {
  asNdArray,
  type DtypeName,
  decodeElements,
  dtypes,
  type NdArray,
  sizeOf,
  type TypedArray,
} from './nd-array.js';
import type { Sample } from './spaces/index.js';

/** A column whose rows are of one size, in one array. */
abstract class ArrayColumn implements Column {
  protected readonly array: NdArray;
  protected readonly rowSize: number;
  protected readonly rowBytes: number;
  private readonly shape: readonly number[];

  constructor(
    Held: new (length: number) => TypedArray,
    rows: number,
    shape: readonly number[],
    dtype: DtypeName,
  ) {
    this.shape = shape;
    this.rowSize = sizeOf(shape);
    this.rowBytes = this.rowSize * dtypes[dtype].itemBytes;
    this.array = asNdArray(new Held(rows * this.rowSize), [rows, ...shape], dtype);
  }

  abstract read(blocks: Blocks, places: Places): void;

  batch(copy: boolean): NdArray {
    const { array } = this;
    return copy ? asNdArray(array.slice(), array.shape, array.dtype) : array;
  }

  row(i: number): Sample {
    return this.copied(i, i + 1, this.shape);
  }

  slice(begin: number, end: number): NdArray {
    return this.copied(begin, end, [end - begin, ...this.shape]);
  }

  private copied(begin: number, end: number, shape: readonly number[]): NdArray {
    const { array, rowSize } = this;
    return asNdArray(array.slice(begin * rowSize, end * rowSize), shape, array.dtype);
  }
}

/** Elements held as they travel: whole runs of bytes are copied. */
export class PlainColumn extends ArrayColumn {
  private readonly bytes: Uint8Array;

  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    super(dtypes[dtype].Array, rows, shape, dtype);
    this.bytes = new Uint8Array(this.array.buffer);
  }

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const { rowBytes, bytes } = this;
    if (rows === undefined) {
      const run = bytes.subarray(first * rowBytes, (first + count) * rowBytes);
      blocks.takeInto(run);
      this.check(run);
      return;
    }
    const block = blocks.take(count * rowBytes);
    this.check(block);
    for (let i = 0; i < count; i++)
      bytes.set(block.subarray(i * rowBytes, (i + 1) * rowBytes), (rows[i] as number) * rowBytes);
  }

  /** Checks the elements of a block. */
  protected check(_block: Uint8Array): void {}
}

/** Booleans, of which no byte may be another than 0 or 1. */
export class BoolColumn extends PlainColumn {
  protected override check(block: Uint8Array): void {
    for (let i = 0; i < block.length; i++)
      if ((block[i] as number) > 1) throw malformed(`a bool is ${block[i]}, not 0 or 1`);
  }
}

/** Elements that are held as another type than they travel as. */
abstract class ConvertedColumn extends ArrayColumn {
  protected abstract convert(block: Uint8Array, dtype: DtypeName): ArrayLike<number>;

  read(blocks: Blocks, { count, first, rows }: Places): void {
    const { rowSize, array } = this;
    const elements = this.convert(blocks.take(count * this.rowBytes), array.dtype);
    for (let i = 0; i < count; i++) {
      const target = (rows === undefined ? first + i : (rows[i] as number)) * rowSize;
      for (let j = 0; j < rowSize; j++) array[target + j] = elements[i * rowSize + j] as number;
    }
  }
}

/** float16 as float32. */
export class Float16Column extends ConvertedColumn {
  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    super(Float32Array, rows, shape, dtype);
  }

  protected convert(block: Uint8Array, dtype: DtypeName): ArrayLike<number> {
    return decodeElements(block, dtype) as Float32Array;
  }
}

/** Integers of discrete spaces, of any dtype, as int32. */
export class IntegerColumn extends ConvertedColumn {
  constructor(rows: number, shape: readonly number[], dtype: DtypeName) {
    super(Int32Array, rows, shape, dtype);
  }

  protected convert(block: Uint8Array, dtype: DtypeName): ArrayLike<number> {
    if (dtype === 'int64' || dtype === 'uint64')
      return lowWords(block, dtype === 'uint64' ? 0 : -(2 ** 31));
    const elements = decodeElements(block, dtype) as Uint32Array | Int32Array;
    if (dtype === 'uint32' && elements.some((element) => element >= 2 ** 31)) throw tooLarge();
    return elements;
  }
}

function tooLarge(): GymlinkError {
  return malformed('an integer of a discrete space does not fit into 32 bits');
}

/** 64-bit integers from `least` on as int32, without a BigInt for each. */
function lowWords(block: Uint8Array, least: number): Int32Array {
  // Not slice(): a Buffer of Node overrides it with a view.
  const words = new Int32Array(new Uint8Array(block).buffer);
  const numbers = new Int32Array(words.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const low = words[2 * i] as number;
    if (low < least || words[2 * i + 1] !== low >> 31) throw tooLarge();
    numbers[i] = low;
  }
  return numbers;
}

/** Integers of a Discrete. */
export class DiscreteColumn extends IntegerColumn {
  override row(i: number): number {
    return this.array[i] as number;
  }
}

/** Integers of a Discrete whose values do not all fit into 32 bits. */
export class WideDiscreteColumn extends PlainColumn {
  override row(i: number): number | bigint {
    return this.array[i] as number | bigint;
  }
}
