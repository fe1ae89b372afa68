/** Policies for Notifications-v0 that need no training. Action 0 sends nothing, 1 to 3 send a kind of notification. */
import { Discrete, flatdim, type NdArray, type Space, unflatten } from 'gymlink';
import type { Policy } from 'gymlink/agents';

/** A policy with a name, made anew for each evaluation, since some have a state. */
export interface Baseline {
  readonly name: string;
  readonly make: () => Policy;
}

interface Observation {
  readonly relevance: NdArray<Float32Array>;
  readonly sent: NdArray<Float32Array>;
  readonly visits_now: NdArray<Float32Array>;
}

const slots = ['morning', 'noon', 'evening', 'night'];
const kinds = ['friends', 'digest', 'offer'];

/** Sends nothing. */
export function never(space: Space): Baseline {
  return { name: 'never send', make: () => eachRow(space, () => 0) };
}

/** Sends anything or nothing. */
export function random(space: Space): Baseline {
  const make = () => {
    const actions = new Discrete(1 + kinds.length);
    actions.seed(1);
    return eachRow(space, () => actions.sample());
  };
  return { name: 'random', make };
}

/** Every policy that sends one kind, or the most relevant one, at one part of the day, every one to three days. */
export function schedules(space: Space): Baseline[] {
  return [...kinds, 'most relevant'].flatMap((kind) =>
    slots.flatMap((name, slot) =>
      [1, 2, 3].map((days) => ({
        name: `schedule: ${kind}, ${name}, every ${days === 1 ? 'day' : `${days} days`}`,
        make: () => schedule(space, kinds.indexOf(kind), slot, days),
      })),
    ),
  );
}

function schedule(space: Space, kind: number, slot: number, days: number): Policy {
  const send = eachRow(space, ({ relevance }) => 1 + (kind >= 0 ? kind : argMax(relevance)));
  const keepSilent = eachRow(space, () => 0);
  let time = 0;
  return (observations) => {
    const isDue = time % slots.length === slot && Math.floor(time / slots.length) % days === 0;
    time++;
    return isDue ? send(observations) : keepSilent(observations);
  };
}

/** Rules that send the most relevant kind if it is relevant enough, when this user tends to come, once or twice a day. */
export function rules(space: Space): Baseline[] {
  return [0.3, 0.4, 0.5, 0.6].flatMap((threshold) =>
    [0, 0.25, 0.3].flatMap((share) =>
      [1, 2].map((daily) => ({
        name: `rule: relevance > ${threshold}, visits > ${share}, at most ${daily} a day`,
        make: () =>
          eachRow(space, ({ relevance, sent, visits_now: [visits] }) => {
            const kind = argMax(relevance);
            const isRelevant = (relevance[kind] as number) > threshold;
            const isDue = (visits as number) > share && (sent[0] as number) < daily / slots.length;
            return isRelevant && isDue ? 1 + kind : 0;
          }),
      })),
    ),
  );
}

/** A policy for flattened observations of the space, from one for an observation as the environment gives it. */
function eachRow(space: Space, act: (observation: Observation) => number): Policy {
  const size = flatdim(space);
  return (observations) => {
    const flat = Float64Array.from(observations);
    return Int32Array.from({ length: flat.length / size }, (_, row) => {
      const observation = unflatten(space, flat.subarray(row * size, (row + 1) * size));
      return act(observation as unknown as Observation);
    });
  };
}

function argMax(values: NdArray<Float32Array>): number {
  return values.indexOf(Math.max(...values));
}
