import { expect, test } from 'vitest';
import { byNearness, nearestNames } from './nearest-names.js';

const names = [
  'LunarLander-v3',
  'LunarLanderContinuous-v3',
  'CartPole-v1',
  'CartPole-v0',
  'Ant-v5',
];

test.each([
  ['LunarLander-v2', ['LunarLander-v3']],
  ['lunarlander-v3', ['LunarLander-v3']],
  ['cartpole', ['CartPole-v1', 'CartPole-v0']],
  ['lunar', ['LunarLander-v3', 'LunarLanderContinuous-v3']],
  ['CartPoel-v1', ['CartPole-v1', 'CartPole-v0']],
  ['Breakout-v5', []],
])('%s may have meant %j', (name, meant) => {
  expect(nearestNames(name, names)).toEqual(meant);
});

test('sorts all names by their distance', () => {
  expect(byNearness('gravitie', ['wind', 'gravity', 'g'])).toEqual(['gravity', 'wind', 'g']);
});
