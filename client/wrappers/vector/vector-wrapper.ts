import type { AutoresetMode } from '../../open-request.js';
import type { Encoded, EncodedFrame, RenderFrame, VectorRenderOptions } from '../../renderings.js';
import type { VectorResetOptions } from '../../reset-request.js';
import { batchSpace, type Sample, type Space } from '../../spaces/index.js';
import type { PlainValue } from '../../values.js';
import type { SpaceOf, VectorEnv } from '../../vector-env.js';
import type { VectorReset, VectorStep } from '../../vector-results.js';

/** What can be wrapped: a `VectorEnv`, or a wrapper around one. */
export type AnyVectorEnv<Obs = Sample, Act = Sample> = Pick<
  VectorEnv<Obs, Act>,
  | 'numEnvs'
  | 'singleObservationSpace'
  | 'singleActionSpace'
  | 'observationSpace'
  | 'actionSpace'
  | 'autoresetMode'
  | 'metadata'
  | 'maxEpisodeSteps'
  | 'reset'
  | 'step'
  | 'render'
  | 'close'
  | typeof Symbol.asyncDispose
>;

/** Rewards of all sub-environments: float64, shape [numEnvs]. */
export type Rewards = VectorStep<unknown>['rewards'];

/** Spaces of one sub-environment that a wrapper changes. */
export interface SingleSpaces {
  readonly singleObservationSpace?: Space | undefined;
  readonly singleActionSpace?: Space | undefined;
}

/**
 * A vector environment around another one; Gymnasium's VectorWrapper, VectorObservationWrapper, VectorRewardWrapper and
 * VectorActionWrapper in one. A subclass overrides `observations`, `rewards` or `actions`, or `reset` and `step` themselves.
 * What it does not override is the inner environment's.
 */
export class VectorWrapper<Obs, Act, InnerObs = Obs, InnerAct = Act>
  implements AnyVectorEnv<Obs, Act>
{
  /** The vector environment inside. */
  readonly env: AnyVectorEnv<InnerObs, InnerAct>;
  readonly singleObservationSpace: Space;
  readonly singleActionSpace: Space;
  readonly observationSpace: SpaceOf<Obs>;
  readonly actionSpace: SpaceOf<Act>;

  /** @param spaces Spaces that are not the inner environment's; those of batches follow from them. */
  constructor(env: AnyVectorEnv<InnerObs, InnerAct>, spaces: SingleSpaces = {}) {
    const { singleObservationSpace, singleActionSpace } = spaces;
    const batched = (space: Space | undefined, inner: Space): Space =>
      space === undefined ? inner : batchSpace(space, env.numEnvs);
    this.env = env;
    this.singleObservationSpace = singleObservationSpace ?? env.singleObservationSpace;
    this.singleActionSpace = singleActionSpace ?? env.singleActionSpace;
    this.observationSpace = batched(
      singleObservationSpace,
      env.observationSpace,
    ) as SpaceOf<unknown> as SpaceOf<Obs>;
    this.actionSpace = batched(
      singleActionSpace,
      env.actionSpace,
    ) as SpaceOf<unknown> as SpaceOf<Act>;
  }

  get numEnvs(): number {
    return this.env.numEnvs;
  }

  get autoresetMode(): AutoresetMode {
    return this.env.autoresetMode;
  }

  get metadata(): Record<string, PlainValue> {
    return this.env.metadata;
  }

  get maxEpisodeSteps(): number {
    return this.env.maxEpisodeSteps;
  }

  async reset(options?: VectorResetOptions): Promise<VectorReset<Obs>> {
    const { observations, infos } = await this.env.reset(options);
    return { observations: this.observations(observations), infos };
  }

  async step(actions: Act): Promise<VectorStep<Obs>> {
    const step = await this.env.step(this.actions(actions));
    return {
      ...step,
      observations: this.observations(step.observations),
      rewards: this.rewards(step.rewards),
    };
  }

  render(options: Encoded<VectorRenderOptions>): Promise<EncodedFrame[]>;
  render(options?: VectorRenderOptions): Promise<RenderFrame[]>;
  async render(options?: VectorRenderOptions): Promise<(RenderFrame | EncodedFrame)[]> {
    return this.env.render(options);
  }

  async close(): Promise<void> {
    await this.env.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What becomes of the observations of the inner environment. */
  protected observations(observations: InnerObs): Obs {
    return observations as unknown as Obs;
  }

  /** What becomes of the rewards of the inner environment. */
  protected rewards(rewards: Rewards): Rewards {
    return rewards;
  }

  /** The actions that the inner environment gets. */
  protected actions(actions: Act): InnerAct {
    return actions as unknown as InnerAct;
  }
}

/**
 * Refuses environments whose autoreset mode a wrapper does not serve, as Gymnasium does.
 *
 * @throws RangeError if the mode is none of those.
 */
export function requireAutoresetMode(
  env: Pick<VectorEnv, 'autoresetMode'>,
  wrapper: string,
  modes: readonly AutoresetMode[],
): void {
  if (!modes.includes(env.autoresetMode))
    throw new RangeError(
      `${wrapper} needs autoreset mode ${modes.join(' or ')}, but the vector environment has ${env.autoresetMode}.`,
    );
}
