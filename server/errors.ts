import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import {
  Error as ErrorMessage,
  ErrorReason,
  type PythonException,
} from '../proto/gen/gymlink/v1/error.js';

export { ErrorMessage, ErrorReason };

/** What an error may say beside its reason and message; the fields of gymlink.v1.Error. */
export interface ErrorDetails {
  readonly envId?: string;
  readonly envIndices?: number[];
  readonly advancedEnvIndices?: number[];
  readonly exception?: PythonException;
  readonly suggestions?: string[];
}

/** A failure that a client is told about, as the message that travels. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly details: ErrorMessage;

  constructor(details: ErrorMessage) {
    super(details.message);
    this.details = details;
  }
}

/** Makes the failure of one request: its reason, and a sentence that says what happened and what to do. */
export function requestError(
  reason: ErrorReason,
  message: string,
  {
    envId = '',
    envIndices = [],
    advancedEnvIndices = [],
    exception,
    suggestions = [],
  }: ErrorDetails = {},
): RequestError {
  return new RequestError({
    reason,
    message,
    envId,
    envIndices,
    advancedEnvIndices,
    exception,
    suggestions,
  });
}

/** The request breaks a rule of the protocol. */
export function malformed(message: string): RequestError {
  return requestError(ErrorReason.ERROR_REASON_MALFORMED_REQUEST, message);
}

/** The request needs a capability that this server lacks. */
export function unimplemented(what: string): RequestError {
  return requestError(
    ErrorReason.ERROR_REASON_UNIMPLEMENTED,
    `This server has no ${what}. GetServerInfo lists its capabilities.`,
  );
}

/** What a client is told of any failure: an unknown one is logged in full and masked. */
export function toErrorMessage(error: unknown, log: Logger): ErrorMessage {
  if (error instanceof RequestError) return error.details;
  const id = randomUUID();
  log.error({ err: error, errorId: id }, 'unexpected error');
  return requestError(
    ErrorReason.ERROR_REASON_INTERNAL,
    `The server failed unexpectedly; its log has the details under ${id}.`,
  ).details;
}

/** Names of the gRPC status codes that reasons map to. */
export type StatusName =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'PERMISSION_DENIED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'UNIMPLEMENTED'
  | 'RESOURCE_EXHAUSTED'
  | 'DEADLINE_EXCEEDED'
  | 'UNAUTHENTICATED'
  | 'UNAVAILABLE'
  | 'INTERNAL';

const statusOfReason: Record<ErrorReason, StatusName> = {
  [ErrorReason.ERROR_REASON_UNSPECIFIED]: 'INTERNAL',
  [ErrorReason.ERROR_REASON_PROTOCOL_VERSION]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_MALFORMED_REQUEST]: 'INVALID_ARGUMENT',
  [ErrorReason.ERROR_REASON_UNKNOWN_ENVIRONMENT]: 'NOT_FOUND',
  [ErrorReason.ERROR_REASON_ENVIRONMENT_UNAVAILABLE]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_INVALID_KWARGS]: 'INVALID_ARGUMENT',
  [ErrorReason.ERROR_REASON_NOT_ALLOWED]: 'PERMISSION_DENIED',
  [ErrorReason.ERROR_REASON_INVALID_ACTION]: 'INVALID_ARGUMENT',
  [ErrorReason.ERROR_REASON_INVALID_SEED]: 'INVALID_ARGUMENT',
  [ErrorReason.ERROR_REASON_INVALID_ENV_INDEX]: 'INVALID_ARGUMENT',
  [ErrorReason.ERROR_REASON_RESET_NEEDED]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_SESSION_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.ERROR_REASON_SESSION_CLOSED]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_RENDER_UNAVAILABLE]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_UNIMPLEMENTED]: 'UNIMPLEMENTED',
  [ErrorReason.ERROR_REASON_LIMIT_EXCEEDED]: 'RESOURCE_EXHAUSTED',
  [ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE]: 'RESOURCE_EXHAUSTED',
  [ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [ErrorReason.ERROR_REASON_UNAUTHENTICATED]: 'UNAUTHENTICATED',
  [ErrorReason.ERROR_REASON_PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [ErrorReason.ERROR_REASON_STATE_NOT_FOUND]: 'NOT_FOUND',
  [ErrorReason.ERROR_REASON_STATE_MISMATCH]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_ENVIRONMENT_RAISED]: 'ABORTED',
  [ErrorReason.ERROR_REASON_WORKER_DIED]: 'UNAVAILABLE',
  [ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE]: 'FAILED_PRECONDITION',
  [ErrorReason.ERROR_REASON_SHUTTING_DOWN]: 'UNAVAILABLE',
  [ErrorReason.ERROR_REASON_MALFORMED_REPLY]: 'INTERNAL',
  [ErrorReason.ERROR_REASON_INTERNAL]: 'INTERNAL',
};

/** The gRPC status of a reason, as error.proto says; INTERNAL for a reason that this server does not know. */
export function statusName(reason: ErrorReason): StatusName {
  return statusOfReason[reason] ?? 'INTERNAL';
}
