import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadline } from './deadline.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('expires once, when it was last set to', () => {
  const onExpiry = vi.fn();
  const deadline = new Deadline(onExpiry);
  deadline.set(1000);
  vi.advanceTimersByTime(900);
  deadline.set(1000);
  vi.advanceTimersByTime(999);
  expect(onExpiry).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  expect(onExpiry).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10_000);
  expect(onExpiry).toHaveBeenCalledTimes(1);
});

test('a shorter deadline does not wait for a longer one that was set before', () => {
  const onExpiry = vi.fn();
  const deadline = new Deadline(onExpiry);
  deadline.set(60_000);
  deadline.clear();
  deadline.set(100);
  vi.advanceTimersByTime(101);
  expect(onExpiry).toHaveBeenCalledTimes(1);
});

test('does not expire when it was cleared', () => {
  const onExpiry = vi.fn();
  const deadline = new Deadline(onExpiry);
  deadline.set(100);
  deadline.clear();
  vi.advanceTimersByTime(1000);
  expect(onExpiry).not.toHaveBeenCalled();
  deadline.set(100);
  vi.advanceTimersByTime(101);
  expect(onExpiry).toHaveBeenCalledTimes(1);
});
