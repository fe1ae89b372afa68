import { Generator } from '../generator.js';

/** A string of some characters (Gymnasium's Text). */
export class Text {
  readonly kind = 'Text';
  /** Least number of characters (code points). */
  readonly minLength: number;
  /** Greatest number of characters. */
  readonly maxLength: number;
  /** The permitted characters in the space's order. */
  readonly characters: readonly string[];
  private generator: Generator | undefined;

  constructor(minLength: number, maxLength: number, characters: string) {
    this.minLength = minLength;
    this.maxLength = maxLength;
    this.characters = [...characters];
  }

  /** Seeds `sample`. */
  seed(seed: number | bigint): void {
    this.generator = new Generator(seed);
  }

  /** A random string: every length and every character is as likely as the others. */
  sample(): string {
    this.generator ??= new Generator();
    const generator = this.generator;
    const length = this.minLength + generator.integer(this.maxLength - this.minLength + 1);
    const letters = Array.from(
      { length },
      () => this.characters[generator.integer(this.characters.length)],
    );
    return letters.join('');
  }

  /** Whether a value is a string of this space. */
  contains(value: unknown): boolean {
    if (typeof value !== 'string') return false;
    const letters = [...value];
    const fits = letters.length >= this.minLength && letters.length <= this.maxLength;
    return fits && letters.every((letter) => this.characters.includes(letter));
  }

  toString(): string {
    return `Text(${this.minLength}, ${this.maxLength}, characters=${this.characters.join('')})`;
  }
}
