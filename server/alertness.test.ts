import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Alertness } from './alertness.js';

/** Whether the event loop has an immediate to run, which keeps it from sleeping. */
const isTurning = (): boolean => process.getActiveResourcesInfo().includes('Immediate');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function quickOne(): Alertness {
  const alertness = new Alertness();
  alertness.begin();
  alertness.end();
  return alertness;
}

test('the loop turns while a request is out whose predecessor was quick, and then sleeps', async () => {
  const alertness = quickOne();
  expect(isTurning()).toBe(false);
  alertness.begin();
  expect(isTurning()).toBe(true);
  alertness.end();
  await turn();
  expect(isTurning()).toBe(false);
});

test('an answer that takes its time is waited for asleep, and so is the next one', async () => {
  const alertness = quickOne();
  alertness.begin();
  await sleep(20);
  expect(isTurning()).toBe(false);
  alertness.end();
  alertness.begin();
  expect(isTurning()).toBe(false);
});

test('several requests are waited for asleep', async () => {
  const alertness = quickOne();
  alertness.begin();
  alertness.begin();
  await turn();
  expect(isTurning()).toBe(false);
});
