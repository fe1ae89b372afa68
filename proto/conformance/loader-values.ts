import { createHash } from 'node:crypto';
import type { Infos, MapMessage, Tensor, Value } from './loader-messages.js';

/** JSON of the transcripts; README.md has the forms. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const LONGEST_HEX = 4096;
const ITEM_BYTES: Record<string, number> = {
  bool: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
};

/** NumPy's name of a `DTYPE_…`. */
export function dtypeName(dtype: string): string {
  return dtype.replace('DTYPE_', '').toLowerCase();
}

export function itemBytes(dtype: string): number {
  const bytes = ITEM_BYTES[dtype];
  if (bytes === undefined) throw new Error(`no dtype of the protocol: ${dtype}`);
  return bytes;
}

export function sizeOf(shape: number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

export function hexOrDigest(data: Buffer): JsonObject {
  if (data.length <= LONGEST_HEX) return { data: data.toString('hex') };
  return { sha256: createHash('sha256').update(data).digest('hex') };
}

export function arrayJson(dtype: string, shape: number[], data: Buffer): JsonObject {
  return { dtype, shape, ...hexOrDigest(data) };
}

export function tensorJson(tensor: Tensor): JsonObject {
  return arrayJson(dtypeName(tensor.dtype), tensor.shape.map(Number), tensor.data);
}

export function floatJson(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.toString('hex');
}

/** An unsigned integer from its little-endian bytes. */
export function fromMagnitude(magnitude: Buffer): bigint {
  return magnitude.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

export function toMagnitude(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest /= 256n) bytes.push(Number(rest % 256n));
  return Buffer.from(bytes);
}

export function mapJson(map: MapMessage | null): JsonObject {
  const entries = map?.entries ?? [];
  return { map: entries.map(({ key, value }) => [valueJson(key), valueJson(value)]) };
}

const VALUE_FORMS: Record<string, (value: Value) => JsonObject> = {
  none: () => ({ none: true }),
  boolean: ({ boolean }) => ({ bool: boolean }),
  integer: ({ integer }) => ({ int: integer }),
  big_integer: ({ big_integer: { negative, magnitude } }) => ({
    int: `${negative ? '-' : ''}${fromMagnitude(magnitude)}`,
  }),
  real: ({ real }) => ({ float: floatJson(real) }),
  text: ({ text }) => ({ text }),
  binary: ({ binary }) => ({ binary: binary.toString('hex') }),
  scalar: ({ scalar }) => ({ scalar: tensorJson(scalar) }),
  array: ({ array }) => ({ array: tensorJson(array) }),
  list: ({ list }) => ({ list: list.values.map(valueJson) }),
  tuple: ({ tuple }) => ({ tuple: tuple.values.map(valueJson) }),
  map: ({ map }) => mapJson(map),
  unsupported: ({ unsupported }) => ({ unsupported: unsupported.python_type }),
};

export function valueJson(value: Value): JsonObject {
  const form = VALUE_FORMS[value.kind];
  if (!form) throw new Error(`a Value of kind ${value.kind}`);
  return form(value);
}

/** The values of a column, one a row that has the key. */
function columnJson(type: string, tensor: Tensor): JsonObject[] {
  const dtype = dtypeName(tensor.dtype);
  const [rows = 0, ...shape] = tensor.shape.map(Number);
  const bytes = sizeOf(shape) * itemBytes(dtype);
  return Array.from({ length: rows }, (_, row) => {
    const data = tensor.data.subarray(row * bytes, (row + 1) * bytes);
    if (type === 'INFO_TYPE_INT') return { int: data.readBigInt64LE().toString() };
    if (type === 'INFO_TYPE_FLOAT') return { float: data.toString('hex') };
    if (type === 'INFO_TYPE_BOOL') return { bool: data[0] === 1 };
    return { [type === 'INFO_TYPE_SCALAR' ? 'scalar' : 'array']: arrayJson(dtype, shape, data) };
  });
}

/** The info of each of `rows` rows. */
export function infosJson(infos: Infos | null, rows: number): JsonObject[] {
  const maps: Json[][] = Array.from({ length: rows }, () => []);
  for (const entry of infos?.entries ?? []) {
    const values =
      entry.values === 'column'
        ? columnJson(entry.column.type, entry.column.values)
        : entry.trees.values.map(valueJson);
    const owners = maps.filter((_, row) => entry.present.length === 0 || entry.present[row] === 1);
    for (const [place, map] of owners.entries()) {
      map.push([valueJson(entry.key), values[place] as JsonObject]);
    }
  }
  return maps.map((map) => ({ map }));
}

export type Form = Record<string, unknown>;

export const listMessage = (content: unknown) => ({
  values: (content as Form[]).map(valueMessage),
});

function tensorMessage(content: unknown): object {
  const { dtype, shape, data } = content as { dtype: string; shape: number[]; data: string };
  return { dtype: `DTYPE_${dtype.toUpperCase()}`, shape, data: Buffer.from(data, 'hex') };
}

function integerMessage(content: unknown): object {
  const value = BigInt(content as string | number);
  if (BigInt.asIntN(64, value) === value) return { integer: value.toString() };
  const negative = value < 0n;
  return { big_integer: { negative, magnitude: toMagnitude(negative ? -value : value) } };
}

function realMessage(content: unknown): object {
  const real = typeof content === 'string' ? Buffer.from(content, 'hex').readDoubleLE() : content;
  return { real };
}

const MESSAGE_FORMS: Record<string, (content: unknown) => object> = {
  none: () => ({ none: {} }),
  bool: (boolean) => ({ boolean }),
  int: integerMessage,
  float: realMessage,
  text: (text) => ({ text }),
  binary: (content) => ({ binary: Buffer.from(content as string, 'hex') }),
  scalar: (content) => ({ scalar: tensorMessage(content) }),
  array: (content) => ({ array: tensorMessage(content) }),
  list: (content) => ({ list: listMessage(content) }),
  tuple: (content) => ({ tuple: listMessage(content) }),
  map: (content) => ({ map: mapMessage(content) }),
  unsupported: (python_type) => ({ unsupported: { python_type } }),
  unset: () => ({}),
};

/** A Value of its form. */
export function valueMessage(form: Form): object {
  const [entry] = Object.entries(form);
  const make = entry && MESSAGE_FORMS[entry[0]];
  if (!make) throw new Error(`no form of a value: ${JSON.stringify(form)}`);
  return make(entry[1]);
}

/** A MapValue of an object with text keys or a list of pairs; undefined for neither. */
export function mapMessage(form: unknown): object | undefined {
  if (form === undefined || form === null) return undefined;
  const pairs = Array.isArray(form)
    ? (form as [Form, Form][])
    : Object.entries(form).map(([key, value]): [Form, Form] => [{ text: key }, value as Form]);
  return {
    entries: pairs.map(([key, value]) => ({ key: valueMessage(key), value: valueMessage(value) })),
  };
}

/** A Seed of a number, its digits, or `{hex: magnitude}`; undefined for none. */
export function seedMessage(form: unknown): object | undefined {
  if (form === undefined || form === null) return undefined;
  if (typeof form === 'object') {
    return { magnitude: Buffer.from((form as { hex: string }).hex, 'hex') };
  }
  return { magnitude: toMagnitude(BigInt(form as string | number)) };
}
