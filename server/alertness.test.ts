import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Alertness } from './alertness.js';

/** Whether the event loop has an immediate to run, which keeps it from sleeping. */
const isTurning = (): boolean => process.getActiveResourcesInfo().includes('Immediate');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function quickOne(): Alertness {
  const alertness = new Alertness(2);
  alertness.begin(1);
  alertness.end();
  return alertness;
}

test('the loop turns while a request is out whose predecessor was quick, and then sleeps', async () => {
  const alertness = quickOne();
  expect(isTurning()).toBe(false);
  alertness.begin(1);
  expect(isTurning()).toBe(true);
  alertness.end();
  await turn();
  expect(isTurning()).toBe(false);
});

test('an answer that takes its time is waited for asleep, and so is the next one', async () => {
  const alertness = quickOne();
  alertness.begin(1);
  await sleep(20);
  expect(isTurning()).toBe(false);
  alertness.end();
  alertness.begin(1);
  expect(isTurning()).toBe(false);
});

test('several requests are waited for asleep', async () => {
  const alertness = quickOne();
  expect(alertness.begin(1)).toBe(true);
  expect(alertness.begin(1)).toBe(false);
  await turn();
  expect(isTurning()).toBe(false);
});

test('several workers may wait awake, but not the server beside them', () => {
  const alertness = quickOne();
  expect(alertness.begin(2)).toBe(true);
  expect(isTurning()).toBe(false);
});

test('with a single core nobody waits awake', () => {
  const alertness = new Alertness(1);
  expect(alertness.begin(1)).toBe(false);
  alertness.end();
  expect(alertness.begin(1)).toBe(false);
  expect(isTurning()).toBe(false);
});
