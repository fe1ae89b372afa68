/** The spaces of flat values, as gymnasium.spaces.utils has them. */
import { type DtypeName, sizeOf } from '../nd-array.js';
import { Box } from './box.js';
import { resultType } from './can-cast.js';
import type { Dict } from './dict.js';
import { Graph } from './graph.js';
import type { Space } from './index.js';
import { limitsOf } from './integer-range.js';
import type { MultiDiscrete } from './multi-discrete.js';
import type { OneOf } from './one-of.js';
import { Sequence } from './sequence.js';
import { Tuple } from './tuple.js';

/** Whether values of a space flatten to one array (Gymnasium's `is_np_flattenable`): without a Sequence or Graph. */
export function isFlattenable(space: Space): boolean {
  if (space.kind === 'Sequence' || space.kind === 'Graph') return false;
  return entriesOf(space).every(isFlattenable);
}

export function entriesOf(space: Space): readonly Space[] {
  if (space.kind === 'Dict') return space.entries.map(([, entry]) => entry);
  return space.kind === 'Tuple' || space.kind === 'OneOf' ? space.spaces : [];
}

/**
 * The number of elements of a flattened value.
 *
 * @throws RangeError if values do not flatten to one array: of Sequence and Graph, and spaces that hold one.
 */
export function flatdim(space: Space): number {
  if (!isFlattenable(space)) throw notFlattenable(space);
  switch (space.kind) {
    case 'Discrete':
      return Number(space.n);
    case 'MultiDiscrete':
      return sumTo(countsOf(space), space.nvec.length);
    case 'Text':
      return space.maxLength;
    case 'OneOf':
      return 1 + Math.max(...space.spaces.map(flatdim));
    case 'Dict':
    case 'Tuple':
      return entriesOf(space).reduce((sum, entry) => sum + flatdim(entry), 0);
    default:
      return sizeOf((space as Box).shape);
  }
}

function notFlattenable(space: Space): RangeError {
  return new RangeError(
    `${space} cannot be flattened to one array, because of a Sequence or a Graph.`,
  );
}

/** The dtype of a flattened value. */
export function flatDtype(space: Space): DtypeName {
  if (space.kind === 'Text') return 'int32';
  if (space.kind === 'Dict' || space.kind === 'Tuple')
    return resultType(entriesOf(space).map(flatDtype));
  return space.kind === 'OneOf' ? oneOfDtype(space) : (space as Box).dtype;
}

/** The dtype must hold the index as well. */
function oneOfDtype({ spaces }: OneOf): DtypeName {
  const dtype = resultType(spaces.map(flatDtype));
  const greatest = spaces.length - 1;
  if (dtype.startsWith('float') || BigInt(greatest) <= limitsOf(dtype)[1]) return dtype;
  return resultType([dtype, greatest < 256 ? 'uint8' : 'uint16']);
}

/** How many values each element has. */
export function countsOf({ nvec }: MultiDiscrete): number[] {
  return Array.from(nvec as ArrayLike<number>, Number);
}

export function sumTo(counts: ArrayLike<number>, end: number): number {
  let sum = 0;
  for (let i = 0; i < end; i++) sum += counts[i] as number;
  return sum;
}

/** The space of flattened values, as Gymnasium's `flatten_space`: a Box where values flatten to one array. */
export function flattenSpace(space: Space): Box | Dict | Tuple | Sequence | Graph {
  if (isFlattenable(space)) return flatBox(space);
  switch (space.kind) {
    case 'Dict':
      return space.map(flattenSpace);
    case 'Tuple':
      return new Tuple(space.spaces.map(flattenSpace));
    case 'Sequence':
      return new Sequence(flattenSpace(space.featureSpace), space.stack);
    case 'Graph':
      return new Graph(
        flattenSpace(space.nodeSpace),
        space.edgeSpace && flattenSpace(space.edgeSpace),
      );
    default:
      throw notFlattenable(space);
  }
}

type Bounds = readonly [low: ArrayLike<number | bigint>, high: ArrayLike<number | bigint>];

function flatBox(space: Space): Box {
  const dtype = flatDtype(space);
  const convert = dtype.endsWith('int64') ? BigInt : Number;
  const [low, high] = flatBounds(space).map((bounds) =>
    Array.from(bounds, (bound) => (Number.isFinite(Number(bound)) ? convert(bound) : bound)),
  ) as [number[], number[]];
  return new Box(low, high, [flatdim(space)], dtype);
}

function flatBounds(space: Space): Bounds {
  switch (space.kind) {
    case 'Box':
      return [space.low as ArrayLike<number | bigint>, space.high as ArrayLike<number | bigint>];
    case 'Dict':
    case 'Tuple': {
      const bounds = entriesOf(space).map(flatBounds);
      return [
        bounds.flatMap(([low]) => Array.from(low)),
        bounds.flatMap(([, high]) => Array.from(high)),
      ];
    }
    case 'OneOf': {
      const bounds = space.spaces.map(flatBounds);
      if (bounds.some(([low]) => low.length === 0))
        throw new RangeError(
          `Values without elements have no bounds, those of ${space} among them.`,
        );
      const count = flatdim(space) - 1;
      const least = extreme(
        bounds.flatMap(([low]) => Array.from(low)),
        -1,
      );
      const most = extreme(
        bounds.flatMap(([, high]) => Array.from(high)),
        1,
      );
      return [
        [0, ...new Array<number | bigint>(count).fill(least)],
        [space.spaces.length - 1, ...new Array<number | bigint>(count).fill(most)],
      ];
    }
    default: {
      const high = space.kind === 'Text' ? space.characters.length : 1;
      return [new Int8Array(flatdim(space)), new Float64Array(flatdim(space)).fill(high)];
    }
  }
}

/** The least (sign -1) or greatest (1) of some bounds. */
function extreme(bounds: readonly (number | bigint)[], sign: number): number | bigint {
  return bounds.reduce((a, b) => ((b > a ? 1 : -1) === sign ? b : a));
}
