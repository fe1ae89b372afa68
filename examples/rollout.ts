/** Plays an episode at random. */
import { launch, type NdArray } from 'gymlink';

type Observation = {
  slot: number;
  weekend: number;
  relevance: NdArray<Float32Array>;
  sent: NdArray<Float32Array>;
  visits_now: NdArray<Float32Array>;
  opens_now: NdArray<Float32Array>;
  opens: NdArray<Float32Array>;
};

const gym = await launch({ families: ['./notifications'] });
const env = await gym.make<Observation, number>('Notifications-v0', {
  kwargs: { audience: 'night owls', patience: 2 },
});
env.actionSpace.seed(1);
let { observation } = await env.reset({ seed: 1 });
console.log(
  `relevance at the start: ${[...observation.relevance].map((share) => share.toFixed(2))}`,
);
let total = 0;
for (let ended = false; !ended; ) {
  const step = await env.step(env.actionSpace.sample());
  ({ observation } = step);
  total += step.reward;
  ended = step.terminated || step.truncated;
  if (ended) console.log(`return ${total.toFixed(1)},`, step.info);
}
await gym.close();
