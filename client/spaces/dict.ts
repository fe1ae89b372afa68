import type { Sample, Space } from './index.js';
import type { SpaceJSON } from './json.js';
import { given, type Mask, sampleWithin } from './masks.js';
import { type SpaceSeed, type SpaceSeeds, seedsOf } from './seeded.js';

/** Named spaces (Gymnasium's Dict). */
export class Dict {
  readonly kind = 'Dict';
  /** The spaces by key. */
  readonly spaces: Readonly<Record<string, Space>>;
  /**
   * Keys and spaces in the space's own order, which layout, seeds and samples follow. An object cannot hold every order: its
   * number-like keys come first.
   */
  readonly entries: readonly (readonly [string, Space])[];
  /** Whether a batch of this space has its keys sorted, as in Gymnasium. */
  readonly sortKeys: boolean;

  /**
   * @param spaces The spaces by key, which are sorted as Gymnasium sorts those of a dict, or keys and spaces in order.
   * @param options.sortKeys Whether spaces by key are sorted, and in any case what is made of this space, as a batch or flat values;
   *   default true.
   * @throws RangeError if a key is given twice.
   */
  constructor(
    spaces: Readonly<Record<string, Space>> | readonly (readonly [string, Space])[],
    { sortKeys = true }: { readonly sortKeys?: boolean } = {},
  ) {
    this.sortKeys = sortKeys;
    const entries: (readonly [string, Space])[] = Object.entries(spaces);
    if (Array.isArray(spaces)) this.entries = [...spaces];
    else this.entries = sortKeys ? sortedByKey(entries) : entries;
    if (new Set(this.entries.map(([key]) => key)).size !== this.entries.length)
      throw new RangeError('A Dict has a key twice.');
    // fromEntries defines own properties, so that a key "__proto__" is a key like any other.
    this.spaces = Object.fromEntries(this.entries);
  }

  /**
   * Seeds each space, as Gymnasium does.
   *
   * @param seed A seed for each key, or an integer from 0 from which they are drawn; null, the default: each has one of its own.
   * @returns The seeds that the spaces used, by their keys.
   * @throws TypeError if the form is another.
   */
  seed(seed: SpaceSeed = null): { [key: string]: SpaceSeeds } {
    const seeds = this.seedsByEntry(seed);
    return Object.fromEntries(this.entries.map(([key, space], i) => [key, space.seed(seeds[i])]));
  }

  private seedsByEntry(seed: SpaceSeed): readonly SpaceSeed[] {
    if (typeof seed !== 'object' || seed === null) return seedsOf(seed, this.entries.length);
    if (Array.isArray(seed) || !this.hasKeys(seed))
      throw new TypeError('The seed of a Dict is an integer, or has the keys of the Dict.');
    return this.entries.map(
      ([key]) => (seed as Readonly<Record<string, SpaceSeed>>)[key] as SpaceSeed,
    );
  }

  /**
   * A random value of each space.
   *
   * @param mask A mask for each space, by its key.
   * @param probability Instead of a mask, likewise with probabilities.
   * @throws TypeError if the keys are others.
   */
  sample(mask?: Mask, probability?: Mask): Record<string, Sample> {
    const by = given(mask, probability);
    if (by === undefined)
      return Object.fromEntries(this.entries.map(([key, space]) => [key, space.sample()]));
    if (!this.hasKeys(by.value))
      throw new TypeError(`The ${by.name} of a Dict has the keys of the Dict.`);
    const parts = by.value as Readonly<Record<string, Mask>>;
    return Object.fromEntries(
      this.entries.map(([key, space]) => [key, sampleWithin(space, parts[key], by)]),
    );
  }

  private hasKeys(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    return (
      Object.keys(value).length === this.entries.length &&
      this.entries.every(([key]) => Object.hasOwn(value, key))
    );
  }

  /** Whether a value is an object with exactly these keys, each within its space. */
  contains(value: unknown): boolean {
    if (!this.hasKeys(value)) return false;
    const items = value as Readonly<Record<string, unknown>>;
    return this.entries.every(([key, space]) => space.contains(items[key]));
  }

  /** Whether another space has the same keys, in any order, with equal spaces. */
  equals(other: unknown): boolean {
    if (!(other instanceof Dict) || !this.hasKeys(other.spaces)) return false;
    return this.entries.every(([key, space]) => space.equals(other.spaces[key]));
  }

  toString(): string {
    return `Dict(${this.entries.map(([key, space]) => `'${key}': ${space}`).join(', ')})`;
  }

  /** A plain object for JSON; `spaceFromJSON` makes the space of it. */
  toJSON(): SpaceJSON {
    const entries = this.entries.map(([key, space]) => [key, space.toJSON()] as const);
    return { kind: this.kind, entries, ...(this.sortKeys ? {} : { sortKeys: false }) };
  }

  /** A Dict of spaces that are made of this one's, in the order that Gymnasium gives them. */
  map(make: (space: Space, key: string) => Space): Dict {
    const entries = this.entries.map(([key, space]) => [key, make(space, key)] as const);
    const { sortKeys } = this;
    return new Dict(sortKeys ? sortedByKey(entries) : entries, { sortKeys });
  }
}

/** As Python sorts texts, by code points; JavaScript has UTF-16 units. */
function sortedByKey(entries: readonly (readonly [string, Space])[]) {
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
