import { type DtypeName, isNdArray, isTypedArray, type TypedArray } from '../nd-array.js';

/** The elements of an array in any of the forms that a space takes. */
export interface Elements {
  readonly elements: ArrayLike<number | bigint>;
  /** Undefined for a typed array without a shape: its elements in C order. */
  readonly shape: readonly number[] | undefined;
  /** Undefined for a typed array without a dtype and for plain numbers. */
  readonly dtype: DtypeName | undefined;
}

/** The elements of an NdArray, a typed array, a number, or (nested) arrays of numbers; undefined for anything else. */
export function elementsOf(value: unknown): Elements | undefined {
  if (isNdArray(value))
    return { elements: value as TypedArray as never, shape: value.shape, dtype: value.dtype };
  if (isTypedArray(value)) return { elements: value, shape: undefined, dtype: undefined };
  const shape = shapeOf(value);
  if (shape === undefined) return undefined;
  return { elements: leavesOf(value).map(toNumber), shape, dtype: undefined };
}

function leavesOf(value: unknown): (number | bigint | boolean)[] {
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  return isTypedArray(value)
    ? Array.from(value as ArrayLike<number>)
    : [value as number | bigint | boolean];
}

function toNumber(value: number | bigint | boolean): number | bigint {
  return typeof value === 'boolean' ? Number(value) : value;
}

function shapeOf(value: unknown): number[] | undefined {
  if (isNdArray(value)) return [...value.shape];
  if (isTypedArray(value)) return [value.length];
  if (!Array.isArray(value)) return isScalar(value) ? [] : undefined;
  const shapes = value.map(shapeOf);
  const [first = []] = shapes;
  const isEven = shapes.every((shape) => shape !== undefined && shape.join() === first.join());
  return isEven ? [value.length, ...first] : undefined;
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}

/** Whether elements have a shape, or as many elements where they have none. */
export function hasShape(
  { elements, shape }: Elements,
  wanted: readonly number[],
  size: number,
): boolean {
  return elements.length === size && (shape === undefined || shape.join() === wanted.join());
}
