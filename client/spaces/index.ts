import type {
  BoxSpace,
  MultiDiscreteSpace,
  Space as SpaceMessage,
} from '../../proto/gen/gymlink/v1/space.js';
import type { Dtype } from '../../proto/gen/gymlink/v1/value.js';
import { GymlinkError } from '../errors.js';
import {
  type ArrayOf,
  type DtypeName,
  decodeElements,
  dtypeName,
  type NdArray,
  sizeOf,
} from '../nd-array.js';
import { fromTensor } from '../values.js';
import { Box } from './box.js';
import { Dict } from './dict.js';
import { Discrete } from './discrete.js';
import { Graph, type GraphInstance } from './graph.js';
import { MultiBinary } from './multi-binary.js';
import { MultiDiscrete } from './multi-discrete.js';
import { OneOf } from './one-of.js';
import { Sequence } from './sequence.js';
import { Text } from './text.js';
import { Tuple } from './tuple.js';

export { batchSpace } from './batch.js';
export { batchDifferingSpaces } from './batch-differing.js';
export { flatdim, flattenSpace } from './flat-space.js';
export { flatten, unflatten } from './flatten.js';
export type { GraphInstance } from './graph.js';
export { type SpaceJSON, spaceFromJSON } from './json.js';
export type { Mask } from './masks.js';
export type { SpaceSeed, SpaceSeeds } from './seeded.js';
export { Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, OneOf, Sequence, Text, Tuple };

/** A space of Gymnasium; tell which by its `kind`. */
export type Space =
  | Box
  | Discrete
  | MultiDiscrete
  | MultiBinary
  | Text
  | Dict
  | Tuple
  | Sequence
  | Graph
  | OneOf;

/** A value of a space. */
export type Sample =
  | NdArray
  | number
  | bigint
  | string
  | GraphInstance
  | Sample[]
  | { [key: string]: Sample };

/** Names of the kinds of spaces. */
export type SpaceKind = Space['kind'];

/** Whether a space is a Box of a dtype. */
export function isBox<D extends DtypeName>(space: Space, dtype: D): space is Box<ArrayOf[D]> {
  return space.kind === 'Box' && space.dtype === dtype;
}

/**
 * The space itself, typed as the kind it was checked to be: `expectSpace(env.actionSpace, 'Discrete').n`.
 *
 * @throws TypeError if the space is of another kind.
 */
export function expectSpace<K extends SpaceKind>(
  space: Space,
  kind: K,
): Extract<Space, { kind: K }> {
  if (space.kind !== kind) throw new TypeError(`A ${kind} space is needed, but this is ${space}.`);
  return space as Extract<Space, { kind: K }>;
}

function knownDtype(dtype: Dtype): DtypeName {
  const name = dtypeName(dtype);
  if (name === undefined)
    throw new GymlinkError(
      'MALFORMED_REPLY',
      `The server named a dtype ${dtype}, which this client does not know.`,
    );
  return name;
}

function box({ dtype, shape, low, high, unboundedBelow, unboundedAbove }: BoxSpace): Box {
  const name = knownDtype(dtype);
  const lengths = shape.map(Number);
  const bounds = (bytes: Uint8Array, open: Uint8Array, infinity: number) =>
    openBounds(decodeElements(bytes, name), open, infinity, sizeOf(lengths));
  const lows = bounds(low, unboundedBelow, -Infinity);
  return new Box(lows, bounds(high, unboundedAbove, Infinity), lengths, name);
}

/** Bounds in the form of the constructor: infinite where there is none. */
function openBounds(
  bounds: ArrayLike<number | bigint>,
  open: Uint8Array,
  infinity: number,
  size: number,
): ArrayLike<number | bigint> {
  if (open.length === 0) return bounds;
  const [boundAt, openAt] = [bounds, open].map(
    (values) => (i: number) => values[values.length === 1 ? 0 : i] as number,
  ) as [(i: number) => number, (i: number) => number];
  if (open.length !== 1 && open.length !== size)
    throw new GymlinkError(
      'MALFORMED_REPLY',
      `A Box of ${size} elements came with ${open.length} open bounds.`,
    );
  return Array.from({ length: size }, (_, i) => (openAt(i) === 0 ? boundAt(i) : infinity));
}

function multiDiscrete({ nvec, start, dtype }: MultiDiscreteSpace): MultiDiscrete {
  if (nvec === undefined || start === undefined)
    throw new GymlinkError('MALFORMED_REPLY', 'A MultiDiscrete space came without nvec or start.');
  const [counts, name] = [fromTensor(nvec), knownDtype(dtype)];
  const integers = (array: NdArray) =>
    Array.from(array as ArrayLike<number | bigint>, (value) => integerOf(BigInt(value), name));
  const least = integers(fromTensor(start));
  return new MultiDiscrete(integers(counts), least, counts.shape, name) as MultiDiscrete;
}

/** An integer of DiscreteSpace or MultiDiscreteSpace: negative ones stand for great ones of uint64. */
function integerOf(value: bigint, dtype: DtypeName): bigint {
  return dtype === 'uint64' ? BigInt.asUintN(64, value) : value;
}

/**
 * A space as the wire describes it.
 *
 * @throws GymlinkError UNIMPLEMENTED for a space that this client does not know or whose values it cannot hold.
 */
export function fromSpaceMessage(message: SpaceMessage | undefined): Space {
  try {
    return makeSpace(message);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new GymlinkError('UNIMPLEMENTED', `This client cannot hold a space: ${error.message}`, {
      cause: error,
    });
  }
}

function makeSpace(message: SpaceMessage | undefined): Space {
  const kind = message?.kind;
  switch (kind?.$case) {
    case 'box':
      return box(kind.value);
    case 'discrete': {
      const { n, start, dtype } = kind.value;
      const name = knownDtype(dtype);
      return new Discrete(integerOf(n, name), integerOf(start, name), name);
    }
    case 'multiDiscrete':
      return multiDiscrete(kind.value);
    case 'multiBinary':
      return new MultiBinary(kind.value.shape.map(Number), kind.value.fromScalar);
    case 'text':
      return new Text(kind.value.minLength, kind.value.maxLength, kind.value.characters);
    case 'dict':
      return new Dict(
        kind.value.entries.map(({ key, space }) => [key, makeSpace(space)] as const),
        { sortKeys: !kind.value.unsorted },
      );
    case 'tuple':
      return new Tuple(kind.value.spaces.map(makeSpace));
    case 'sequence':
      return new Sequence(makeSpace(kind.value.space), kind.value.stacked);
    case 'graph': {
      const { nodeSpace, edgeSpace } = kind.value;
      return new Graph(makeSpace(nodeSpace), edgeSpace ? makeSpace(edgeSpace) : null);
    }
    case 'oneOf':
      return new OneOf(kind.value.spaces.map(makeSpace));
    default:
      throw new GymlinkError(
        'UNIMPLEMENTED',
        `This client does not know the space kind "${message?.kind?.$case ?? 'none'}".`,
      );
  }
}
