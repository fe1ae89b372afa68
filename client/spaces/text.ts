import { Generator } from '../random/generator.js';

/** A string of some characters (Gymnasium's Text). */
export class Text {
  readonly kind = 'Text';
  /** Least number of characters (code points). */
  readonly minLength: number;
  /** Greatest number of characters. */
  readonly maxLength: number;
  /** The permitted characters in the space's order. */
  readonly characters: readonly string[];
  private readonly cumulative: Float64Array;
  private generator: Generator | undefined;

  /** @throws RangeError if the lengths are not 0 ≤ minLength ≤ maxLength. */
  constructor(minLength: number, maxLength: number, characters: string) {
    if (!(minLength >= 0 && minLength <= maxLength))
      throw new RangeError(`A Text cannot have ${minLength} to ${maxLength} characters.`);
    this.minLength = minLength;
    this.maxLength = maxLength;
    this.characters = [...new Set(characters)];
    this.cumulative = uniformCumulative(this.characters.length);
  }

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /**
   * A random string: every length and every character is as likely as the others. Equal to Gymnasium's for the same seed.
   *
   * @throws RangeError if the space has no characters and needs some.
   */
  sample(): string {
    this.generator ??= new Generator();
    const { generator, characters } = this;
    const length = this.minLength + generator.integer(this.maxLength - this.minLength + 1);
    if (characters.length === 0 && this.minLength > 0)
      throw new RangeError('A Text without characters has no value to draw.');
    if (characters.length === 0) return '';
    const draw = () => characters[upperBound(this.cumulative, generator.random())];
    return Array.from({ length }, draw).join('');
  }

  /** Whether a value is a string of this space. */
  contains(value: unknown): boolean {
    if (typeof value !== 'string') return false;
    const letters = [...value];
    const fits = letters.length >= this.minLength && letters.length <= this.maxLength;
    return fits && letters.every((letter) => this.characters.includes(letter));
  }

  toString(): string {
    const characters = [...this.characters].sort().join('');
    return `Text(${this.minLength}, ${this.maxLength}, charset=${characters})`;
  }

  /** A plain object for JSON. */
  toJSON(): object {
    const { kind, minLength, maxLength, characters } = this;
    return { kind, minLength, maxLength, characters: characters.join('') };
  }
}

/** The cumulative probabilities that NumPy's `choice(p=…)` makes of equal ones, roundings included. */
function uniformCumulative(count: number): Float64Array {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += 1 / count;
    sums[i] = sum;
  }
  return sums.map((value) => value / sum);
}

/** Index of the first of some ascending numbers that is above `value`. */
function upperBound(ascending: Float64Array, value: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((ascending[middle] as number) <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}
