import type { Generator } from '../random/generator.js';
import type { Sample, Space } from './index.js';

/** Says which values `sample` may draw, or how likely each is, in the form of the space; null where nothing is said. */
export type Mask =
  | null
  | number
  | ArrayLike<number>
  | readonly Mask[]
  | { readonly [key: string]: Mask };

/** What a call of `sample` was given. */
export interface Given {
  readonly name: 'mask' | 'probability';
  readonly value: Mask;
}

/**
 * The mask or the probabilities of a call; undefined if there are none.
 *
 * @throws RangeError if both were given.
 */
export function given(mask: Mask | undefined, probability: Mask | undefined): Given | undefined {
  const hasMask = mask !== undefined && mask !== null;
  if (probability === undefined || probability === null)
    return hasMask ? { name: 'mask', value: mask } : undefined;
  if (hasMask)
    throw new RangeError('A sample is drawn with a mask or with probabilities, not both.');
  return { name: 'probability', value: probability };
}

/** A sample of a space within another, by its part of the mask. */
export function sampleWithin(space: Space, part: Mask | undefined, { name }: Given): Sample {
  return name === 'mask' ? space.sample(part) : space.sample(undefined, part);
}

/**
 * The entries of a mask that has one for each of several spaces.
 *
 * @throws TypeError if it has another number.
 */
export function partsOf({ name, value }: Given, count: number): readonly Mask[] {
  if (!Array.isArray(value) || value.length !== count)
    throw new TypeError(`The ${name} of this space must be an array of ${count}.`);
  return value;
}

/**
 * The numbers of a mask.
 *
 * @throws TypeError if there is another number of them.
 */
export function numbersOf(name: Given['name'], value: Mask | undefined, count: number): number[] {
  const numbers = Array.from((value ?? []) as ArrayLike<number>);
  if (numbers.length !== count || !numbers.every((number) => typeof number === 'number'))
    throw new TypeError(`The ${name} must be an array of ${count} numbers.`);
  return numbers;
}

/** Checks that a mask has no other numbers than these. */
export function checkMask(mask: readonly number[], allowed: readonly number[]): void {
  const wrong = mask.find((number) => !allowed.includes(number));
  if (wrong !== undefined) throw new RangeError(`A mask has ${allowed.join(', ')}, not ${wrong}.`);
}

/** Checks that probabilities are in 0 … 1. */
export function checkProbabilities(probabilities: readonly number[]): void {
  const wrong = probabilities.find((number) => !(number >= 0 && number <= 1));
  if (wrong !== undefined) throw new RangeError(`A probability is in 0 … 1, not ${wrong}.`);
}

/** One of the indices where a mask is 1; 0 if there are none, without a draw. */
export function chooseMasked(generator: Generator, mask: readonly number[]): number {
  checkMask(mask, [0, 1]);
  const indices = mask.flatMap((number, i) => (number === 1 ? [i] : []));
  return indices.length === 0 ? 0 : (indices[generator.integer(indices.length)] as number);
}

/** NumPy's sum, which adds pairwise: other roundings than from left to right. */
export function sum(numbers: readonly number[]): number {
  const { length } = numbers;
  if (length > 128) {
    const half = Math.floor(length / 16) * 8;
    return sum(numbers.slice(0, half)) + sum(numbers.slice(half));
  }
  const whole = length - (length % 8);
  const lanes = new Float64Array(8);
  for (let i = 0; i < whole; i++) lanes[i % 8] = (lanes[i % 8] as number) + (numbers[i] as number);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = lanes;
  const start = a + b + (c + d) + (e + f + (g + h));
  return numbers.slice(whole).reduce((total, number) => total + number, start);
}
