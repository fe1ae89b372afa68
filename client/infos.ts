import { type InfoEntry, InfoType } from '../proto/gen/gymlink/v1/session.js';
import { asNdArray, type DtypeName, dtypes, type NdArray, type TypedArray } from './nd-array.js';
import type { Sample } from './spaces/index.js';
import type { RowInfos } from './transition.js';
import { fromTensor, fromValue, type PlainValue } from './values.js';

/** The info of one sub-environment. */
export type Info = Record<string, PlainValue>;

/**
 * Infos of a vector environment in Gymnasium's form: for each key an array or list with one item a sub-environment, and under
 * `_key` a mask (NdArray, dtype bool) of those that have it. Dicts are nested in the same form. In mode SameStep `final_obs`
 * and `final_info` hold what ended with this step.
 */
export type VectorInfos = { [key: string]: PlainValue | readonly (Sample | null)[] | VectorInfos };

/** How a value was typed in Python, as far as Gymnasium's rule for vectors looks at it. */
type Typed = { readonly value: PlainValue; readonly dtype: DtypeName | undefined };

const columnDtypes: Partial<Record<InfoType, DtypeName>> = {
  [InfoType.INFO_TYPE_INT]: 'int64',
  [InfoType.INFO_TYPE_FLOAT]: 'float64',
  [InfoType.INFO_TYPE_BOOL]: 'bool',
};

function columnValues(entry: InfoEntry): Typed[] {
  if (entry.values?.$case === 'trees') return entry.values.value.values.map(typedTree);
  const column = entry.values?.value;
  if (column?.values === undefined) return [];
  const array = fromTensor(column.values);
  const [rows = 0, ...shape] = array.shape;
  if (column.type === InfoType.INFO_TYPE_ARRAY) {
    const size = rows === 0 ? 0 : array.length / rows;
    return Array.from({ length: rows }, (_, i) => ({
      value: asNdArray(array.slice(i * size, (i + 1) * size), shape, array.dtype),
      dtype: undefined,
    }));
  }
  const dtype = columnDtypes[column.type] ?? array.dtype;
  return Array.from(array as ArrayLike<number | bigint>, (element) => ({
    value: plainScalar(element, dtype),
    dtype,
  }));
}

function plainScalar(element: number | bigint, dtype: DtypeName): PlainValue {
  if (dtype === 'bool') return element === 1;
  const number = Number(element);
  return typeof element === 'bigint' && !Number.isSafeInteger(number) ? element : number;
}

function typedTree(value: Parameters<typeof fromValue>[0]): Typed {
  const kind = value?.kind;
  const dtypeOf = { boolean: 'bool', integer: 'int64', real: 'float64' } as const;
  const scalar = kind?.$case === 'scalar' ? fromTensor(kind.value).dtype : undefined;
  return { value: fromValue(value), dtype: scalar ?? dtypeOf[kind?.$case as keyof typeof dtypeOf] };
}

/** Calls back for each key and row of some infos. */
function forEachInfo(
  { infos, envs }: RowInfos,
  visit: (env: number, key: string, item: Typed) => void,
): void {
  for (const entry of infos.entries) {
    const key = String(fromValue(entry.key));
    const values = columnValues(entry);
    let next = 0;
    for (const [row, env] of envs.entries()) {
      if (entry.present.length > 0 && entry.present[row] !== 1) continue;
      const item = values[next++];
      if (item !== undefined) visit(env, key, item);
    }
  }
}

/** The info of each sub-environment, in order. */
export function infoList(parts: readonly RowInfos[], numEnvs: number): Info[] {
  const list = Array.from({ length: numEnvs }, (): Info => ({}));
  for (const part of parts)
    forEachInfo(part, (env, key, { value }) => define(list[env] as Info, key, value));
  return list;
}

/** Sets an own property, also one named `__proto__`. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function mask(numEnvs: number): NdArray<Uint8Array> {
  return asNdArray(new Uint8Array(numEnvs), [numEnvs], 'bool');
}

function isNdArray(value: unknown): value is NdArray {
  return ArrayBuffer.isView(value) && 'shape' in value;
}

function isDict(value: unknown): value is Record<string, PlainValue> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Map)
  );
}

/** The first value of a key decides how all are held, as in Gymnasium's `VectorEnv._add_info`. */
function container({ value, dtype }: Typed, numEnvs: number): TypedArray | (PlainValue | null)[] {
  if (isNdArray(value)) {
    const { Array: ArrayOfDtype } = dtypes[value.dtype];
    return asNdArray(
      new ArrayOfDtype(numEnvs * value.length),
      [numEnvs, ...value.shape],
      value.dtype,
    );
  }
  if (dtype !== undefined) return asNdArray(new dtypes[dtype].Array(numEnvs), [numEnvs], dtype);
  return new Array<PlainValue | null>(numEnvs).fill(null);
}

function put(
  target: TypedArray | (PlainValue | null)[],
  env: number,
  value: PlainValue,
  numEnvs: number,
): void {
  if (Array.isArray(target)) {
    target[env] = value;
    return;
  }
  const size = target.length / numEnvs;
  const isBig = target instanceof BigInt64Array || target instanceof BigUint64Array;
  const elements = isNdArray(value)
    ? (value as ArrayLike<number | bigint>)
    : [value as number | bigint | boolean];
  for (let i = 0; i < size; i++) {
    const element = elements[elements.length === 1 ? 0 : i] as number;
    target[env * size + i] = (
      isBig ? BigInt(Math.trunc(Number(element))) : Number(element)
    ) as never;
  }
}

function addInfo(infos: VectorInfos, env: number, key: string, item: Typed, numEnvs: number): void {
  if (isDict(item.value)) {
    if (infos[key] === undefined) define(infos, key, {});
    for (const [name, value] of Object.entries(item.value))
      addInfo(infos[key] as VectorInfos, env, name, { value, dtype: nestedDtype(value) }, numEnvs);
  } else {
    if (infos[key] === undefined) define(infos, key, container(item, numEnvs));
    put(infos[key] as TypedArray, env, item.value, numEnvs);
  }
  if (infos[`_${key}`] === undefined) define(infos, `_${key}`, mask(numEnvs));
  (infos[`_${key}`] as Uint8Array)[env] = 1;
}

function nestedDtype(value: PlainValue): DtypeName | undefined {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value !== 'number') return undefined;
  return Number.isInteger(value) ? 'int64' : 'float64';
}

/** Builds Gymnasium's vector form. Parts must come in the order of their sub-environments. */
export function vectorInfos(
  parts: readonly RowInfos[],
  finals: ReadonlyMap<number, Sample>,
  finalParts: readonly RowInfos[],
  numEnvs: number,
): VectorInfos {
  const infos: VectorInfos = {};
  if (finals.size > 0) addFinals(infos, finals, finalParts, numEnvs);
  for (const part of parts)
    forEachInfo(part, (env, key, item) => addInfo(infos, env, key, item, numEnvs));
  return infos;
}

function addFinals(
  infos: VectorInfos,
  finals: ReadonlyMap<number, Sample>,
  finalParts: readonly RowInfos[],
  numEnvs: number,
): void {
  const observations = new Array<Sample | null>(numEnvs).fill(null);
  const present = mask(numEnvs);
  for (const [env, observation] of finals) {
    observations[env] = observation;
    present[env] = 1;
  }
  infos.final_obs = observations;
  infos._final_obs = present;
  const finalInfo: VectorInfos = {};
  for (const part of finalParts)
    forEachInfo(part, (env, key, item) => addInfo(finalInfo, env, key, item, numEnvs));
  infos.final_info = finalInfo;
  infos._final_info = asNdArray(present.slice(), [numEnvs], 'bool');
}
