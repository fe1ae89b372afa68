/** Spaces against Gymnasium's own, by what client/fixtures/gymnasium_spaces.py printed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeElements, type NdArray } from '../nd-array.js';
import { batchSpace, iterate } from './batch.js';
import { batchDifferingSpaces } from './batch-differing.js';
import { flatdim, flattenSpace } from './flat-space.js';
import { flatten, unflatten } from './flatten.js';
import {
  type GraphInstance,
  type Mask,
  type Sample,
  type Space,
  type SpaceJSON,
  type SpaceSeeds,
  spaceFromJSON,
} from './index.js';

interface Raises {
  readonly raises: string;
}

interface SpaceFixture {
  readonly space: SpaceJSON;
  readonly sampled: Raises | { readonly digests: Record<string, string>; readonly first: unknown };
  readonly batched: Raises | { readonly seeded: string; readonly continued: string };
  readonly flattened:
    | Raises
    | {
        readonly flatdim: number | Raises;
        readonly space: SpaceJSON;
        readonly digest: string;
        readonly first: unknown;
      };
}

interface MaskFixture {
  readonly space: SpaceJSON;
  readonly mask: Mask;
  readonly probability: Mask;
  readonly digest: string;
  readonly first: unknown;
}

interface DifferingFixture {
  readonly spaces: readonly SpaceJSON[];
  readonly seeded: string;
  readonly continued: string;
}

/** As JSON: text for a bigint. */
type SeedJson = number | string | SeedJson[] | { [key: string]: SeedJson };

interface SeedFixture {
  readonly space: SpaceJSON;
  readonly seed: SeedJson;
  readonly used: SeedJson;
  readonly digest: string;
}

interface Fixtures {
  readonly spaces: readonly SpaceFixture[];
  readonly contained: readonly string[];
  readonly equal: readonly string[];
  readonly masked: readonly MaskFixture[];
  readonly differing: readonly DifferingFixture[];
  readonly unlike: readonly (readonly SpaceJSON[])[];
  readonly seeded: readonly SeedFixture[];
}

const file = new URL('../fixtures/gymnasium-spaces.json', import.meta.url);
const fixtures = JSON.parse(readFileSync(file, 'utf8')) as Fixtures;

function counted(parts: readonly Buffer[], count?: number): Buffer {
  const together = Buffer.concat(parts);
  const before = Buffer.alloc(4);
  before.writeUInt32LE(count ?? together.length);
  return Buffer.concat([before, together]);
}

function integer(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

/** A value as bytes, as `encoded` of gymnasium_spaces.py has them. */
function encoded(space: Space, value: Sample): Buffer {
  const rows = (entry: Space, batch: unknown) =>
    (iterate(entry, batch) ?? []).map((row) => encoded(entry, row as Sample));
  switch (space.kind) {
    case 'Discrete':
      return integer(value as number | bigint);
    case 'Text':
      return counted([Buffer.from(value as string)]);
    case 'Dict':
      return Buffer.concat(
        space.entries.map(([key, entry]) =>
          encoded(entry, (value as Record<string, Sample>)[key] as Sample),
        ),
      );
    case 'Tuple':
      return Buffer.concat(
        space.spaces.map((entry, i) => encoded(entry, (value as Sample[])[i] as Sample)),
      );
    case 'Sequence': {
      const { featureSpace, stack } = space;
      const items = stack
        ? rows(featureSpace, value)
        : (value as Sample[]).map((item) => encoded(featureSpace, item));
      return counted(items, items.length);
    }
    case 'Graph': {
      const { nodes, edges, edgeLinks } = value as GraphInstance;
      const nodeRows = rows(space.nodeSpace, nodes);
      if (edges === null || space.edgeSpace === null) return counted(nodeRows, nodeRows.length);
      const edgeRows = rows(space.edgeSpace, edges);
      const links = Buffer.from(encodeElements(edgeLinks as NdArray, 'int32'));
      return Buffer.concat([
        counted(nodeRows, nodeRows.length),
        counted(edgeRows, edgeRows.length),
        links,
      ]);
    }
    case 'OneOf': {
      const [index, item] = value as [number, Sample];
      return Buffer.concat([integer(index), encoded(space.spaces[index] as Space, item)]);
    }
    default: {
      const array = value as NdArray;
      if (array.shape.join() !== space.shape.join() || array.dtype !== space.dtype)
        throw new Error(`A value of ${space} has shape [${array.shape}] and is ${array.dtype}.`);
      return Buffer.from(encodeElements(array, space.dtype));
    }
  }
}

function digest(space: Space, values: readonly Sample[]): string {
  const hash = createHash('sha256');
  for (const value of values) hash.update(encoded(space, value));
  return hash.digest('hex').slice(0, 32);
}

function drawn(space: Space, seed: number | bigint, count: number): Sample[] {
  space.seed(seed);
  return Array.from({ length: count }, () => space.sample());
}

test('there are fixtures of all kinds, dtypes and masks', () => {
  const kinds = new Set(fixtures.spaces.map(({ space }) => space.kind));
  expect(kinds.size).toBe(10);
  expect(fixtures.spaces.length).toBeGreaterThan(90);
  expect(fixtures.masked.length).toBeGreaterThan(20);
});

describe.each(
  fixtures.spaces.map((fixture, i) => ({ i, name: `${spaceFromJSON(fixture.space)}`, fixture })),
)('$i: $name', ({ i, fixture: { space: json, sampled, batched, flattened } }) => {
  const make = () => spaceFromJSON(json);

  test('1,000 samples of two seeds are Gymnasium’s', () => {
    const space = make();
    if ('raises' in sampled) {
      expect(() => drawn(space, 42, 1)).toThrow(RangeError);
      return;
    }
    const digests = Object.keys(sampled.digests).map((seed) => {
      const values = drawn(space, BigInt(seed), 1000);
      expect(values.every((value) => space.contains(value))).toBe(true);
      return [seed, digest(space, values)];
    });
    expect(Object.fromEntries(digests), `first: ${JSON.stringify(sampled.first)}`).toEqual(
      sampled.digests,
    );
  });

  test('a batch draws as Gymnasium’s', () => {
    const space = make();
    if ('raises' in batched) {
      expect(() => batchSpace(space, 3).sample()).toThrow(RangeError);
      return;
    }
    const rows = (batch: Space, values: readonly Sample[]) => {
      expect(values.every((value) => batch.contains(value))).toBe(true);
      return values.flatMap((value) => iterate(space, value) as Sample[]);
    };
    const batch = batchSpace(space, 3);
    expect(digest(space, rows(batch, drawn(batch, 42, 20)))).toBe(batched.seeded);
    drawn(space, 42, 1);
    const next = batchSpace(space, 3);
    const values = Array.from({ length: 20 }, () => next.sample());
    expect(digest(space, rows(next, values))).toBe(batched.continued);
  });

  test('values flatten as Gymnasium’s, and back', () => {
    const space = make();
    // Gymnasium cannot flatten integers of uint64 at all.
    if ('raises' in flattened && flattened.raises === 'IndexError') {
      const value = space.sample();
      expect(unflatten(space, flatten(space, value))).toEqual(value);
      return;
    }
    if ('raises' in flattened) {
      expect(() => flatten(space, space.sample())).toThrow(RangeError);
      return;
    }
    if (typeof flattened.flatdim === 'number') expect(flatdim(space)).toBe(flattened.flatdim);
    else expect(() => flatdim(space)).toThrow('cannot be flattened');
    const flatSpace = flattenSpace(space);
    expect(flatSpace.toJSON()).toEqual(flattened.space);
    const values = drawn(space, 42, 20);
    const flat = values.map((value) => flatten(space, value));
    expect(digest(flatSpace, flat), JSON.stringify(flattened.first)).toBe(flattened.digest);
    expect(flat.map((value) => unflatten(space, value))).toEqual(values);
  });

  test('equality and membership are Gymnasium’s, and JSON comes back as it was', () => {
    const others = fixtures.spaces.map(({ space }) => spaceFromJSON(space));
    const space = make();
    expect(space.toJSON()).toEqual(json);
    expect(spaceFromJSON(JSON.parse(JSON.stringify(space))).equals(space)).toBe(true);
    expect(others.map((other) => (space.equals(other) ? '1' : '0')).join('')).toBe(
      fixtures.equal[i],
    );
    const answers = others.map((other, j) => {
      const { sampled: theirs } = fixtures.spaces[j] as SpaceFixture;
      const expected = fixtures.contained[i]?.[j];
      // Where Gymnasium raises, and where it could not draw, there is nothing to compare.
      if (expected === 'e' || 'raises' in theirs) return expected;
      const [sample] = drawn(other, 42, 1);
      // Python iterates over anything, and finds all of nothing to be in the space.
      const isNothing = (sample as { length?: number }).length === 0;
      if (isNothing && space.kind === 'Sequence' && space.stack) return expected;
      return space.contains(sample) ? '1' : '0';
    });
    expect(answers.join('')).toBe(fixtures.contained[i]);
  });
});

function seedOf(json: SeedJson): SpaceSeeds {
  if (typeof json === 'number') return json;
  if (typeof json === 'string') return BigInt(json);
  if (Array.isArray(json)) return json.map(seedOf);
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, seedOf(item)]));
}

test.each(
  fixtures.seeded.map((fixture) => ({ name: `${spaceFromJSON(fixture.space)}`, ...fixture })),
)('$name, seeded with $seed: seeds and samples are Gymnasium’s', (fixture) => {
  const space = spaceFromJSON(fixture.space);
  expect(space.seed(seedOf(fixture.seed))).toEqual(seedOf(fixture.used));
  const values = Array.from({ length: 100 }, () => space.sample());
  expect(digest(space, values)).toBe(fixture.digest);
});

test.each(
  fixtures.masked.map((fixture) => ({ name: `${spaceFromJSON(fixture.space)}`, ...fixture })),
)('$name, mask $mask, probability $probability: samples are Gymnasium’s', (fixture) => {
  const space = spaceFromJSON(fixture.space);
  space.seed(42);
  const values = Array.from({ length: 100 }, () => space.sample(fixture.mask, fixture.probability));
  expect(digest(space, values), JSON.stringify(fixture.first)).toBe(fixture.digest);
});

test.each(
  fixtures.differing.map((fixture) => ({
    name: fixture.spaces.map(spaceFromJSON).join(),
    ...fixture,
  })),
)('a batch of $name draws as Gymnasium’s', ({ spaces, seeded, continued }) => {
  const each = spaces.map(spaceFromJSON);
  // The last one has the largest dtype.
  const last = each.at(-1) as Space;
  const rows = (values: readonly Sample[]) =>
    values.flatMap((value) => {
      const items = iterate(last, value) as Sample[];
      for (const [i, item] of items.entries()) expect(each[i]?.contains(item)).toBe(true);
      return items;
    });
  expect(digest(last, rows(drawn(batchDifferingSpaces(each), 42, 20)))).toBe(seeded);
  for (const space of each) drawn(space, 42, 1);
  const next = batchDifferingSpaces(each);
  const values = Array.from({ length: 20 }, () => next.sample());
  expect(digest(last, rows(values))).toBe(continued);
});

test.each(fixtures.unlike.map((pair) => pair.map(spaceFromJSON)))(
  '%s and %s make no batch',
  (...pair) => {
    expect(() => batchDifferingSpaces(pair)).toThrow(/make a batch/);
  },
);

test('no spaces make no batch', () => {
  expect(() => batchDifferingSpaces([])).toThrow(TypeError);
});
