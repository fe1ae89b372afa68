import { expect, test } from 'vitest';
import { EpisodeTracker } from './episode-tracker.js';

const step = (rewards: number[], terminations: number[], truncations: number[]) => ({
  observations: rewards.map(() => 0),
  rewards,
  terminations,
  truncations,
});

test('the step after an episode is its reset: no transition, no reward, no length', () => {
  const tracker = new EpisodeTracker(2);
  expect(tracker.record(step([1, 10], [0, 0], [0, 0]))).toEqual([]);
  expect(tracker.record(step([2, 20], [1, 0], [0, 0]))).toEqual([{ env: 0, return: 3, length: 2 }]);
  expect([...tracker.isTransition]).toEqual([1, 1]);
  expect(tracker.record(step([0, 30], [0, 0], [0, 1]))).toEqual([
    { env: 1, return: 60, length: 3 },
  ]);
  expect([...tracker.isTransition]).toEqual([0, 1]);
  expect(tracker.record(step([4, 0], [0, 0], [0, 0]))).toEqual([]);
  expect([...tracker.isTransition]).toEqual([1, 0]);
  expect(tracker.record(step([5, 50], [1, 1], [0, 0]))).toEqual([
    { env: 0, return: 9, length: 2 },
    { env: 1, return: 50, length: 1 },
  ]);
});

test('a row that failed (reward NaN) is no transition and has no return', () => {
  const tracker = new EpisodeTracker(1);
  tracker.record(step([1], [0], [0]));
  expect(tracker.record(step([Number.NaN], [0], [1]))).toEqual([
    { env: 0, return: Number.NaN, length: 2 },
  ]);
  expect([...tracker.isTransition]).toEqual([0]);
  tracker.record(step([0], [0], [0]));
  expect(tracker.record(step([2], [1], [0]))).toEqual([{ env: 0, return: 2, length: 1 }]);
});
