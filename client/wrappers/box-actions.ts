import { asNdArray, isNdArray, isTypedArray, sizeOf } from '../nd-array.js';
import { Box, type Space } from '../spaces/index.js';
import { keepDouble, type Round } from './running-mean-std.js';

/** A bound of all elements, or one of each, in C order. */
export type Bounds = number | ArrayLike<number>;

type MapElement = (element: number, i: number, round: Round) => number;

/**
 * The action space of a wrapper for arrays of real numbers.
 *
 * @throws TypeError if it is another space.
 */
export function requireRealBox(space: Space, wrapper: string): Box {
  if (space.kind !== 'Box' || !space.dtype.startsWith('float'))
    throw new TypeError(`${wrapper} needs a Box of floats as action space, but has ${space}.`);
  return space;
}

/** The space of actions that will be clipped. */
export function unboundedSpace({ shape, dtype }: Box): Box {
  return new Box([-Infinity], [Infinity], shape, dtype);
}

/** Maps the elements of an action, or of a batch of them, whatever array holds them; what is no action stays as it is. */
export function mapElements(action: unknown, size: number, map: MapElement): unknown {
  if (typeof action === 'number') return map(action, 0, keepDouble);
  if (Array.isArray(action))
    return action.map((item, i) =>
      typeof item === 'number' ? map(item, i % size, keepDouble) : mapElements(item, size, map),
    );
  if (!isTypedArray(action) || action instanceof BigInt64Array || action instanceof BigUint64Array)
    return action;
  const round = action instanceof Float32Array ? Math.fround : keepDouble;
  const mapped = action.slice();
  for (const [i, element] of action.entries()) mapped[i] = map(element, i % size, round);
  return isNdArray(action) ? asNdArray(mapped, action.shape, action.dtype) : mapped;
}

/** Clips an element into the bounds of a Box. */
export function clipInto({ low, high }: Box): MapElement {
  return (element, i) => {
    const [least, most] = [Number(low[i]), Number(high[i])];
    return element < least ? least : element > most ? most : element;
  };
}

/**
 * The Box with other bounds, and the way from its elements back to those of the given one. Gymnasium divides once by a difference of
 * 80 bits where there are such floats: a gradient may differ in its last bit, where rounding to double comes between.
 *
 * @throws RangeError if bounds are as many as neither one nor the elements, the lower is not below the upper, or an infinite
 *   one does not meet the same infinite one.
 */
export function rescaleBox(box: Box, minAction: Bounds, maxAction: Bounds) {
  const size = sizeOf(box.shape);
  const round: Round = box.dtype === 'float64' ? keepDouble : Math.fround;
  const [least, most] = [eachOf(minAction, size), eachOf(maxAction, size)];
  const space = new Box(least, most, box.shape, box.dtype);
  const areSingle = minAction instanceof Float32Array && maxAction instanceof Float32Array;
  const gradient = new Float64Array(size).fill(1);
  const intercept = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const [min, max] = [least[i] as number, most[i] as number];
    const [low, high] = [Number(box.low[i]), Number(box.high[i])];
    if (!(Number(space.low[i]) < Number(space.high[i])))
      throw new RangeError(`minAction (${min}) must be below maxAction (${max}).`);
    requireSameInfinity(min, low);
    requireSameInfinity(max, high);
    const range = areSingle ? Math.fround(max - min) : max - min;
    if (Number.isFinite(min) && Number.isFinite(max)) gradient[i] = round(range / (high - low));
    if (Number.isFinite(min)) intercept[i] = round(round((gradient[i] as number) * -low) + min);
    else if (Number.isFinite(max)) intercept[i] = round(max - high);
  }
  const back: MapElement = (element, i, roundElement) =>
    roundElement(element - (intercept[i] as number)) / (gradient[i] as number);
  return { space, back };
}

function eachOf(bounds: Bounds, size: number): number[] {
  if (typeof bounds === 'number') return new Array<number>(size).fill(bounds);
  if (bounds.length !== size)
    throw new RangeError(`RescaleAction needs one bound or ${size}, not ${bounds.length}.`);
  return Array.from(bounds);
}

function requireSameInfinity(bound: number, original: number): void {
  const areFinite = Number.isFinite(bound) && Number.isFinite(original);
  if (!areFinite && bound !== original)
    throw new RangeError(
      `An infinite bound can be rescaled to itself alone: ${original} to ${bound}.`,
    );
}
