import type { DtypeName } from '../nd-array.js';
import { Generator } from '../random/generator.js';
import { checkRange, integerWidth } from './integer-range.js';

/** The integers `start` … `start + n - 1` (Gymnasium's Discrete). */
export class Discrete {
  readonly kind = 'Discrete';
  readonly shape: readonly number[] = [];
  /** Number of values. */
  readonly n: number;
  /** Smallest value. */
  readonly start: number;
  /** The environment's own dtype; values here are numbers. */
  readonly dtype: DtypeName;
  private generator: Generator | undefined;

  /** @throws RangeError if n is below 1, or a value does not fit into 32 bits. */
  constructor(n: number, start = 0, dtype: DtypeName = 'int64') {
    checkRange(start, n, 'Discrete');
    this.n = n;
    this.start = start;
    this.dtype = dtype;
  }

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /** A random value, each as likely as the others; equal to Gymnasium's for the same seed. */
  sample(): number {
    this.generator ??= new Generator();
    return this.start + this.generator.integer(this.n, integerWidth(this.dtype));
  }

  /** Whether a value is a whole number of this space. */
  contains(value: unknown): boolean {
    return (
      typeof value === 'number' &&
      Number.isInteger(value) &&
      value >= this.start &&
      value < this.start + this.n
    );
  }

  /** A plain object for JSON. */
  toJSON(): object {
    const { kind, n, start, dtype } = this;
    return { kind, n, start, dtype };
  }

  toString(): string {
    const start = this.start === 0 ? '' : `, start=${this.start}`;
    const dtype = this.dtype === 'int64' ? '' : `, dtype=${this.dtype}`;
    return `Discrete(${this.n}${start}${dtype})`;
  }
}
