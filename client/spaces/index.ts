import type {
  BoxSpace,
  MultiDiscreteSpace,
  Space as SpaceMessage,
} from '../../proto/gen/gymlink/v1/space.js';
import type { Dtype } from '../../proto/gen/gymlink/v1/value.js';
import { GymlinkError } from '../errors.js';
import { type DtypeName, decodeElements, dtypeName, type NdArray } from '../nd-array.js';
import { fromTensor } from '../values.js';
import { Box } from './box.js';
import { Dict } from './dict.js';
import { Discrete } from './discrete.js';
import { MultiBinary } from './multi-binary.js';
import { MultiDiscrete } from './multi-discrete.js';
import { Text } from './text.js';
import { Tuple } from './tuple.js';

export { Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple };

/** A space of Gymnasium; tell which by its `kind`. */
export type Space = Box | Discrete | MultiDiscrete | MultiBinary | Text | Dict | Tuple;

/** A value of a space. */
export type Sample = NdArray | number | string | Sample[] | { [key: string]: Sample };

function knownDtype(dtype: Dtype): DtypeName {
  const name = dtypeName(dtype);
  if (name === undefined)
    throw new GymlinkError(
      'MALFORMED_REPLY',
      `The server named a dtype ${dtype}, which this client does not know.`,
    );
  return name;
}

function box({ dtype, shape, low, high }: BoxSpace): Box {
  const name = knownDtype(dtype);
  return new Box(decodeElements(low, name), decodeElements(high, name), shape.map(Number), name);
}

function multiDiscrete({ nvec, start, dtype }: MultiDiscreteSpace): MultiDiscrete {
  if (nvec === undefined || start === undefined)
    throw new GymlinkError('MALFORMED_REPLY', 'A MultiDiscrete space came without nvec or start.');
  const counts = fromTensor(nvec);
  const numbers = (array: NdArray) => Array.from(array as ArrayLike<number | bigint>, Number);
  return new MultiDiscrete(
    numbers(counts),
    numbers(fromTensor(start)),
    counts.shape,
    knownDtype(dtype),
  );
}

/** A space as the wire describes it. */
export function fromSpaceMessage(message: SpaceMessage | undefined): Space {
  const kind = message?.kind;
  switch (kind?.$case) {
    case 'box':
      return box(kind.value);
    case 'discrete':
      return new Discrete(
        Number(kind.value.n),
        Number(kind.value.start),
        knownDtype(kind.value.dtype),
      );
    case 'multiDiscrete':
      return multiDiscrete(kind.value);
    case 'multiBinary':
      return new MultiBinary(kind.value.shape.map(Number), kind.value.fromScalar);
    case 'text':
      return new Text(kind.value.minLength, kind.value.maxLength, kind.value.characters);
    case 'dict':
      return new Dict(
        Object.fromEntries(
          kind.value.entries.map(({ key, space }) => [key, fromSpaceMessage(space)]),
        ),
      );
    case 'tuple':
      return new Tuple(kind.value.spaces.map(fromSpaceMessage));
    default:
      throw new GymlinkError(
        'UNIMPLEMENTED',
        `This client does not know the space kind "${kind?.$case ?? 'none'}".`,
      );
  }
}

function repeat(values: ArrayLike<number | bigint>, times: number): (number | bigint)[] {
  return Array.from({ length: times }, () => Array.from(values)).flat();
}

/** The space of a batch of n values, as Gymnasium's `batch_space` makes it (MultiBinary and MultiDiscrete stay of their kind). */
export function batchSpace(space: Space, n: number): Space {
  switch (space.kind) {
    case 'Box':
      return new Box(repeat(space.low, n), repeat(space.high, n), [n, ...space.shape], space.dtype);
    case 'Discrete':
      return new MultiDiscrete(
        Array(n).fill(space.n),
        Array(n).fill(space.start),
        [n],
        space.dtype,
      );
    case 'MultiDiscrete':
      return new MultiDiscrete(
        repeat(space.nvec, n) as number[],
        repeat(space.start, n) as number[],
        [n, ...space.shape],
        space.dtype,
      );
    case 'MultiBinary':
      return new MultiBinary([n, ...space.shape]);
    case 'Text':
      return new Tuple(
        Array.from(
          { length: n },
          () => new Text(space.minLength, space.maxLength, space.characters.join('')),
        ),
      );
    case 'Dict':
      return new Dict(
        Object.fromEntries(
          Object.entries(space.spaces).map(([key, entry]) => [key, batchSpace(entry, n)]),
        ),
      );
    case 'Tuple':
      return new Tuple(space.spaces.map((entry) => batchSpace(entry, n)));
  }
}
