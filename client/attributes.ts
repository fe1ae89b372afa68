import type { CallRequest } from '../proto/gen/gymlink/v1/session.js';
import { envIndicesOf } from './env-indices.js';
import { GymlinkError } from './errors.js';
import type { Session } from './session.js';
import {
  type Argument,
  type Arguments,
  fromValue,
  type PlainValue,
  toMap,
  toValue,
} from './values.js';

async function results(session: Session, request: Partial<CallRequest>): Promise<PlainValue[]> {
  const empty = { envIndices: [], name: '', args: undefined, kwargs: undefined, setValues: [] };
  const reply = await session.request({ $case: 'call', value: { ...empty, ...request } }, 'called');
  return reply.results.map(fromValue);
}

/** Reads an attribute of sub-environments; of all if none are named. */
export function readAttribute(
  session: Session,
  name: string,
  envIndices?: readonly number[],
): Promise<PlainValue[]> {
  return results(session, { name, envIndices: envIndicesOf(envIndices) });
}

/** Sets an attribute of every sub-environment: to one value, or to its own of a list. */
export async function writeAttribute(
  session: Session,
  name: string,
  values: Argument,
  numEnvs: number,
): Promise<void> {
  const list: readonly Argument[] = Array.isArray(values)
    ? values
    : new Array<Argument>(numEnvs).fill(values);
  if (list.length !== numEnvs)
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `${list.length} values of ${name} were given for ${numEnvs} sub-environments. Nothing was changed.`,
    );
  await results(session, { name, setValues: list.map(toValue) });
}

/** Calls a method of every sub-environment. */
export function callMethod(
  session: Session,
  name: string,
  args: readonly Argument[],
  kwargs: Arguments,
): Promise<PlainValue[]> {
  const named = Object.keys(kwargs).length > 0 ? toMap(kwargs) : undefined;
  return results(session, { name, args: { values: args.map(toValue) }, kwargs: named });
}
