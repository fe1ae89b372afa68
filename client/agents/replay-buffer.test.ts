import { expect, test } from 'vitest';
import { Random } from './random.js';
import { createBatch, ReplayBuffer } from './replay-buffer.js';

/** Transition k: every field tells k. */
const transition = (k: number) => ({
  observations: [k, k + 0.5],
  actions: [k % 3],
  rewards: [10 * k],
  terminations: [k % 2],
  nextObservations: [k + 100, k + 200],
});

function filled(capacity: number, count: number): ReplayBuffer {
  const buffer = new ReplayBuffer(capacity, 2);
  for (let k = 0; k < count; k++) buffer.add(transition(k), 0);
  return buffer;
}

test('a sampled row holds all fields of one transition', () => {
  const batch = createBatch(64, 2);
  filled(10, 7).sample(new Random(0), batch);
  for (let row = 0; row < batch.size; row++) {
    const k = batch.observations[2 * row] as number;
    expect(k).toBeLessThan(7);
    expect(batch.observations[2 * row + 1]).toBe(k + 0.5);
    expect(batch.actions[row]).toBe(k % 3);
    expect(batch.rewards[row]).toBe(10 * k);
    expect(batch.terminations[row]).toBe(k % 2);
    expect(batch.nextObservations[2 * row]).toBe(k + 100);
    expect(batch.nextObservations[2 * row + 1]).toBe(k + 200);
  }
});

test('when full, the oldest transitions make room', () => {
  const buffer = filled(5, 12);
  expect(buffer.size).toBe(5);
  const batch = createBatch(500, 2);
  buffer.sample(new Random(0), batch);
  const held = new Set(Array.from({ length: 500 }, (_, row) => batch.observations[2 * row]));
  expect([...held].sort((a, b) => (a as number) - (b as number))).toEqual([7, 8, 9, 10, 11]);
});

test('a row is taken from its place in the vector of transitions', () => {
  const buffer = new ReplayBuffer(4, 2);
  const vector = {
    observations: [0, 0, 1, 2, 0, 0],
    actions: [0, 5, 0],
    rewards: [0, 7, 0],
    terminations: [0, 1, 0],
    nextObservations: [0, 0, 3, 4, 0, 0],
  };
  buffer.add(vector, 1);
  const batch = createBatch(1, 2);
  buffer.sample(new Random(0), batch);
  expect([...batch.observations, ...batch.nextObservations]).toEqual([1, 2, 3, 4]);
  expect([batch.actions[0], batch.rewards[0], batch.terminations[0]]).toEqual([5, 7, 1]);
});

test('sampling is uniform and follows the seed', () => {
  const buffer = filled(4, 4);
  const draw = (seed: number) => {
    const batch = createBatch(8_000, 2);
    buffer.sample(new Random(seed), batch);
    return batch.rewards;
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(2)).not.toEqual(draw(1));
  const counts = [0, 10, 20, 30].map((reward) => draw(1).filter((r) => r === reward).length);
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});

test('an empty buffer cannot be sampled', () => {
  expect(() => new ReplayBuffer(4, 2).sample(new Random(0), createBatch(1, 2))).toThrow(RangeError);
});
