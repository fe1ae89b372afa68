import type { SpaceJSON } from './json.js';
import {
  checkMask,
  checkProbabilities,
  type Given,
  given,
  type Mask,
  numbersOf,
  partsOf,
} from './masks.js';
import { Seeded } from './seeded.js';

/** A string of some characters (Gymnasium's Text). */
export class Text extends Seeded {
  readonly kind = 'Text';
  /** Least number of characters (code points). */
  readonly minLength: number;
  /** Greatest number of characters. */
  readonly maxLength: number;
  /** The permitted characters in the space's order. */
  readonly characters: readonly string[];

  /** @throws RangeError if the lengths are not 0 ≤ minLength ≤ maxLength. */
  constructor(minLength: number, maxLength: number, characters: string) {
    super();
    if (!(minLength >= 0 && minLength <= maxLength))
      throw new RangeError(`A Text cannot have ${minLength} to ${maxLength} characters.`);
    this.minLength = minLength;
    this.maxLength = maxLength;
    this.characters = [...new Set(characters)];
  }

  /**
   * A random string: every length and every character is as likely as the others. Equal to Gymnasium's for the same seed.
   *
   * @param mask Length (null: drawn) and, for each character, 1 where it may be drawn, else 0 (null: all may).
   * @param probability Instead of a mask, length and the probabilities of the characters, with the sum 1.
   * @throws TypeError if the form is another.
   * @throws RangeError if a number is out of range, or no character may be drawn where the space needs some.
   */
  sample(mask?: Mask, probability?: Mask): string {
    const by = given(mask, probability);
    const [length = null, weights = null] = by ? this.partsOf(by) : [];
    const { generator, characters, minLength, maxLength } = this;
    const count = length ?? minLength + generator.integer(maxLength - minLength + 1);
    const chances = weights ?? characters.map(() => 1 / characters.length);
    if (chances.some((chance) => chance !== 0))
      return generator
        .choices(chances, count)
        .map((i) => characters[i])
        .join('');
    if (minLength > 0)
      throw new RangeError('There is no character to draw, but the Text needs some.');
    return '';
  }

  private partsOf(by: Given): [number | null, number[] | null] {
    const [length, weights] = partsOf(by, 2);
    const isLength = Number.isInteger(length) || length === null;
    const isWithin = !((length as number) < this.minLength || (length as number) > this.maxLength);
    if (!isLength || (length !== null && !isWithin))
      throw new RangeError(
        `The length is from ${this.minLength} to ${this.maxLength}, not ${length}.`,
      );
    return [length as number | null, weights === null ? null : this.chances(by.name, weights)];
  }

  private chances(name: Given['name'], weights: Mask | undefined): number[] {
    const numbers = numbersOf(name, weights, this.characters.length);
    if (name === 'probability') {
      checkProbabilities(numbers);
      return numbers;
    }
    checkMask(numbers, [0, 1]);
    const total = numbers.reduce((sum, number) => sum + number, 0);
    return total === 0 ? numbers : numbers.map((number) => number / total);
  }

  /** Whether a value is a string of this space. */
  contains(value: unknown): boolean {
    if (typeof value !== 'string') return false;
    const letters = [...value];
    const fits = letters.length >= this.minLength && letters.length <= this.maxLength;
    return fits && letters.every((letter) => this.characters.includes(letter));
  }

  /** Whether another space is this one, seeds and the order of the characters aside. */
  equals(other: unknown): boolean {
    return (
      other instanceof Text &&
      this.minLength === other.minLength &&
      this.maxLength === other.maxLength &&
      sorted(this.characters) === sorted(other.characters)
    );
  }

  override toString(): string {
    return `Text(${this.minLength}, ${this.maxLength}, charset=${sorted(this.characters)})`;
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const { kind, minLength, maxLength, characters } = this;
    return { kind, minLength, maxLength, characters: characters.join('') };
  }
}

/** By code points, as in Python. */
function sorted(characters: readonly string[]): string {
  const points = characters.map((character) => character.codePointAt(0) as number);
  return String.fromCodePoint(...points.sort((a, b) => a - b));
}
