import { type Error as ErrorMessage, ErrorReason } from '../proto/gen/gymlink/v1/error.js';

type Prefixed = Exclude<keyof typeof ErrorReason, 'ERROR_REASON_UNSPECIFIED'>;

/** Why a request failed: the reasons of error.proto without their prefix, and three of the client itself. */
export type ErrorReasonName =
  | (Prefixed extends `ERROR_REASON_${infer Name}` ? Name : never)
  /** The server cannot be reached, or the connection was lost. */
  | 'CONNECTION_FAILED'
  /** The private server of `launch` did not start. */
  | 'LAUNCH_FAILED'
  /** An argument is not of the kind that the call takes. */
  | 'INVALID_ARGUMENT';

/** What a Python environment raised. */
export interface PythonException {
  /** Class name with module, for example `builtins.ValueError`. */
  readonly type: string;
  readonly message: string;
  readonly traceback: string;
}

interface Details {
  readonly envId?: string;
  readonly envIndices?: readonly number[];
  readonly advancedEnvIndices?: readonly number[];
  readonly suggestions?: readonly string[];
  readonly exception?: PythonException;
  readonly cause?: unknown;
}

/** Every failure of this library. */
export class GymlinkError extends Error {
  override readonly name = 'GymlinkError';
  /** Why, from a closed list. */
  readonly reason: ErrorReasonName;
  /** Environment concerned; empty if none. */
  readonly envId: string;
  /** Sub-environments concerned. */
  readonly envIndices: readonly number[];
  /** Sub-environments that the failed request advanced all the same; each needs a reset. */
  readonly advancedEnvIndices: readonly number[];
  /** Names that may have been meant, nearest first. */
  readonly suggestions: readonly string[];
  /** What the environment raised, if it did. */
  readonly exception: PythonException | undefined;

  constructor(reason: ErrorReasonName, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = reason;
    this.envId = details.envId ?? '';
    this.envIndices = details.envIndices ?? [];
    this.advancedEnvIndices = details.advancedEnvIndices ?? [];
    this.suggestions = details.suggestions ?? [];
    this.exception = details.exception;
  }
}

const names = new Map(
  Object.entries(ErrorReason).map(([name, number]) => [
    number as number,
    name.slice('ERROR_REASON_'.length),
  ]),
);

/** An Error of the wire. A reason that this client does not know counts as INTERNAL. */
export function fromErrorMessage(message: ErrorMessage): GymlinkError {
  const reason = (names.get(message.reason) ?? 'INTERNAL') as ErrorReasonName;
  return new GymlinkError(reason, message.message, {
    envId: message.envId,
    envIndices: message.envIndices,
    advancedEnvIndices: message.advancedEnvIndices,
    suggestions: message.suggestions,
    ...(message.exception ? { exception: message.exception } : {}),
  });
}
