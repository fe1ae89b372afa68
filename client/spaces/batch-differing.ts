import { dtypes, type NdArray, sizeOf, type TypedArray } from '../nd-array.js';
import { batchOfIntegers, batchSpace } from './batch.js';
import { Box } from './box.js';
import type { Dict } from './dict.js';
import type { Discrete } from './discrete.js';
import type { Space, SpaceKind } from './index.js';
import { spaceFromJSON } from './json.js';
import type { MultiBinary } from './multi-binary.js';
import { MultiDiscrete } from './multi-discrete.js';
import { Tuple } from './tuple.js';

/**
 * The space of a batch with one value of each space, as Gymnasium's `batch_differing_spaces` makes it: its samples continue a copy
 * of the first space's generator. A batch of MultiDiscrete or MultiBinary values is as {@link batchSpace} has it. Text,
 * Sequence, Graph and OneOf have a Tuple of their spaces.
 *
 * @throws TypeError if there are no spaces, or of several kinds.
 * @throws RangeError if dtypes, shapes or keys differ.
 */
export function batchDifferingSpaces(spaces: readonly Space[]): Space {
  const [first] = spaces;
  if (first === undefined || spaces.some((space) => space.kind !== first.kind))
    throw new TypeError(`Spaces of one kind make a batch, not [${spaces.join(', ')}].`);
  if (first.kind === 'Dict') return batchOfDicts(spaces as readonly Dict[]);
  if (first.kind === 'Tuple') return batchOfTuples(spaces as readonly Tuple[]);
  const batch = batchOf(first.kind, spaces);
  if ('generator' in batch) batch.generator = first.generator.copy();
  return batch;
}

function batchOf(kind: SpaceKind, spaces: readonly Space[]): Space {
  switch (kind) {
    case 'Box':
      return batchOfBoxes(spaces as readonly Box[]);
    case 'Discrete':
      return batchOfDiscretes(spaces as readonly Discrete[]);
    case 'MultiDiscrete':
      return batchOfMultiDiscretes(spaces as readonly MultiDiscrete[]);
    case 'MultiBinary':
      return batchOfBinaries(spaces as readonly MultiBinary[]);
    default:
      return new Tuple(spaces.map(copySpace));
  }
}

/** An equal space whose samples continue copies of its generators. */
function copySpace(space: Space): Space {
  const copy = spaceFromJSON(space.toJSON());
  const copies = partsOf(copy);
  for (const [i, part] of partsOf(space).entries()) {
    const own = copies[i] as Space;
    if ('generator' in part && 'generator' in own) own.generator = part.generator.copy();
  }
  return copy;
}

/** A space and all spaces within it. */
function partsOf(space: Space): Space[] {
  return [space, ...childrenOf(space).flatMap(partsOf)];
}

function childrenOf(space: Space): readonly Space[] {
  switch (space.kind) {
    case 'Dict':
      return space.entries.map(([, entry]) => entry);
    case 'Tuple':
    case 'OneOf':
      return space.spaces;
    case 'Sequence':
      return [space.featureSpace];
    case 'Graph':
      return space.edgeSpace === null ? [space.nodeSpace] : [space.nodeSpace, space.edgeSpace];
    default:
      return [];
  }
}

function checkAlike(spaces: readonly { dtype: string; shape: readonly number[] }[]): void {
  const forms = new Set(spaces.map(({ dtype, shape }) => `${dtype}[${shape}]`));
  if (forms.size > 1)
    throw new RangeError(
      `Spaces of one dtype and shape make a batch, not of ${[...forms].join(' and ')}.`,
    );
}

function batchOfBoxes(spaces: readonly Box[]): Box {
  checkAlike(spaces);
  const { shape, dtype } = spaces[0] as Box;
  const low = joined(spaces.map((space) => space.low));
  const high = joined(spaces.map((space) => space.high));
  return new Box(low, high, [spaces.length, ...shape], dtype);
}

/** Discrete spaces may differ in their dtype: the largest holds them all. */
function batchOfDiscretes(spaces: readonly Discrete[]): MultiDiscrete {
  const bytes = ({ dtype }: Discrete) => dtypes[dtype].itemBytes;
  const { dtype } = spaces.reduce((best, space) => (bytes(space) > bytes(best) ? space : best));
  const nvec = spaces.map((space) => space.n);
  const start = spaces.map((space) => space.start);
  return new MultiDiscrete(nvec, start, [spaces.length], dtype);
}

function batchOfMultiDiscretes(spaces: readonly MultiDiscrete[]): Box | MultiDiscrete {
  checkAlike(spaces);
  const { shape, dtype } = spaces[0] as MultiDiscrete;
  const nvec = spaces.flatMap((space) => [...space.nvec]);
  const start = spaces.flatMap((space) => [...space.start]);
  return batchOfIntegers(nvec, start, [spaces.length, ...shape], dtype);
}

function batchOfBinaries(spaces: readonly MultiBinary[]): Space {
  checkAlike(spaces);
  return batchSpace(spaces[0] as MultiBinary, spaces.length);
}

function joined<T extends TypedArray>(arrays: readonly NdArray<T>[]): T {
  const [first] = arrays as readonly [NdArray<T>, ...NdArray<T>[]];
  const size = sizeOf(first.shape);
  const all = new (first.constructor as Float64ArrayConstructor)(arrays.length * size);
  for (const [i, array] of arrays.entries()) all.set(array as never, i * size);
  return all as never;
}

function batchOfDicts(spaces: readonly Dict[]): Dict {
  const names = new Set(spaces.map((space) => Object.keys(space.spaces).sort().join()));
  if (names.size > 1)
    throw new RangeError(
      `Dicts of the same keys make a batch, not of ${[...names].join(' and ')}.`,
    );
  return (spaces[0] as Dict).map((_, key) =>
    batchDifferingSpaces(spaces.map((space) => space.spaces[key] as Space)),
  );
}

function batchOfTuples(spaces: readonly Tuple[]): Tuple {
  const [{ spaces: elements }] = spaces as readonly [Tuple, ...Tuple[]];
  if (spaces.some((space) => space.spaces.length !== elements.length))
    throw new RangeError('Tuples of one length make a batch.');
  return new Tuple(
    elements.map((_, i) => batchDifferingSpaces(spaces.map((space) => space.spaces[i] as Space))),
  );
}
