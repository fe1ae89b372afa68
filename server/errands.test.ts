import { expect, test } from 'vitest';
import { EnvStates } from './env-states.js';
import { Errands, type Reply } from './errands.js';
import { RequestError, unimplemented } from './errors.js';
import { createLog } from './log.js';

function errands(): Errands {
  const terms = { envId: 'CartPole-v1', maxMessageBytes: 1024 };
  return new Errands([], new EnvStates(2), terms, createLog('silent'));
}

test('what is held stays in use until what follows has begun', async () => {
  const held = errands();
  let begun = false;
  const next = (result: number): void => {
    begun = result === 7;
  };
  held.hold([1], Promise.resolve(7), next, () => expect.fail());
  while (!begun) {
    expect(held.mustWait([1])).toBe(true);
    expect(held.mustWait([0])).toBe(false);
    await Promise.resolve();
  }
  expect(held.mustWait([1])).toBe(false);
});

test('what fails is in use no more when its failure is told', async () => {
  const held = errands();
  const inUse = new Promise((resolve) => {
    const reply: Reply = (outcome) =>
      resolve(outcome instanceof RequestError && held.mustWait([1]));
    held.hold([1], Promise.reject(unimplemented('this')), () => expect.fail(), reply);
  });
  expect(await inUse).toBe(false);
  expect(held.isBusy).toBe(false);
});
