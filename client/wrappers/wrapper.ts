import type { Env, Reset, Step } from '../env.js';
import type { Encoded, EncodedFrame, RenderFrame, RenderOptions } from '../renderings.js';
import type { Sample } from '../spaces/index.js';
import type { PlainValue } from '../values.js';
import type { SpaceOf } from '../vector-env.js';

/** What can be wrapped: an `Env`, or a wrapper around one. */
export type AnyEnv<Obs = Sample, Act = Sample> = Pick<
  Env<Obs, Act>,
  | 'observationSpace'
  | 'actionSpace'
  | 'metadata'
  | 'maxEpisodeSteps'
  | 'reset'
  | 'step'
  | 'render'
  | 'close'
  | typeof Symbol.asyncDispose
>;

/** How to reset an environment. */
export type ResetOptions = NonNullable<Parameters<Env['reset']>[0]>;

/** The spaces that a wrapper changes. */
export interface WrapperSpaces<Obs, Act> {
  readonly observationSpace?: SpaceOf<Obs> | undefined;
  readonly actionSpace?: SpaceOf<Act> | undefined;
}

/**
 * An environment around another one; Gymnasium's Wrapper, ObservationWrapper, RewardWrapper and ActionWrapper in one. A subclass
 * overrides `observation`, `reward` or `action`, or `reset` and `step` themselves. What it does not override is the inner
 * environment's.
 */
export class Wrapper<Obs, Act, InnerObs = Obs, InnerAct = Act> implements AnyEnv<Obs, Act> {
  /** The environment inside. */
  readonly env: AnyEnv<InnerObs, InnerAct>;
  readonly observationSpace: SpaceOf<Obs>;
  readonly actionSpace: SpaceOf<Act>;

  /** @param spaces Spaces that are not the inner environment's. */
  constructor(env: AnyEnv<InnerObs, InnerAct>, spaces: WrapperSpaces<Obs, Act> = {}) {
    this.env = env;
    this.observationSpace =
      spaces.observationSpace ?? (env.observationSpace as unknown as SpaceOf<Obs>);
    this.actionSpace = spaces.actionSpace ?? (env.actionSpace as unknown as SpaceOf<Act>);
  }

  get metadata(): Record<string, PlainValue> {
    return this.env.metadata;
  }

  get maxEpisodeSteps(): number {
    return this.env.maxEpisodeSteps;
  }

  async reset(options?: ResetOptions): Promise<Reset<Obs>> {
    const { observation, info } = await this.env.reset(options);
    return { observation: this.observation(observation), info };
  }

  async step(action: Act): Promise<Step<Obs>> {
    const step = await this.env.step(this.action(action));
    return {
      ...step,
      observation: this.observation(step.observation),
      reward: this.reward(step.reward),
    };
  }

  render(options: Encoded<RenderOptions>): Promise<EncodedFrame>;
  render(options?: RenderOptions): Promise<RenderFrame>;
  async render(options?: RenderOptions): Promise<RenderFrame | EncodedFrame> {
    return this.env.render(options);
  }

  async close(): Promise<void> {
    await this.env.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What becomes of an observation of the inner environment. */
  protected observation(observation: InnerObs): Obs {
    return observation as unknown as Obs;
  }

  /** What becomes of a reward of the inner environment. */
  protected reward(reward: number): number {
    return reward;
  }

  /** The action that the inner environment gets. */
  protected action(action: Act): InnerAct {
    return action as unknown as InnerAct;
  }
}
