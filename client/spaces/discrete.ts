import { Generator } from '../generator.js';
import type { DtypeName } from '../nd-array.js';

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

  constructor(n: number, start = 0, dtype: DtypeName = 'int64') {
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
    return this.start + this.generator.integer(this.n);
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

  toString(): string {
    return this.start === 0 ? `Discrete(${this.n})` : `Discrete(${this.n}, start=${this.start})`;
  }
}
