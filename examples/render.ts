/** Sends what is relevant, at most once a day, and draws four weeks of it: as text, and as frame.png. */
import { writeFile } from 'node:fs/promises';
import { type Env, launch, type NdArray } from 'gymlink';

type Observation = { relevance: NdArray<Float32Array>; sent: NdArray<Float32Array> };

const gym = await launch({ families: ['./notifications'] });
const drawn = await gym.make<Observation, number>('Notifications-v0', { renderMode: 'rgb_array' });
await play(drawn);
await writeFile('frame.png', (await drawn.render({ encoding: 'png' })) as Uint8Array);

const written = await gym.make<Observation, number>('Notifications-v0', { renderMode: 'ansi' });
await play(written);
console.log(await written.render());
await gym.close();

async function play(env: Env<Observation, number>): Promise<void> {
  let { observation } = await env.reset({ seed: 7 });
  for (let ended = false; !ended; ) {
    const { relevance, sent } = observation;
    const best = Math.max(...relevance);
    const isDue = best > 0.5 && sent[0] === 0;
    const step = await env.step(isDue ? 1 + relevance.indexOf(best) : 0);
    ({ observation } = step);
    ended = step.terminated || step.truncated;
  }
}
