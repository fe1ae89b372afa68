import type { OpenedResponse, Transition } from '../proto/gen/gymlink/v1/session.js';
import { encodeAction } from './actions.js';
import { callMethod, readAttribute, writeAttribute } from './attributes.js';
import { type Info, infoList } from './infos.js';
import type { Seed } from './open-request.js';
import {
  type Encoded,
  type EncodedFrame,
  type RenderFrame,
  type RenderOptions,
  renderings,
} from './renderings.js';
import { resetRequest } from './reset-request.js';
import {
  dropStates,
  exportStates,
  importStates,
  restoreStates,
  type StateId,
  saveStates,
} from './saved-states.js';
import type { Session } from './session.js';
import { fromSpaceMessage, type Sample, type Space } from './spaces/index.js';
import { Rows } from './transition.js';
import {
  type Argument,
  type Arguments,
  fromMagnitude,
  fromMap,
  type PlainValue,
} from './values.js';
import type { SpaceOf } from './vector-env.js';

/** What `reset` gives. */
export interface Reset<Obs> {
  readonly observation: Obs;
  readonly info: Info;
}

/** What `step` gives. */
export interface Step<Obs> extends Reset<Obs> {
  readonly reward: number;
  /** The episode reached a terminal state. */
  readonly terminated: boolean;
  /** The episode was cut off, for example by its step limit. */
  readonly truncated: boolean;
}

/** One environment; Gymnasium's Env. Made by `Connection.make`. An episode that ended needs a `reset`. */
export class Env<Obs = Sample, Act = Sample> {
  readonly observationSpace: SpaceOf<Obs>;
  readonly actionSpace: SpaceOf<Act>;
  /** The environment's metadata, for example `render_fps`. */
  readonly metadata: Record<string, PlainValue>;
  /** Steps after which an episode is truncated; 0 for no limit. */
  readonly maxEpisodeSteps: number;
  /** Seed that the first reset uses if it names none. */
  readonly seed: bigint;
  private readonly session: Session;
  private readonly rows: Rows;

  /** Use `Connection.make`. */
  constructor(session: Session, opened: OpenedResponse) {
    this.session = session;
    this.observationSpace = fromSpaceMessage(opened.observationSpace) as Space as SpaceOf<Obs>;
    this.actionSpace = fromSpaceMessage(opened.actionSpace) as Space as SpaceOf<Act>;
    this.metadata = opened.metadata ? (fromMap(opened.metadata) as Record<string, PlainValue>) : {};
    this.maxEpisodeSteps = opened.environment?.maxEpisodeSteps ?? 0;
    this.seed = fromMagnitude(opened.seed?.magnitude ?? new Uint8Array());
    this.rows = new Rows(this.observationSpace, 1, opened.environment?.id ?? '', session.readers);
  }

  /** Steps in the episode so far: 0 after a reset, after `restoreState` those of the saved one. */
  get episodeSteps(): number {
    return this.rows.episodeSteps[0] ?? 0;
  }

  /**
   * Begins a new episode.
   *
   * @throws GymlinkError INVALID_SEED or ENVIRONMENT_RAISED.
   */
  async reset({ seed, options }: { seed?: Seed; options?: Arguments } = {}): Promise<Reset<Obs>> {
    const request = resetRequest(
      { ...(seed === undefined ? {} : { seed }), ...(options === undefined ? {} : { options }) },
      1,
    );
    return this.read(await this.session.request({ $case: 'reset', value: request }, 'transition'));
  }

  /**
   * Takes one step.
   *
   * @throws GymlinkError INVALID_ACTION (nothing changed); RESET_NEEDED before the first reset and after the end of an
   *   episode; ENVIRONMENT_RAISED, WORKER_DIED or DEADLINE_EXCEEDED.
   */
  async step(action: Act): Promise<Step<Obs>> {
    const bytes = encodeAction(this.actionSpace, action);
    const { observation, info } = this.read(await this.session.step(bytes));
    const { rewards, terminations, truncations } = this.rows;
    return {
      observation,
      reward: rewards[0] as number,
      terminated: terminations[0] === 1,
      truncated: truncations[0] === 1,
      info,
    };
  }

  /**
   * What the environment's `render` gives; with an `encoding` the bytes of an image.
   *
   * @throws GymlinkError RENDER_UNAVAILABLE without a render mode at `make`, or where it cannot be encoded or scaled;
   *   RESET_NEEDED before the first reset.
   */
  render(options: Encoded<RenderOptions>): Promise<EncodedFrame>;
  render(options?: RenderOptions): Promise<RenderFrame>;
  async render(options: RenderOptions = {}): Promise<RenderFrame | EncodedFrame> {
    const [frame] = await renderings(this.session, options);
    return frame as RenderFrame;
  }

  /**
   * An attribute of the environment; see `VectorEnv.getAttr`.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that is not on the environment's allow-list.
   */
  async getAttr(name: string): Promise<PlainValue> {
    const [value] = await readAttribute(this.session, name);
    return value as PlainValue;
  }

  /**
   * Sets an attribute.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that may not be set.
   */
  async setAttr(name: string, value: Argument): Promise<void> {
    await writeAttribute(this.session, name, [value], 1);
  }

  /**
   * Calls a method, or reads an attribute.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that may not be called; ENVIRONMENT_RAISED.
   */
  async call(
    name: string,
    args: readonly Argument[] = [],
    kwargs: Arguments = {},
  ): Promise<PlainValue> {
    const [value] = await callMethod(this.session, name, args, kwargs);
    return value as PlainValue;
  }

  /**
   * Saves the state of the environment; see `VectorEnv.saveState`.
   *
   * @returns Its id, valid in this environment until `dropState`.
   * @throws GymlinkError RESET_NEEDED before the first reset; UNIMPLEMENTED for an environment whose state cannot be saved
   *   exactly.
   */
  async saveState(): Promise<StateId> {
    const [stateId] = await saveStates(this.session);
    return stateId as StateId;
  }

  /**
   * Continues a saved episode; may be called any number of times with the same state.
   *
   * @throws GymlinkError STATE_NOT_FOUND; MALFORMED_REQUEST while a step or reset is unanswered: await it first.
   */
  async restoreState(stateId: StateId): Promise<Reset<Obs>> {
    return this.read(await restoreStates(this.session, [stateId]));
  }

  /** Forgets a saved state. Raises GymlinkError STATE_NOT_FOUND for an unknown one. */
  async dropState(stateId: StateId): Promise<void> {
    await dropStates(this.session, [stateId]);
  }

  /** A saved state as bytes, for `importState` of another session of the same environment. */
  async exportState(stateId: StateId): Promise<Uint8Array> {
    const [state] = await exportStates(this.session, [stateId]);
    return state as Uint8Array;
  }

  /**
   * Takes an exported state in; gives its id here.
   *
   * @throws GymlinkError STATE_MISMATCH for a state of another environment or of other constructor arguments.
   */
  async importState(state: Uint8Array): Promise<StateId> {
    const [stateId] = await importStates(this.session, [state]);
    return stateId as StateId;
  }

  /** Closes the environment. Calling it again does nothing. */
  async close(): Promise<void> {
    await this.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private read(transition: Transition): Reset<Obs> {
    this.rows.read(transition.parts);
    this.session.acknowledge(transition.delivery);
    const { infos } = this.rows.details;
    const [info = {}] = infos.length === 0 ? [] : infoList(infos, 1);
    return { observation: this.rows.observations.row(0) as Obs, info };
  }
}
