import type { Transition } from '../proto/gen/gymlink/v1/session.js';
import { envIndicesOf } from './env-indices.js';
import { GymlinkError } from './errors.js';
import type { Session } from './session.js';

/** Names a saved state within its session. */
export type StateId = bigint;

function stateIdsOf(stateIds: readonly StateId[]): StateId[] {
  return Array.from(stateIds, (id) => {
    if (typeof id !== 'bigint' || id < 0n || id >> 64n > 0n)
      throw new GymlinkError(
        'INVALID_ARGUMENT',
        `${id} is no saved state: saveState and importState give bigints.`,
      );
    return id;
  });
}

/** Saves the states of sub-environments; of all if none are named. */
export async function saveStates(
  session: Session,
  envIndices?: readonly number[],
): Promise<StateId[]> {
  const request = { envIndices: envIndicesOf(envIndices) };
  return (await session.request({ $case: 'saveState', value: request }, 'stateSaved')).stateIds;
}

/** Restores sub-environments, each from its state. */
export async function restoreStates(
  session: Session,
  stateIds: readonly StateId[],
  envIndices?: readonly number[],
): Promise<Transition> {
  const request = { envIndices: envIndicesOf(envIndices), stateIds: stateIdsOf(stateIds) };
  return session.request({ $case: 'restoreState', value: request }, 'transition');
}

/** Forgets saved states. */
export async function dropStates(session: Session, stateIds: readonly StateId[]): Promise<void> {
  const request = { stateIds: stateIdsOf(stateIds) };
  await session.request({ $case: 'dropState', value: request }, 'stateDropped');
}

/** Gives saved states out. */
export async function exportStates(
  session: Session,
  stateIds: readonly StateId[],
): Promise<Uint8Array[]> {
  const request = { stateIds: stateIdsOf(stateIds) };
  const reply = await session.request({ $case: 'exportState', value: request }, 'stateExported');
  // Without the copy each would keep the whole message in memory.
  return reply.states.map((state) => Uint8Array.from(state));
}

/** Takes exported states in. */
export async function importStates(
  session: Session,
  states: readonly Uint8Array[],
): Promise<StateId[]> {
  const request = { states: [...states] };
  return (await session.request({ $case: 'importState', value: request }, 'stateSaved')).stateIds;
}
