import type { OpenedResponse, Transition } from '../proto/gen/gymlink/v1/session.js';
import { encodeActions } from './actions.js';
import { callMethod, readAttribute, writeAttribute } from './attributes.js';
import { type Batch, doubleBuffered } from './double-buffer.js';
import { GymlinkError } from './errors.js';
import type { AutoresetMode, MakeVecOptions } from './open-request.js';
import {
  type Encoded,
  type EncodedFrame,
  type RenderFrame,
  renderings,
  type VectorRenderOptions,
} from './renderings.js';
import { resetRequest, type VectorResetOptions } from './reset-request.js';
import {
  dropStates,
  exportStates,
  importStates,
  restoreStates,
  type StateId,
  saveStates,
} from './saved-states.js';
import type { Session } from './session.js';
import {
  batchDifferingSpaces,
  batchSpace,
  fromSpaceMessage,
  type Mask,
  type Sample,
  type Space,
} from './spaces/index.js';
import { Rows } from './transition.js';
import {
  type Argument,
  type Arguments,
  fromMagnitude,
  fromMap,
  type PlainValue,
} from './values.js';
import {
  type TransitionDetails,
  transitionDetails,
  type VectorReset,
  type VectorStep,
  vectorReset,
  vectorStep,
} from './vector-results.js';

/** A space whose samples are known to be of a type. */
export type SpaceOf<T> = { sample(mask?: Mask, probability?: Mask): T } & Space;

/**
 * Sub-environments that step together; Gymnasium's VectorEnv. Made by `Connection.makeVec`.
 *
 * One call at a time changes the environments; a second one that is made before the first has resolved takes effect after it.
 */
export class VectorEnv<Obs = Sample, Act = Sample> {
  readonly numEnvs: number;
  readonly singleObservationSpace: Space;
  readonly singleActionSpace: Space;
  /** Space of a batch of observations. */
  readonly observationSpace: SpaceOf<Obs>;
  /** Space of a batch of actions: `actionSpace.sample()` gives one for every sub-environment. */
  readonly actionSpace: SpaceOf<Act>;
  readonly autoresetMode: AutoresetMode;
  /** The environment's metadata, for example `render_fps`. */
  readonly metadata: Record<string, PlainValue>;
  /** Steps after which an episode is truncated; 0 for no limit. */
  readonly maxEpisodeSteps: number;
  /** Seed that the first reset uses if it names none: sub-environment i gets `seed + i`. */
  readonly seed: bigint;
  private readonly session: Session;
  private readonly makeRows: (envIndices?: readonly number[]) => Rows;
  private readonly rows: Rows;
  private readonly copy: boolean;

  /** Use `Connection.makeVec`. */
  constructor(session: Session, opened: OpenedResponse, options: MakeVecOptions) {
    this.session = session;
    this.numEnvs = options.numEnvs;
    this.autoresetMode = options.autoresetMode ?? 'NextStep';
    this.copy = options.copy ?? true;
    this.singleObservationSpace = fromSpaceMessage(opened.observationSpace);
    this.singleActionSpace = fromSpaceMessage(opened.actionSpace);
    const each = opened.observationSpaces.map(fromSpaceMessage);
    this.observationSpace = (
      each.length > 0
        ? batchDifferingSpaces(each)
        : batchSpace(this.singleObservationSpace, this.numEnvs)
    ) as SpaceOf<Obs>;
    this.actionSpace = batchSpace(this.singleActionSpace, this.numEnvs) as SpaceOf<Act>;
    this.metadata = opened.metadata ? (fromMap(opened.metadata) as Record<string, PlainValue>) : {};
    this.maxEpisodeSteps = opened.environment?.maxEpisodeSteps ?? 0;
    this.seed = fromMagnitude(opened.seed?.magnitude ?? new Uint8Array());
    const envId = opened.environment?.id ?? '';
    const { singleObservationSpace: space, numEnvs } = this;
    this.makeRows = (envs) => new Rows(space, numEnvs, envId, session.readers, envs);
    this.rows = this.makeRows();
  }

  /**
   * Resets all sub-environments, or those of `options.reset_mask`.
   *
   * @throws GymlinkError INVALID_SEED, INVALID_ARGUMENT, or ENVIRONMENT_RAISED.
   */
  async reset(options: VectorResetOptions = {}): Promise<VectorReset<Obs>> {
    const request = resetRequest(options, this.numEnvs);
    const reset = this.session.request({ $case: 'reset', value: request }, 'transition');
    this.read(await reset, request.envIndices);
    return vectorReset(this.rows, this.numEnvs, this.copy);
  }

  /**
   * Steps every sub-environment once.
   *
   * @param actions One action for each: for Discrete numbers or an Int32Array, for Box a flat array or one array each.
   * @throws GymlinkError INVALID_ACTION (nothing changed), RESET_NEEDED, ENVIRONMENT_RAISED, WORKER_DIED or DEADLINE_EXCEEDED.
   */
  async step(actions: Act): Promise<VectorStep<Obs>> {
    const bytes = encodeActions(this.singleActionSpace, this.numEnvs, actions);
    this.read(await this.session.step(bytes));
    return vectorStep(this.rows, this.numEnvs, this.copy);
  }

  /**
   * Resets all sub-environments and steps them in two halves, those with even and those with odd numbers: while the agent thinks
   * about one, the other steps. Each sub-environment plays exactly as it does with `reset` and `step`.
   *
   *     for await (const batch of envs.batches({ seed: 1 })) batch.step(policy(batch.observations));
   *
   * With `copy: false` a batch's arrays are valid until it is stepped. Leaving the loop waits for the steps under way, whose rows
   * nobody sees. In the loop no other call may change the environments; after it, begin with `reset` of all of them.
   *
   * @throws GymlinkError What `reset` and `step` throw; INVALID_ARGUMENT when the loop goes on before the batch was stepped.
   */
  batches(options: VectorResetOptions = {}): AsyncGenerator<Batch<Obs, Act>, void, undefined> {
    const { session, numEnvs, copy, singleActionSpace: actionSpace, makeRows } = this;
    return doubleBuffered({ session, numEnvs, copy, actionSpace, rowsOf: makeRows }, options);
  }

  /** What the protocol tells of the last reset or step beyond Gymnasium's results. */
  lastTransition(): TransitionDetails {
    return transitionDetails(this.rows, this.numEnvs);
  }

  /**
   * What each sub-environment's `render` gives: an RGB frame (uint8, shape [height, width, 3]), a text, or a list of them. With
   * `envIndices` those of some sub-environments, in that order; with an `encoding` the bytes of images.
   *
   * @throws GymlinkError RENDER_UNAVAILABLE without a render mode at `makeVec`, or where it cannot be encoded or scaled;
   *   RESET_NEEDED before the first reset; INVALID_ENV_INDEX.
   */
  render(options: Encoded<VectorRenderOptions>): Promise<EncodedFrame[]>;
  render(options?: VectorRenderOptions): Promise<RenderFrame[]>;
  async render(options: VectorRenderOptions = {}): Promise<(RenderFrame | EncodedFrame)[]> {
    return renderings(this.session, options);
  }

  /**
   * An attribute of each sub-environment, or of those that `envIndices` names in ascending order. A dict whose keys are no texts
   * comes as Map: `P` of toy text is a `Map` of states of `Map`s of actions of lists `[probability, state, reward, terminated]`.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that is not on the environment's allow-list (`suggestions` has it);
   *   MESSAGE_TOO_LARGE when all at once are over the message limit.
   */
  async getAttr(name: string, envIndices?: readonly number[]): Promise<PlainValue[]> {
    return readAttribute(this.session, name, envIndices);
  }

  /**
   * Sets an attribute of every sub-environment: to one value, or to the values of an array, one each.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that may not be set; INVALID_ARGUMENT for another number of values.
   */
  async setAttr(name: string, values: Argument): Promise<void> {
    await writeAttribute(this.session, name, values, this.numEnvs);
  }

  /**
   * Calls a method of every sub-environment, or reads an attribute; gives one result each.
   *
   * @param args Its arguments.
   * @param kwargs Its named arguments.
   * @throws GymlinkError NOT_ALLOWED for a name that may not be called; ENVIRONMENT_RAISED.
   */
  async call(
    name: string,
    args: readonly Argument[] = [],
    kwargs: Arguments = {},
  ): Promise<PlainValue[]> {
    return callMethod(this.session, name, args, kwargs);
  }

  /**
   * Saves the state of each sub-environment, or of those that `envIndices` names in ascending order: random generators, step
   * limits and all, so that the same actions give the same again, to the bit.
   *
   * @returns An id for each state, valid in this environment until `dropState`.
   * @throws GymlinkError RESET_NEEDED before the first reset; UNIMPLEMENTED for an environment whose state cannot be saved
   *   exactly; LIMIT_EXCEEDED.
   */
  async saveState(envIndices?: readonly number[]): Promise<StateId[]> {
    return saveStates(this.session, envIndices);
  }

  /**
   * Puts saved states into sub-environments, which continue the saved episodes. Others keep their observation.
   *
   * @param stateIds A state for each sub-environment, or one for all of them (a fork).
   * @param envIndices Which sub-environments, ascending; all if it is left out.
   * @throws GymlinkError STATE_NOT_FOUND for a state that was dropped, or of another environment; STATE_MISMATCH; MALFORMED_REQUEST
   *   for another number of states, or while a step or reset is unanswered: await it first.
   */
  async restoreState(
    stateIds: StateId | readonly StateId[],
    envIndices?: readonly number[],
  ): Promise<VectorReset<Obs>> {
    const count = envIndices?.length ?? this.numEnvs;
    const ids = typeof stateIds === 'bigint' ? new Array<StateId>(count).fill(stateIds) : stateIds;
    this.read(await restoreStates(this.session, ids, envIndices), envIndices);
    return vectorReset(this.rows, this.numEnvs, this.copy);
  }

  /**
   * Puts the state of one sub-environment, as it is now, into others, which go on from there. Others keep their observation.
   *
   * @param source The sub-environment.
   * @param targets Which take its state, ascending.
   * @throws GymlinkError As `saveState` and `restoreState`.
   */
  async fork(source: number, targets: readonly number[]): Promise<VectorReset<Obs>> {
    if (targets.length === 0)
      throw new GymlinkError('INVALID_ARGUMENT', 'fork names no sub-environment to fork into.');
    const [state] = (await this.saveState([source])) as [StateId];
    try {
      return await this.restoreState(state, targets);
    } finally {
      await this.dropState([state]);
    }
  }

  /**
   * Forgets saved states.
   *
   * @throws GymlinkError STATE_NOT_FOUND; then none is forgotten.
   */
  async dropState(stateIds: readonly StateId[]): Promise<void> {
    await dropStates(this.session, stateIds);
  }

  /**
   * Saved states as bytes, for `importState` of another session of the same environment, today or later.
   *
   * @throws GymlinkError STATE_NOT_FOUND; UNIMPLEMENTED for a state that cannot leave its process.
   */
  async exportState(stateIds: readonly StateId[]): Promise<Uint8Array[]> {
    return exportStates(this.session, stateIds);
  }

  /**
   * Takes exported states in; gives their ids here.
   *
   * @throws GymlinkError STATE_MISMATCH for a state of another environment or of other constructor arguments; MALFORMED_REQUEST
   *   for bytes that are none.
   */
  async importState(states: readonly Uint8Array[]): Promise<StateId[]> {
    return importStates(this.session, states);
  }

  /** Closes the sub-environments. Calling it again does nothing. */
  async close(): Promise<void> {
    await this.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private read({ parts, delivery }: Transition, asked?: readonly number[]): void {
    this.rows.read(parts, asked);
    this.session.acknowledge(delivery);
  }
}
