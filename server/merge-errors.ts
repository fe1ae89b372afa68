import { type ErrorMessage, ErrorReason } from './errors.js';

/** Reasons after which a session is broken come first: what else failed in the same request no longer matters. */
const fatal: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.ERROR_REASON_WORKER_DIED,
  ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
  ErrorReason.ERROR_REASON_MALFORMED_REPLY,
]);

/** One error for several workers' errors on one request; `advanced` are the sub-environments whose rows did come. */
export function mergeErrors(
  errors: readonly ErrorMessage[],
  advanced: readonly number[],
): ErrorMessage {
  const chosen = errors.find(({ reason }) => fatal.has(reason)) ?? errors[0];
  if (chosen === undefined) throw new Error('no errors to merge');
  const alike = errors.filter(({ reason }) => reason === chosen.reason);
  return {
    ...chosen,
    envIndices: ascending(alike.flatMap((error) => error.envIndices)),
    advancedEnvIndices: ascending([
      ...advanced,
      ...errors.flatMap((error) => error.advancedEnvIndices),
    ]),
  };
}

function ascending(envIndices: readonly number[]): number[] {
  return [...new Set(envIndices)].sort((a, b) => a - b);
}
