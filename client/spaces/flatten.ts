/** Values as flat arrays, as gymnasium.spaces.utils has them. */
import { asNdArray, dtypes, isTypedArray, type NdArray, sizeOf } from '../nd-array.js';
import { concatenate, iterate } from './batch.js';
import type { Box } from './box.js';
import type { Dict } from './dict.js';
import { elementsOf } from './elements.js';
import {
  countsOf,
  entriesOf,
  flatDtype,
  flatdim,
  flattenSpace,
  isFlattenable,
  sumTo,
} from './flat-space.js';
import type { Graph, GraphInstance } from './graph.js';
import type { Sample, Space } from './index.js';
import { hold, indexOf, valueAt } from './integer-range.js';
import type { MultiDiscrete } from './multi-discrete.js';
import type { OneOf } from './one-of.js';
import type { Text } from './text.js';
import type { Tuple } from './tuple.js';

/** Whether a flattened value may have 64-bit integers that are none of a discrete space's. */
function isWide(space: Space): boolean {
  return (space.kind === 'Box' && space.dtype.endsWith('int64')) || entriesOf(space).some(isWide);
}

function flatArray(space: Space, elements: ArrayLike<number | bigint>): NdArray {
  const dtype = flatDtype(space);
  const isDiscrete = dtype.endsWith('int64') && !isWide(space);
  const array = new (isDiscrete ? Int32Array : dtypes[dtype].Array)(elements.length);
  const convert =
    array instanceof BigInt64Array || array instanceof BigUint64Array ? BigInt : Number;
  for (let i = 0; i < array.length; i++) array[i] = convert(elements[i] as number) as never;
  return asNdArray(array, [array.length], dtype);
}

/**
 * A value as a flat array, as Gymnasium's `flatten`: Discrete and MultiDiscrete are one-hot, a Text has the index of each character
 * (then the number of characters), Dict and Tuple are concatenated in order, a OneOf is its index, the flattened value and
 * padding. A Sequence becomes an array of flat arrays or, stacked, one array with two axes; a Graph has flat nodes and edges;
 * Dict and Tuple with one of these within keep their form. 64-bit integers are held in an Int32Array unless they are of a Box.
 *
 * @throws RangeError if the value is not of the space.
 */
export function flatten(space: Space, value: unknown): Sample {
  if (isFlattenable(space)) return flatArray(space, flatElements(space, value));
  switch (space.kind) {
    case 'Dict': {
      const items = itemsOf(space, value);
      return Object.fromEntries(
        space.entries.map(([key, entry], i) => [key, flatten(entry, items[i])]),
      );
    }
    case 'Tuple': {
      const items = itemsOf(space, value);
      return space.spaces.map((entry, i) => flatten(entry, items[i]));
    }
    case 'Sequence': {
      const rows = space.stack ? iterate(space.featureSpace, value) : value;
      if (!Array.isArray(rows)) throw misfit(space);
      const flat = rows.map((row) => flatten(space.featureSpace, row));
      return space.stack ? flatBatch(space.featureSpace, flat) : flat;
    }
    case 'Graph':
      return mapGraph(space, value, iterate, (entry, rows) =>
        flatBatch(
          entry,
          rows.map((row) => flatten(entry, row)),
        ),
      );
    default:
      throw misfit(space);
  }
}

function flatBatch(space: Space, rows: readonly Sample[]): Sample {
  if (!isFlattenable(space)) return concatenate(flattenSpace(space), rows);
  const array = flatArray(
    space,
    rows.flatMap((row) => Array.from(row as ArrayLike<number>)),
  );
  return asNdArray(array, [rows.length, flatdim(space)], array.dtype);
}

function mapGraph(
  space: Graph,
  value: unknown,
  take: (space: Space, batch: unknown) => unknown[] | undefined,
  make: (space: Space, rows: unknown[]) => Sample,
): GraphInstance {
  const { nodes, edges = null, edgeLinks = null } = (value ?? {}) as Partial<GraphInstance>;
  const map = (entry: Space, batch: unknown) => {
    const rows = take(entry, batch);
    if (rows === undefined) throw misfit(space);
    return make(entry, rows);
  };
  if (edges !== null && space.edgeSpace === null) throw misfit(space);
  const flatEdges = edges === null ? null : map(space.edgeSpace as Space, edges);
  return { nodes: map(space.nodeSpace, nodes), edges: flatEdges, edgeLinks };
}

/** The values of the entries of a Dict or Tuple in the order of the space. */
function itemsOf(space: Dict | Tuple, value: unknown): readonly unknown[] {
  if (space.kind === 'Tuple') {
    const isFit = Array.isArray(value) && value.length === space.spaces.length;
    if (!isFit) throw misfit(space);
    return value;
  }
  if (typeof value !== 'object' || value === null) throw misfit(space);
  return space.entries.map(([key]) => {
    if (!Object.hasOwn(value, key)) throw misfit(space);
    return (value as Readonly<Record<string, unknown>>)[key];
  });
}

function misfit(space: Space): RangeError {
  return new RangeError(`The value is not in ${space}.`);
}

function flatElements(space: Space, value: unknown): ArrayLike<number | bigint> {
  switch (space.kind) {
    case 'Discrete':
      return oneHot(space, [Number(space.n)], [indexOf(value, space.start, space.n)]);
    case 'MultiDiscrete': {
      const indices = numbersOf(space, value).map((x, i) =>
        indexOf(x, space.start[i] as number, space.nvec[i] as number),
      );
      return oneHot(space, countsOf(space), indices);
    }
    case 'Text':
      return textIndices(space, value);
    case 'Dict':
    case 'Tuple': {
      const items = itemsOf(space, value);
      return entriesOf(space).flatMap((entry, i) => Array.from(flatElements(entry, items[i])));
    }
    case 'OneOf':
      return flatVariant(space, value);
    default:
      return numbersOf(space as Box, value);
  }
}

function numbersOf(space: Box | MultiDiscrete, value: unknown): (number | bigint)[] {
  const elements = Array.from(elementsOf(value)?.elements ?? []);
  if (elements.length !== sizeOf(space.shape)) throw misfit(space);
  return elements;
}

function oneHot(space: Space, counts: readonly number[], indices: readonly number[]): Int8Array {
  const starts = counts.map((_, i) => sumTo(counts, i));
  const length = sumTo(counts, counts.length);
  if (length > mostOneHot) throw new RangeError(`${length} elements are too many, of ${space}.`);
  const elements = new Int8Array(length);
  for (const [i, index] of indices.entries()) {
    if (index === -1) throw misfit(space);
    elements[(starts[i] as number) + index] = 1;
  }
  return elements;
}

const mostOneHot = 2 ** 31;

function textIndices(space: Text, value: unknown): number[] {
  const indices = new Array<number>(space.maxLength).fill(space.characters.length);
  if (!space.contains(value)) throw misfit(space);
  for (const [i, letter] of [...(value as string)].entries())
    indices[i] = space.characters.indexOf(letter);
  return indices;
}

function flatVariant(space: OneOf, value: unknown): (number | bigint)[] {
  const [index, item] = Array.isArray(value) ? value : [];
  const variant = space.spaces[index];
  if (variant === undefined) throw misfit(space);
  const flat = Array.from(flatElements(variant, item));
  const missing = flatdim(space) - 1 - flat.length;
  const [first] = flat;
  if (missing > 0 && first === undefined)
    throw new RangeError(`A value without elements cannot be padded to one of ${space}.`);
  return [index, ...flat, ...new Array<number | bigint>(missing).fill(first as number)];
}

/**
 * The value that {@link flatten} made an array of.
 *
 * @throws RangeError if the array has another length, or no one-hot vector where one belongs.
 */
export function unflatten(space: Space, flat: unknown): Sample {
  if (isFlattenable(space)) {
    const elements = isTypedArray(flat) || Array.isArray(flat) ? Array.from(flat as number[]) : [];
    if (elements.length !== flatdim(space))
      throw new RangeError(`${flatdim(space)} elements make a value of ${space}.`);
    return unflattenElements(space, elements);
  }
  switch (space.kind) {
    case 'Dict': {
      const items = itemsOf(space, flat);
      return Object.fromEntries(
        space.entries.map(([key, entry], i) => [key, unflatten(entry, items[i])]),
      );
    }
    case 'Tuple': {
      const items = itemsOf(space, flat);
      return space.spaces.map((entry, i) => unflatten(entry, items[i]));
    }
    case 'Sequence': {
      const { featureSpace, stack } = space;
      const rows = stack ? iterate(flattenSpace(featureSpace), flat) : flat;
      if (!Array.isArray(rows)) throw misfit(space);
      const values = rows.map((row) => unflatten(featureSpace, row));
      return stack ? concatenate(featureSpace, values) : values;
    }
    case 'Graph': {
      const take = (entry: Space, batch: unknown) => iterate(flattenSpace(entry), batch);
      return mapGraph(space, flat, take, (entry, rows) =>
        concatenate(
          entry,
          rows.map((row) => unflatten(entry, row)),
        ),
      );
    }
    default:
      throw misfit(space);
  }
}

function unflattenElements(space: Space, flat: readonly (number | bigint)[]): Sample {
  switch (space.kind) {
    case 'Discrete':
      return valueAt(space.start, firstOne(space, flat));
    case 'MultiDiscrete': {
      const counts = countsOf(space);
      const values = counts.map((n, i) => {
        const begin = sumTo(counts, i);
        const index = firstOne(space, flat.slice(begin, begin + n));
        return valueAt(space.start[i] as number, index);
      });
      return asNdArray(hold(space.Held, values), space.shape, space.dtype);
    }
    case 'MultiBinary':
      return asNdArray(Int32Array.from(flat, Number), space.shape, space.dtype);
    case 'Text':
      return flat.map((index) => space.characters[Number(index)] ?? '').join('');
    case 'OneOf': {
      const index = Number(flat[0]);
      const variant = space.spaces[index];
      if (variant === undefined) throw misfit(space);
      return [index, unflattenElements(variant, flat.slice(1, 1 + flatdim(variant)))];
    }
    case 'Dict':
      return Object.fromEntries(
        unflattenEntries(space, flat).map((item, i) => [space.entries[i]?.[0] as string, item]),
      );
    case 'Tuple':
      return unflattenEntries(space, flat);
    default: {
      const array = flatArray(space, flat);
      return asNdArray(array, (space as Box).shape, array.dtype);
    }
  }
}

function unflattenEntries(space: Dict | Tuple, flat: readonly (number | bigint)[]): Sample[] {
  let end = 0;
  return entriesOf(space).map((entry) => {
    const begin = end;
    end += flatdim(entry);
    return unflattenElements(entry, flat.slice(begin, end));
  });
}

function firstOne(space: Space, flat: readonly (number | bigint)[]): number {
  const index = flat.findIndex((element) => Number(element) !== 0);
  if (index === -1) throw new RangeError(`A flattened value of ${space} has a 1, not zeros alone.`);
  return index;
}
