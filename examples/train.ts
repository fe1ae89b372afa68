/** Trains DQN on Notifications-v0, and compares it with policies that do not learn, over users whom none has met. */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { launch, type NdArray } from 'gymlink';
import {
  type DqnAgent,
  evaluate,
  evaluateTraining,
  evaluationSeed,
  loadCompute,
  trainDqn,
  validationSeed,
} from 'gymlink/agents';
import { type Baseline, never, random, rules, schedules } from './baselines.ts';
import { learningCurveSvg } from './learning-curve.ts';

const id = 'Notifications-v0';
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '120000' },
    episodes: { type: 'string', default: '100' },
  },
});
const [totalSteps, episodes] = [Number(values.steps), Number(values.episodes)];

// DQN takes one array for an observation: the server flattens the Dict.
const wrappers = ['FlattenObservation'];
const makeVec = (numEnvs: number) =>
  gym.makeVec<NdArray<Float64Array>, Int32Array>(id, { numEnvs, wrappers, infoKeys: [] });

const compute = await loadCompute();
const gym = await launch({ families: ['./notifications'] });
await mkdir('results', { recursive: true });
const users = await makeVec(episodes);
const { observationSpace } = await gym.describe(id);

const rows = [
  await meet(random(observationSpace)),
  await meet(never(observationSpace)),
  await meet(await best(schedules(observationSpace))),
  await meet(await best(rules(observationSpace))),
];
const levels = rows.map(({ policy, mean }) => ({ name: policy.split(':')[0] as string, mean }));
const curves = [];
for (const seed of values.seeds.split(',').map(Number)) {
  const { agent, curve, mean, std, seconds } = await train(seed);
  rows.push({ policy: `DQN, seed ${seed}`, mean, std, seconds });
  curves.push({ seed, curve });
  await agent.save('results/model');
  await writeFile('results/episode.png', await film(agent));
  agent.dispose();
}
console.table(rows);
await writeFile('results/results.json', JSON.stringify({ rows, curves }));
await writeFile('results/learning-curve.svg', learningCurveSvg(curves, levels));
await gym.close();

/** Trains an agent, and lets its best checkpoint meet the users. */
async function train(seed: number) {
  const [env, validationEnv] = [await makeVec(32), await makeVec(100)];
  const config = {
    totalSteps,
    hiddenUnits: [32, 32],
    gamma: 0.9, // fatigue is gone after a few days
    rewardScale: 0.2,
    batchSize: 256,
    learningStarts: Math.min(2_000, totalSteps / 2),
    finalLearningRate: 2e-5, // what a user does is mostly chance
    initialEpsilon: 0.5,
    finalEpsilon: 0.02,
    validationEpisodes: 100,
  };
  const training = await trainDqn({ compute, env, validationEnv, seed, config });
  await Promise.all([env.close(), validationEnv.close()]);
  const { best } = await evaluateTraining(training, users, { episodes });
  return { ...training, mean: best.mean, std: best.std };
}

/** Mean and standard deviation of a policy's return. */
async function meet({ name, make }: Baseline) {
  const { mean, std } = await evaluate(users, make(), { episodes, seed: evaluationSeed });
  return { policy: name, mean, std, seconds: 0 };
}

/** The policy with the highest mean return over the users of the agents' validations. */
async function best(candidates: readonly Baseline[]): Promise<Baseline> {
  let found = { baseline: candidates[0] as Baseline, mean: -Infinity };
  for (const baseline of candidates) {
    const { mean } = await evaluate(users, baseline.make(), { episodes, seed: validationSeed });
    if (mean > found.mean) found = { baseline, mean };
  }
  return found.baseline;
}

/** A picture of four weeks with an agent. */
async function film(agent: DqnAgent): Promise<Uint8Array> {
  const env = await gym.make<NdArray<Float64Array>, number>(id, {
    wrappers,
    renderMode: 'rgb_array',
  });
  let { observation } = await env.reset({ seed: evaluationSeed });
  for (let ended = false; !ended; ) {
    const step = await env.step(agent.act(observation)[0] as number);
    ({ observation } = step);
    ended = step.terminated || step.truncated;
  }
  const png = (await env.render({ encoding: 'png' })) as Uint8Array;
  await env.close();
  return png;
}
