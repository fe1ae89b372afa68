// The requests of the scenarios' steps, as messages; README.md has the forms.
import { action } from './loader-actions.js';
import type { Opened } from './loader-messages.js';
import { encodeRows } from './loader-spaces.js';
import { type Form, listMessage, mapMessage, seedMessage, valueMessage } from './loader-values.js';

/** A step of scenarios.json; which fields it has depends on `op`. */
export interface Step {
  op: string;
  stream?: string;
  seq?: number;
  lacking?: string;
  t?: number;
  count?: number;
  requests?: Step[];
  env_indices?: number[];
  [field: string]: unknown;
}

/** Of saved states, by the names that steps give: their ids, or the exported ones. */
export type Kept = Map<string, (string | Buffer)[]>;

interface WrapperForm {
  name: string;
  kwargs: unknown;
}

const OPEN_ENUMS = ['autoreset_mode', 'observation_mode', 'failure_policy', 'compression'];
const OPEN_FIELDS = [
  'env_id',
  'num_envs',
  'render_mode',
  'max_episode_steps',
  'num_workers',
  'max_message_bytes',
  'batch_size',
  'max_wait_us',
  'shared_memory',
  'newest_frame_only',
  'lease_s',
  'info_filter',
];

function openRequest(step: Step): object {
  const plain = OPEN_FIELDS.filter((name) => name in step).map((name) => [name, step[name]]);
  const enums = OPEN_ENUMS.filter((name) => name in step);
  const [major, minor] = (step.protocol ?? [1, 0]) as [number, number];
  const plan = (step.plan ?? []) as { env_index: number; seed?: unknown; options?: unknown }[];
  return {
    ...Object.fromEntries(plain),
    ...Object.fromEntries(enums.map((name) => [name, `${name.toUpperCase()}_${step[name]}`])),
    protocol: step.protocol === null ? undefined : { major, minor },
    kwargs: mapMessage(step.kwargs),
    seed: seedMessage(step.seed),
    env_kwargs: ((step.env_kwargs ?? []) as unknown[]).map(mapMessage),
    wrappers: ((step.wrappers ?? []) as (string | WrapperForm)[]).map((wrapper) =>
      typeof wrapper === 'string'
        ? { name: wrapper }
        : { name: wrapper.name, kwargs: mapMessage(wrapper.kwargs) },
    ),
    plan: plan.map(({ env_index, seed, options }) => {
      return { env_index, seed: seedMessage(seed), options: mapMessage(options) };
    }),
  };
}

function resetRequest(step: Step): object {
  const seeds = (step.env_seeds ?? []) as unknown[];
  const options = (step.env_options ?? []) as unknown[];
  return {
    env_indices: step.env_indices,
    seed: seedMessage(step.seed),
    env_seeds: seeds.map((seed) => ({ seed: seedMessage(seed) })),
    options: mapMessage(step.options),
    env_options: options.map(mapMessage),
  };
}

function stepRequest(step: Step, opened: Opened | undefined): object {
  const { env_indices = [], actions_hex, t = 0 } = step;
  if (typeof actions_hex === 'string') {
    return { env_indices, actions: Buffer.from(actions_hex, 'hex') };
  }
  if (!opened) throw new Error('a step by rule needs an open session');
  const count = opened.placements.reduce((sum, placement) => sum + placement.count, 0);
  const rows = env_indices.length > 0 ? env_indices : [...Array(count).keys()];
  const space = opened.action_space;
  const actions = rows.map((i) => action(space, i, t));
  return { env_indices, actions: encodeRows(space, actions) };
}

function renderRequest(step: Step): object {
  const encoding = `FRAME_ENCODING_${step.encoding ?? 'UNSPECIFIED'}`;
  return { env_indices: step.env_indices, encoding, width: step.width };
}

function callRequest({ env_indices, name, args, kwargs, set }: Step): object {
  return {
    env_indices,
    name,
    args: args && listMessage(args),
    kwargs: mapMessage(kwargs),
    set_values: ((set ?? []) as Form[]).map(valueMessage),
  };
}

/** The states that a step names: `NAME.PLACE` of what was kept, an id, or bytes in hex. */
function statesOf({ states }: Step, kept: Kept): (string | number | Buffer)[] {
  return (states as (string | number | { hex: string })[]).map((form) => {
    if (typeof form === 'number') return form;
    if (typeof form === 'object') return Buffer.from(form.hex, 'hex');
    const [name = '', place] = form.split('.');
    return kept.get(name)?.[Number(place)] as string | Buffer;
  });
}

type MakeRequest = (step: Step, opened: Opened | undefined, kept: Kept) => object;

/** The request of a step: a SessionRequest without its numbers. */
export const REQUESTS: Record<string, MakeRequest> = {
  open: (step) => ({ open: openRequest(step) }),
  reset: (step) => ({ reset: resetRequest(step) }),
  step: (step, opened) => ({ step: stepRequest(step, opened) }),
  render: (step) => ({ render: renderRequest(step) }),
  ping: () => ({ ping: {} }),
  close: () => ({ close: {} }),
  nothing: () => ({}),
  attach: () => ({ attach: { protocol: { major: 1 }, session_id: 'none', epoch: 1 } }),
  shared_memory_proof: () => ({ shared_memory_proof: { nonce: Buffer.alloc(16) } }),
  save_state: ({ env_indices }) => ({ save_state: { env_indices } }),
  restore_state: (step, _, kept) => {
    return { restore_state: { env_indices: step.env_indices, state_ids: statesOf(step, kept) } };
  },
  drop_state: (step, _, kept) => ({ drop_state: { state_ids: statesOf(step, kept) } }),
  export_state: (step, _, kept) => ({ export_state: { state_ids: statesOf(step, kept) } }),
  import_state: (step, _, kept) => ({ import_state: { states: statesOf(step, kept) } }),
  call: (step) => ({ call: callRequest(step) }),
};
