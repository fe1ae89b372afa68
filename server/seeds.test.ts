import { expect, test } from 'vitest';
import { ResetRequest } from '../proto/gen/gymlink/v1/session.js';
import type { Seed } from '../proto/gen/gymlink/v1/value.js';
import { checkReset, checkSeed, drawSeed, seedOf, withSessionSeed } from './seeds.js';

const seed = (...bytes: number[]): Seed => ({ magnitude: Uint8Array.from(bytes) });
const none = ResetRequest.decode(new Uint8Array());

test('a sub-environment has the sum of the session seed and its index', () => {
  expect(seedOf(seed(), 0)).toEqual(seed());
  expect(seedOf(seed(0xff), 1)).toEqual(seed(0, 1));
  expect(seedOf(seed(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 2)).toEqual(
    seed(1, 0, 0, 0, 0, 0, 0, 0, 1),
  );
});

test('drawn seeds fit into 31 bits', () => {
  const drawn = Array.from({ length: 200 }, drawSeed);
  for (const { magnitude } of drawn) {
    expect(magnitude.length).toBeLessThanOrEqual(4);
    expect(magnitude[3] ?? 0).toBeLessThan(128);
  }
  expect(new Set(drawn.map(({ magnitude }) => String(magnitude))).size).toBeGreaterThan(190);
});

test('only first resets that name no seed get the session’s', () => {
  const wasReset = (envIndex: number): boolean => envIndex === 1;
  const { envSeeds } = withSessionSeed(none, seed(10), [0, 1, 2], wasReset);
  expect(envSeeds).toEqual([{ seed: seed(10) }, { seed: undefined }, { seed: seed(12) }]);
  const named = { ...none, envSeeds: [{ seed: seed(7) }, { seed: undefined }] };
  expect(withSessionSeed(named, seed(10), [0, 2], wasReset).envSeeds).toEqual([
    { seed: seed(7) },
    { seed: seed(12) },
  ]);
  const whole = { ...none, seed: seed(3) };
  expect(withSessionSeed(whole, seed(10), [0, 1], wasReset)).toBe(whole);
  expect(withSessionSeed(none, seed(10), [1], wasReset)).toBe(none);
});

test('a seed must fit into 32 bytes for the last sub-environment, too', () => {
  const greatest = seed(...new Array<number>(32).fill(0xff));
  expect(() => checkSeed(greatest)).not.toThrow();
  expect(() => checkSeed(greatest, 1)).toThrow(/32 bytes/);
  expect(() => checkSeed(seed(...new Array<number>(33).fill(1)))).toThrow(/33/);
  expect(() => checkReset({ ...none, seed: greatest }, [0, 1])).toThrow(/32 bytes/);
});
