import type { MapEntry, MapValue, Tensor, Value } from '../proto/gen/gymlink/v1/value.js';
import { GymlinkError } from './errors.js';
import {
  asNdArray,
  decodeElements,
  dtypeName,
  dtypes,
  encodeElements,
  isNdArray,
  type NdArray,
  sizeOf,
} from './nd-array.js';

/** A value of an info, of metadata or of default arguments. Python's None is null; lists and tuples are arrays. */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | NdArray
  | PlainValue[]
  | { [key: string]: PlainValue }
  | Map<PlainValue, PlainValue>;

/** A Python float also where the number is whole (1.0 instead of 1). */
export class PythonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A Python tuple instead of a list. */
export class PythonTuple {
  readonly values: readonly Argument[];
  constructor(values: readonly Argument[]) {
    this.values = values;
  }
}

/**
 * A constructor argument or reset option. A whole number becomes a Python int, any other a float; arrays become lists; an
 * {@link NdArray} becomes a numpy.ndarray; objects and Maps become dicts. {@link PythonFloat} and {@link PythonTuple} say
 * otherwise.
 */
export type Argument =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | NdArray
  | PythonFloat
  | PythonTuple
  | readonly Argument[]
  | ReadonlyMap<Argument, Argument>
  | { readonly [key: string]: Argument };

/** Named arguments or options. */
export type Arguments = Readonly<Record<string, Argument>>;

/** A tensor as array. */
export function fromTensor(tensor: Tensor): NdArray {
  const dtype = dtypeName(tensor.dtype);
  const shape = tensor.shape.map(Number);
  if (dtype === undefined || sizeOf(shape) * dtypes[dtype].itemBytes !== tensor.data.length)
    throw new GymlinkError(
      'MALFORMED_REPLY',
      `The server sent a tensor of shape [${shape}] with ${tensor.data.length} bytes.`,
    );
  return asNdArray(decodeElements(tensor.data, dtype), shape, dtype);
}

function toNumber(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

function fromScalar(tensor: Tensor): PlainValue {
  const { 0: element, dtype } = fromTensor(tensor);
  if (dtype === 'bool') return element === 1;
  return typeof element === 'bigint' ? toNumber(element) : (element as number);
}

/** The integer of an unsigned little-endian magnitude. */
export function fromMagnitude(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** An unsigned integer's bytes: little-endian, without trailing zeros. */
export function toMagnitude(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}

/** A map as object, or as Map where a key is no text. */
export function fromMap(map: MapValue): Record<string, PlainValue> | Map<PlainValue, PlainValue> {
  const entries = map.entries.map((entry): [PlainValue, PlainValue] => [
    fromValue(entry.key),
    fromValue(entry.value),
  ]);
  if (entries.some(([key]) => typeof key !== 'string')) return new Map(entries);
  // fromEntries defines own properties, so that a key "__proto__" is a key like any other.
  return Object.fromEntries(entries as [string, PlainValue][]);
}

/** A Value of the wire. */
export function fromValue(value: Value | undefined): PlainValue {
  const kind = value?.kind;
  switch (kind?.$case) {
    case 'none':
      return null;
    case 'boolean':
    case 'real':
    case 'text':
      return kind.value;
    case 'binary':
      return new Uint8Array(kind.value);
    case 'integer':
      return toNumber(kind.value);
    case 'bigInteger': {
      const magnitude = fromMagnitude(kind.value.magnitude);
      return kind.value.negative ? -magnitude : magnitude;
    }
    case 'scalar':
      return fromScalar(kind.value);
    case 'array':
      return fromTensor(kind.value);
    case 'list':
    case 'tuple':
      return kind.value.values.map(fromValue);
    case 'map':
      return fromMap(kind.value) as PlainValue;
    case 'unsupported':
      return `<${kind.value.pythonType}: cannot travel>`;
    case undefined:
      throw new GymlinkError('MALFORMED_REPLY', 'The server sent a value without a kind.');
  }
}

function integerKind(value: bigint): NonNullable<Value['kind']> {
  const limit = 1n << 63n;
  if (value >= -limit && value < limit) return { $case: 'integer', value };
  const negative = value < 0n;
  return {
    $case: 'bigInteger',
    value: { negative, magnitude: toMagnitude(negative ? -value : value) },
  };
}

function objectKind(value: object): NonNullable<Value['kind']> {
  if (value instanceof PythonFloat) return { $case: 'real', value: value.value };
  if (value instanceof PythonTuple)
    return { $case: 'tuple', value: { values: value.values.map(toValue) } };
  if (isNdArray(value)) {
    const { number } = dtypes[value.dtype];
    if (sizeOf(value.shape) !== value.length)
      throw new GymlinkError(
        'INVALID_ARGUMENT',
        `An array of shape [${value.shape}] has ${sizeOf(value.shape)} elements, not ${value.length}.`,
      );
    const data = encodeElements(value, value.dtype);
    return { $case: 'array', value: { dtype: number, shape: value.shape.map(BigInt), data } };
  }
  if (value instanceof Uint8Array) return { $case: 'binary', value };
  if (Array.isArray(value)) return { $case: 'list', value: { values: value.map(toValue) } };
  if (ArrayBuffer.isView(value))
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      'A typed array needs a shape and a dtype to travel: use asNdArray.',
    );
  if (value instanceof Map) return { $case: 'map', value: { entries: mapEntries(value) } };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `A ${value.constructor.name} cannot be sent to an environment.`,
    );
  return { $case: 'map', value: toMap(value as Arguments) };
}

function mapEntries(map: ReadonlyMap<Argument, Argument>): MapEntry[] {
  return [...map].map(([key, item]) => ({ key: toValue(key), value: toValue(item) }));
}

/** An argument as Value of the wire. */
export function toValue(value: Argument): Value {
  if (value === null || value === undefined) return { kind: { $case: 'none', value: {} } };
  switch (typeof value) {
    case 'boolean':
      return { kind: { $case: 'boolean', value } };
    case 'string':
      return { kind: { $case: 'text', value } };
    case 'bigint':
      return { kind: integerKind(value) };
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0))
        return { kind: integerKind(BigInt(value)) };
      return { kind: { $case: 'real', value } };
    case 'object':
      return { kind: objectKind(value) };
    default:
      throw new GymlinkError(
        'INVALID_ARGUMENT',
        `A ${typeof value} cannot be sent to an environment.`,
      );
  }
}

/** Named arguments as map; those that are undefined are left out. */
export function toMap(values: Arguments): MapValue {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return { entries: given.map(([key, value]) => ({ key: toValue(key), value: toValue(value) })) };
}
