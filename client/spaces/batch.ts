import {
  asNdArray,
  type DtypeName,
  dtypes,
  isNdArray,
  isTypedArray,
  type NdArray,
  sizeOf,
  type TypedArray,
} from '../nd-array.js';
import { Box } from './box.js';
import { canCast } from './can-cast.js';
import type { Discrete } from './discrete.js';
import { elementsOf } from './elements.js';
import type { Sample, Space } from './index.js';
import { hold, lastOf } from './integer-range.js';
import { spaceFromJSON } from './json.js';
import type { MultiBinary } from './multi-binary.js';
import { MultiDiscrete } from './multi-discrete.js';
import { Tuple } from './tuple.js';

function tile(bounds: NdArray, n: number): TypedArray {
  const tiled = new dtypes[bounds.dtype].Array(n * bounds.length);
  for (let i = 0; i < n; i++) tiled.set(bounds as never, i * bounds.length);
  return tiled;
}

function repeat(values: ArrayLike<number | bigint>, n: number): (number | bigint)[] {
  const all = Array.from(values);
  return Array.from({ length: n }, () => all).flat();
}

/**
 * The space of a batch of n values, as Gymnasium's `batch_space` makes it: its samples continue a copy of the space's generator, and
 * a Dict's keys are sorted unless it was made with `sortKeys: false`. A batch of MultiDiscrete or MultiBinary values is a MultiDiscrete
 * where they are held in an Int32Array, where Gymnasium has a Box of integers: it draws the same numbers. Text, Sequence, Graph and
 * OneOf have a Tuple of n spaces.
 */
export function batchSpace(space: Space, n: number): Space {
  if (space.kind === 'Dict') return space.map((entry) => batchSpace(entry, n));
  if (space.kind === 'Tuple') return new Tuple(space.spaces.map((entry) => batchSpace(entry, n)));
  const generator = space.generator.copy();
  const batch = batchOfArrays(space, n);
  if (batch !== undefined) {
    batch.generator = generator;
    return batch;
  }
  const copies = Array.from({ length: n }, () => spaceFromJSON(space.toJSON()));
  const seeds = generator.integers(1e8, n);
  for (const [i, copy] of copies.entries()) copy.seed(seeds[i] as number);
  return new Tuple(copies);
}

function batchOfArrays(space: Space, n: number): Box | MultiDiscrete | undefined {
  switch (space.kind) {
    // As in Gymnasium: an integer that was unbounded is bounded by the limits of its dtype in a batch.
    case 'Box':
      return new Box(tile(space.low, n), tile(space.high, n), [n, ...space.shape], space.dtype);
    case 'Discrete':
      return new MultiDiscrete(repeat([space.n], n), repeat([space.start], n), [n], space.dtype);
    case 'MultiDiscrete': {
      const [nvec, start] = [repeat(space.nvec, n), repeat(space.start, n)];
      return batchOfIntegers(nvec, start, [n, ...space.shape], space.dtype);
    }
    case 'MultiBinary': {
      const shape = [n, ...space.shape];
      const counts = new Int32Array(sizeOf(shape)).fill(2);
      return new MultiDiscrete(counts, undefined, shape, space.dtype);
    }
    default:
      return undefined;
  }
}

/** A MultiDiscrete where values are held in an Int32Array, otherwise a Box, which rounds its draws in another way. */
export function batchOfIntegers(
  nvec: ArrayLike<number | bigint>,
  start: ArrayLike<number | bigint>,
  shape: readonly number[],
  dtype: DtypeName,
): Box | MultiDiscrete {
  const batch = new MultiDiscrete(nvec, start, shape, dtype);
  if (batch.Held === Int32Array) return batch;
  const last = Array.from(batch.start, (least, i) => lastOf(least, batch.nvec[i] as number));
  return new Box(batch.start, last, shape, dtype);
}

/**
 * The values of a batch (Gymnasium's `iterate`): of Box, MultiDiscrete and MultiBinary an array with one axis more, of Discrete an
 * array of integers, of Dict and Tuple batches of their entries, of all others an array of values.
 *
 * @returns Undefined for what is no batch of the space.
 */
export function iterate(space: Space, batch: unknown): unknown[] | undefined {
  switch (space.kind) {
    case 'Box':
    case 'MultiDiscrete':
    case 'MultiBinary':
      return iterateArray(batch);
    case 'Discrete':
      return iterateIntegers(space, batch);
    case 'Dict': {
      if (typeof batch !== 'object' || batch === null) return undefined;
      const entries = Object.entries(batch);
      const columns = entries.map(([key, column]) => {
        return Object.hasOwn(space.spaces, key)
          ? iterate(space.spaces[key] as Space, column)
          : undefined;
      });
      const keys = entries.map(([key]) => key);
      return zip(columns, (row) =>
        Object.fromEntries(row.map((item, i) => [keys[i] as string, item])),
      );
    }
    case 'Tuple':
      if (!Array.isArray(batch) || batch.length !== space.spaces.length) return undefined;
      return zip(
        space.spaces.map((entry, i) => iterate(entry, batch[i])),
        (row) => row,
      );
    default:
      return arrayOf(batch);
  }
}

/** Numbers; arrays where the elements are of a dtype that is not the space's, which `contains` then refuses. */
function iterateIntegers({ n, dtype }: Discrete, batch: unknown): unknown[] | undefined {
  if (!isTypedArray(batch)) return arrayOf(batch);
  const fits =
    !isNdArray(batch) ||
    (batch.shape.length === 1 && batch.dtype !== 'bool' && canCast(batch.dtype, dtype));
  if (!fits) return iterateArray(batch);
  const elements = Array.from(batch as ArrayLike<number | bigint>);
  return typeof n === 'bigint' ? elements : elements.map(Number);
}

function arrayOf(value: unknown): unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** The rows of an array: elements along its first axis, as arrays. */
export function iterateArray(batch: unknown): unknown[] | undefined {
  if (Array.isArray(batch)) return batch;
  const found = elementsOf(batch);
  const [count, ...shape] = found?.shape ?? [];
  if (found?.dtype === undefined || count === undefined) return undefined;
  const { dtype } = found;
  const size = sizeOf(shape);
  return Array.from({ length: count }, (_, i) => {
    const row = (found.elements as TypedArray).slice(i * size, (i + 1) * size);
    return asNdArray(row, shape, dtype);
  });
}

/** Rows of columns of one length; undefined if there are none or their lengths differ. */
function zip(
  columns: readonly (readonly unknown[] | undefined)[],
  make: (row: unknown[]) => unknown,
): unknown[] | undefined {
  const [first] = columns;
  if (first === undefined || columns.some((column) => column?.length !== first.length))
    return undefined;
  return first.map((_, i) => make(columns.map((column) => column?.[i])));
}

/** One batch of some values (Gymnasium's `concatenate`), in the form that {@link iterate} takes apart. */
export function concatenate(space: Space, rows: readonly Sample[]): Sample {
  switch (space.kind) {
    case 'Box':
    case 'MultiDiscrete':
    case 'MultiBinary':
      return concatenateArrays(holderFor(space, rows), space, rows);
    case 'Discrete':
      return asNdArray(hold(space.Held, rows as number[]), [rows.length], space.dtype);
    case 'Dict':
      return Object.fromEntries(
        space.entries.map(([key, entry]) => {
          const column = rows.map(
            (row) => (row as Readonly<Record<string, Sample>>)[key] as Sample,
          );
          return [key, concatenate(entry, column)];
        }),
      );
    case 'Tuple':
      return space.spaces.map((entry, i) => {
        const column = rows.map((row) => (row as readonly Sample[])[i] as Sample);
        return concatenate(entry, column);
      });
    default:
      return [...rows];
  }
}

function holderFor(
  space: Box | MultiDiscrete | MultiBinary,
  [first]: readonly Sample[],
): new (
  length: number,
) => TypedArray {
  // Flat values of a Discrete are of a Box of int64, but held in an Int32Array.
  if (first instanceof Int32Array) return Int32Array;
  if (space.kind === 'Box') return dtypes[space.dtype].Array;
  return space.kind === 'MultiBinary' ? Int32Array : space.Held;
}

function concatenateArrays(
  Held: new (length: number) => TypedArray,
  { shape, dtype }: Box | MultiDiscrete | MultiBinary,
  rows: readonly Sample[],
): NdArray {
  const size = sizeOf(shape);
  const array = new Held(rows.length * size);
  for (const [i, row] of rows.entries()) array.set(row as never, i * size);
  return asNdArray(array, [rows.length, ...shape], dtype);
}
