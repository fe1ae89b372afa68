import { Generator } from '../generator.js';
import type { Sample, Space } from './index.js';

/** Named spaces (Gymnasium's Dict). */
export class Dict {
  readonly kind = 'Dict';
  /** The spaces by key, in the space's own order. */
  readonly spaces: Readonly<Record<string, Space>>;

  constructor(spaces: Readonly<Record<string, Space>>) {
    this.spaces = spaces;
  }

  /** Seeds each space with a number drawn from a generator of this seed. */
  seed(seed: number | bigint): void {
    const generator = new Generator(seed);
    for (const space of Object.values(this.spaces)) space.seed(generator.integer(2 ** 31 - 1));
  }

  /** A random value of each space. */
  sample(): Record<string, Sample> {
    return Object.fromEntries(
      Object.entries(this.spaces).map(([key, space]) => [key, space.sample()]),
    );
  }

  /** Whether a value is an object with exactly these keys, each within its space. */
  contains(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const keys = Object.keys(this.spaces);
    const entries = value as Record<string, unknown>;
    if (Object.keys(entries).length !== keys.length) return false;
    return keys.every((key) => this.spaces[key]?.contains(entries[key]));
  }

  toString(): string {
    return `Dict(${Object.entries(this.spaces)
      .map(([key, space]) => `${key}: ${space}`)
      .join(', ')})`;
  }
}
