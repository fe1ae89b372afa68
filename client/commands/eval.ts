import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { DqnAgent, evaluate, loadCompute } from '../agents/index.js';
import type { Frame } from '../animation.js';
import type { Connection, NdArray } from '../index.js';
import { importOptional } from '../optional-packages.js';
import { addressOption, withConnection } from './connection-option.js';

/** Seeds that neither training nor its evaluations use. */
const defaultSeed = 2_100_000_000;
/** More episodes than this are played one after another in each of so many sub-environments. */
const maxEnvs = 100;

interface EvalOptions {
  readonly episodes: number;
  readonly seed: number;
  readonly render?: string;
  readonly address?: string;
  readonly json?: true;
}

/** `gymlink eval RUN`: the greedy policy of a trained agent. */
export function evalCommand(program: Command): void {
  const command = program
    .command('eval')
    .description('play the greedy policy of a trained agent, and report or film it')
    .argument('<run>', 'folder of a run, for example runs/LunarLander-v3-dqn-1')
    .option('--episodes <n>', 'episodes to evaluate over', wholeNumber, 100)
    .option(
      '--seed <n>',
      'seed of the first episode; later ones count up',
      wholeNumber,
      defaultSeed,
    )
    .option('--render <file>', 'write one episode as an animation, .gif or .webp, instead')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  gymlink eval runs/mine\n  gymlink eval runs/mine --episodes 20 --json\n  gymlink eval runs/mine --render lander.gif',
    );
  addressOption(command).action(evaluateRun);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new InvalidArgumentError('Not a whole number.');
  return number;
}

async function evaluateRun(run: string, options: EvalOptions): Promise<void> {
  const { env } = await readResult(run);
  const agent = await DqnAgent.load(await loadCompute(), join(run, 'model'));
  const report = await withConnection<Report>(options.address, (connection) =>
    options.render === undefined
      ? evaluateAgent(connection, env, agent, options)
      : film(connection, env, agent, options.seed, options.render),
  );
  agent.dispose();
  console.log(options.json ? JSON.stringify(report) : describeReport(report));
}

async function readResult(run: string): Promise<{ env: string }> {
  const text = await readFile(join(run, 'result.json'), 'utf8').catch((error) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error(`${run} holds no finished run (no result.json): gymlink train makes one.`);
  });
  return JSON.parse(text);
}

type Report = Awaited<ReturnType<typeof film>> | Awaited<ReturnType<typeof evaluateAgent>>;

function describeReport(report: Report): string {
  return 'file' in report
    ? `Wrote ${report.file}: ${report.frames} frames, return ${report.return.toFixed(1)}`
    : `Mean return over ${report.episodes} episodes: ${report.mean.toFixed(1)} ± ${report.std.toFixed(1)}`;
}

async function evaluateAgent(
  connection: Connection,
  id: string,
  agent: DqnAgent,
  { episodes, seed }: EvalOptions,
) {
  const numEnvs = Math.min(episodes, maxEnvs);
  if (episodes % numEnvs !== 0)
    throw new RangeError(`Above ${maxEnvs}, --episodes must be a multiple of it.`);
  await using env = await connection.makeVec<NdArray<Float32Array>, Int32Array>(id, {
    numEnvs,
    copy: false,
  });
  const { mean, std, returns } = await evaluate(env, (rows) => agent.act(rows), { episodes, seed });
  return { env: id, episodes, seed, mean, std, returns };
}

async function film(
  connection: Connection,
  id: string,
  agent: DqnAgent,
  seed: number,
  file: string,
) {
  const { writeAnimation } = await importOptional(() => import('../animation.js'));
  await using env = await connection.make<NdArray<Float32Array>, number>(id, {
    renderMode: 'rgb_array',
  });
  const frames: Frame[] = [];
  let total = 0;
  let { observation } = await env.reset({ seed });
  for (let ended = false; !ended; ) {
    frames.push((await env.render()) as Frame);
    const [action] = agent.act(observation);
    const step = await env.step(action as number);
    observation = step.observation;
    total += step.reward;
    ended = step.terminated || step.truncated;
  }
  frames.push((await env.render()) as Frame);
  const framesPerSecond = Number(env.metadata.render_fps ?? 30);
  await writeAnimation(frames, framesPerSecond, file);
  return { env: id, seed, file, frames: frames.length, return: total };
}
