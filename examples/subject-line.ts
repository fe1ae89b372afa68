/** Writes subject lines and takes the advice that comes back: observations and actions are text. */
import { launch } from 'gymlink';

const gym = await launch({ families: ['./notifications'] });
const env = await gym.make<{ brief: string; feedback: string }, string>('SubjectLine-v0', {
  kwargs: { mailings: 4 },
});
let { observation } = await env.reset({ seed: 1 });
console.log(observation.brief); // On offer: city tours, 20% off.
const [, topic, discount] = observation.brief.match(/: (.*), (\d+%)/) as RegExpMatchArray;

let line = 'OPEN ME!';
for (let ended = false; !ended; ) {
  const step = await env.step(line);
  ({ observation } = step);
  console.log(`${line}\n  ${observation.feedback}`);
  if (observation.feedback.includes('offer')) line = `Look: ${topic}`;
  if (observation.feedback.includes('discount')) line = `${line}, ${discount} off`;
  if (observation.feedback.includes('characters')) line = `${line} until Sunday`;
  ended = step.terminated || step.truncated;
}
await gym.close();
