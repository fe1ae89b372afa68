import { Generator, systemSeed } from '../random/generator.js';

/**
 * What `seed` takes: an integer from 0, null for one of the operating system's choice, or for spaces that hold others a seed for
 * each, in the form that `seed` returns.
 */
export type SpaceSeed =
  | number
  | bigint
  | null
  | readonly SpaceSeed[]
  | { readonly [key: string]: SpaceSeed };

/** The seeds that a space used. */
export type SpaceSeeds = number | bigint | SpaceSeeds[] | { [key: string]: SpaceSeeds };

interface Seedable {
  seed(seed: SpaceSeed): SpaceSeeds;
}

/** What spaces have in common that draw their samples themselves: a random generator. */
export abstract class Seeded {
  private own: Generator | undefined;

  /** Where `sample` draws from (Gymnasium's `np_random`); one of the operating system's choice unless the space was seeded. */
  get generator(): Generator {
    this.own ??= new Generator();
    return this.own;
  }

  set generator(generator: Generator) {
    this.own = generator;
  }

  /**
   * Seeds `sample`: the samples that follow equal Gymnasium's after `seed` of the same number.
   *
   * @param seed An integer from 0; null, the default, for one of the operating system's choice.
   * @returns The seed that was used.
   * @throws TypeError if the seed is an array or an object.
   * @throws RangeError if it is a number that is not an integer from 0.
   */
  seed(seed: SpaceSeed = null): SpaceSeeds {
    if (typeof seed === 'object' && seed !== null)
      throw new TypeError(`The seed of ${this} is an integer.`);
    const used = seed ?? systemSeed();
    this.own = new Generator(used);
    return used;
  }

  /** Seeds the space itself and others within, by an array of a seed for each or by one for all. */
  protected seedWith(seed: SpaceSeed, spaces: readonly Seedable[]): SpaceSeeds[] {
    const [own = null, ...parts] = Array.isArray(seed)
      ? seedsOf(seed, 1 + spaces.length)
      : [seed, ...seedsOf(seed, spaces.length)];
    return [
      Seeded.prototype.seed.call(this, own),
      ...spaces.map((space, i) => space.seed(parts[i] as SpaceSeed)),
    ];
  }
}

/**
 * A seed for each of several spaces: those given or, of one number, drawn from a generator of it as Gymnasium does.
 *
 * @throws TypeError if the form is another.
 */
export function seedsOf(seed: SpaceSeed, count: number): readonly SpaceSeed[] {
  if (seed === null) return new Array<null>(count).fill(null);
  if (typeof seed !== 'object') return Array.from(new Generator(seed).integers(2 ** 31 - 1, count));
  if (!Array.isArray(seed) || seed.length !== count)
    throw new TypeError(`The seed of this space is an integer or an array of ${count}.`);
  return seed;
}
