import type { Sample, Space } from './index.js';
import type { SpaceJSON } from './json.js';
import { given, type Mask, sampleWithin } from './masks.js';
import { seedAll } from './seeded.js';

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

  /**
   * @param spaces The spaces by key, or keys and spaces in order.
   * @throws RangeError if a key is given twice.
   */
  constructor(spaces: Readonly<Record<string, Space>> | readonly (readonly [string, Space])[]) {
    this.entries = Array.isArray(spaces) ? [...spaces] : Object.entries(spaces);
    if (new Set(this.entries.map(([key]) => key)).size !== this.entries.length)
      throw new RangeError('A Dict has a key twice.');
    // fromEntries defines own properties, so that a key "__proto__" is a key like any other.
    this.spaces = Object.fromEntries(this.entries);
  }

  /** Seeds each space with a number drawn from a generator of this seed, as Gymnasium does. */
  seed(seed: number | bigint): void {
    seedAll(
      seed,
      this.entries.map(([, space]) => space),
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
    return { kind: this.kind, entries };
  }
}
