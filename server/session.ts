import { randomBytes } from 'node:crypto';
import type { SessionSummary } from '../proto/gen/gymlink/v1/service.js';
import {
  AutoresetMode,
  CallRequest,
  type OpenedResponse,
  RenderRequest,
  ResetRequest,
  SessionResponse,
  type StepRequest,
} from '../proto/gen/gymlink/v1/session.js';
import { FrameType } from '../proto/gen/gymlink/worker/v1/worker.js';
import { AsyncBatches } from './async-batches.js';
import { type CatalogueEntry, checkKwargs, checkWrappers } from './catalogue.js';
import { EnvStates } from './env-states.js';
import { type Errand, stepHead } from './errand.js';
import { Errands, type Reply } from './errands.js';
import { type ErrorMessage, ErrorReason, malformed, RequestError, requestError } from './errors.js';
import { type Deadlines, limits, workerCount, workersPerCore } from './limits.js';
import type { Logger } from './log.js';
import { type CheckedOpen, isAsynchronous } from './open-checks.js';
import { type OpenedWorkers, openWorkers, type PlacedWorker } from './placed-workers.js';
import { checkReset, withSessionSeed } from './seeds.js';
import { SharedMemory } from './shared-memory.js';
import { messagesOf } from './slot.js';
import { StateRequests } from './state-requests.js';
import type { Supervisor } from './supervisor.js';
import { encodeJoined, endedEnvIndicesOf, envIndicesOf, type Part } from './transition.js';

/** What a session needs of its server. */
export interface SessionHost {
  readonly supervisor: Supervisor;
  readonly deadlines: Deadlines;
  readonly cores: number;
  readonly log: Logger;
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
  /** The requests about saved states. */
  readonly savedStates: StateRequests;
  readonly #checked: CheckedOpen;
  readonly #placed: readonly PlacedWorker[];
  readonly #states: EnvStates;
  readonly #errands: Errands;
  readonly #memory: SharedMemory | undefined;
  readonly #deadlines: Deadlines;
  readonly #peer: string;
  readonly #batches: AsyncBatches | undefined;
  readonly #openedAt = performance.now();
  #broken: ErrorMessage | undefined;
  /** Called with deliveries that answer no request, and when a sub-environment may be free for a request that waits. */
  onDelivery: (messages: readonly Uint8Array[]) => void = () => undefined;

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
    const perCore = workersPerCore[isAsynchronous(request) ? 'asynchronous' : 'synchronous'];
    const most = Math.min(limits.maxWorkersPerSession, perCore * cores);
    const order = {
      entry,
      request,
      workers: entry.summary.vectorised ? 1 : workerCount(request, entry.family, most),
      maxPartBytes: partBytes(maxMessageBytes),
    };
    const opened = await openWorkers(supervisor, order, deadlines, signal);
    const { placed, opened: made } = opened;
    const byRow = isAsynchronous(request);
    const memory =
      request.sharedMemory && !request.newestFrameOnly
        ? await SharedMemory.offer(placed, Number(made.payloadBytes), { byRow })
        : undefined;
    const session = new Session(checked, entry, opened, memory, deadlines, peer, log);
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
    memory: SharedMemory | undefined,
    deadlines: Deadlines,
    peer: string,
    log: Logger,
  ) {
    this.#checked = checked;
    this.#placed = placed;
    this.#memory = memory;
    this.#deadlines = deadlines;
    this.#peer = peer;
    this.maxMessageBytes = checked.maxMessageBytes;
    const { request, maxMessageBytes } = checked;
    const terms = { envId: request.envId, maxMessageBytes };
    this.#states = new EnvStates(request.numEnvs);
    this.#errands = new Errands(placed, this.#states, terms, log);
    this.savedStates = new StateRequests(
      request,
      placed,
      this.#states,
      this.#errands,
      deadlines.resetMs,
    );
    if (isAsynchronous(request))
      this.#batches = new AsyncBatches(request.batchSize, request.maxWaitUs, (rows) =>
        this.onDelivery(messagesOf(this.#errands.deliver({ seq: 0n, envIndices: [] }, rows))),
      );
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
      // A request is unanswered until its slowest sub-environment has finished; each is in one such request at a time.
      maxInFlight: limits.maxInFlight + (isAsynchronous(request) ? request.numEnvs : 0),
      deliveryWindow: 0,
      maxMessageBytes: BigInt(limits.maxMessageBytes),
      leaseS: 0,
      sharedMemory: memory?.offer,
      compression: request.compression,
      newestFrameOnly: request.newestFrameOnly,
    };
  }

  /** Whether rows are pushed in batches, and replies leave when they are ready. */
  get isAsynchronous(): boolean {
    return this.#batches !== undefined;
  }

  /** Number of the last delivery; a client can have acknowledged no later one. */
  get lastDelivery(): number {
    return this.#errands.lastDelivery;
  }

  /** The client has taken all deliveries up to this one. */
  acknowledge(delivery: number): void {
    this.#errands.acknowledge(delivery);
  }

  /** Takes the proof that the client can read the shared memory. Raises RequestError; payloads then go on coming in messages. */
  async useSharedMemory(nonce: Uint8Array): Promise<void> {
    if (this.#memory === undefined) throw malformed('No shared memory was offered.');
    await this.#memory.use(nonce, this.#placed, this.#deadlines.openMs);
  }

  /** Whether requests are on their way through workers. */
  get isBusy(): boolean {
    return this.#errands.isBusy;
  }

  /** Raises RequestError when a worker of this session has died. */
  checkWhole(): void {
    if (this.#broken !== undefined) throw new RequestError(this.#broken);
  }

  /** Whether a request must wait for an earlier one, because both concern one sub-environment. */
  mustWait(envIndices: readonly number[]): boolean {
    return this.#errands.mustWait(envIndices);
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
    if (this.#batches !== undefined) {
      this.#runByRow(
        errand,
        this.#batches,
        (row) => this.#states.markReset(envIndicesOf(row)),
        reply,
      );
      return;
    }
    this.#errands.run(
      errand,
      (answers) => {
        const parts = this.#errands.parts(errand, answers);
        this.#states.markReset(envIndices);
        return this.#errands.deliver(errand, parts);
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
    if (this.#batches !== undefined) {
      const isFinal = this.opened.autoresetMode === AutoresetMode.AUTORESET_MODE_DISABLED;
      const note = (row: Part) => isFinal && this.#states.markEnded(endedEnvIndicesOf(row));
      this.#runByRow(errand, this.#batches, note, reply);
      return;
    }
    this.#errands.run(
      errand,
      (answers) => {
        const parts = this.#errands.parts(errand, answers);
        if (this.opened.autoresetMode === AutoresetMode.AUTORESET_MODE_DISABLED)
          this.#states.markEnded(parts.flatMap(endedEnvIndicesOf));
        return this.#errands.deliver(errand, parts);
      },
      reply,
    );
  }

  #runByRow(errand: Errand, batches: AsyncBatches, note: (row: Part) => void, reply: Reply): void {
    const take = (row: Part): void => {
      note(row);
      batches.add(row);
      this.onDelivery([]);
    };
    const response = { $case: 'accepted', value: {} } as const;
    const accepted = [SessionResponse.encode({ seq: errand.seq, response }).finish()];
    this.#errands.runByRow(errand, take, accepted, (outcome) => {
      // So that the client knows, when it hears of the failure, that no other row of this request will come.
      if (outcome instanceof RequestError) batches.flush();
      reply(outcome);
    });
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
    this.#errands.run(
      errand,
      (answers) => {
        const bodies = answers.flatMap((answer) => answer.bodies);
        return [this.#errands.fitting('The frames', encodeJoined(seq, 'rendered', bodies))];
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
    this.#errands.run(
      errand,
      (answers) => {
        const bodies = answers.flatMap((answer) => answer.bodies);
        return [this.#errands.fitting('The results', encodeJoined(seq, 'called', bodies))];
      },
      reply,
    );
  }

  /** Closes the sub-environments; settles when their workers are gone. */
  async close(): Promise<void> {
    this.#batches?.close();
    await this.#memory?.withdraw();
    await Promise.all(this.#placed.map(({ worker }) => worker.close(this.#deadlines.closeMs)));
  }

  summary(): SessionSummary {
    const { envId, numEnvs } = this.#checked.request;
    const { rows, messageBytes, sharedBytes } = this.#errands.delivered;
    const ageS = (performance.now() - this.#openedAt) / 1000;
    return {
      sessionId: this.id,
      envId,
      numEnvs,
      ageS,
      rows: BigInt(rows),
      peer: this.#peer,
      messageBytes: BigInt(messageBytes),
      sharedBytes: BigInt(sharedBytes),
    };
  }
}
