import { asNdArray, type NdArray, sizeOf } from '../nd-array.js';
import { Generator } from '../random/generator.js';
import { integerElements } from './multi-discrete.js';

/** An array of zeros and ones (Gymnasium's MultiBinary). */
export class MultiBinary {
  readonly kind = 'MultiBinary';
  readonly shape: readonly number[];
  readonly dtype = 'int8';
  /** Whether Gymnasium's space was made from a number rather than from a shape. */
  readonly fromScalar: boolean;
  private generator: Generator | undefined;

  constructor(shape: readonly number[], fromScalar = false) {
    this.shape = shape;
    this.fromScalar = fromScalar;
  }

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /** A random value, zeros and ones alike; equal to Gymnasium's for the same seed. */
  sample(): NdArray<Int32Array> {
    this.generator ??= new Generator();
    const values = this.generator.integers(2, sizeOf(this.shape), 8);
    return asNdArray(values, this.shape, this.dtype);
  }

  /** Whether a value is an array of this shape (a plain array of numbers has one axis) of zeros and ones. */
  contains(value: unknown): boolean {
    const elements = integerElements(value, this.shape);
    return elements?.every((element) => element === 0 || element === 1) ?? false;
  }

  /** A plain object for JSON. */
  toJSON(): object {
    const { kind, shape, dtype } = this;
    return { kind, shape, dtype };
  }

  toString(): string {
    return `MultiBinary(${this.fromScalar ? this.shape[0] : `[${this.shape.join(', ')}]`})`;
  }
}
