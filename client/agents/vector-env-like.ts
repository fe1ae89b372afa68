/**
 * What an agent needs of a vector environment. The client's `VectorEnv` satisfies it; so does any
 * object of this shape. Names and meanings are those of Gymnasium's `VectorEnv`.
 */
export interface VectorEnvLike {
  /** Number of sub-environments; every array of a step has this many rows. */
  readonly numEnvs: number;
  readonly singleObservationSpace: SpaceLike;
  readonly singleActionSpace: SpaceLike;
  /** Gymnasium's `AutoresetMode`: 'NextStep', 'SameStep' or 'Disabled'. */
  readonly autoresetMode: string;
  reset(options?: { seed?: number }): Promise<{ readonly observations: Observations }>;
  step(actions: Int32Array): Promise<VectorStep>;
}

/** Observations of all sub-environments, `numEnvs` rows in C order; the next step may overwrite them. */
export type Observations = ArrayLike<number>;

/** What one vector step returns; `n` below is the number of sub-environments. */
export interface VectorStep {
  /** `n` rows; the true final observation where the row terminated or was truncated. */
  readonly observations: Observations;
  /** Shape [n]. */
  readonly rewards: ArrayLike<number>;
  /** Shape [n]; non-zero where the episode reached a terminal state. */
  readonly terminations: ArrayLike<number>;
  /** Shape [n]; non-zero where the episode was cut off without reaching a terminal state. */
  readonly truncations: ArrayLike<number>;
}

/** A space, told by its kind; `shape` belongs to Box, `n` and `start` to Discrete. */
export interface SpaceLike {
  readonly kind: string;
  readonly dtype?: string;
  readonly shape?: readonly number[];
  readonly n?: number;
  readonly start?: unknown;
}

/** The sizes of a problem with a Box observation and a Discrete action. */
export interface ProblemSize {
  /** Number of elements of one observation, whatever its shape. */
  readonly observationSize: number;
  /** Number of actions. */
  readonly numActions: number;
  /** The smallest action: the environment's actions are `actionStart` to `actionStart + numActions - 1`. */
  readonly actionStart: number;
}

/**
 * Reads the sizes of a problem off its spaces.
 *
 * @throws TypeError if the observation space is no Box of numbers up to 32 bits or float64, or the
 *   action space is not Discrete.
 */
export function problemSize(env: VectorEnvLike): ProblemSize {
  const observation = env.singleObservationSpace;
  const action = env.singleActionSpace;
  if (observation.kind !== 'Box' || observation.shape === undefined) {
    throw new TypeError(
      `The agent needs a Box observation space, but the environment has ${observation.kind}.`,
    );
  }
  if (observation.dtype === 'int64' || observation.dtype === 'uint64') {
    throw new TypeError(
      `The agent cannot learn from ${observation.dtype} observations (BigInt in JavaScript): convert them first.`,
    );
  }
  if (action.kind !== 'Discrete' || typeof action.n !== 'number') {
    throw new TypeError(
      `The agent needs a Discrete action space, but the environment has ${action.kind}.`,
    );
  }
  return {
    observationSize: observation.shape.reduce((product, length) => product * length, 1),
    numActions: action.n,
    actionStart: typeof action.start === 'number' ? action.start : 0,
  };
}

/**
 * Checks that ended episodes are reset as the agents expect.
 *
 * @throws TypeError if the autoreset mode is not 'NextStep'.
 */
export function requireNextStepAutoreset(env: VectorEnvLike): void {
  if (env.autoresetMode !== 'NextStep') {
    throw new TypeError(
      `The agent needs a vector environment in autoreset mode NextStep, not ${env.autoresetMode}: make it with the default mode.`,
    );
  }
}
