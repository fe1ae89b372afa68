import { padded } from './columns.js';
import { GymlinkError } from './errors.js';
import {
  type DtypeName,
  dtypes,
  encodeElements,
  isTypedArray,
  sizeOf,
  type TypedArray,
} from './nd-array.js';
import type { Space } from './spaces/index.js';

/**
 * Lays out a batch of n actions as `layout(space, n)` of space.proto.
 *
 * @param values For Box, MultiDiscrete and MultiBinary a typed or plain array with all elements in C order, or n arrays; for
 *   Discrete n numbers; for Text n strings; for Dict an object of batches; for Tuple an array of batches.
 * @throws GymlinkError INVALID_ACTION if kind or number of elements do not fit, or one does not fit the dtype. Whether
 *   elements are in range is checked by the server.
 */
export function encodeActions(space: Space, n: number, values: unknown): Uint8Array {
  const blocks = encodeBatch(space, n, values);
  return blocks.length === 1 ? (blocks[0] as Uint8Array) : Buffer.concat(blocks);
}

/**
 * Lays out one action, as {@link encodeActions} does for a batch.
 *
 * @throws GymlinkError INVALID_ACTION likewise.
 */
export function encodeAction(space: Space, value: unknown): Uint8Array {
  return encodeActions(space, 1, batchOfOne(space, value));
}

function batchOfOne(space: Space, value: unknown): unknown {
  switch (space.kind) {
    case 'Box':
    case 'MultiDiscrete':
    case 'MultiBinary':
      return typeof value === 'number' || typeof value === 'bigint' ? [value] : value;
    case 'Discrete':
    case 'Text':
      return [value];
    case 'Dict':
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => {
          const entry = Object.hasOwn(space.spaces, key) ? space.spaces[key] : undefined;
          return [key, entry === undefined ? item : batchOfOne(entry, item)];
        }),
      );
    case 'Tuple':
      if (!Array.isArray(value) || value.length !== space.spaces.length) return value;
      return space.spaces.map((element, i) => batchOfOne(element, value[i]));
  }
}

function encodeBatch(space: Space, n: number, values: unknown): Uint8Array[] {
  switch (space.kind) {
    case 'Box':
    case 'MultiDiscrete':
    case 'MultiBinary':
      return encodeLeaf(space, sizeOf(space.shape), space.dtype, n, values);
    case 'Discrete':
      return encodeLeaf(space, 1, space.dtype, n, values);
    case 'Text':
      return encodeText(space, n, values);
    case 'Dict': {
      const { entries } = space;
      if (typeof values !== 'object' || values === null || isArray(values))
        throw invalidAction(space, `${kindOf(values)} was given where an object is needed`);
      const stranger = Object.keys(values).find((key) => !Object.hasOwn(space.spaces, key));
      if (stranger !== undefined) throw invalidAction(space, `it has no key "${stranger}"`);
      const batches = values as Readonly<Record<string, unknown>>;
      return entries.flatMap(([key, entry]) => {
        if (!Object.hasOwn(batches, key)) throw invalidAction(space, `the key "${key}" is missing`);
        return encodeBatch(entry, n, batches[key]);
      });
    }
    case 'Tuple':
      if (!Array.isArray(values) || values.length !== space.spaces.length)
        throw invalidAction(space, `an array of ${space.spaces.length} elements is needed`);
      return space.spaces.flatMap((element, i) => encodeBatch(element, n, values[i]));
  }
}

function encodeLeaf(
  space: Space,
  size: number,
  dtype: DtypeName,
  n: number,
  values: unknown,
): Uint8Array[] {
  if (!isArray(values))
    throw invalidAction(space, `${kindOf(values)} was given where an array is needed`);
  const isNested = values.length === n && isArray(values[0]);
  const elements = isNested ? concat(space, values as ArrayLike<unknown>, size) : values;
  if (elements.length !== n * size)
    throw invalidAction(
      space,
      `${n * size} elements are needed for ${n} actions, ${elements.length} were given`,
    );
  const words = dtype === 'int64' ? encodeInt64(elements) : undefined;
  if (words !== undefined) return [words];
  return withPadding(encodeElements(cast(space, size, dtype, elements), dtype));
}

/** The commonest actions, integers below 2**31 as int64, without a BigInt for each; undefined for anything else. */
function encodeInt64(values: ArrayLike<unknown>): Uint8Array | undefined {
  const words = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number' || (value | 0) !== value) return undefined;
    words[2 * i] = value;
    words[2 * i + 1] = value >> 31;
  }
  return new Uint8Array(words.buffer);
}

function concat(space: Space, rows: ArrayLike<unknown>, size: number): unknown[] {
  return Array.from(rows).flatMap((row, env) => {
    const elements = isArray(row) ? Array.from(row) : [];
    if (elements.length !== size)
      throw invalidAction(space, `an action has ${elements.length} elements, not ${size}`, env);
    return elements;
  });
}

/** The elements in an array of the dtype, each checked to fit into it. */
function cast(
  space: Space,
  size: number,
  dtype: DtypeName,
  elements: ArrayLike<unknown>,
): TypedArray {
  const { Array: ArrayOfDtype } = dtypes[dtype];
  // A copy all the same: the caller may change its array before the message has left.
  if (elements instanceof ArrayOfDtype && dtype !== 'bool') return elements.slice();
  const array = new ArrayOfDtype(elements.length);
  const isReal = dtype.startsWith('float');
  const isWide = array instanceof BigInt64Array || array instanceof BigUint64Array;
  for (let i = 0; i < array.length; i++) {
    const element = elements[i];
    const problem = isNumber(element)
      ? undefined
      : `${kindOf(element)} was given where a number is needed`;
    const isWhole = typeof element !== 'number' || Number.isSafeInteger(element);
    if (problem !== undefined || (!isReal && !isWhole))
      throw invalidAction(space, problem ?? `${element} is no whole number`, Math.floor(i / size));
    array[i] = (isWide ? BigInt(element as number) : Number(element)) as never;
    const isHeld = isReal || BigInt(array[i] as number) === BigInt(element as number);
    if (!isHeld || (dtype === 'bool' && (array[i] as number) > 1))
      throw invalidAction(space, `${element} does not fit ${dtype}`, Math.floor(i / size));
  }
  return array;
}

function encodeText(space: Space, n: number, values: unknown): Uint8Array[] {
  if (!Array.isArray(values) || values.length !== n)
    throw invalidAction(space, `an array of ${n} strings is needed`);
  const texts = values.map((text: unknown, env) => {
    if (typeof text !== 'string')
      throw invalidAction(space, `${kindOf(text)} was given where a string is needed`, env);
    return Buffer.from(text, 'utf8');
  });
  const offsets = new Uint32Array(n + 1);
  for (const [i, bytes] of texts.entries()) offsets[i + 1] = (offsets[i] as number) + bytes.length;
  return [...withPadding(new Uint8Array(offsets.buffer)), ...withPadding(Buffer.concat(texts))];
}

function withPadding(bytes: Uint8Array): Uint8Array[] {
  const rest = padded(bytes.length) - bytes.length;
  return rest === 0 ? [bytes] : [bytes, new Uint8Array(rest)];
}

function isArray(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || isTypedArray(value);
}

function isNumber(value: unknown): value is number | bigint | boolean {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  return isArray(value) ? 'an array' : `a ${typeof value}`;
}

function invalidAction(space: Space, what: string, env?: number): GymlinkError {
  const whose = env === undefined ? 'The actions do' : `The action of sub-environment ${env} does`;
  return new GymlinkError(
    'INVALID_ACTION',
    `${whose} not fit ${space}: ${what}. Nothing was sent.`,
    {
      envIndices: env === undefined ? [] : [env],
    },
  );
}
