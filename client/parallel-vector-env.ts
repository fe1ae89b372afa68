import type { OpenedResponse } from '../proto/gen/gymlink/v1/session.js';
import { asNdArray, type NdArray } from './nd-array.js';
import type { MakeVecOptions, Unwrapped } from './open-request.js';
import { agentsOf, spaceOfAgent } from './parallel-env.js';
import type { Encoded, EncodedFrame, RenderFrame, VectorRenderOptions } from './renderings.js';
import type { VectorResetOptions } from './reset-request.js';
import type { Session } from './session.js';
import { expectSpace, type Sample, type Space } from './spaces/index.js';
import type { PlainValue } from './values.js';
import { type SpaceOf, VectorEnv } from './vector-env.js';
import type { VectorInfos } from './vector-infos.js';

/** How to make a vector environment of several agents; `SameStep` would have the ends of episodes in infos alone. */
export type MakeParallelVecOptions = Omit<Unwrapped<MakeVecOptions>, 'autoresetMode'> & {
  /** `NextStep` by default. */
  readonly autoresetMode?: 'NextStep' | 'Disabled';
};

/** One number for each sub-environment, shape [numEnvs], by agent. */
export type ByAgent<T extends Float64Array | Uint8Array> = Readonly<Record<string, NdArray<T>>>;

/** What `reset` of a parallel vector environment gives. */
export interface ParallelVectorReset<Obs> {
  /** By every possible agent. Rows of agents that are not there mean nothing: see `agents`. */
  readonly observations: Readonly<Record<string, Obs>>;
  /** By agent, as a vector environment has the entries of a dict: `infos.agent_0.speed`, and `_speed` for who has one. */
  readonly infos: VectorInfos;
}

/** What `step` of a parallel vector environment gives, by every possible agent; 0 for agents that are not there. */
export interface ParallelVectorStep<Obs> extends ParallelVectorReset<Obs> {
  readonly rewards: ByAgent<Float64Array>;
  /** 1 where the agent reached a terminal state in this step, and is gone. */
  readonly terminations: ByAgent<Uint8Array>;
  /** 1 where the agent was cut off in this step, and is gone. */
  readonly truncations: ByAgent<Uint8Array>;
}

/**
 * Environments of several agents that step together: each agent has a batch. Made by `Connection.makeParallelVec`.
 *
 * An episode is over where no agent is alive. In mode `NextStep` the next step begins a new one there and ignores the actions;
 * in mode `Disabled` it needs a `reset`.
 */
export class ParallelVectorEnv<Obs = Sample, Act = Sample> {
  readonly numEnvs: number;
  /** Every agent that may be there in an episode. */
  readonly possibleAgents: readonly string[];
  /** The environment's metadata, for example `render_fps`. */
  readonly metadata: Record<string, PlainValue>;
  /** Steps after which an episode is truncated; 0 for no limit but the environment's own. */
  readonly maxEpisodeSteps: number;
  /** Seed that the first reset uses if it names none: sub-environment i gets `seed + i`. */
  readonly seed: bigint;
  private readonly envs: VectorEnv<Record<string, Sample>, Record<string, Act>>;
  private readonly observationSpaces: Readonly<Record<string, Space>>;
  private readonly actionSpaces: Readonly<Record<string, Space>>;
  private alive: ByAgent<Uint8Array>;
  private due: ByAgent<Uint8Array>;

  /** Use `Connection.makeParallelVec`. */
  constructor(session: Session, opened: OpenedResponse, options: MakeParallelVecOptions) {
    this.envs = new VectorEnv(session, opened, options);
    this.possibleAgents = agentsOf(this.envs.metadata, opened);
    this.numEnvs = this.envs.numEnvs;
    this.metadata = this.envs.metadata;
    this.maxEpisodeSteps = this.envs.maxEpisodeSteps;
    this.seed = this.envs.seed;
    const parts = expectSpace(this.envs.observationSpace as Space, 'Dict').spaces;
    this.observationSpaces = expectSpace(parts.observations as Space, 'Dict').spaces;
    this.actionSpaces = expectSpace(this.envs.actionSpace as Space, 'Dict').spaces;
    this.alive = this.flags(() => false);
    this.due = this.alive;
  }

  /** 1 where the agent is alive; 0 everywhere before the first reset. */
  get agents(): ByAgent<Uint8Array> {
    return this.alive;
  }

  /** 1 where the next `step` uses the agent's action: where it is alive, or where it is its turn. */
  get acting(): ByAgent<Uint8Array> {
    return this.due;
  }

  /** Space of a batch of an agent's observations. Raises GymlinkError INVALID_ARGUMENT for an unknown agent. */
  observationSpace(agent: string): SpaceOf<Obs> {
    return spaceOfAgent(this.observationSpaces, agent) as SpaceOf<Obs>;
  }

  /** Space of a batch of an agent's actions. Raises GymlinkError INVALID_ARGUMENT for an unknown agent. */
  actionSpace(agent: string): SpaceOf<Act> {
    return spaceOfAgent(this.actionSpaces, agent) as SpaceOf<Act>;
  }

  /**
   * Resets all sub-environments, or those of `options.reset_mask`.
   *
   * @throws GymlinkError INVALID_SEED, INVALID_ARGUMENT, or ENVIRONMENT_RAISED.
   */
  async reset(options: VectorResetOptions = {}): Promise<ParallelVectorReset<Obs>> {
    const { observations, infos } = await this.envs.reset(options);
    const mask = options.options?.reset_mask;
    const [before, dueBefore] = [this.alive, this.due];
    this.look(observations);
    if (mask !== undefined) {
      // Of those that were not reset, what was known: a step limit is not in their observation.
      const kept = (now: ByAgent<Uint8Array>, then: ByAgent<Uint8Array>) =>
        this.flags((agent, i) => (mask[i] ? now : then)[agent]?.[i] === 1);
      this.alive = kept(this.alive, before);
      this.due = kept(this.due, dueBefore);
    }
    return { observations: observations.observations as Record<string, Obs>, infos };
  }

  /**
   * Takes one step in every sub-environment.
   *
   * @param actions A batch of valid actions for every possible agent; those of agents that do not act are ignored.
   * @throws GymlinkError INVALID_ACTION (nothing changed), RESET_NEEDED, ENVIRONMENT_RAISED, WORKER_DIED or DEADLINE_EXCEEDED.
   */
  async step(actions: Readonly<Record<string, Act>>): Promise<ParallelVectorStep<Obs>> {
    const step = await this.envs.step(actions as Record<string, Act>);
    const seen = step.observations;
    this.look(seen);
    const [here, due, over] = [this.alive, this.due, step.truncations];
    // A step limit truncates whoever is still alive.
    const stays = (flags: ByAgent<Uint8Array>) =>
      this.flags((agent, i) => flags[agent]?.[i] === 1 && over[i] === 0);
    this.alive = stays(here);
    this.due = stays(due);
    const rewards = this.column(seen.rewards as NdArray);
    const [terminated, cut] = [
      this.column(seen.terminations as NdArray),
      this.column(seen.truncations as NdArray),
    ];
    return {
      observations: seen.observations as Record<string, Obs>,
      rewards: this.byAgent((agent) =>
        asNdArray(
          Float64Array.from(this.rows, (i) => rewards(agent, i)),
          [this.numEnvs],
          'float64',
        ),
      ),
      terminations: this.flags((agent, i) => terminated(agent, i) === 1),
      truncations: this.flags(
        (agent, i) => cut(agent, i) === 1 || (over[i] === 1 && here[agent]?.[i] === 1),
      ),
      infos: step.infos,
    };
  }

  /**
   * What each sub-environment's `render` gives; see `VectorEnv.render`.
   *
   * @throws GymlinkError RENDER_UNAVAILABLE, RESET_NEEDED or INVALID_ENV_INDEX.
   */
  render(options: Encoded<VectorRenderOptions>): Promise<EncodedFrame[]>;
  render(options?: VectorRenderOptions): Promise<RenderFrame[]>;
  render(options: VectorRenderOptions = {}): Promise<(RenderFrame | EncodedFrame)[]> {
    return this.envs.render(options);
  }

  /** Closes the sub-environments. Calling it again does nothing. */
  async close(): Promise<void> {
    await this.envs.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private look(seen: Record<string, Sample>): void {
    const [alive, due] = [this.column(seen.agents as NdArray), this.column(seen.acting as NdArray)];
    this.alive = this.flags((agent, i) => alive(agent, i) === 1);
    this.due = this.flags((agent, i) => due(agent, i) === 1);
  }

  /** An agent's numbers in vectors of all agents, shape [numEnvs, agents]. */
  private column(vectors: NdArray): (agent: string, i: number) => number {
    const agents = this.possibleAgents;
    return (agent, i) => Number(vectors[i * agents.length + agents.indexOf(agent)]);
  }

  private flags(of: (agent: string, i: number) => boolean): ByAgent<Uint8Array> {
    return this.byAgent((agent) =>
      asNdArray(
        Uint8Array.from(this.rows, (i) => Number(of(agent, i))),
        [this.numEnvs],
        'bool',
      ),
    );
  }

  private byAgent<T>(of: (agent: string) => T): Record<string, T> {
    return Object.fromEntries(this.possibleAgents.map((agent) => [agent, of(agent)]));
  }

  private get rows(): number[] {
    return Array.from({ length: this.numEnvs }, (_, i) => i);
  }
}
