import {
  AutoresetMode,
  type DropStateRequest,
  type ExportStateRequest,
  type ImportStateRequest,
  type OpenRequest,
  RestoreStateRequest,
  type SaveStateRequest,
  SessionResponse,
} from '../proto/gen/gymlink/v1/session.js';
import { FrameType, SaveStates } from '../proto/gen/gymlink/worker/v1/worker.js';
import type { EnvStates } from './env-states.js';
import type { Errands, Reply } from './errands.js';
import { malformed, RequestError } from './errors.js';
import type { PlacedWorker } from './placed-workers.js';
import { SavedStates } from './saved-states.js';

type Response = NonNullable<SessionResponse['response']>;

function encodeResponse(seq: bigint, response: Response): Uint8Array {
  return SessionResponse.encode({ seq, response }).finish();
}

/** Answers a session's requests about saved states. */
export class StateRequests {
  readonly #open: OpenRequest;
  readonly #placed: readonly PlacedWorker[];
  readonly #states: EnvStates;
  readonly #errands: Errands;
  readonly #deadlineMs: number;
  readonly #saved: SavedStates;

  constructor(
    open: OpenRequest,
    placed: readonly PlacedWorker[],
    states: EnvStates,
    errands: Errands,
    deadlineMs: number,
  ) {
    this.#open = open;
    this.#placed = placed;
    this.#states = states;
    this.#errands = errands;
    this.#deadlineMs = deadlineMs;
    this.#saved = new SavedStates(open.envId, placed, deadlineMs);
  }

  /** Saves the state of sub-environments. Raises RequestError when the request is refused. */
  save(seq: bigint, request: SaveStateRequest, reply: Reply): void {
    const envIndices = this.#states.named(request.envIndices);
    this.#states.checkReady(envIndices, this.#open.envId, 'save');
    const { forksLeft } = this.#saved;
    const stateIds = this.#saved.reserve(envIndices.length);
    const errand = {
      seq,
      envIndices,
      what: 'SaveState',
      deadlineMs: this.#deadlineMs,
      type: FrameType.FRAME_TYPE_SAVE_STATES,
      replyType: FrameType.FRAME_TYPE_STATES_HELD,
      pieces: [SaveStates.encode({ envIndices: [...envIndices], stateIds, forksLeft }).finish()],
    };
    this.#errands.run(
      errand,
      (answers) => {
        const bodies = answers.flatMap((answer) => answer.bodies);
        this.#saved.keep(stateIds, (place) => this.#workerOf(envIndices[place] as number), bodies);
        return [encodeResponse(seq, { $case: 'stateSaved', value: { stateIds } })];
      },
      (outcome) => {
        // Other workers may have saved theirs.
        if (outcome instanceof RequestError) this.#saved.drop(stateIds).catch(() => undefined);
        reply(outcome);
      },
    );
  }

  /** Restores sub-environments. Raises RequestError when the request is refused, before anything was changed. */
  restore(seq: bigint, { envIndices: named, stateIds }: RestoreStateRequest, reply: Reply): void {
    const envIndices = this.#states.named(named);
    if (stateIds.length !== envIndices.length)
      throw malformed(
        `${stateIds.length} states were given for ${envIndices.length} sub-environments. Nothing was changed.`,
      );
    if (this.#errands.mustWait(envIndices))
      throw malformed(
        'A request of these sub-environments is unanswered: await it before RestoreState. Nothing was changed.',
      );
    const lacking = this.#saved.lacking(
      stateIds,
      envIndices.map((i) => this.#workerOf(i)),
    );
    const errand = {
      seq,
      envIndices,
      what: 'RestoreState',
      deadlineMs: this.#deadlineMs,
      type: FrameType.FRAME_TYPE_RESTORE_STATES,
      replyType: FrameType.FRAME_TYPE_TRANSITION,
      pieces: [RestoreStateRequest.encode({ envIndices: named, stateIds }).finish()],
    };
    const restore = (): void =>
      this.#errands.run(
        errand,
        (answers) => {
          const parts = this.#errands.parts(errand, answers);
          this.#states.markReset(envIndices);
          if (this.#open.autoresetMode !== AutoresetMode.AUTORESET_MODE_NEXT_STEP)
            this.#states.markEnded(
              envIndices.filter((_, place) => this.#saved.isEnded(stateIds[place] as bigint)),
            );
          return this.#errands.deliver(errand, parts);
        },
        reply,
      );
    if (lacking.size === 0) restore();
    else this.#errands.hold(envIndices, this.#saved.bring(lacking), restore, reply);
  }

  /** Forgets saved states. Raises RequestError when one is unknown. */
  drop(seq: bigint, { stateIds }: DropStateRequest, reply: Reply): void {
    this.#saved.check(stateIds);
    const answer = (): void => reply([encodeResponse(seq, { $case: 'stateDropped', value: {} })]);
    this.#errands.hold([], this.#saved.drop(stateIds), answer, reply);
  }

  /** Gives saved states out. Raises RequestError when one is unknown. */
  export(seq: bigint, { stateIds }: ExportStateRequest, reply: Reply): void {
    this.#saved.check(stateIds);
    const answer = (states: Uint8Array[]): void => {
      const message = encodeResponse(seq, { $case: 'stateExported', value: { states } });
      reply([this.#errands.fitting('The states', message)]);
    };
    this.#errands.hold([], this.#saved.export(stateIds), answer, reply);
  }

  /** Takes exported states in. Raises RequestError when there would be too many. */
  import(seq: bigint, { states }: ImportStateRequest, reply: Reply): void {
    const answer = (stateIds: bigint[]): void =>
      reply([encodeResponse(seq, { $case: 'stateSaved', value: { stateIds } })]);
    this.#errands.hold([], this.#saved.import(states), answer, reply);
  }

  #workerOf(envIndex: number): PlacedWorker {
    return this.#placed.find(({ first, count }) => envIndex < first + count) as PlacedWorker;
  }
}
