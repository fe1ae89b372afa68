import { FamilyState, type FamilySummary } from '../proto/gen/gymlink/v1/service.js';
import type { EnvironmentSummary } from '../proto/gen/gymlink/v1/session.js';
import type { Space } from './spaces/index.js';
import { fromMap, fromValue, type PlainValue } from './values.js';

/** An environment of a server's catalogue. */
export interface EnvironmentInfo {
  readonly id: string;
  readonly family: string;
  /** Steps after which an episode is truncated; 0 for no limit. */
  readonly maxEpisodeSteps: number;
  /** Mean return at which the environment counts as solved. */
  readonly rewardThreshold: number | undefined;
  readonly nondeterministic: boolean;
  readonly defaultKwargs: Record<string, PlainValue>;
  readonly allowedKwargs: readonly string[];
  /** What the constructor's signature says of these arguments. */
  readonly arguments: readonly ConstructorArgument[];
  /** What the environment lacks on this server; empty where it can be made. */
  readonly unavailable: string;
}

/** A constructor argument, as the constructor's signature has it. */
export interface ConstructorArgument {
  readonly name: string;
  /** As the constructor writes it, for example `float`; empty where it writes none. */
  readonly type: string;
  /** Undefined where there is none, or one that is no plain data. */
  readonly default: PlainValue | undefined;
  /** Whether it must be given. */
  readonly required: boolean;
}

/** Environments of a server that share a Python environment. */
export interface FamilyInfo {
  readonly name: string;
  readonly description: string;
  /** What its licences mean to a user, in words. */
  readonly licence: string;
  /** Name of service.proto's FamilyState without its prefix; a family that is `NOT_BUILT` is built when it is first needed. */
  readonly state: string;
  /** Why it failed, or the last line of progress while it is built. */
  readonly detail: string;
  /** Patterns of its environments' ids. */
  readonly ids: readonly string[];
}

/** One environment with its spaces. */
export interface EnvironmentDescription {
  readonly environment: EnvironmentInfo;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly metadata: Record<string, PlainValue>;
  readonly documentation: string;
}

const familyStates = new Map<number, string>(
  Object.entries(FamilyState).map(([name, number]) => [number, name.slice('FAMILY_STATE_'.length)]),
);

/** A message as the catalogue's entry. */
export function environmentInfo(summary: EnvironmentSummary): EnvironmentInfo {
  const { defaultKwargs, rewardThreshold, ...rest } = summary;
  return {
    ...rest,
    arguments: summary.arguments.map((argument) => ({
      ...argument,
      default: argument.default === undefined ? undefined : fromValue(argument.default),
    })),
    rewardThreshold,
    defaultKwargs: defaultKwargs ? (fromMap(defaultKwargs) as Record<string, PlainValue>) : {},
  };
}

/** A message as FamilyInfo. */
export function familyInfo({ state, ...family }: FamilySummary): FamilyInfo {
  return { ...family, state: familyStates.get(state) ?? 'UNKNOWN' };
}
