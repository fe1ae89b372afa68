import { type InfoEntry, InfoType } from '../proto/gen/gymlink/v1/session.js';
import type { Value } from '../proto/gen/gymlink/v1/value.js';
import type { RowInfos } from './details.js';
import { asNdArray, type DtypeName, type NdArray } from './nd-array.js';
import { fromTensor, fromValue, type PlainValue } from './values.js';

/** The info of one sub-environment. */
export type Info = Record<string, PlainValue>;

/** A value, and what Python typed it as, as far as NumPy's casts look at it. */
export type Item =
  /** int, float, bool or a NumPy scalar; `isNumber` is false for numpy.bool_, which is no numpy.number. */
  | {
      readonly kind: 'scalar';
      readonly value: PlainValue;
      readonly dtype: DtypeName;
      readonly isNumber: boolean;
    }
  | { readonly kind: 'array'; readonly value: NdArray }
  | {
      readonly kind: 'dict';
      readonly value: PlainValue;
      readonly entries: readonly (readonly [string, Item])[];
    }
  | { readonly kind: 'other'; readonly value: PlainValue };

/** Values of one key of one part, all of one dtype and shape. */
export interface Column {
  /** False where the single values are numpy.ndarrays. */
  readonly isScalar: boolean;
  readonly isNumber: boolean;
  /** Shape [values, *shape of one]. */
  readonly values: NdArray;
}

/** What one part has under a key, and in which sub-environments. */
export interface Source {
  readonly envs: readonly number[];
  readonly column: Column | undefined;
  /** One a sub-environment. */
  items(): readonly Item[];
}

const pythonDtypes: Partial<Record<InfoType, DtypeName>> = {
  [InfoType.INFO_TYPE_INT]: 'int64',
  [InfoType.INFO_TYPE_FLOAT]: 'float64',
  [InfoType.INFO_TYPE_BOOL]: 'bool',
};

/** The keys of some parts in the order in which they were first seen, each with its sources. */
export function infoSources(parts: readonly RowInfos[]): Map<string, Source[]> {
  const sources = new Map<string, Source[]>();
  for (const { infos, envs } of parts) {
    for (const entry of infos.entries) {
      const key = String(fromValue(entry.key));
      const source = sourceOf(entry, envs);
      const known = sources.get(key);
      if (known) known.push(source);
      else sources.set(key, [source]);
    }
  }
  return sources;
}

function sourceOf(entry: InfoEntry, rows: readonly number[]): Source {
  const { present, values } = entry;
  const envs = present.length === 0 ? rows : rows.filter((_, row) => present[row] === 1);
  if (values?.$case === 'trees') {
    const trees = values.value.values;
    return { envs, column: undefined, items: () => trees.map(itemOf) };
  }
  const { type = InfoType.INFO_TYPE_UNSPECIFIED, values: tensor } = values?.value ?? {};
  const array = fromTensor(tensor ?? { dtype: 0, shape: [], data: new Uint8Array() });
  const isNumber = type !== InfoType.INFO_TYPE_SCALAR || array.dtype !== 'bool';
  const column = {
    isScalar: type !== InfoType.INFO_TYPE_ARRAY,
    isNumber,
    values: asNdArray(array, array.shape, pythonDtypes[type] ?? array.dtype),
  };
  return { envs, column, items: () => columnItems(column) };
}

function columnItems({ isScalar, isNumber, values }: Column): Item[] {
  const [rows = 0, ...shape] = values.shape;
  const { dtype } = values;
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, row): Item => {
    if (isScalar)
      return { kind: 'scalar', value: plainScalar(values[row], dtype), dtype, isNumber };
    const array = values.slice(row * size, (row + 1) * size);
    return { kind: 'array', value: asNdArray(array, shape, dtype) };
  });
}

function plainScalar(element: number | bigint | undefined, dtype: DtypeName): PlainValue {
  if (dtype === 'bool') return element === 1;
  const number = Number(element);
  return typeof element === 'bigint' && !Number.isSafeInteger(number) ? element : number;
}

function itemOf(message: Value): Item {
  const { kind } = message;
  const value = fromValue(message);
  switch (kind?.$case) {
    case 'boolean':
      return { kind: 'scalar', value, dtype: 'bool', isNumber: true };
    case 'integer':
    case 'bigInteger':
      return { kind: 'scalar', value, dtype: 'int64', isNumber: true };
    case 'real':
      return { kind: 'scalar', value, dtype: 'float64', isNumber: true };
    case 'scalar': {
      const { dtype } = fromTensor(kind.value);
      return { kind: 'scalar', value, dtype, isNumber: dtype !== 'bool' };
    }
    case 'array':
      return { kind: 'array', value: value as NdArray };
    case 'map': {
      const { entries } = kind.value;
      const items = entries.map(
        (entry) => [String(fromValue(entry.key)), itemOf(entry.value as Value)] as const,
      );
      return { kind: 'dict', value, entries: items };
    }
    default:
      return { kind: 'other', value };
  }
}

/** The info of each sub-environment, in order, as its own reset or step gave it. */
export function infoList(parts: readonly RowInfos[], numEnvs: number): Info[] {
  const list = Array.from({ length: numEnvs }, (): Info => ({}));
  for (const [key, sources] of infoSources(parts)) {
    for (const source of sources) {
      for (const [i, item] of source.items().entries())
        setEntry(list[source.envs[i] as number] as Info, key, item.value);
    }
  }
  return list;
}

/** Sets an own property, also one named `__proto__`. */
export function setEntry(target: object, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else (target as Record<string, unknown>)[key] = value;
}
