import { Generator } from '../random/generator.js';
import type { Sample, Space } from './index.js';

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
    const seeds = new Generator(seed).integers(2 ** 31 - 1, this.entries.length);
    for (const [i, [, space]] of this.entries.entries()) space.seed(seeds[i] as number);
  }

  /** A random value of each space. */
  sample(): Record<string, Sample> {
    return Object.fromEntries(this.entries.map(([key, space]) => [key, space.sample()]));
  }

  /** Whether a value is an object with exactly these keys, each within its space. */
  contains(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const items = value as Readonly<Record<string, unknown>>;
    return (
      Object.keys(items).length === this.entries.length &&
      this.entries.every(([key, space]) => Object.hasOwn(items, key) && space.contains(items[key]))
    );
  }

  toString(): string {
    return `Dict(${this.entries.map(([key, space]) => `'${key}': ${space}`).join(', ')})`;
  }

  /** A plain object for JSON. */
  toJSON(): object {
    return { kind: this.kind, entries: this.entries };
  }
}
