import type { SpaceOf } from '../vector-env.js';
import { type AnyEnv, Wrapper } from './wrapper.js';

/** Applies a function to every observation (Gymnasium's TransformObservation). */
export class TransformObservation<Obs, Act, InnerObs = Obs> extends Wrapper<Obs, Act, InnerObs> {
  private readonly func: (observation: InnerObs) => Obs;

  /** @param observationSpace Space of what the function gives; by default the inner environment's. */
  constructor(
    env: AnyEnv<InnerObs, Act>,
    func: (observation: InnerObs) => Obs,
    observationSpace?: SpaceOf<Obs>,
  ) {
    super(env, { observationSpace });
    this.func = func;
  }

  protected override observation(observation: InnerObs): Obs {
    return this.func(observation);
  }
}

/** Applies a function to every reward (Gymnasium's TransformReward). */
export class TransformReward<Obs, Act> extends Wrapper<Obs, Act> {
  private readonly func: (reward: number) => number;

  constructor(env: AnyEnv<Obs, Act>, func: (reward: number) => number) {
    super(env);
    this.func = func;
  }

  protected override reward(reward: number): number {
    return this.func(reward);
  }
}

/** Applies a function to every action before the inner environment gets it (Gymnasium's TransformAction). */
export class TransformAction<Obs, Act, InnerAct = Act> extends Wrapper<Obs, Act, Obs, InnerAct> {
  private readonly func: (action: Act) => InnerAct;

  /** @param actionSpace Space of what the function takes; by default the inner environment's. */
  constructor(
    env: AnyEnv<Obs, InnerAct>,
    func: (action: Act) => InnerAct,
    actionSpace?: SpaceOf<Act>,
  ) {
    super(env, { actionSpace });
    this.func = func;
  }

  protected override action(action: Act): InnerAct {
    return this.func(action);
  }
}
