import type { OpenRequest } from '../proto/gen/gymlink/v1/session.js';
import { FrameType, OpenWorker, WorkerOpened } from '../proto/gen/gymlink/worker/v1/worker.js';
import type { CatalogueEntry } from './catalogue.js';
import { ErrorReason, RequestError, requestError } from './errors.js';
import type { Deadlines } from './limits.js';
import { SharedSlots } from './shared-memory.js';
import { mergeOpened } from './spaces-alike.js';
import type { Supervisor } from './supervisor.js';
import type { PendingRequest, Worker } from './worker.js';

/** A worker and its run of a session's sub-environments. */
export interface PlacedWorker {
  readonly worker: Worker;
  readonly first: number;
  readonly count: number;
  readonly slots: SharedSlots;
}

/** How sub-environments are to be made. */
export interface OpenOrder {
  readonly entry: CatalogueEntry;
  readonly request: OpenRequest;
  readonly workers: number;
  readonly maxPartBytes: number;
}

/** Workers that have made their sub-environments. */
export interface OpenedWorkers {
  readonly placed: readonly PlacedWorker[];
  readonly opened: WorkerOpened;
}

/** Contiguous runs of `numEnvs` sub-environments that differ by at most one in length. */
export function runs(numEnvs: number, workers: number): { first: number; count: number }[] {
  return Array.from({ length: workers }, (_, i) => {
    const first = Math.ceil((i * numEnvs) / workers);
    return { first, count: Math.ceil(((i + 1) * numEnvs) / workers) - first };
  });
}

/**
 * Forks workers and has them make their sub-environments, all at once. When one fails, or `signal` is aborted, all are ended and
 * RequestError is raised.
 */
export async function openWorkers(
  supervisor: Supervisor,
  { entry, request, workers: count, maxPartBytes }: OpenOrder,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<OpenedWorkers> {
  const workers = await supervisor.fork(entry.family, count);
  const end = (): void => {
    for (const worker of workers) worker.kill();
  };
  signal.addEventListener('abort', end);
  const placed = runs(request.numEnvs, count).flatMap((run, i) => {
    const worker = workers[i];
    return worker === undefined ? [] : [{ worker, ...run, slots: new SharedSlots() }];
  });
  const deadline = setTimeout(() => {
    for (const worker of workers) worker.kill(tooSlow(request, deadlines).details);
  }, deadlines.openMs);
  try {
    if (signal.aborted) end();
    const opened = await Promise.all(
      placed.map((place) => makeSubEnvironments(place, entry, request, maxPartBytes, deadlines)),
    );
    const firsts = placed.map(({ first }) => first);
    return { placed, opened: mergeOpened(opened, firsts, request) };
  } catch (error) {
    for (const worker of workers) worker.close(deadlines.closeMs);
    throw error;
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', end);
  }
}

async function makeSubEnvironments(
  { worker, first, count }: PlacedWorker,
  { familyId, summary }: CatalogueEntry,
  request: OpenRequest,
  maxPartBytes: number,
  { openMs }: Deadlines,
): Promise<WorkerOpened> {
  worker.holds = { envId: summary.id, first, count };
  await worker.ready;
  const open = { ...request, envId: familyId };
  const body = OpenWorker.encode({
    open,
    first,
    count,
    maxPartBytes: BigInt(maxPartBytes),
  }).finish();
  const question = {
    what: 'making its sub-environments',
    type: FrameType.FRAME_TYPE_OPEN,
    replyType: FrameType.FRAME_TYPE_OPENED,
    deadlineMs: openMs,
  };
  return WorkerOpened.decode(await ask(worker, question, body));
}

/** What a worker is asked outside of a client's request. */
export interface Question {
  /** For error messages: `making its sub-environments`. */
  readonly what: string;
  readonly type: FrameType;
  readonly replyType: FrameType;
  readonly deadlineMs: number;
}

/** Asks a worker; resolves to the body of its reply. Rejects with RequestError. */
export function ask(
  worker: Worker,
  { what, type, replyType, deadlineMs }: Question,
  body: Uint8Array,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pending: PendingRequest = {
      seq: 0n,
      what,
      deadlineMs,
      replyType,
      slots: [],
      bodies: [],
      error: undefined,
      onSettled: ({ error, bodies }) => {
        if (error !== undefined) reject(new RequestError(error));
        else resolve(bodies[0] ?? Buffer.alloc(0));
      },
    };
    worker.request(pending, { type, seq: 0n }, body);
  });
}

function tooSlow({ envId, numEnvs }: OpenRequest, { openMs }: Deadlines): RequestError {
  return requestError(
    ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
    `Making ${numEnvs} × ${envId} took more than ${openMs / 1000} s; its workers were ended.`,
    { envId },
  );
}
