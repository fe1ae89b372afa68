import { Generator } from '../generator.js';
import { asNdArray, type NdArray, sizeOf } from '../nd-array.js';

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

  /** A random value, zeros and ones alike. */
  sample(): NdArray<Int32Array> {
    this.generator ??= new Generator();
    const generator = this.generator;
    const values = Int32Array.from({ length: sizeOf(this.shape) }, () => generator.integer(2));
    return asNdArray(values, this.shape, this.dtype);
  }

  /** Whether a value has as many elements as this space, each 0 or 1. */
  contains(value: unknown): boolean {
    if (!ArrayBuffer.isView(value) && !Array.isArray(value)) return false;
    const elements = Array.from(value as ArrayLike<number>);
    return (
      elements.length === sizeOf(this.shape) &&
      elements.every((element) => element === 0 || element === 1)
    );
  }

  toString(): string {
    return `MultiBinary(${this.fromScalar ? this.shape[0] : `[${this.shape.join(', ')}]`})`;
  }
}
