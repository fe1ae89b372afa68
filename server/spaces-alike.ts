// Whether sub-environments of one session, also those of different workers, have spaces that go together.

import { ObservationMode, type OpenRequest } from '../proto/gen/gymlink/v1/session.js';
import { Space } from '../proto/gen/gymlink/v1/space.js';
import type { WorkerOpened } from '../proto/gen/gymlink/worker/v1/worker.js';
import { ErrorReason, type RequestError, requestError } from './errors.js';

/**
 * What all workers of a session opened, as one; its spaces are those of sub-environment 0. `firsts` are the workers' first
 * sub-environments. Raises RequestError where spaces do not go together.
 */
export function mergeOpened(
  opened: readonly WorkerOpened[],
  firsts: readonly number[],
  request: OpenRequest,
): WorkerOpened {
  const [first] = opened;
  if (first === undefined) throw new Error('a session has a worker');
  checkEqual(
    opened.map(({ actionSpace }) => actionSpace),
    (i) => otherSpace(request, 'another action space than', firsts[i]),
  );
  const observationSpaces = opened.flatMap((one) => one.observationSpaces);
  if (request.observationMode === ObservationMode.OBSERVATION_MODE_DIFFERENT)
    checkEqual(observationSpaces.map(withoutBounds), (i) =>
      otherSpace(request, 'an observation space of another kind, shape or dtype than', i),
    );
  else
    checkEqual(
      opened.map(({ observationSpace }) => observationSpace),
      (i) => otherSpace(request, 'another observation space than', firsts[i], ifIntended),
    );
  // The longest run of sub-environments is the first.
  return { ...first, observationSpaces };
}

function checkEqual(spaces: readonly (Space | undefined)[], errorOf: (i: number) => Error): void {
  if (spaces.length < 2) return;
  const [first, ...others] = spaces.map((space) =>
    Buffer.from(Space.encode(space ?? { kind: undefined }).finish()),
  );
  const other = others.findIndex((bytes) => !bytes.equals(first ?? Buffer.alloc(0)));
  if (other >= 0) throw errorOf(other + 1);
}

const ifIntended = ' If that is intended, open with observation mode DIFFERENT.';

function otherSpace(
  { envId, envKwargs }: OpenRequest,
  what: string,
  i = 0,
  advice = '',
): RequestError {
  const reason =
    envKwargs.length > 0
      ? ErrorReason.ERROR_REASON_INVALID_KWARGS
      : ErrorReason.ERROR_REASON_MALFORMED_REPLY;
  const message = `Sub-environment ${i} of ${envId} has ${what} sub-environment 0.${advice}`;
  return requestError(reason, message, { envId, envIndices: [i] });
}

const noBytes = new Uint8Array();
const noBounds = {
  low: noBytes,
  high: noBytes,
  unboundedBelow: noBytes,
  unboundedAbove: noBytes,
};

/** A space without what may differ in observation mode DIFFERENT. */
function withoutBounds({ kind }: Space): Space {
  switch (kind?.$case) {
    case 'box':
      return { kind: { ...kind, value: { ...kind.value, ...noBounds } } };
    case 'discrete':
      return { kind: { ...kind, value: { ...kind.value, n: 0n, start: 0n } } };
    case 'multiDiscrete': {
      const { nvec, start } = kind.value;
      const value = { ...kind.value, nvec: withoutData(nvec), start: withoutData(start) };
      return { kind: { ...kind, value } };
    }
    case 'multiBinary':
      return { kind: { ...kind, value: { ...kind.value, fromScalar: false } } };
    case 'text':
      return { kind: { ...kind, value: { ...kind.value, minLength: 0 } } };
    case 'dict': {
      const entries = kind.value.entries.map(({ key, space }) => ({ key, space: inner(space) }));
      return { kind: { ...kind, value: { entries, unsorted: false } } };
    }
    case 'tuple':
      return { kind: { ...kind, value: { spaces: kind.value.spaces.map(withoutBounds) } } };
    case 'oneOf':
      return { kind: { ...kind, value: { spaces: kind.value.spaces.map(withoutBounds) } } };
    case 'sequence':
      return { kind: { ...kind, value: { ...kind.value, space: inner(kind.value.space) } } };
    case 'graph': {
      const { nodeSpace, edgeSpace } = kind.value;
      const value = { nodeSpace: inner(nodeSpace), edgeSpace: inner(edgeSpace) };
      return { kind: { ...kind, value } };
    }
    default:
      return { kind };
  }
}

function inner(space: Space | undefined): Space | undefined {
  return space && withoutBounds(space);
}

function withoutData<T extends { data: Uint8Array }>(tensor: T | undefined): T | undefined {
  return tensor && { ...tensor, data: noBytes };
}
