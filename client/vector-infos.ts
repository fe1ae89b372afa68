import type { RowInfos } from './details.js';
import { type Column, type Item, infoSources, type Source, setEntry } from './infos.js';
import {
  asNdArray,
  type DtypeName,
  dtypes,
  fromFloat16,
  isNdArray,
  type NdArray,
  sizeOf,
  toFloat16,
} from './nd-array.js';
import type { Sample } from './spaces/index.js';
import type { PlainValue } from './values.js';

/**
 * Infos of a vector environment in Gymnasium's form: for each key an array or list with one item a sub-environment, and under
 * `_key` a mask (NdArray, dtype bool) of those that have it. Dicts are nested in the same form. In mode SameStep `final_obs`
 * and `final_info` hold what ended with this step.
 *
 * The first sub-environment that has a key decides how all are held, as in Gymnasium: `{x: 1}` and then `{x: 1.5}` give an
 * int64 array of 1 and 1. Where Gymnasium raises because a later value does not go into that array, a list of the values
 * as they are stands under the key, null where a sub-environment has none.
 */
export type VectorInfos = {
  [key: string]: PlainValue | readonly (Sample | null)[] | VectorInfos;
};

/** Builds Gymnasium's vector form (`VectorEnv._add_info`). Parts must come in the order of their sub-environments. */
export function vectorInfos(
  parts: readonly RowInfos[],
  finals: ReadonlyMap<number, Sample>,
  finalParts: readonly RowInfos[],
  numEnvs: number,
): VectorInfos {
  const infos: VectorInfos = {};
  if (finals.size > 0) {
    const ended = [...finals.keys()];
    const observations = new Array<Sample | null>(numEnvs).fill(null);
    for (const [env, observation] of finals) observations[env] = observation;
    infos.final_obs = observations;
    infos._final_obs = maskOf(ended, numEnvs);
    infos.final_info = held(infoSources(finalParts), numEnvs);
    infos._final_info = maskOf(ended, numEnvs);
  }
  return held(infoSources(parts), numEnvs, infos);
}

function held(
  sources: ReadonlyMap<string, readonly Source[]>,
  numEnvs: number,
  infos: VectorInfos = {},
): VectorInfos {
  for (const [key, own] of sources) {
    setEntry(infos, key, heldTogether(own, numEnvs));
    const envs = own.length === 1 ? (own[0] as Source).envs : own.flatMap((source) => source.envs);
    // An environment's own key of that name is worth more than a mask.
    if (!sources.has(`_${key}`)) infos[`_${key}`] = maskOf(envs, numEnvs);
  }
  return infos;
}

function maskOf(envs: readonly number[], numEnvs: number): NdArray<Uint8Array> {
  const mask = new Uint8Array(numEnvs);
  for (const env of envs) mask[env] = 1;
  return asNdArray(mask, [numEnvs], 'bool');
}

function heldTogether(sources: readonly Source[], numEnvs: number): VectorInfos[string] {
  const column = heldAsColumns(sources, numEnvs);
  if (column !== undefined) return column;
  const items = sources.flatMap((source) =>
    source.items().map((item, i) => [source.envs[i] as number, item] as const),
  );
  if (items.every(([, { kind }]) => kind === 'dict')) return held(dictSources(items), numEnvs);
  return heldAsArray(items, numEnvs) ?? heldAsList(items, numEnvs);
}

type EnvItem = readonly [number, Item];

/** The usual case, without a look at single values: every part has a column of the same dtype and shape. */
function heldAsColumns(sources: readonly Source[], numEnvs: number): NdArray | undefined {
  const [first] = sources;
  if (first?.column === undefined || !first.column.isNumber) return undefined;
  if (!sources.every(({ column }) => column && alike(column, first.column as Column)))
    return undefined;
  const { dtype, shape } = first.column.values;
  const target = container(dtype, shape.slice(1), numEnvs);
  const size = target.length / numEnvs;
  for (const { envs, column } of sources) {
    const { values } = column as Column;
    for (const [i, env] of envs.entries()) {
      for (let j = 0; j < size; j++) target[env * size + j] = values[i * size + j] as never;
    }
  }
  return target;
}

function alike(a: Column, b: Column): boolean {
  return (
    a.isScalar === b.isScalar &&
    a.isNumber === b.isNumber &&
    a.values.dtype === b.values.dtype &&
    a.values.shape.slice(1).join() === b.values.shape.slice(1).join()
  );
}

function container(dtype: DtypeName, shape: readonly number[], numEnvs: number): NdArray {
  const array = new dtypes[dtype].Array(numEnvs * sizeOf(shape));
  return asNdArray(array, [numEnvs, ...shape], dtype);
}

function dictSources(items: readonly EnvItem[]): Map<string, Source[]> {
  const sources = new Map<string, Source[]>();
  for (const [env, item] of items) {
    if (item.kind !== 'dict') continue;
    for (const [key, inner] of item.entries) {
      const source = { envs: [env], column: undefined, items: () => [inner] };
      const known = sources.get(key);
      if (known) known.push(source);
      else sources.set(key, [source]);
    }
  }
  return sources;
}

function heldAsList(items: readonly EnvItem[], numEnvs: number): (PlainValue | null)[] {
  const list = new Array<PlainValue | null>(numEnvs).fill(null);
  for (const [env, { value }] of items) list[env] = value;
  return list;
}

/** An array in which NumPy can put all values; undefined where the first is none for an array, or NumPy raises. */
function heldAsArray(items: readonly EnvItem[], numEnvs: number): NdArray | undefined {
  const [, first] = items[0] as EnvItem;
  if (first.kind !== 'array' && !(first.kind === 'scalar' && first.isNumber)) return undefined;
  const target =
    first.kind === 'array'
      ? container(first.value.dtype, first.value.shape, numEnvs)
      : container(first.dtype, [], numEnvs);
  return items.every(([env, item]) => put(target, env, item, numEnvs)) ? target : undefined;
}

/** NumPy's `target[env] = value`; false where that raises. */
function put(target: NdArray, env: number, item: Item, numEnvs: number): boolean {
  const size = target.length / numEnvs;
  const elements = elementsOf(item, target.shape.slice(1));
  if (elements === undefined) return false;
  for (let j = 0; j < size; j++) {
    const element = castElement(elements[elements.length === 1 ? 0 : j], target.dtype);
    if (element === undefined) return false;
    target[env * size + j] = element as never;
  }
  return true;
}

/** The elements to put into a place of a shape: as many as it has, or one for all. */
function elementsOf({ value }: Item, shape: readonly number[]): ArrayLike<unknown> | undefined {
  if (isNdArray(value)) {
    if (value.shape.length === 0) return value;
    // NumPy takes no array with an axis as a single number; elsewhere it drops leading axes of length 1.
    if (shape.length === 0) return undefined;
    const trailing = value.shape.slice(-shape.length);
    const same = value.length === sizeOf(trailing) && trailing.join() === shape.join();
    return same || value.length === 1 ? value : undefined;
  }
  if (!Array.isArray(value) || shape.length === 0) return [value];
  return shape.length === 1 && (value.length === shape[0] || value.length === 1)
    ? value
    : undefined;
}

/** Least value of each integer dtype, and the one above its greatest. */
const integerLimits: Partial<Record<DtypeName, readonly [bigint, bigint]>> = {
  int8: [-(2n ** 7n), 2n ** 7n],
  int16: [-(2n ** 15n), 2n ** 15n],
  int32: [-(2n ** 31n), 2n ** 31n],
  int64: [-(2n ** 63n), 2n ** 63n],
  uint8: [0n, 2n ** 8n],
  uint16: [0n, 2n ** 16n],
  uint32: [0n, 2n ** 32n],
  uint64: [0n, 2n ** 64n],
};

/** NumPy's cast of a Python value to an element; undefined where it raises. */
function castElement(value: unknown, dtype: DtypeName): number | bigint | undefined {
  if (dtype === 'bool') return isTrue(value) ? 1 : 0;
  const limits = integerLimits[dtype];
  if (limits === undefined) {
    const number = value === null ? Number.NaN : asNumber(value);
    return dtype === 'float16' && number !== undefined ? fromFloat16(toFloat16(number)) : number;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  const whole = typeof value === 'number' ? BigInt(Math.trunc(value)) : asInteger(value);
  if (whole === undefined || whole < limits[0] || whole >= limits[1]) return undefined;
  return dtypes[dtype].itemBytes === 8 ? whole : Number(whole);
}

function asNumber(value: unknown): number | undefined {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber || typeof value === 'boolean' ? Number(value) : undefined;
}

function asInteger(value: unknown): bigint | undefined {
  return typeof value === 'bigint' || typeof value === 'boolean' ? BigInt(value) : undefined;
}

/** Python's truth of a value. */
function isTrue(value: unknown): boolean {
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return Boolean(value);
}
