import type { OpenedResponse } from '../proto/gen/gymlink/v1/session.js';
import { Env, type Reset } from './env.js';
import { GymlinkError } from './errors.js';
import type { Info } from './infos.js';
import type { NdArray } from './nd-array.js';
import type { Seed } from './open-request.js';
import type { Encoded, EncodedFrame, RenderFrame, RenderOptions } from './renderings.js';
import type { StateId } from './saved-states.js';
import type { Session } from './session.js';
import { expectSpace, fromSpaceMessage, type Sample, type Space } from './spaces/index.js';
import type { Argument, Arguments, PlainValue } from './values.js';
import type { SpaceOf } from './vector-env.js';

/** What `reset` of a parallel environment gives, by the agents that are alive. */
export interface ParallelReset<Obs> {
  readonly observations: Record<string, Obs>;
  readonly infos: Record<string, Info>;
}

/** What `step` of a parallel environment gives, by the agents that were alive before the step or came with it. */
export interface ParallelStep<Obs> extends ParallelReset<Obs> {
  readonly rewards: Record<string, number>;
  /** The agent reached a terminal state, and is gone. */
  readonly terminations: Record<string, boolean>;
  /** The agent was cut off, for example by a step limit, and is gone. */
  readonly truncations: Record<string, boolean>;
}

/** An observation of all agents; session.proto, "Multi-agent environments". */
interface Observation<Obs> {
  readonly observations: Record<string, Obs>;
  readonly agents: NdArray;
  readonly acting: NdArray;
  readonly rewards: NdArray;
  readonly terminations: NdArray;
  readonly truncations: NdArray;
}

/**
 * An environment of several agents that act at the same time, or in turns; PettingZoo's ParallelEnv. Made by
 * `Connection.makeParallel`. The episode is over when `agents` is empty, and then needs a `reset`.
 */
export class ParallelEnv<Obs = Sample, Act = Sample> {
  /** Every agent that may be there in an episode. */
  readonly possibleAgents: readonly string[];
  private readonly env: Env<Sample, Sample>;
  private readonly observationSpaces: Readonly<Record<string, Space>>;
  private readonly actionSpaces: Readonly<Record<string, Space>>;
  /** Valid actions, for agents that do not act. */
  private readonly unused: Readonly<Record<string, Sample>>;
  private alive: readonly string[] = [];
  private due: readonly string[] = [];

  /** Use `Connection.makeParallel`. */
  constructor(session: Session, opened: OpenedResponse) {
    this.env = new Env(session, opened);
    this.possibleAgents = agentsOf(this.env.metadata, opened);
    const parts = expectSpace(this.env.observationSpace as Space, 'Dict').spaces;
    this.observationSpaces = expectSpace(parts.observations as Space, 'Dict').spaces;
    this.actionSpaces = expectSpace(this.env.actionSpace as Space, 'Dict').spaces;
    // Of a space of their own: drawing them must not change what the caller's space samples.
    this.unused = fromSpaceMessage(opened.actionSpace).sample() as Record<string, Sample>;
  }

  /** The agents that are alive, in the order of `possibleAgents`; empty before the first reset. */
  get agents(): readonly string[] {
    return this.alive;
  }

  /** The agents whose actions the next `step` takes: those that are alive, or the one whose turn it is. */
  get acting(): readonly string[] {
    return this.due;
  }

  /** The environment's metadata, for example `render_fps`. */
  get metadata(): Record<string, PlainValue> {
    return this.env.metadata;
  }

  /** Steps after which an episode is truncated; 0 for no limit but the environment's own. */
  get maxEpisodeSteps(): number {
    return this.env.maxEpisodeSteps;
  }

  /** Seed that the first reset uses if it names none. */
  get seed(): bigint {
    return this.env.seed;
  }

  /** An agent's observation space, the same object each time. Raises GymlinkError INVALID_ARGUMENT for an unknown agent. */
  observationSpace(agent: string): SpaceOf<Obs> {
    return spaceOfAgent(this.observationSpaces, agent) as SpaceOf<Obs>;
  }

  /** An agent's action space, the same object each time. Raises GymlinkError INVALID_ARGUMENT for an unknown agent. */
  actionSpace(agent: string): SpaceOf<Act> {
    return spaceOfAgent(this.actionSpaces, agent) as SpaceOf<Act>;
  }

  /**
   * Begins a new episode.
   *
   * @throws GymlinkError INVALID_SEED or ENVIRONMENT_RAISED.
   */
  async reset(options: { seed?: Seed; options?: Arguments } = {}): Promise<ParallelReset<Obs>> {
    return this.begun(await this.env.reset(options));
  }

  /**
   * Takes one step with an action for each agent of `acting`.
   *
   * A step limit of the environment truncates every agent that is still alive.
   *
   * @throws GymlinkError INVALID_ACTION if an action is missing, superfluous or not in its space (nothing changed);
   *   RESET_NEEDED before the first reset and after the end of an episode; ENVIRONMENT_RAISED, WORKER_DIED or
   *   DEADLINE_EXCEEDED.
   */
  async step(actions: Readonly<Record<string, Act>>): Promise<ParallelStep<Obs>> {
    this.check(actions);
    const { observation, info, truncated } = await this.env.step({
      ...this.unused,
      ...actions,
    } as Record<string, Sample>);
    const seen = observation as unknown as Observation<Obs>;
    const [before, after] = [this.alive, this.marked(seen.agents)];
    this.alive = truncated ? [] : after;
    this.due = truncated ? [] : this.marked(seen.acting);
    const concerned = this.possibleAgents.filter(
      (agent) => before.includes(agent) || after.includes(agent),
    );
    const at = (vector: NdArray) => (agent: string) =>
      Number(vector[this.possibleAgents.indexOf(agent)]);
    const [reward, terminated, cut] = [
      at(seen.rewards),
      at(seen.terminations),
      at(seen.truncations),
    ];
    return {
      observations: byAgent(concerned, (agent) => seen.observations[agent] as Obs),
      rewards: byAgent(concerned, reward),
      terminations: byAgent(concerned, (agent) => terminated(agent) === 1),
      truncations: byAgent(
        concerned,
        (agent) => cut(agent) === 1 || (truncated && after.includes(agent)),
      ),
      infos: byAgent(concerned, (agent) => infoOf(info, agent)),
    };
  }

  /**
   * What the environment's `render` gives; see `Env.render`.
   *
   * @throws GymlinkError RENDER_UNAVAILABLE or RESET_NEEDED.
   */
  render(options: Encoded<RenderOptions>): Promise<EncodedFrame>;
  render(options?: RenderOptions): Promise<RenderFrame>;
  render(options: RenderOptions = {}): Promise<RenderFrame | EncodedFrame> {
    return this.env.render(options);
  }

  /**
   * An attribute of PettingZoo's environment; see `VectorEnv.getAttr`.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that is not on the environment's allow-list.
   */
  getAttr(name: string): Promise<PlainValue> {
    return this.env.getAttr(name);
  }

  /**
   * Sets an attribute.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that may not be set.
   */
  setAttr(name: string, value: Argument): Promise<void> {
    return this.env.setAttr(name, value);
  }

  /**
   * Calls a method, or reads an attribute: `call('state')` gives the global state of environments that have one.
   *
   * @throws GymlinkError NOT_ALLOWED for a name that may not be called; ENVIRONMENT_RAISED.
   */
  call(name: string, args: readonly Argument[] = [], kwargs: Arguments = {}): Promise<PlainValue> {
    return this.env.call(name, args, kwargs);
  }

  /**
   * Saves the state of the environment and its agents; see `VectorEnv.saveState`.
   *
   * @returns Its id, valid in this environment until `dropState`.
   * @throws GymlinkError As `Env.saveState`.
   */
  saveState(): Promise<StateId> {
    return this.env.saveState();
  }

  /**
   * Continues a saved episode; may be called any number of times with the same state.
   *
   * @returns What the agents that are alive observed last. Of a state that was saved at the end of an episode there are none.
   * @throws GymlinkError As `Env.restoreState`.
   */
  async restoreState(stateId: StateId): Promise<ParallelReset<Obs>> {
    const restored = await this.env.restoreState(stateId);
    const limit = this.env.maxEpisodeSteps;
    return this.begun(restored, limit > 0 && this.env.episodeSteps >= limit);
  }

  /** Forgets a saved state. Raises GymlinkError STATE_NOT_FOUND for an unknown one. */
  dropState(stateId: StateId): Promise<void> {
    return this.env.dropState(stateId);
  }

  /** A saved state as bytes, for `importState` of another session of the same environment. */
  exportState(stateId: StateId): Promise<Uint8Array> {
    return this.env.exportState(stateId);
  }

  /**
   * Takes an exported state in; gives its id here.
   *
   * @throws GymlinkError STATE_MISMATCH for a state of another environment or of other constructor arguments.
   */
  importState(state: Uint8Array): Promise<StateId> {
    return this.env.importState(state);
  }

  /** Closes the environment. Calling it again does nothing. */
  async close(): Promise<void> {
    await this.env.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private begun({ observation, info }: Reset<Sample>, isOver = false): ParallelReset<Obs> {
    const seen = observation as unknown as Observation<Obs>;
    this.alive = isOver ? [] : this.marked(seen.agents);
    this.due = isOver ? [] : this.marked(seen.acting);
    return {
      observations: byAgent(this.alive, (agent) => seen.observations[agent] as Obs),
      infos: byAgent(this.alive, (agent) => infoOf(info, agent)),
    };
  }

  private check(actions: Readonly<Record<string, Act>>): void {
    if (this.alive.length === 0) {
      const message =
        'No agent is alive, before the first reset or after the end of an episode: reset.';
      throw new GymlinkError('RESET_NEEDED', message);
    }
    const acting = `Now act: ${this.due.join(', ')}.`;
    for (const agent of Object.keys(actions))
      if (!this.due.includes(agent))
        throw new GymlinkError('INVALID_ACTION', `The agent "${agent}" does not act. ${acting}`);
    for (const agent of this.due)
      if (!Object.hasOwn(actions, agent))
        throw new GymlinkError('INVALID_ACTION', `The agent "${agent}" has no action. ${acting}`);
  }

  private marked(flags: NdArray): string[] {
    return this.possibleAgents.filter((_, i) => flags[i] === 1);
  }
}

/** The possible agents of an environment that was opened; raises GymlinkError INVALID_ARGUMENT where it has none. */
export function agentsOf(
  { api, possible_agents: agents }: Record<string, PlainValue>,
  opened: OpenedResponse,
): string[] {
  if (api === 'parallel') return agents as string[];
  const message = `${opened.environment?.id} has no agents of its own: make it with make or makeVec.`;
  throw new GymlinkError('INVALID_ARGUMENT', message);
}

/** An agent's space. Raises GymlinkError INVALID_ARGUMENT for an unknown agent. */
export function spaceOfAgent(spaces: Readonly<Record<string, Space>>, agent: string): Space {
  if (Object.hasOwn(spaces, agent)) return spaces[agent] as Space;
  const message = `There is no agent "${agent}"; there are ${Object.keys(spaces).join(', ')}.`;
  throw new GymlinkError('INVALID_ARGUMENT', message);
}

function byAgent<T>(agents: readonly string[], of: (agent: string) => T): Record<string, T> {
  return Object.fromEntries(agents.map((agent) => [agent, of(agent)]));
}

function infoOf(infos: Info, agent: string): Info {
  return Object.hasOwn(infos, agent) ? (infos[agent] as Info) : {};
}
