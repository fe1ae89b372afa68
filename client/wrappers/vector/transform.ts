import { asNdArray } from '../../nd-array.js';
import type { Space } from '../../spaces/index.js';
import {
  type AnyVectorEnv,
  type Rewards,
  requireAutoresetMode,
  VectorWrapper,
} from './vector-wrapper.js';

/** Applies a function to the observations of all sub-environments (Gymnasium's vector TransformObservation). */
export class TransformObservation<Obs, Act, InnerObs = Obs> extends VectorWrapper<
  Obs,
  Act,
  InnerObs
> {
  private readonly func: (observations: InnerObs) => Obs;

  /**
   * @param func Function of a whole batch.
   * @param singleObservationSpace Space of one sub-environment's part of what it gives; by default the inner environment's.
   * @throws RangeError in autoreset mode SameStep, whose final observations a function of batches does not reach.
   */
  constructor(
    env: AnyVectorEnv<InnerObs, Act>,
    func: (observations: InnerObs) => Obs,
    singleObservationSpace?: Space,
  ) {
    requireAutoresetMode(env, 'TransformObservation', ['NextStep', 'Disabled']);
    super(env, { singleObservationSpace });
    this.func = func;
  }

  protected override observations(observations: InnerObs): Obs {
    return this.func(observations);
  }
}

/** Applies a function to the rewards of all sub-environments (Gymnasium's vector TransformReward). */
export class TransformReward<Obs, Act> extends VectorWrapper<Obs, Act> {
  private readonly func: (rewards: Rewards) => ArrayLike<number>;

  /** @param func Function of the rewards of all sub-environments, shape [numEnvs]; it gives as many. */
  constructor(env: AnyVectorEnv<Obs, Act>, func: (rewards: Rewards) => ArrayLike<number>) {
    super(env);
    this.func = func;
  }

  protected override rewards(rewards: Rewards): Rewards {
    return asNdArray(Float64Array.from(this.func(rewards)), rewards.shape, rewards.dtype);
  }
}

/** Applies a function to the actions before the inner environment gets them (Gymnasium's vector TransformAction). */
export class TransformAction<Obs, Act, InnerAct = Act> extends VectorWrapper<
  Obs,
  Act,
  Obs,
  InnerAct
> {
  private readonly func: (actions: Act) => InnerAct;

  /**
   * @param func Function of a whole batch.
   * @param singleActionSpace Space of one sub-environment's part of what it takes; by default the inner environment's.
   */
  constructor(
    env: AnyVectorEnv<Obs, InnerAct>,
    func: (actions: Act) => InnerAct,
    singleActionSpace?: Space,
  ) {
    super(env, { singleActionSpace });
    this.func = func;
  }

  protected override actions(actions: Act): InnerAct {
    return this.func(actions);
  }
}
