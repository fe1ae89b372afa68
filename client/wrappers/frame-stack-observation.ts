import type { Reset } from '../env.js';
import type { NdArray } from '../nd-array.js';
import { concatenate } from '../spaces/batch.js';
import { batchSpace, type Sample, type Space } from '../spaces/index.js';
import type { SpaceOf } from '../vector-env.js';
import { type AnyEnv, type ResetOptions, Wrapper } from './wrapper.js';
import { zeroOf } from './zero.js';

/** The type of several values of a space in a batch. */
export type Batched<T> = [Sample] extends [T]
  ? Sample
  : T extends number
    ? NdArray<Int32Array>
    : T extends string
      ? string[]
      : T extends ArrayBufferView
        ? T
        : { [K in keyof T]: Batched<T[K]> };

/** How frames are stacked. */
export interface FrameStackOptions<Obs> {
  /**
   * What stands for the frames before an episode: its first observation (`reset`, the default), the observation nearest to zero
   * (`zero`), or one that is given.
   */
  readonly paddingType?: 'reset' | 'zero' | { readonly observation: Obs };
}

/**
 * Stacks the last observations, the newest last (Gymnasium's FrameStackObservation): arrays of shape [stackSize, ...shape], Int32Array
 * where observations are numbers.
 */
export class FrameStackObservation<Obs, Act> extends Wrapper<Batched<Obs>, Act, Obs> {
  readonly stackSize: number;
  private readonly padding: Obs | undefined;
  private frames: Obs[] = [];

  /**
   * @param stackSize Number of observations in a stack.
   * @throws RangeError if stackSize is no whole number from 1 on, or a given padding is not in the observation space.
   */
  constructor(
    env: AnyEnv<Obs, Act>,
    stackSize: number,
    { paddingType = 'reset' }: FrameStackOptions<Obs> = {},
  ) {
    if (!Number.isInteger(stackSize) || stackSize < 1)
      throw new RangeError(`stackSize must be a whole number from 1 on, not ${stackSize}.`);
    const space: Space = env.observationSpace;
    super(env, {
      observationSpace: batchSpace(space, stackSize) as unknown as SpaceOf<Batched<Obs>>,
    });
    this.stackSize = stackSize;
    if (paddingType === 'zero') this.padding = zeroOf(space) as Obs;
    else if (paddingType !== 'reset') this.padding = paddingType.observation;
    if (paddingType !== 'reset' && !space.contains(this.padding))
      throw new RangeError(`The padding is not in ${space}.`);
  }

  override async reset(options?: ResetOptions): Promise<Reset<Batched<Obs>>> {
    const { observation, info } = await this.env.reset(options);
    const padding = this.padding ?? observation;
    this.frames = new Array<Obs>(this.stackSize).fill(padding);
    return { observation: this.observation(observation), info };
  }

  protected override observation(observation: Obs): Batched<Obs> {
    this.frames = [...this.frames.slice(1), observation];
    const frames = this.frames as readonly unknown[] as readonly Sample[];
    return concatenate(this.env.observationSpace, frames) as unknown as Batched<Obs>;
  }
}
