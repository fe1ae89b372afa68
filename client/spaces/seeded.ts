import { Generator } from '../random/generator.js';

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
   * @throws RangeError if the seed is not an integer from 0.
   */
  seed(seed: number | bigint): void {
    this.own = new Generator(seed);
  }
}

/** Seeds each space with a number drawn from a generator of a seed, as Gymnasium's composite spaces do. */
export function seedAll(
  seed: number | bigint,
  spaces: readonly { seed(seed: number): void }[],
): void {
  const seeds = new Generator(seed).integers(2 ** 31 - 1, spaces.length);
  for (const [i, space] of spaces.entries()) space.seed(seeds[i] as number);
}
