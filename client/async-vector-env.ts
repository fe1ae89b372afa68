import type { OpenedResponse, Transition } from '../proto/gen/gymlink/v1/session.js';
import { encodeActions } from './actions.js';
import { GymlinkError } from './errors.js';
import type { AutoresetMode, MakeAsyncVecOptions } from './open-request.js';
import type { Encoded, EncodedFrame, RenderFrame, VectorRenderOptions } from './renderings.js';
import { resetRequest, type VectorResetOptions } from './reset-request.js';
import type { Request, Session } from './session.js';
import type { Sample, Space } from './spaces/index.js';
import { Rows } from './transition.js';
import type { Argument, Arguments, PlainValue } from './values.js';
import { type SpaceOf, VectorEnv } from './vector-env.js';
import {
  type TransitionDetails,
  transitionDetails,
  type VectorStep,
  vectorStep,
} from './vector-results.js';

/**
 * The newest rows of the sub-environments that were ready first; row i is of sub-environment `envIndices[i]`. Where an episode
 * ended in mode SameStep, its last observation is in `infos.final_obs`, by row.
 */
export interface ReadyBatch<Obs> extends VectorStep<Obs> {
  /** The sub-environments, ascending. */
  readonly envIndices: Int32Array;
  /** What the protocol tells beyond Gymnasium's results, by row: which rows are resets, for example. Valid until the next `recv`. */
  details(): TransitionDetails;
}

/** What the server sent: rows, or the failure of request number `request`. */
type Arrival = Transition | { readonly request: number; readonly error: GymlinkError };

/**
 * Sub-environments of which each steps as soon as it has an action; the interface of EnvPool. Made by `Connection.makeVec` with a
 * `batchSize`.
 *
 *     await using envs = await gym.makeVec('LunarLander-v3', { numEnvs: 64, batchSize: 32 });
 *     envs.reset();
 *     for (;;) {
 *       const { observations, envIndices } = await envs.recv();
 *       envs.send(policy(observations), envIndices);
 *     }
 *
 * A sub-environment is under way from the `reset` or `send` that names it until `recv` gives its row. A slow one delays only those
 * of its own worker process that have an action already: give it more `numWorkers`. Each sub-environment plays exactly as in a
 * synchronous environment with the same actions; which ones share a batch depends on time.
 */
export class AsyncVectorEnv<Obs = Sample, Act = Sample> {
  readonly numEnvs: number;
  /** Sub-environments of a batch. */
  readonly batchSize: number;
  readonly singleObservationSpace: Space;
  readonly singleActionSpace: Space;
  /** Space of the observations of all sub-environments. */
  readonly observationSpace: SpaceOf<Obs>;
  /** Space of actions for all sub-environments. */
  readonly actionSpace: SpaceOf<Act>;
  readonly autoresetMode: AutoresetMode;
  /** The environment's metadata, for example `render_fps`. */
  readonly metadata: Record<string, PlainValue>;
  /** Steps after which an episode is truncated; 0 for no limit. */
  readonly maxEpisodeSteps: number;
  /** Seed that the first reset uses if it names none: sub-environment i gets `seed + i`. */
  readonly seed: bigint;
  private readonly session: Session;
  private readonly envs: VectorEnv<Obs, Act>;
  private readonly rows: Rows;
  private readonly copy: boolean;
  /** How many must be under way for a batch to come. */
  private readonly least: number;
  /** Number of the request that each sub-environment is under way with; 0 where it is free. */
  private readonly underWay: Float64Array;
  private underWayCount = 0;
  private requests = 0;
  /** How many of them may still fail. */
  private unanswered = 0;
  /** What has come and `recv` has not given yet: no more than what is under way. */
  private readonly arrivals: Arrival[] = [];
  private isReceiving = false;
  private wake: (() => void) | undefined;
  private ended: GymlinkError | undefined;

  /** Use `Connection.makeVec`. */
  constructor(session: Session, opened: OpenedResponse, options: MakeAsyncVecOptions) {
    const envs = new VectorEnv<Obs, Act>(session, opened, options);
    this.session = session;
    this.envs = envs;
    this.numEnvs = envs.numEnvs;
    this.batchSize = options.batchSize;
    this.singleObservationSpace = envs.singleObservationSpace;
    this.singleActionSpace = envs.singleActionSpace;
    this.observationSpace = envs.observationSpace;
    this.actionSpace = envs.actionSpace;
    this.autoresetMode = envs.autoresetMode;
    this.metadata = envs.metadata;
    this.maxEpisodeSteps = envs.maxEpisodeSteps;
    this.seed = envs.seed;
    this.copy = options.copy ?? true;
    this.least = (options.maxWaitMs ?? 0) > 0 ? 1 : options.batchSize;
    const envId = opened.environment?.id ?? '';
    this.rows = new Rows(envs.singleObservationSpace, this.batchSize, envId, session.readers);
    this.underWay = new Float64Array(this.numEnvs);
    session.onDelivery((delivery) => {
      this.arrivals.push(delivery);
      this.wake?.();
    });
    session.onEnd((reason) => {
      this.ended = reason;
      this.wake?.();
    });
  }

  /**
   * Begins an episode in all sub-environments, or in those of `options.reset_mask`, as EnvPool's `async_reset`: the first observations
   * come from `recv`, in rows whose rewards are 0.
   *
   * @throws GymlinkError INVALID_SEED; INVALID_ARGUMENT, also where one of them is under way (with `maxWaitMs` all that are can be
   *   received first). What an environment raises is thrown by `recv`.
   */
  reset(options: VectorResetOptions = {}): void {
    const request = resetRequest(options, this.numEnvs);
    const all = () => Array.from({ length: this.numEnvs }, (_, env) => env);
    const envIndices = request.envIndices.length > 0 ? request.envIndices : all();
    this.begin(envIndices, { $case: 'reset', value: request });
  }

  /**
   * Begins one step in some sub-environments. Returns at once.
   *
   * @param actions One for each of them.
   * @param envIndices Which, ascending: as a rule those of the batch that `recv` gave, or a part of them.
   * @throws GymlinkError INVALID_ACTION, INVALID_ENV_INDEX, or INVALID_ARGUMENT where one of them is under way; nothing was sent then.
   *   What the server answers is thrown by `recv`: INVALID_ACTION or RESET_NEEDED (none of them advanced), ENVIRONMENT_RAISED,
   *   WORKER_DIED or DEADLINE_EXCEEDED.
   */
  send(actions: Act, envIndices: ArrayLike<number>): void {
    const named = Array.from(envIndices);
    this.checkNamed(named);
    const bytes = encodeActions(this.singleActionSpace, named.length, actions, named);
    this.begin(named, { $case: 'step', value: { envIndices: named, actions: bytes } });
  }

  /**
   * Waits for the `batchSize` sub-environments that are ready first. There are fewer after `maxWaitMs`, and before a failure is thrown.
   * One call at a time.
   *
   * With `copy: false` the arrays of a whole batch are valid until the next call.
   *
   * @throws GymlinkError The failure of a `send` or `reset`: sub-environments of it that no batch has had are free again; those of
   *   `envIndices` (ENVIRONMENT_RAISED) and of `advancedEnvIndices` need a reset, others did not advance. INVALID_ARGUMENT while another
   *   call waits, or where too few are under way for a batch ever to come.
   */
  async recv(): Promise<ReadyBatch<Obs>> {
    if (this.isReceiving) throw invalid('Another recv waits already.');
    this.isReceiving = true;
    try {
      return this.take(await this.arrival());
    } finally {
      this.isReceiving = false;
    }
  }

  /**
   * What each sub-environment's `render` gives, when those asked for are ready; see `VectorEnv.render`.
   *
   * @throws GymlinkError RENDER_UNAVAILABLE, RESET_NEEDED or INVALID_ENV_INDEX.
   */
  render(options: Encoded<VectorRenderOptions>): Promise<EncodedFrame[]>;
  render(options?: VectorRenderOptions): Promise<RenderFrame[]>;
  render(options: VectorRenderOptions = {}): Promise<(RenderFrame | EncodedFrame)[]> {
    return this.envs.render(options);
  }

  /** An attribute of each sub-environment, or of some, when those asked for are ready; see `VectorEnv.getAttr`. */
  getAttr(name: string, envIndices?: readonly number[]): Promise<PlainValue[]> {
    return this.envs.getAttr(name, envIndices);
  }

  /** Sets an attribute of every sub-environment when all are ready; see `VectorEnv.setAttr`. */
  setAttr(name: string, values: Argument): Promise<void> {
    return this.envs.setAttr(name, values);
  }

  /** Calls a method of every sub-environment when all are ready; see `VectorEnv.call`. */
  call(
    name: string,
    args: readonly Argument[] = [],
    kwargs: Arguments = {},
  ): Promise<PlainValue[]> {
    return this.envs.call(name, args, kwargs);
  }

  /** Closes the sub-environments, whatever is under way. Calling it again does nothing. */
  async close(): Promise<void> {
    await this.envs.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private begin(envIndices: readonly number[], request: Request): void {
    const busy = envIndices.filter((env) => this.underWay[env] !== 0);
    if (busy.length > 0) {
      const others = busy.length === 1 ? '' : ` (and ${busy.length - 1} more)`;
      const message = `Sub-environment ${busy[0]}${others} is under way: recv gives its row first. Nothing was sent.`;
      throw new GymlinkError('INVALID_ARGUMENT', message, { envIndices: busy });
    }
    this.requests += 1;
    const { requests: number } = this;
    for (const env of envIndices) this.underWay[env] = number;
    this.underWayCount += envIndices.length;
    this.unanswered += 1;
    this.session
      .request(request, 'accepted')
      .then(
        () => undefined,
        // Once the session has ended every request fails, for the same reason.
        (error) => this.ended ?? this.arrivals.push({ request: number, error }),
      )
      .then(() => {
        this.unanswered -= 1;
        this.wake?.();
      });
  }

  private checkNamed(envIndices: readonly number[]): void {
    if (envIndices.length === 0) throw invalid('send names no sub-environment.');
    let previous = -1;
    for (const env of envIndices) {
      const isOne = Number.isInteger(env) && env >= 0 && env < this.numEnvs;
      if (isOne && env > previous) {
        previous = env;
        continue;
      }
      const range = `there are 0 to ${this.numEnvs - 1}`;
      const what = isOne ? `named after ${previous}: name each once, ascending` : `none: ${range}`;
      const message = `Sub-environment ${env} is ${what}. Nothing was sent.`;
      throw new GymlinkError('INVALID_ENV_INDEX', message, { envIndices: isOne ? [env] : [] });
    }
  }

  /** What comes next. */
  private async arrival(): Promise<Arrival> {
    for (;;) {
      const arrival = this.arrivals.shift();
      if (arrival !== undefined) return arrival;
      if (this.ended !== undefined) throw this.ended;
      if (this.underWayCount < this.least && this.unanswered === 0)
        throw invalid(
          `recv would wait for ever: ${this.underWayCount} sub-environments are under way, and a batch takes ${this.least}.`,
        );
      const deadline = this.session.deadline('recv');
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      clearTimeout(deadline);
    }
  }

  private take(arrival: Arrival): ReadyBatch<Obs> {
    if (!('error' in arrival)) return this.batch(arrival);
    for (const [env, request] of this.underWay.entries())
      if (request === arrival.request) this.free(env);
    throw arrival.error;
  }

  private batch({ parts, delivery }: Transition): ReadyBatch<Obs> {
    const count = this.rows.readReady(parts);
    this.session.acknowledge(delivery);
    const envIndices = Int32Array.from(this.rows.envIndices.subarray(0, count));
    for (const env of envIndices) this.free(env);
    // Without a look at the infos, which a spread would be.
    return Object.assign(vectorStep<Obs>(this.rows, count, this.copy), {
      envIndices,
      details: () => transitionDetails(this.rows, count),
    });
  }

  private free(env: number): void {
    if (!this.underWay[env])
      throw new GymlinkError(
        'MALFORMED_REPLY',
        `The server broke the protocol: it sent a row of sub-environment ${env}, which is not under way.`,
      );
    this.underWay[env] = 0;
    this.underWayCount -= 1;
  }
}

function invalid(message: string): GymlinkError {
  return new GymlinkError('INVALID_ARGUMENT', message);
}
