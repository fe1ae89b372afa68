import { GymlinkError } from './errors.js';
import { count } from './open-request.js';

/** The sub-environments of a request; all of them are an empty list on the wire, so a client must not name none. */
export function envIndicesOf(envIndices: readonly number[] | undefined): number[] {
  if (envIndices?.length === 0)
    throw new GymlinkError('INVALID_ARGUMENT', 'envIndices names no sub-environment.');
  return Array.from(envIndices ?? [], (index) => count('A sub-environment', index, 0));
}
