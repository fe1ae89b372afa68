import { randomBytes } from 'node:crypto';
import type { SessionSummary } from '../proto/gen/gymlink/v1/service.js';
import {
  AutoresetMode,
  CallRequest,
  type DropStateRequest,
  type ExportStateRequest,
  type ImportStateRequest,
  type OpenedResponse,
  RenderRequest,
  ResetRequest,
  RestoreStateRequest,
  type SaveStateRequest,
  SessionResponse,
  type StepRequest,
} from '../proto/gen/gymlink/v1/session.js';
import { FrameType, SaveStates } from '../proto/gen/gymlink/worker/v1/worker.js';
import { type CatalogueEntry, checkKwargs, checkWrappers } from './catalogue.js';
import { EnvStates } from './env-states.js';
import { type Errand, sendErrand, stepHead } from './errand.js';
import {
  type ErrorMessage,
  ErrorReason,
  malformed,
  RequestError,
  requestError,
  toErrorMessage,
} from './errors.js';
import { type Deadlines, limits, workerCount } from './limits.js';
import type { Logger } from './log.js';
import { mergeErrors } from './merge-errors.js';
import type { CheckedOpen } from './open-checks.js';
import { type OpenedWorkers, openWorkers, type PlacedWorker } from './placed-workers.js';
import { SavedStates } from './saved-states.js';
import { checkReset, withSessionSeed } from './seeds.js';
import type { Messages } from './slot.js';
import type { Supervisor } from './supervisor.js';
import {
  encodedBytes,
  encodeJoined,
  encodeTransition,
  endedEnvIndicesOf,
  envIndicesOf,
  type Part,
  readPart,
} from './transition.js';
import type { PendingRequest } from './worker.js';

/** Takes the reply to a request: encoded SessionResponse messages, or the failure. */
export type Reply = (outcome: Messages | RequestError) => void;

/** What a session needs of its server. */
export interface SessionHost {
  readonly supervisor: Supervisor;
  readonly deadlines: Deadlines;
  readonly cores: number;
  readonly log: Logger;
}

type Response = NonNullable<SessionResponse['response']>;

function encodeResponse(seq: bigint, response: Response): Uint8Array {
  return SessionResponse.encode({ seq, response }).finish();
}

/** Payload bytes of one part: the message limit less room for infos and for what surrounds a part. */
function partBytes(maxMessageBytes: number): number {
  return Math.max(1, maxMessageBytes - Math.min(64 * 1024, Math.ceil(maxMessageBytes / 4)));
}

/** The sub-environments that one client opened, spread over workers. It owns those workers. */
export class Session {
  readonly id = randomBytes(16).toString('base64url');
  readonly opened: OpenedResponse;
  readonly maxMessageBytes: number;
  readonly #checked: CheckedOpen;
  readonly #placed: readonly PlacedWorker[];
  readonly #states: EnvStates;
  readonly #saved: SavedStates;
  readonly #log: Logger;
  readonly #deadlines: Deadlines;
  readonly #peer: string;
  readonly #openedAt = performance.now();
  #delivery = 0;
  #rows = 0;
  #unfinished = 0;
  #broken: ErrorMessage | undefined;

  /** Makes the sub-environments. Raises RequestError; aborting `signal` ends what was begun. */
  static async open(
    entry: CatalogueEntry,
    checked: CheckedOpen,
    { supervisor, deadlines, cores, log }: SessionHost,
    peer: string,
    signal: AbortSignal,
  ): Promise<Session> {
    const { request, maxMessageBytes } = checked;
    checkKwargs(entry, request.kwargs);
    for (const kwargs of request.envKwargs) checkKwargs(entry, kwargs);
    checkWrappers(entry, request.wrappers);
    const order = {
      entry,
      request,
      workers: workerCount(request.numEnvs, request.numWorkers, cores),
      maxPartBytes: partBytes(maxMessageBytes),
    };
    const opened = await openWorkers(supervisor, order, deadlines, signal);
    const session = new Session(checked, entry, opened, deadlines, peer, log);
    const { placements } = session.opened;
    log.info(
      { session: session.id, env: entry.summary.id, envs: request.numEnvs, placements },
      'opened',
    );
    return session;
  }

  private constructor(
    checked: CheckedOpen,
    entry: CatalogueEntry,
    { placed, opened }: OpenedWorkers,
    deadlines: Deadlines,
    peer: string,
    log: Logger,
  ) {
    this.#checked = checked;
    this.#placed = placed;
    this.#deadlines = deadlines;
    this.#peer = peer;
    this.#states = new EnvStates(checked.request.numEnvs);
    this.#saved = new SavedStates(checked.request.envId, placed, deadlines.resetMs);
    this.#log = log;
    this.maxMessageBytes = checked.maxMessageBytes;
    for (const { worker } of placed)
      worker.onDeath = (error) => {
        this.#broken ??= error;
      };
    this.opened = {
      sessionId: this.id,
      observationSpace: opened.observationSpace,
      actionSpace: opened.actionSpace,
      observationSpaces: opened.observationSpaces,
      metadata: opened.metadata,
      environment: { ...entry.summary, maxEpisodeSteps: opened.maxEpisodeSteps },
      autoresetMode: checked.request.autoresetMode,
      seed: checked.seed,
      placements: placed.map(({ worker, first, count }) => ({ first, count, worker: worker.name })),
      maxInFlight: limits.maxInFlight,
      deliveryWindow: 0,
      maxMessageBytes: BigInt(limits.maxMessageBytes),
      leaseS: 0,
      sharedMemory: undefined,
    };
  }

  /** Number of the last delivery; a client can have acknowledged no later one. */
  get lastDelivery(): number {
    return this.#delivery;
  }

  /** Whether requests are on their way through workers. */
  get isBusy(): boolean {
    return this.#unfinished > 0;
  }

  /** Raises RequestError when a worker of this session has died. */
  checkWhole(): void {
    if (this.#broken !== undefined) throw new RequestError(this.#broken);
  }

  /** Whether a request must wait for an earlier one, because both concern one sub-environment. */
  mustWait(envIndices: readonly number[]): boolean {
    return this.isBusy && (envIndices.length === 0 || this.#states.isInUse(envIndices));
  }

  /** Resets sub-environments. Raises RequestError when the request is refused, before anything was changed. */
  reset(seq: bigint, request: ResetRequest, reply: Reply): void {
    const envIndices = this.#states.named(request.envIndices);
    checkReset(request, envIndices);
    const { seed } = this.#checked;
    const seeded = withSessionSeed(request, seed, envIndices, (i) => this.#states.wasReset(i));
    const errand = {
      seq,
      envIndices,
      what: 'Reset',
      deadlineMs: this.#deadlines.resetMs,
      type: FrameType.FRAME_TYPE_RESET,
      replyType: FrameType.FRAME_TYPE_TRANSITION,
      pieces: [ResetRequest.encode(seeded).finish()],
    };
    this.#run(
      errand,
      (answers) => {
        const parts = this.#parts(errand, answers);
        this.#states.markReset(envIndices);
        return this.#deliver(errand, parts);
      },
      reply,
    );
  }

  /** Steps sub-environments. Raises RequestError when the request is refused, before anything was changed. */
  step(seq: bigint, { envIndices: named, actions }: StepRequest, reply: Reply): void {
    const envIndices = this.#states.named(named);
    this.#states.checkReady(envIndices, this.#checked.request.envId, 'step');
    const errand = {
      seq,
      envIndices,
      what: 'Step',
      deadlineMs: this.#deadlines.stepMs,
      type: FrameType.FRAME_TYPE_STEP,
      replyType: FrameType.FRAME_TYPE_TRANSITION,
      pieces: [stepHead(named), actions],
    };
    this.#run(
      errand,
      (answers) => {
        const parts = this.#parts(errand, answers);
        if (this.opened.autoresetMode === AutoresetMode.AUTORESET_MODE_DISABLED)
          this.#states.markEnded(parts.flatMap(endedEnvIndicesOf));
        return this.#deliver(errand, parts);
      },
      reply,
    );
  }

  /** Renders sub-environments. Raises RequestError when the request is refused. */
  render(seq: bigint, request: RenderRequest, reply: Reply): void {
    const { renderMode, envId } = this.#checked.request;
    if (renderMode === '')
      throw requestError(
        ErrorReason.ERROR_REASON_RENDER_UNAVAILABLE,
        `This session of ${envId} was opened without a render mode: open one with render_mode, for example rgb_array.`,
        { envId },
      );
    const envIndices = this.#states.named(request.envIndices);
    this.#states.checkReady(envIndices, envId, 'render');
    const errand = {
      seq,
      envIndices,
      what: 'Render',
      deadlineMs: this.#deadlines.renderMs,
      type: FrameType.FRAME_TYPE_RENDER,
      replyType: FrameType.FRAME_TYPE_RENDERED,
      pieces: [RenderRequest.encode(request).finish()],
    };
    this.#run(
      errand,
      (answers) => {
        const bodies = answers.flatMap((answer) => answer.bodies);
        return [this.#fitting('The frames', encodeJoined(seq, 'rendered', bodies))];
      },
      reply,
    );
  }

  /** Reads, sets or calls an attribute of sub-environments. Raises RequestError when the request is refused. */
  call(seq: bigint, request: CallRequest, reply: Reply): void {
    const errand = {
      seq,
      envIndices: this.#states.named(request.envIndices),
      what: 'Call',
      deadlineMs: this.#deadlines.stepMs,
      type: FrameType.FRAME_TYPE_CALL,
      replyType: FrameType.FRAME_TYPE_CALLED,
      pieces: [CallRequest.encode(request).finish()],
    };
    this.#run(
      errand,
      (answers) => {
        const bodies = answers.flatMap((answer) => answer.bodies);
        return [this.#fitting('The results', encodeJoined(seq, 'called', bodies))];
      },
      reply,
    );
  }

  /** Saves the state of sub-environments. Raises RequestError when the request is refused. */
  saveState(seq: bigint, request: SaveStateRequest, reply: Reply): void {
    const envIndices = this.#states.named(request.envIndices);
    this.#states.checkReady(envIndices, this.#checked.request.envId, 'save');
    const stateIds = this.#saved.newIds(envIndices.length);
    const errand = {
      seq,
      envIndices,
      what: 'SaveState',
      deadlineMs: this.#deadlines.resetMs,
      type: FrameType.FRAME_TYPE_SAVE_STATES,
      replyType: FrameType.FRAME_TYPE_STATES_HELD,
      pieces: [SaveStates.encode({ envIndices: [...envIndices], stateIds }).finish()],
    };
    this.#run(
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
  restoreState(
    seq: bigint,
    { envIndices: named, stateIds }: RestoreStateRequest,
    reply: Reply,
  ): void {
    const envIndices = this.#states.named(named);
    if (stateIds.length !== envIndices.length)
      throw malformed(
        `${stateIds.length} states were given for ${envIndices.length} sub-environments. Nothing was changed.`,
      );
    if (this.mustWait(envIndices))
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
      deadlineMs: this.#deadlines.resetMs,
      type: FrameType.FRAME_TYPE_RESTORE_STATES,
      replyType: FrameType.FRAME_TYPE_TRANSITION,
      pieces: [RestoreStateRequest.encode({ envIndices: named, stateIds }).finish()],
    };
    const restore = (): void =>
      this.#run(
        errand,
        (answers) => {
          const parts = this.#parts(errand, answers);
          this.#states.markReset(envIndices);
          if (this.opened.autoresetMode !== AutoresetMode.AUTORESET_MODE_NEXT_STEP)
            this.#states.markEnded(
              envIndices.filter((_, place) => this.#saved.isEnded(stateIds[place] as bigint)),
            );
          return this.#deliver(errand, parts);
        },
        reply,
      );
    if (lacking.size === 0) restore();
    else this.#hold(envIndices, this.#saved.bring(lacking), restore, reply);
  }

  /** Forgets saved states. Raises RequestError when one is unknown. */
  dropState(seq: bigint, { stateIds }: DropStateRequest, reply: Reply): void {
    this.#saved.check(stateIds);
    const answer = (): void => reply([encodeResponse(seq, { $case: 'stateDropped', value: {} })]);
    this.#hold([], this.#saved.drop(stateIds), answer, reply);
  }

  /** Gives saved states out. Raises RequestError when one is unknown. */
  exportState(seq: bigint, { stateIds }: ExportStateRequest, reply: Reply): void {
    this.#saved.check(stateIds);
    const answer = (states: Uint8Array[]): void => {
      const message = encodeResponse(seq, { $case: 'stateExported', value: { states } });
      reply([this.#fitting('The states', message)]);
    };
    this.#hold([], this.#saved.export(stateIds), answer, reply);
  }

  /** Takes exported states in. Raises RequestError when there would be too many. */
  importState(seq: bigint, { states }: ImportStateRequest, reply: Reply): void {
    const answer = (stateIds: bigint[]): void =>
      reply([encodeResponse(seq, { $case: 'stateSaved', value: { stateIds } })]);
    this.#hold([], this.#saved.import(states), answer, reply);
  }

  /** Keeps sub-environments in use while `work` goes on; then calls `next`, or replies with the failure. */
  #hold<T>(
    envIndices: readonly number[],
    work: Promise<T>,
    next: (result: T) => void,
    reply: Reply,
  ): void {
    this.#unfinished += 1;
    this.#states.setInUse(envIndices, true);
    const end = (): void => {
      this.#unfinished -= 1;
      this.#states.setInUse(envIndices, false);
    };
    work
      .then(
        (result) => {
          end();
          next(result);
        },
        (error) => {
          end();
          throw error;
        },
      )
      .catch((error) => reply(new RequestError(toErrorMessage(error, this.#log))));
  }

  #workerOf(envIndex: number): PlacedWorker {
    return this.#placed.find(({ first, count }) => envIndex < first + count) as PlacedWorker;
  }

  /** Closes the sub-environments; settles when their workers are gone. */
  async close(): Promise<void> {
    await Promise.all(this.#placed.map(({ worker }) => worker.close(this.#deadlines.closeMs)));
  }

  summary(): SessionSummary {
    const { envId, numEnvs } = this.#checked.request;
    const ageS = (performance.now() - this.#openedAt) / 1000;
    return { sessionId: this.id, envId, numEnvs, ageS, rows: BigInt(this.#rows), peer: this.#peer };
  }

  /** Sends an errand; `finish` makes the reply from the workers' answers, and may raise. */
  #run(
    errand: Errand,
    finish: (answers: readonly PendingRequest[]) => Messages,
    reply: Reply,
  ): void {
    this.#unfinished += 1;
    this.#states.setInUse(errand.envIndices, true);
    sendErrand(this.#placed, errand, (answers) => {
      this.#unfinished -= 1;
      this.#states.setInUse(errand.envIndices, false);
      reply(this.#outcome(errand, answers, finish));
    });
  }

  #outcome(
    errand: Errand,
    answers: readonly PendingRequest[],
    finish: (answers: readonly PendingRequest[]) => Messages,
  ): Messages | RequestError {
    try {
      this.#throwMerged(answers);
      return finish(answers);
    } catch (error) {
      return this.#failure(error, errand);
    }
  }

  #parts({ envIndices }: Errand, answers: readonly PendingRequest[]): Part[] {
    const parts = answers.flatMap(({ bodies }) => bodies.map(readPart));
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    if (rows !== envIndices.length)
      throw new RangeError(`${rows} rows for ${envIndices.length} sub-environments`);
    return parts;
  }

  /** A delivery, which gets its number when it leaves: one that was ready before an earlier request's is sent after it. */
  #deliver({ seq, envIndices }: Errand, parts: readonly Part[]): Messages {
    const largest = Math.max(...parts.map(encodedBytes));
    if (largest > this.maxMessageBytes) {
      this.#states.markFailed(envIndices);
      throw this.#tooLarge('The rows of one worker with their infos', largest, [...envIndices]);
    }
    for (const part of parts) this.#rows += part.rows;
    return () => {
      this.#delivery += 1;
      return encodeTransition(seq, this.#delivery, parts, this.maxMessageBytes);
    };
  }

  /** Raises the one failure that several workers' errors make together, with what advanced all the same. */
  #throwMerged(answers: readonly PendingRequest[]): void {
    if (answers.every(({ error }) => error === undefined)) return;
    const errors = answers.flatMap(({ error }) => (error === undefined ? [] : [error]));
    const advanced = answers.flatMap(({ bodies, replyType }) =>
      replyType === FrameType.FRAME_TYPE_TRANSITION
        ? bodies.flatMap((body) => envIndicesOf(readPart(body)))
        : [],
    );
    const merged = mergeErrors(errors, advanced);
    this.#states.markFailed(merged.advancedEnvIndices);
    if (merged.reason === ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED)
      this.#states.markFailed(merged.envIndices);
    throw new RequestError(merged);
  }

  /** What a client hears when a reply could not be made. Rows that were computed are lost then. */
  #failure(error: unknown, { envIndices, what, replyType }: Errand): RequestError {
    if (error instanceof RequestError) return error;
    const advancedEnvIndices = replyType === FrameType.FRAME_TYPE_TRANSITION ? [...envIndices] : [];
    this.#states.markFailed(advancedEnvIndices);
    const { envId } = this.#checked.request;
    return requestError(
      ErrorReason.ERROR_REASON_MALFORMED_REPLY,
      `A worker of ${envId} answered ${what} wrongly: ${(error as Error).message}. Reset the sub-environments.`,
      { envId, advancedEnvIndices },
    );
  }

  /** A message that is within the client's limit. */
  #fitting(what: string, message: Uint8Array): Uint8Array {
    if (message.length > this.maxMessageBytes) throw this.#tooLarge(what, message.length);
    return message;
  }

  #tooLarge(what: string, bytes: number, advancedEnvIndices: number[] = []): RequestError {
    return requestError(
      ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE,
      `${what} take ${bytes} bytes, over the client’s limit of ${this.maxMessageBytes}: ask for fewer sub-environments ` +
        'at a time, or open the session with a larger max_message_bytes.',
      { envId: this.#checked.request.envId, advancedEnvIndices },
    );
  }
}
