import { padded } from './blocks.js';
import { GymlinkError } from './errors.js';
import {
  type DtypeName,
  dtypes,
  encodeElements,
  isTypedArray,
  sizeOf,
  type TypedArray,
} from './nd-array.js';
import { iterate } from './spaces/batch.js';
import type { Graph, GraphInstance, OneOf, Sequence, Space } from './spaces/index.js';

/** Why an action does not fit; `row` is the one concerned, of the batch at hand. */
class Misfit extends Error {
  readonly space: Space;
  readonly row: number | undefined;

  constructor(space: Space, what: string, row?: number) {
    super(what);
    this.space = space;
    this.row = row;
  }
}

/**
 * Lays out a batch of n actions as `layout(space, n)` of space.proto.
 *
 * @param values For Box, MultiDiscrete and MultiBinary a typed or plain array with all elements in C order, or n arrays; for
 *   Discrete n numbers; for Text n strings; for Dict an object of batches; for Tuple an array of batches; for Sequence, Graph and
 *   OneOf n values.
 * @param envIndices The sub-environments that they are for; by default those from 0 on.
 * @throws GymlinkError INVALID_ACTION if kind or number of elements do not fit, or one does not fit the dtype. Whether
 *   elements are in range is checked by the server.
 */
export function encodeActions(
  space: Space,
  n: number,
  values: unknown,
  envIndices?: readonly number[],
): Uint8Array {
  try {
    const blocks = encodeBatch(space, n, values);
    return blocks.length === 1 ? (blocks[0] as Uint8Array) : Buffer.concat(blocks);
  } catch (error) {
    throw error instanceof Misfit ? invalidAction(error, envIndices) : error;
  }
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
    case 'Sequence':
    case 'Graph':
    case 'OneOf':
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
    case 'Sequence':
      return encodeSequences(space, n, values);
    case 'Graph':
      return encodeGraphs(space, n, values);
    case 'OneOf':
      return encodeOneOf(space, n, values);
    case 'Dict': {
      const { entries } = space;
      if (typeof values !== 'object' || values === null || isArray(values))
        throw new Misfit(space, `${kindOf(values)} was given where an object is needed`);
      const stranger = Object.keys(values).find((key) => !Object.hasOwn(space.spaces, key));
      if (stranger !== undefined) throw new Misfit(space, `it has no key "${stranger}"`);
      const batches = values as Readonly<Record<string, unknown>>;
      return entries.flatMap(([key, entry]) => {
        if (!Object.hasOwn(batches, key)) throw new Misfit(space, `the key "${key}" is missing`);
        return encodeBatch(entry, n, batches[key]);
      });
    }
    case 'Tuple':
      if (!Array.isArray(values) || values.length !== space.spaces.length)
        throw new Misfit(space, `an array of ${space.spaces.length} elements is needed`);
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
    throw new Misfit(space, `${kindOf(values)} was given where an array is needed`);
  const isNested = values.length === n && isArray(values[0]);
  const elements = isNested ? concat(space, values as ArrayLike<unknown>, size) : values;
  if (elements.length !== n * size)
    throw new Misfit(
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
      throw new Misfit(space, `an action has ${elements.length} elements, not ${size}`, env);
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
      throw new Misfit(space, problem ?? `${element} is no whole number`, Math.floor(i / size));
    array[i] = (isWide ? BigInt(element as number) : Number(element)) as never;
    const isHeld = isReal || BigInt(array[i] as number) === BigInt(element as number);
    if (!isHeld || (dtype === 'bool' && (array[i] as number) > 1))
      throw new Misfit(space, `${element} does not fit ${dtype}`, Math.floor(i / size));
  }
  return array;
}

function encodeText(space: Space, n: number, values: unknown): Uint8Array[] {
  if (!Array.isArray(values) || values.length !== n)
    throw new Misfit(space, `an array of ${n} strings is needed`);
  const texts = values.map((text: unknown, env) => {
    if (typeof text !== 'string')
      throw new Misfit(space, `${kindOf(text)} was given where a string is needed`, env);
    return Buffer.from(text, 'utf8');
  });
  const offsets = new Uint32Array(n + 1);
  for (const [i, bytes] of texts.entries()) offsets[i + 1] = (offsets[i] as number) + bytes.length;
  return [...withPadding(new Uint8Array(offsets.buffer)), ...withPadding(Buffer.concat(texts))];
}

function encodeSequences(space: Sequence, n: number, values: unknown): Uint8Array[] {
  const rows = valuesOf(space, n, values).map((value, i) =>
    rowsOf(space, space.stack ? iterate(space.featureSpace, value) : value, 'a sequence', i),
  );
  return [...encodeOffsets(rows), ...encodeRows(space.featureSpace, rows)];
}

function encodeGraphs(space: Graph, n: number, values: unknown): Uint8Array[] {
  const graphs = valuesOf(space, n, values).map((value, i) => {
    if (typeof value !== 'object' || value === null)
      throw new Misfit(space, `${kindOf(value)} was given where a graph is needed`, i);
    return value as Partial<GraphInstance>;
  });
  const { nodeSpace, edgeSpace } = space;
  const nodes = graphs.map((graph, i) =>
    rowsOf(space, iterate(nodeSpace, graph.nodes), 'the nodes of a graph', i),
  );
  const links = graphs.map(({ edgeLinks = null }, i) =>
    edgeLinks === null ? [] : linksOf(space, edgeLinks, nodes[i]?.length ?? 0, i),
  );
  const blocks = [
    ...encodeOffsets(nodes),
    ...encodeRows(nodeSpace, nodes),
    ...withPadding(Uint8Array.from(graphs, ({ edgeLinks = null }) => (edgeLinks === null ? 0 : 1))),
    ...encodeOffsets(links),
  ];
  const edges = graphs.map(({ edges = null }, i) =>
    edgesOf(space, edges, links[i]?.length ?? 0, i),
  );
  if (edgeSpace !== null) blocks.push(...encodeRows(edgeSpace, edges));
  return [...blocks, ...withPadding(new Uint8Array(Int32Array.from(links.flat(2)).buffer))];
}

function edgesOf(space: Graph, edges: unknown, count: number, row: number): unknown[] {
  const { edgeSpace } = space;
  if (edgeSpace === null || edges === null) {
    if (edges !== null) throw new Misfit(space, 'its graphs have no edges', row);
    if (edgeSpace !== null && count > 0)
      throw new Misfit(space, `a graph has ${count} edge links but no edges`, row);
    return [];
  }
  const rows = rowsOf(space, iterate(edgeSpace, edges), 'the edges of a graph', row);
  if (rows.length !== count)
    throw new Misfit(space, `a graph has ${rows.length} edges and ${count} edge links`, row);
  return rows;
}

function linksOf(space: Graph, links: unknown, nodes: number, row: number): number[][] {
  const ends = Array.isArray(links) ? links.flat() : isTypedArray(links) ? [...links] : [];
  const numbers = ends.map(Number);
  if (
    numbers.length % 2 !== 0 ||
    numbers.some((node) => !Number.isInteger(node) || node < 0 || node >= nodes)
  )
    throw new Misfit(space, `edge links are pairs of nodes from 0 to ${nodes - 1}`, row);
  return Array.from({ length: numbers.length / 2 }, (_, i) => numbers.slice(2 * i, 2 * i + 2));
}

function encodeOneOf(space: OneOf, n: number, values: unknown): Uint8Array[] {
  const { spaces } = space;
  const pairs = valuesOf(space, n, values).map((value, i) => {
    const [variant] = Array.isArray(value) && value.length === 2 ? value : [];
    if (spaces[variant] === undefined)
      throw new Misfit(
        space,
        `an array of an index below ${spaces.length} and a value is needed`,
        i,
      );
    return value as [number, unknown];
  });
  const variants = Uint32Array.from(pairs, ([variant]) => variant);
  const blocks = spaces.flatMap((variant, k) =>
    encodeRows(
      variant,
      pairs.map(([index, value]) => (index === k ? [value] : [])),
    ),
  );
  return [...withPadding(new Uint8Array(variants.buffer)), ...blocks];
}

function valuesOf(space: Space, n: number, values: unknown): unknown[] {
  if (!Array.isArray(values) || values.length !== n)
    throw new Misfit(space, `an array of ${n} values is needed`);
  return values;
}

function rowsOf(space: Space, rows: unknown, what: string, row: number): unknown[] {
  if (!Array.isArray(rows)) throw new Misfit(space, `${what} has not the form of its space`, row);
  return rows;
}

function encodeOffsets(rows: readonly { readonly length: number }[]): Uint8Array[] {
  const offsets = new Uint32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) offsets[i + 1] = (offsets[i] as number) + row.length;
  return withPadding(new Uint8Array(offsets.buffer));
}

/** The values within some rows, one after another; what does not fit is told of the row. */
function encodeRows(space: Space, rows: readonly (readonly unknown[])[]): Uint8Array[] {
  const values = rows.flat(1);
  try {
    return encodeBatch(space, values.length, batchOf(space, values));
  } catch (error) {
    if (!(error instanceof Misfit) || error.row === undefined) throw error;
    const owners = rows.flatMap((row, i) => row.map(() => i));
    throw new Misfit(error.space, error.message, owners[error.row]);
  }
}

/** Values as the batch that `encodeBatch` takes. */
function batchOf(space: Space, values: readonly unknown[]): unknown {
  const part = (key: string | number) =>
    values.map((value, i) => {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key))
        throw new Misfit(space, `the entry "${key}" is missing`, i);
      return (value as Readonly<Record<string | number, unknown>>)[key];
    });
  if (space.kind === 'Tuple') return space.spaces.map((entry, i) => batchOf(entry, part(i)));
  if (space.kind !== 'Dict') return values;
  return Object.fromEntries(space.entries.map(([key, entry]) => [key, batchOf(entry, part(key))]));
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

function invalidAction(
  { space, message, row }: Misfit,
  envIndices?: readonly number[],
): GymlinkError {
  const env = row === undefined ? undefined : (envIndices?.[row] ?? row);
  const whose = env === undefined ? 'The actions do' : `The action of sub-environment ${env} does`;
  return new GymlinkError(
    'INVALID_ACTION',
    `${whose} not fit ${space}: ${message}. Nothing was sent.`,
    {
      envIndices: env === undefined ? [] : [env],
    },
  );
}
