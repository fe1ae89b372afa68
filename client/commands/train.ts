import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BackendChoice, Evaluation, TrainingResult } from '../agents/index.js';
import {
  backendChoices,
  dqnNumEnvs,
  evaluateTraining,
  loadCompute,
  trainDqn,
} from '../agents/index.js';
import type { Connection, NdArray } from '../index.js';
import { importOptional } from '../optional-packages.js';
import { addressOption, withConnection } from './connection-option.js';
import { duration, ProgressLine } from './progress-line.js';

const evaluationEpisodes = 100;
const validationEnvs = 20;

interface TrainOptions {
  readonly env: string;
  readonly seed: number;
  readonly steps?: number;
  readonly name?: string;
  readonly runs: string;
  readonly backend?: BackendChoice;
  readonly address?: string;
  readonly json?: true;
}

/** `gymlink train`: trains an agent, evaluates it, and keeps result, learning curve and model. */
export function trainCommand(program: Command): void {
  const command = program
    .command('train')
    .description(
      'train DQN on an environment, evaluate it, and keep model, learning curve and result',
    )
    .option(
      '--env <id>',
      'environment with Box observations and Discrete actions',
      'LunarLander-v3',
    )
    .option('--seed <n>', 'seed of everything that is random', seedArgument, 1)
    .option('--steps <n>', 'length of the training in environment steps', countArgument)
    .option('--name <name>', 'folder of this run (default: <env>-dqn-<seed>)')
    .option('--runs <folder>', 'folder that holds the runs', 'runs')
    .addOption(
      new Option(
        '--backend <name>',
        'TensorFlow.js backend (default: the fastest installed)',
      ).choices(backendChoices),
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  gymlink train
  gymlink train --seed 3 --name mine
  gymlink train --env CartPole-v1 --steps 50000
  gymlink train --address localhost:50051

Writes <runs>/<name>/result.json, learning-curve.svg, model/ (the best checkpoint) and last-model/ (the last weights).`,
    );
  addressOption(command).action(train);
}

function countArgument(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Not a positive whole number.');
  return count;
}

function seedArgument(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed > 999_999_000)
    throw new InvalidArgumentError('A seed is a whole number from 0 to 999999000.');
  return seed;
}

async function train(options: TrainOptions): Promise<void> {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('Interrupted: nothing was saved.')));
  const folder = join(options.runs, options.name ?? `${options.env}-dqn-${options.seed}`);
  await mkdir(folder, { recursive: true });
  const result = await withConnection(options.address, (connection) =>
    trainAndEvaluate(connection, options, folder, interrupt.signal),
  );
  console.log(options.json ? JSON.stringify(result) : summary(result, folder));
}

type RunResult = Awaited<ReturnType<typeof trainAndEvaluate>>;

async function trainAndEvaluate(
  connection: Connection,
  options: TrainOptions,
  folder: string,
  signal: AbortSignal,
) {
  // Before the training, so that a missing package is not found out after it.
  const { learningCurveSvg } = await importOptional(() => import('./learning-curve.js'));
  const compute = await loadCompute(options.backend);
  console.error(`Computing on ${compute.backend}: ${compute.reason}`);
  const { environment } = await connection.describe(options.env);
  console.error(`Training DQN on ${options.env} with seed ${options.seed}, into ${folder}`);
  const line = new ProgressLine();
  await using env = await connection.makeVec<NdArray<Float32Array>, Int32Array>(options.env, {
    numEnvs: dqnNumEnvs,
    copy: false,
  });
  await using validationEnv = await connection.makeVec<NdArray<Float32Array>, Int32Array>(
    options.env,
    { numEnvs: validationEnvs, copy: false },
  );
  const training = await trainDqn({
    compute,
    env,
    validationEnv,
    seed: options.seed,
    config: options.steps === undefined ? {} : { totalSteps: options.steps },
    onProgress: (progress) => line.show(progress),
    signal,
  });
  line.end();
  const curve = learningCurveSvg(
    training.curve,
    `DQN on ${options.env}, seed ${options.seed}`,
    environment.rewardThreshold,
  );
  await writeFile(join(folder, 'learning-curve.svg'), curve);
  console.error(`Evaluating over ${evaluationEpisodes} episodes`);
  const { best, last } = await evaluateBoth(connection, options.env, training, folder, signal);
  const result = {
    env: options.env,
    algorithm: 'DQN',
    seed: options.seed,
    trainSteps: training.steps,
    trainSeconds: training.seconds,
    bestCheckpointSteps: training.best.steps,
    evalEpisodes: best.returns.length,
    evalMean: best.mean,
    evalStd: best.std,
    finalEvalMean: last.mean,
    evalSeeds: best.returns.map((_, i) => best.seed + i),
    backend: compute.backend,
    commit: currentCommit(),
  };
  training.agent.dispose();
  await writeFile(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/** Evaluates the last weights and those of the best checkpoint, and saves both; the agent is left with the latter. */
async function evaluateBoth(
  connection: Connection,
  envId: string,
  training: TrainingResult,
  folder: string,
  signal: AbortSignal,
): Promise<{ best: Evaluation; last: Evaluation }> {
  // One episode a sub-environment: each has a seed of its own, and none counts twice.
  await using env = await connection.makeVec<NdArray<Float32Array>, Int32Array>(envId, {
    numEnvs: evaluationEpisodes,
    copy: false,
  });
  await training.agent.save(join(folder, 'last-model'));
  const evaluations = await evaluateTraining(training, env, {
    episodes: evaluationEpisodes,
    signal,
  });
  await training.agent.save(join(folder, 'model'));
  return evaluations;
}

/** The commit of the working folder; null outside a git checkout. */
function currentCommit(): string | null {
  try {
    const output = execFileSync('git', ['rev-parse', 'HEAD'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return output.toString().trim();
  } catch {
    return null;
  }
}

function summary(result: RunResult, folder: string): string {
  return [
    `Mean return over ${result.evalEpisodes} episodes: ${result.evalMean.toFixed(1)} ± ${result.evalStd.toFixed(1)} (last weights: ${result.finalEvalMean.toFixed(1)})`,
    `Trained ${result.trainSteps.toLocaleString('en')} steps in ${duration(result.trainSeconds)}.`,
    `Kept in ${folder}: result.json, learning-curve.svg, model/`,
    `Watch it: npx gymlink eval ${folder} --render ${join(folder, 'episode.gif')}`,
  ].join('\n');
}
