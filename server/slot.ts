import { SessionRequest, SessionResponse } from '../proto/gen/gymlink/v1/session.js';
import { malformed, type RequestError } from './errors.js';

export type Request = NonNullable<SessionRequest['request']>;

/** Encoded SessionResponse messages, or what makes them when their turn to leave has come. */
export type Messages = readonly Uint8Array[] | (() => readonly Uint8Array[]);

/** A request that was read, until it is answered. Replies leave in the order of the requests. */
export interface Slot {
  readonly seq: bigint;
  /** The last delivery that the client has taken. */
  readonly acknowledged: number;
  readonly request: Request | undefined;
  /** Unset while it is not answered. */
  reply: Messages | undefined;
  /** The stream ends after this reply: with OK, or with an error's status. */
  ends: 'no' | 'ok' | RequestError;
}

/** Reads a message and checks it against the stream's rules; one that breaks them is answered already. */
export function readSlot(bytes: Uint8Array, lastSeq: bigint, lastDelivery: number): Slot {
  let message: SessionRequest;
  try {
    message = SessionRequest.decode(bytes);
  } catch {
    return brokenRule(0n, 'The message is no gymlink.v1.SessionRequest.');
  }
  const { seq, acknowledged, request } = message;
  if (seq <= lastSeq)
    return brokenRule(seq, `seq must increase, but ${seq} came after ${lastSeq}.`);
  if (request === undefined) return brokenRule(seq, `Request ${seq} has no request set.`);
  if (acknowledged > lastDelivery) {
    const rule = `Delivery ${acknowledged} was acknowledged, but ${lastDelivery} is the last.`;
    const reply = [errorMessage(seq, malformed(rule))];
    return { seq, acknowledged: 0, request, reply, ends: 'no' };
  }
  return { seq, acknowledged: Number(acknowledged), request, reply: undefined, ends: 'no' };
}

function brokenRule(seq: bigint, rule: string): Slot {
  const error = malformed(rule);
  return {
    seq,
    acknowledged: 0,
    request: undefined,
    reply: [errorMessage(seq, error)],
    ends: error,
  };
}

/** The messages of an answered request, which leave now. */
export function messagesOf(reply: Messages): readonly Uint8Array[] {
  return typeof reply === 'function' ? reply() : reply;
}

/** The reply to a request that failed. */
export function errorMessage(seq: bigint, { details }: RequestError): Uint8Array {
  return SessionResponse.encode({ seq, response: { $case: 'error', value: details } }).finish();
}
