import { ErrorReason, requestError } from './errors.js';

const neverReset = 0;
const ready = 1;
const failed = 2;
const ended = 3;

const why: Record<number, string> = {
  [neverReset]: 'was never reset',
  [failed]: 'has failed since its last reset',
  [ended]: 'has ended its episode (autoreset mode DISABLED)',
};

/** Which sub-environments of a session may be stepped, and which are in use by a request that is on its way. */
export class EnvStates {
  readonly #states: Uint8Array;
  readonly #seeded: Uint8Array;
  readonly #inUse: Uint8Array;
  readonly #all: readonly number[];
  /** How many are not ready. */
  #needReset: number;

  constructor(numEnvs: number) {
    this.#states = new Uint8Array(numEnvs);
    this.#seeded = new Uint8Array(numEnvs);
    this.#inUse = new Uint8Array(numEnvs);
    this.#all = Array.from({ length: numEnvs }, (_, i) => i);
    this.#needReset = numEnvs;
  }

  /** The sub-environments that a request names: all of them for an empty list. Raises RequestError INVALID_ENV_INDEX. */
  named(envIndices: readonly number[]): readonly number[] {
    if (envIndices.length === 0) return this.#all;
    let previous = -1;
    for (const envIndex of envIndices) {
      if (envIndex >= this.#all.length)
        throw invalidIndex(
          `${envIndex} is no sub-environment: there are 0 to ${this.#all.length - 1}`,
          envIndex,
        );
      if (envIndex === previous)
        throw invalidIndex(`Sub-environment ${envIndex} is named twice`, envIndex);
      if (envIndex < previous)
        throw invalidIndex(
          `Sub-environment ${envIndex} follows ${previous}: name them in ascending order`,
          envIndex,
        );
      previous = envIndex;
    }
    return envIndices;
  }

  /** Raises RequestError RESET_NEEDED unless all of these can be stepped; or rendered or saved, also at the end of an episode. */
  checkReady(envIndices: readonly number[], envId: string, what: 'step' | 'render' | 'save'): void {
    if (this.#needReset === 0) return;
    const isReady = (state?: number) => state === ready || (what !== 'step' && state === ended);
    const notReady = envIndices.filter((i) => !isReady(this.#states[i]));
    const [first] = notReady;
    if (first === undefined) return;
    const others = notReady.length === 1 ? '' : ` (and ${notReady.length - 1} more)`;
    throw requestError(
      ErrorReason.ERROR_REASON_RESET_NEEDED,
      `Sub-environment ${first} of ${envId}${others} ${why[this.#states[first] ?? neverReset]}: reset it first. ` +
        'No sub-environment advanced.',
      { envId, envIndices: notReady },
    );
  }

  /** Whether a sub-environment's generator was seeded by a reset. */
  wasReset(envIndex: number): boolean {
    return this.#seeded[envIndex] === 1;
  }

  markReset(envIndices: readonly number[]): void {
    for (const i of envIndices) this.#seeded[i] = 1;
    this.#mark(envIndices, ready);
  }

  markFailed(envIndices: readonly number[]): void {
    this.#mark(envIndices, failed);
  }

  markEnded(envIndices: readonly number[]): void {
    this.#mark(envIndices, ended);
  }

  isInUse(envIndices: readonly number[]): boolean {
    return envIndices.some((i) => this.#inUse[i] === 1);
  }

  setInUse(envIndices: readonly number[], inUse: boolean): void {
    const value = inUse ? 1 : 0;
    if (envIndices === this.#all) this.#inUse.fill(value);
    else for (const i of envIndices) this.#inUse[i] = value;
  }

  #mark(envIndices: readonly number[], state: number): void {
    for (const i of envIndices) {
      const before = this.#states[i];
      if (before === undefined) continue;
      this.#needReset += Number(before === ready) - Number(state === ready);
      this.#states[i] = state;
    }
  }
}

function invalidIndex(what: string, envIndex: number): Error {
  return requestError(ErrorReason.ERROR_REASON_INVALID_ENV_INDEX, `${what}. Nothing was changed.`, {
    envIndices: [envIndex],
  });
}
