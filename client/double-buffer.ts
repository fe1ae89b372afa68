import type { ResetRequest, Transition } from '../proto/gen/gymlink/v1/session.js';
import { encodeActions } from './actions.js';
import { GymlinkError } from './errors.js';
import { resetRequest, type VectorResetOptions } from './reset-request.js';
import type { Session } from './session.js';
import type { Space } from './spaces/index.js';
import type { Rows } from './transition.js';
import {
  type TransitionDetails,
  transitionDetails,
  type VectorStep,
  vectorStep,
} from './vector-results.js';

/** What the halves of a vector environment have in common. */
export interface Buffered {
  readonly session: Session;
  readonly actionSpace: Space;
  readonly numEnvs: number;
  readonly copy: boolean;
  /** Memory for the rows of some sub-environments. */
  rowsOf(envIndices: readonly number[]): Rows;
}

/** The newest rows of half of the sub-environments, and what to do with these next; row i is of sub-environment `envIndices[i]`. */
export interface Batch<Obs, Act> extends VectorStep<Obs> {
  /** The sub-environments, ascending; the same in every other batch. */
  readonly envIndices: Int32Array;
  /** What the protocol tells beyond Gymnasium's results, by row; in the first two batches every kind is `reset`. */
  details(): TransitionDetails;
  /**
   * Begins the next step of these sub-environments, whose rows are the batch after the next one. Called once, before the loop goes
   * on.
   *
   * @param actions One for each row.
   * @throws GymlinkError INVALID_ACTION for actions that do not fit the space; what the server answers is thrown by the loop.
   */
  step(actions: Act): void;
  /**
   * Begins a reset in place of a step: of all rows, or of those that `options.reset_mask` names, while the others wait (autoreset
   * mode Disabled). Arrays in the options have one item a row; a single seed gives sub-environment i `seed + i`.
   */
  reset(options?: VectorResetOptions): void;
}

/** Half of the sub-environments: at most one of its requests is on its way. */
class Half<Obs, Act> {
  readonly envIndices: readonly number[];
  private readonly shared: Buffered;
  private readonly rows: Rows;
  private arrival: Promise<void> | undefined;

  constructor(shared: Buffered, envIndices: readonly number[]) {
    this.shared = shared;
    this.envIndices = envIndices;
    this.rows = shared.rowsOf(envIndices);
  }

  get isUnderWay(): boolean {
    return this.arrival !== undefined;
  }

  /** Waits for the rows that are on their way. */
  async arrived(): Promise<void> {
    const { arrival } = this;
    await arrival;
    this.arrival = undefined;
  }

  batch(): Batch<Obs, Act> {
    const { rows, envIndices, shared } = this;
    // Without a look at the infos, which a spread would be.
    return Object.assign(vectorStep<Obs>(rows, envIndices.length, shared.copy), {
      envIndices: Int32Array.from(envIndices),
      details: () => transitionDetails(rows, envIndices.length),
      step: (actions: Act) => this.step(actions),
      reset: (options: VectorResetOptions = {}) => {
        const request = resetRequest(options, envIndices.length);
        const named = request.envIndices.map((row) => envIndices[row] as number);
        this.reset({ ...request, envIndices: named.length > 0 ? named : [...envIndices] });
      },
    });
  }

  reset(request: ResetRequest): void {
    this.checkFree();
    const reply = this.shared.session.request({ $case: 'reset', value: request }, 'transition');
    this.expect(reply, request.envIndices);
  }

  private step(actions: Act): void {
    this.checkFree();
    const { envIndices, shared } = this;
    const bytes = encodeActions(shared.actionSpace, envIndices.length, actions, envIndices);
    this.expect(shared.session.step(bytes, envIndices), envIndices);
  }

  private checkFree(): void {
    if (this.isUnderWay)
      throw new GymlinkError('INVALID_ARGUMENT', 'This batch was stepped or reset already.');
  }

  /** Reads on arrival: an acknowledgement is of all deliveries before it, too, those of the other half among them. */
  private expect(reply: Promise<Transition>, asked: readonly number[]): void {
    this.arrival = reply.then(({ parts, delivery }) => {
      this.rows.read(parts, asked);
      this.shared.session.acknowledge(delivery);
    });
    // Whoever waits for it gets the error; nobody may, when the other half failed first.
    this.arrival.catch(() => undefined);
  }
}

/** Resets all sub-environments and yields the batches of both halves in turn, for as long as each is stepped. */
export async function* doubleBuffered<Obs, Act>(
  shared: Buffered,
  options: VectorResetOptions,
): AsyncGenerator<Batch<Obs, Act>, void, undefined> {
  const all = Array.from({ length: shared.numEnvs }, (_, env) => env);
  // Every other one: so each half has its share of every worker's sub-environments, and all workers are busy with it.
  const halves = [0, 1]
    .map((half) => all.filter((env) => env % 2 === half))
    .filter((envIndices) => envIndices.length > 0)
    .map((envIndices) => new Half<Obs, Act>(shared, envIndices));
  try {
    for (const half of halves) half.reset(resetOfSome(options, half.envIndices, shared.numEnvs));
    for (;;) {
      for (const half of halves) {
        await half.arrived();
        yield half.batch();
        if (!half.isUnderWay)
          throw new GymlinkError(
            'INVALID_ARGUMENT',
            'The loop went on without a step or reset of its last batch.',
          );
      }
    }
  } finally {
    await Promise.allSettled(halves.map((half) => half.arrived()));
  }
}

/** The part of a reset of all sub-environments that concerns some. */
function resetOfSome(
  options: VectorResetOptions,
  envIndices: readonly number[],
  numEnvs: number,
): ResetRequest {
  const named = new Set(envIndices);
  const mask = Array.from({ length: numEnvs }, (_, env) => named.has(env));
  const masked = { ...options, options: { ...options.options, reset_mask: mask } };
  const request = resetRequest(masked, numEnvs);
  // No options are another thing for an environment than empty ones.
  return options.options === undefined ? { ...request, options: undefined } : request;
}
