import { FrameType } from '../proto/gen/gymlink/worker/v1/worker.js';
import { alertness } from './alertness.js';
import type { PlacedWorker } from './placed-workers.js';
import type { SharedSlot, SharedSlots } from './shared-memory.js';
import type { PendingRequest } from './worker.js';

/** What goes to the workers for one request: the same to each, whole. */
export interface Errand {
  readonly seq: bigint;
  /** The sub-environments concerned, ascending. */
  readonly envIndices: readonly number[];
  /** What is asked, for error messages: `Step`. */
  readonly what: string;
  /** How long each worker may take. */
  readonly deadlineMs: number;
  readonly type: FrameType;
  readonly replyType: FrameType;
  /** The frame's body, in pieces. */
  readonly pieces: readonly Uint8Array[];
}

/**
 * Sends an errand to those of a session's workers that it concerns; calls back once, when all have answered or failed. `onBody`
 * takes the bodies of the answers, of a row each, when they come; then the answers don't have them.
 */
export function sendErrand(
  placed: readonly PlacedWorker[],
  errand: Errand,
  onAnswered: (answers: readonly PendingRequest[]) => void,
  onBody?: PendingRequest['onBody'],
): void {
  const { seq, what, deadlineMs, replyType } = errand;
  const workers = workersOf(placed, errand.envIndices);
  let unanswered = workers.length;
  const onSettled = (): void => {
    unanswered -= 1;
    if (unanswered > 0) return;
    alertness.end();
    onAnswered(answers);
  };
  const hasRows = replyType === FrameType.FRAME_TYPE_TRANSITION;
  const take = (slots: SharedSlots, rows: number): SharedSlot[] =>
    onBody === undefined ? slots.take(1, rows) : slots.take(rows, 1);
  const answers = workers.map(
    ({ placed: { slots }, rows }): PendingRequest => ({
      seq,
      what,
      deadlineMs,
      replyType,
      slots: hasRows ? take(slots, rows) : [],
      bodies: [],
      onBody,
      error: undefined,
      onSettled,
    }),
  );
  const alone = alertness.begin(workers.length);
  for (let i = 0; i < answers.length; i++) {
    const answer = answers[i] as PendingRequest;
    const head = { type: errand.type, seq, alone, slot: answer.slots[0]?.number };
    workers[i]?.placed.worker.request(answer, head, ...errand.pieces);
  }
}

/** The workers of some sub-environments, ascending, and how many of these each has. */
function workersOf(
  placed: readonly PlacedWorker[],
  envIndices: readonly number[],
): readonly { placed: PlacedWorker; rows: number }[] {
  let at = 0;
  return placed.flatMap((one) => {
    const begin = at;
    while (at < envIndices.length && (envIndices[at] as number) < one.first + one.count) at += 1;
    return at > begin ? [{ placed: one, rows: at - begin }] : [];
  });
}

/** Begin of a STEP frame's body: uint32 count, uint32 zero, the sub-environments padded to 8 bytes. */
export function stepHead(envIndices: readonly number[]): Buffer {
  const head = Buffer.alloc(8 + ((4 * envIndices.length + 7) & ~7));
  head.writeUInt32LE(envIndices.length, 0);
  envIndices.forEach((envIndex, i) => {
    head.writeUInt32LE(envIndex, 8 + 4 * i);
  });
  return head;
}
