import { asNdArray, type NdArray, sizeOf } from '../nd-array.js';
import { elementsOf, hasShape } from './elements.js';
import type { SpaceJSON } from './json.js';
import { checkMask, checkProbabilities, given, type Mask, numbersOf } from './masks.js';
import { Seeded } from './seeded.js';

/** An array of zeros and ones (Gymnasium's MultiBinary). */
export class MultiBinary extends Seeded {
  readonly kind = 'MultiBinary';
  readonly shape: readonly number[];
  readonly dtype = 'int8';
  /** Whether Gymnasium's space was made from a number rather than from a shape. */
  readonly fromScalar: boolean;

  constructor(shape: readonly number[], fromScalar = false) {
    super();
    this.shape = shape;
    this.fromScalar = fromScalar;
  }

  /**
   * A random value, zeros and ones alike; equal to Gymnasium's for the same seed.
   *
   * @param mask For each element in C order 0 or 1 where it is to be that, 2 where it is to be drawn.
   * @param probability Instead of a mask, for each element how likely a 1 is.
   * @throws TypeError if there is another number of them.
   * @throws RangeError if one is out of range.
   */
  sample(mask?: Mask, probability?: Mask): NdArray<Int32Array> {
    const by = given(mask, probability);
    const numbers = by && numbersOf(by.name, by.value, sizeOf(this.shape));
    const values =
      numbers && by?.name === 'probability'
        ? this.weighted(numbers)
        : this.generator.integers(2, sizeOf(this.shape), 8);
    if (numbers && by?.name === 'mask') {
      checkMask(numbers, [0, 1, 2]);
      for (const [i, number] of numbers.entries()) if (number !== 2) values[i] = number;
    }
    return asNdArray(values, this.shape, this.dtype);
  }

  private weighted(probabilities: readonly number[]): Int32Array {
    checkProbabilities(probabilities);
    return Int32Array.from(probabilities, (p) => (this.generator.random() <= p ? 1 : 0));
  }

  /** Whether a value is an array of this shape of zeros and ones; a typed array without a shape needs as many elements. */
  contains(value: unknown): boolean {
    const found = elementsOf(value);
    if (found === undefined || !hasShape(found, this.shape, sizeOf(this.shape))) return false;
    return Array.from(found.elements, Number).every((element) => element === 0 || element === 1);
  }

  /** Whether another space is this one, seeds aside. */
  equals(other: unknown): boolean {
    return (
      other instanceof MultiBinary &&
      this.fromScalar === other.fromScalar &&
      this.shape.join() === other.shape.join()
    );
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, shape, fromScalar } = this;
    return { kind, shape, fromScalar };
  }

  override toString(): string {
    return `MultiBinary(${this.fromScalar ? this.shape[0] : `[${this.shape.join(', ')}]`})`;
  }
}
