import { Dtype } from '../proto/gen/gymlink/v1/value.js';

/** NumPy's name of an element type. */
export type DtypeName =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64';

/** Any array that holds elements of a {@link DtypeName}. */
export type TypedArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/**
 * A typed array that carries its shape and NumPy's dtype. Elements are in C order (last axis fastest). `dtype` is the one of
 * the environment: float16 is held in a Float32Array, bool in a Uint8Array, and the integers of a Discrete, MultiDiscrete or
 * MultiBinary space, of any dtype, in an Int32Array where all values of the space fit into 32 bits.
 */
export type NdArray<T extends TypedArray = TypedArray> = T & {
  readonly shape: readonly number[];
  readonly dtype: DtypeName;
};

/** The typed array of each dtype. */
export interface ArrayOf {
  bool: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  float16: Float32Array;
  float32: Float32Array;
  float64: Float64Array;
}

type ArrayConstructor = {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
};

interface DtypeRow {
  readonly number: Dtype;
  readonly itemBytes: number;
  readonly Array: ArrayConstructor;
}

/** Each dtype's number on the wire, size there, and the array that holds it here. */
export const dtypes: Readonly<Record<DtypeName, DtypeRow>> = {
  bool: { number: Dtype.DTYPE_BOOL, itemBytes: 1, Array: Uint8Array },
  int8: { number: Dtype.DTYPE_INT8, itemBytes: 1, Array: Int8Array },
  int16: { number: Dtype.DTYPE_INT16, itemBytes: 2, Array: Int16Array },
  int32: { number: Dtype.DTYPE_INT32, itemBytes: 4, Array: Int32Array },
  int64: { number: Dtype.DTYPE_INT64, itemBytes: 8, Array: BigInt64Array },
  uint8: { number: Dtype.DTYPE_UINT8, itemBytes: 1, Array: Uint8Array },
  uint16: { number: Dtype.DTYPE_UINT16, itemBytes: 2, Array: Uint16Array },
  uint32: { number: Dtype.DTYPE_UINT32, itemBytes: 4, Array: Uint32Array },
  uint64: { number: Dtype.DTYPE_UINT64, itemBytes: 8, Array: BigUint64Array },
  float16: { number: Dtype.DTYPE_FLOAT16, itemBytes: 2, Array: Float32Array },
  float32: { number: Dtype.DTYPE_FLOAT32, itemBytes: 4, Array: Float32Array },
  float64: { number: Dtype.DTYPE_FLOAT64, itemBytes: 8, Array: Float64Array },
};

const names = new Map<number, DtypeName>(
  (Object.keys(dtypes) as DtypeName[]).map((name) => [dtypes[name].number, name]),
);

/** The name of a Dtype of the wire; undefined where there is none. */
export function dtypeName(dtype: Dtype): DtypeName | undefined {
  return names.get(dtype);
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Gives an array its shape and dtype; the array itself is returned. */
export function asNdArray<T extends TypedArray>(
  array: T,
  shape: readonly number[],
  dtype: DtypeName,
): NdArray<T> {
  const marked = array as T & { shape: readonly number[]; dtype: DtypeName };
  marked.shape = shape;
  marked.dtype = dtype;
  return marked;
}

/** Whether a value is a typed array of any dtype. */
export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** Whether a value is a typed array with shape and dtype. */
export function isNdArray(value: unknown): value is NdArray {
  return isTypedArray(value) && 'shape' in value && 'dtype' in value;
}

/** A 16-bit float's number (IEEE 754 binary16). */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16-bit float nearest to a number, ties to even. */
export function toFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size || 1e-300)), -14);
  const unit = 2 ** (exponent - 10);
  const scaled = size / unit;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  // Adding carries into the exponent by itself where rounding reaches the next power of two.
  return sign | (((exponent + 14) << 10) + floor + (up ? 1 : 0));
}

/**
 * Elements of the wire (little-endian, at any offset) as an array of their own: the one place where bytes become numbers.
 */
export function decodeElements(bytes: Uint8Array, dtype: DtypeName): TypedArray {
  const { Array: ArrayOfDtype, itemBytes } = dtypes[dtype];
  // Not slice(): a Buffer of Node overrides it with a view.
  const own = new Uint8Array(bytes);
  if (dtype === 'float16') return Float32Array.from(new Uint16Array(own.buffer), fromFloat16);
  return new ArrayOfDtype(own.buffer, 0, own.byteLength / itemBytes);
}

/** Elements as bytes of the wire, also where they are held as another type (int64 of a Discrete in an Int32Array). */
export function encodeElements(array: TypedArray, dtype: DtypeName): Uint8Array {
  const { Array: Held } = dtypes[dtype];
  const held = array instanceof Held ? array : convertTo(new Held(array.length), array);
  if (dtype === 'float16')
    return new Uint8Array(Uint16Array.from(held as Float32Array, toFloat16).buffer);
  return new Uint8Array(held.buffer, held.byteOffset, held.byteLength);
}

function convertTo(target: TypedArray, source: TypedArray): TypedArray {
  const convert =
    target instanceof BigInt64Array || target instanceof BigUint64Array ? BigInt : Number;
  for (let i = 0; i < target.length; i++) target[i] = convert(source[i] as number) as never;
  return target;
}
