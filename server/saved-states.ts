import { DropStateRequest, StateExportedResponse } from '../proto/gen/gymlink/v1/session.js';
import {
  ExportStates,
  FrameType,
  ImportStates,
  StatesHeld,
} from '../proto/gen/gymlink/worker/v1/worker.js';
import { ErrorReason, requestError } from './errors.js';
import { limits } from './limits.js';
import { ask, type PlacedWorker, type Question } from './placed-workers.js';

/** Where a saved state is. */
interface Kept {
  /** Workers that hold it: the one that saved it, and those that it was brought to since. */
  readonly holders: Set<PlacedWorker>;
  /** Whether it is at the end of an episode. */
  readonly ended: boolean;
}

/**
 * The saved states of a session. States stay in the workers that saved them; one that is to be restored in another worker is
 * brought there once, in its portable form or as the address of the process that keeps it.
 */
export class SavedStates {
  // Of all sessions: otherwise a state of another one would be taken for one of this.
  static #lastId = 0n;
  readonly #envId: string;
  readonly #placed: readonly PlacedWorker[];
  readonly #deadlineMs: number;
  readonly #kept = new Map<bigint, Kept>();
  /** Ids that are given, but whose states no worker is known to hold yet. */
  readonly #reserved = new Set<bigint>();
  /** The kept states that a process of its own keeps. */
  readonly #forked = new Set<bigint>();
  constructor(envId: string, placed: readonly PlacedWorker[], deadlineMs: number) {
    this.#envId = envId;
    this.#placed = placed;
    this.#deadlineMs = deadlineMs;
  }

  /** How many more states processes may keep. */
  get forksLeft(): number {
    const taken = this.#forked.size + this.#reserved.size;
    return Math.max(0, limits.maxForkedStatesPerSession - taken);
  }

  /** New ids, to be kept or dropped. Raises RequestError LIMIT_EXCEEDED. */
  reserve(count: number): bigint[] {
    if (this.#kept.size + this.#reserved.size + count > limits.maxStatesPerSession)
      throw requestError(
        ErrorReason.ERROR_REASON_LIMIT_EXCEEDED,
        `A session keeps at most ${limits.maxStatesPerSession} saved states (maxStatesPerSession): drop some first.`,
        { envId: this.#envId },
      );
    const stateIds = Array.from({ length: count }, () => ++SavedStates.#lastId);
    for (const id of stateIds) this.#reserved.add(id);
    return stateIds;
  }

  /** Takes note of states that workers hold now, by their StatesHeld replies. */
  keep(
    stateIds: readonly bigint[],
    holderOf: (place: number) => PlacedWorker,
    replies: readonly Buffer[],
  ): void {
    const held = replies.map((body) => StatesHeld.decode(body));
    const ended = new Set(held.flatMap((reply) => reply.ended));
    for (const id of held.flatMap((reply) => reply.forked)) this.#forked.add(id);
    for (const [place, id] of stateIds.entries()) {
      this.#reserved.delete(id);
      this.#kept.set(id, { holders: new Set([holderOf(place)]), ended: ended.has(id) });
    }
  }

  /** Raises RequestError STATE_NOT_FOUND unless all of these are kept. */
  check(stateIds: readonly bigint[]): void {
    for (const id of stateIds) this.#get(id);
  }

  isEnded(stateId: bigint): boolean {
    return this.#get(stateId).ended;
  }

  /** What is not where it is to be restored: the ids that each worker lacks. */
  lacking(
    stateIds: readonly bigint[],
    targets: readonly PlacedWorker[],
  ): Map<PlacedWorker, bigint[]> {
    const lacking = new Map<PlacedWorker, Set<bigint>>();
    for (const [place, id] of stateIds.entries()) {
      const target = targets[place] as PlacedWorker;
      if (this.#get(id).holders.has(target)) continue;
      const ids = lacking.get(target) ?? new Set();
      lacking.set(target, ids.add(id));
    }
    return new Map([...lacking].map(([target, ids]) => [target, [...ids]]));
  }

  /** Brings states to workers that lack them. Rejects with RequestError. */
  async bring(lacking: ReadonlyMap<PlacedWorker, readonly bigint[]>): Promise<void> {
    for (const [target, stateIds] of lacking) {
      const states = await this.export(stateIds, true);
      await this.#import(target, stateIds, states, true);
      for (const id of stateIds) this.#get(id).holders.add(target);
    }
  }

  /** The portable forms of states, or those that only workers of this session understand. Rejects with RequestError. */
  async export(stateIds: readonly bigint[], withinSession = false): Promise<Uint8Array[]> {
    const groups = new Map<PlacedWorker, bigint[]>();
    for (const id of stateIds) {
      const [holder] = this.#get(id).holders;
      if (holder === undefined) throw new Error(`nobody holds state ${id}`);
      groups.set(holder, [...(groups.get(holder) ?? []), id]);
    }
    const found = new Map<bigint, Uint8Array>();
    for (const [holder, ids] of groups) {
      const request = ExportStates.encode({ stateIds: ids, withinSession }).finish();
      const { states } = StateExportedResponse.decode(
        await this.#ask(holder, questions.export, request),
      );
      ids.forEach((id, i) => {
        found.set(id, states[i] as Uint8Array);
      });
    }
    return stateIds.map((id) => found.get(id) as Uint8Array);
  }

  /** Takes portable forms in under new ids, which it returns. Rejects with RequestError. */
  async import(states: readonly Uint8Array[]): Promise<bigint[]> {
    const [target] = this.#placed as [PlacedWorker, ...PlacedWorker[]];
    const stateIds = this.reserve(states.length);
    try {
      this.keep(stateIds, () => target, [await this.#import(target, stateIds, states)]);
    } finally {
      for (const id of stateIds) this.#reserved.delete(id);
    }
    return stateIds;
  }

  /** Forgets states, here and in all workers; also ids that are not kept here. */
  async drop(stateIds: readonly bigint[]): Promise<void> {
    for (const id of stateIds) {
      this.#kept.delete(id);
      this.#reserved.delete(id);
      this.#forked.delete(id);
    }
    const body = DropStateRequest.encode({ stateIds: [...stateIds] }).finish();
    await Promise.all(this.#placed.map((place) => this.#ask(place, questions.drop, body)));
  }

  #get(stateId: bigint): Kept {
    const kept = this.#kept.get(stateId);
    if (kept === undefined)
      throw requestError(
        ErrorReason.ERROR_REASON_STATE_NOT_FOUND,
        `There is no saved state ${stateId} in this session: it was dropped, or never saved here. Nothing was changed.`,
        { envId: this.#envId },
      );
    return kept;
  }

  #import(
    target: PlacedWorker,
    stateIds: readonly bigint[],
    states: readonly Uint8Array[],
    withinSession = false,
  ): Promise<Buffer> {
    const message = { stateIds: [...stateIds], states: [...states], withinSession };
    const body = ImportStates.encode(message).finish();
    return this.#ask(target, questions.import, body);
  }

  #ask({ worker }: PlacedWorker, question: StateQuestion, body: Uint8Array): Promise<Buffer> {
    return ask(worker, { ...question, deadlineMs: this.#deadlineMs }, body);
  }
}

type StateQuestion = Omit<Question, 'deadlineMs'>;

const questions = {
  import: {
    what: 'taking saved states in',
    type: FrameType.FRAME_TYPE_IMPORT_STATES,
    replyType: FrameType.FRAME_TYPE_STATES_HELD,
  },
  export: {
    what: 'giving saved states out',
    type: FrameType.FRAME_TYPE_EXPORT_STATES,
    replyType: FrameType.FRAME_TYPE_STATES_EXPORTED,
  },
  drop: {
    what: 'forgetting saved states',
    type: FrameType.FRAME_TYPE_DROP_STATES,
    replyType: FrameType.FRAME_TYPE_STATES_HELD,
  },
} satisfies Record<string, StateQuestion>;
