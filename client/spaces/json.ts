import type { DtypeName } from '../nd-array.js';
import { Box } from './box.js';
import { Dict } from './dict.js';
import { Discrete } from './discrete.js';
import { Graph } from './graph.js';
import type { Space } from './index.js';
import { MultiBinary } from './multi-binary.js';
import { MultiDiscrete } from './multi-discrete.js';
import { OneOf } from './one-of.js';
import { Sequence } from './sequence.js';
import { Text } from './text.js';
import { Tuple } from './tuple.js';

/** A space as plain JSON, which `toJSON` gives and {@link spaceFromJSON} takes: all of it but the seed. */
export type SpaceJSON =
  | {
      readonly kind: 'Box';
      readonly shape: readonly number[];
      readonly dtype: DtypeName;
      /** One for each element, or one for all; text for infinities, -0 and 64-bit integers. */
      readonly low: readonly (number | string)[];
      readonly high: readonly (number | string)[];
    }
  | {
      readonly kind: 'Discrete';
      /** Text where the values are bigint, as `start`. */
      readonly n: number | string;
      readonly start: number | string;
      readonly dtype: DtypeName;
    }
  | {
      readonly kind: 'MultiDiscrete';
      readonly shape: readonly number[];
      readonly dtype: DtypeName;
      /** In C order, as `start`; text where the values are bigint. */
      readonly nvec: readonly (number | string)[];
      readonly start: readonly (number | string)[];
    }
  | {
      readonly kind: 'MultiBinary';
      readonly shape: readonly number[];
      readonly fromScalar: boolean;
    }
  | {
      readonly kind: 'Text';
      readonly minLength: number;
      readonly maxLength: number;
      readonly characters: string;
    }
  | {
      readonly kind: 'Dict';
      readonly entries: readonly (readonly [key: string, space: SpaceJSON])[];
      /** There where it is false. */
      readonly sortKeys?: boolean;
    }
  | { readonly kind: 'Tuple' | 'OneOf'; readonly spaces: readonly SpaceJSON[] }
  | { readonly kind: 'Sequence'; readonly featureSpace: SpaceJSON; readonly stack: boolean }
  | {
      readonly kind: 'Graph';
      readonly nodeSpace: SpaceJSON;
      readonly edgeSpace: SpaceJSON | null;
    };

/**
 * The space that `toJSON` described: equal to it, with the same bounds to the bit.
 *
 * @throws TypeError if the JSON describes no space.
 * @throws RangeError if there can be no such space.
 */
export function spaceFromJSON(json: SpaceJSON): Space {
  switch (json.kind) {
    case 'Box':
      return new Box(
        json.low.map((bound) => toBound(bound, json.dtype)),
        json.high.map((bound) => toBound(bound, json.dtype)),
        json.shape,
        json.dtype,
      );
    case 'Discrete':
      return new Discrete(toInteger(json.n), toInteger(json.start), json.dtype);
    case 'MultiDiscrete': {
      const [nvec, start] = [json.nvec.map(toInteger), json.start.map(toInteger)];
      return new MultiDiscrete(nvec, start, json.shape, json.dtype) as MultiDiscrete;
    }
    case 'MultiBinary':
      return new MultiBinary(json.shape, json.fromScalar);
    case 'Text':
      return new Text(json.minLength, json.maxLength, json.characters);
    case 'Dict':
      return new Dict(
        json.entries.map(([key, space]) => [key, spaceFromJSON(space)] as const),
        { sortKeys: json.sortKeys ?? true },
      );
    case 'Tuple':
      return new Tuple(json.spaces.map(spaceFromJSON));
    case 'OneOf':
      return new OneOf(json.spaces.map(spaceFromJSON));
    case 'Sequence':
      return new Sequence(spaceFromJSON(json.featureSpace), json.stack);
    case 'Graph':
      return new Graph(
        spaceFromJSON(json.nodeSpace),
        json.edgeSpace && spaceFromJSON(json.edgeSpace),
      );
    default:
      throw new TypeError(`There is no kind of space "${(json as { kind: unknown }).kind}".`);
  }
}

function toInteger(value: number | string): number | bigint {
  return typeof value === 'string' ? BigInt(value) : value;
}

function toBound(bound: number | string, dtype: DtypeName): number | bigint {
  if (typeof bound === 'string' && dtype.endsWith('int64') && !bound.endsWith('Infinity'))
    return BigInt(bound);
  return Number(bound);
}
