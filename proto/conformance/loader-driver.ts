// Runs the scenarios with the proto-loader client and writes the transcript:
//   node loader-driver.js ADDRESS SCENARIOS TRANSCRIPT
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { action } from './loader-actions.js';
import { LoaderClient, messageOf, RequestError, type Stream, StreamEnd } from './loader-client.js';
import type {
  Description,
  EnvironmentSummary,
  Opened,
  ServerInfo,
  SessionResponse,
  Sessions,
  Space,
} from './loader-messages.js';
import { rowJson } from './loader-space-json.js';
import { encodeRows, PayloadError, PayloadReader, readRows } from './loader-spaces.js';
import {
  descriptionJson,
  environmentJson,
  errorJson,
  openedJson,
  reasonName,
  renderedJson,
  serverJson,
  transitionJson,
} from './loader-transcript.js';
import { type Json, type JsonObject, mapMessage, seedMessage } from './loader-values.js';

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

export interface Scenario {
  name: string;
  offline?: boolean;
  steps: Step[];
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
  'lease_s',
  'info_filter',
];

interface Session {
  stream: Stream;
  opened?: Opened;
}

function openRequest(step: Step): object {
  const plain = OPEN_FIELDS.filter((name) => name in step).map((name) => [name, step[name]]);
  const enums = OPEN_ENUMS.filter((name) => name in step);
  const [major, minor] = (step.protocol ?? [1, 0]) as [number, number];
  const plan = (step.plan ?? []) as { env_index: number; seed: unknown }[];
  return {
    ...Object.fromEntries(plain),
    ...Object.fromEntries(enums.map((name) => [name, `${name.toUpperCase()}_${step[name]}`])),
    protocol: step.protocol === null ? undefined : { major, minor },
    kwargs: mapMessage(step.kwargs),
    seed: seedMessage(step.seed),
    env_kwargs: ((step.env_kwargs ?? []) as unknown[]).map(mapMessage),
    wrappers: ((step.wrappers ?? []) as string[]).map((name) => ({ name })),
    plan: plan.map(({ env_index, seed }) => ({ env_index, seed: seedMessage(seed) })),
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

const REQUESTS: Record<string, (step: Step, opened: Opened | undefined) => object> = {
  open: (step) => ({ open: openRequest(step) }),
  reset: (step) => ({ reset: resetRequest(step) }),
  step: (step, opened) => ({ step: stepRequest(step, opened) }),
  render: (step) => ({ render: renderRequest(step) }),
  ping: () => ({ ping: {} }),
  close: () => ({ close: {} }),
  nothing: () => ({}),
  attach: () => ({ attach: { protocol: { major: 1 }, session_id: 'none', epoch: 1 } }),
  shared_memory_proof: () => ({ shared_memory_proof: { nonce: Buffer.alloc(16) } }),
  save_state: () => ({ save_state: {} }),
  restore_state: () => ({ restore_state: { env_indices: [0], state_ids: [1] } }),
  drop_state: () => ({ drop_state: { state_ids: [1] } }),
  call: ({ name }) => ({ call: { name } }),
};

const PLAIN_REPLIES: Record<string, string> = { pong: 'PongResponse', closed: 'ClosedResponse' };

function endJson(end: StreamEnd): JsonObject {
  const reason = end.error ? reasonName(end.error.reason) : null;
  return { end: { status: end.status, reason } };
}

/** What failed, as a record; throws what no server should bring about. */
function failureJson(failure: unknown): JsonObject {
  if (failure instanceof RequestError) return errorJson(failure.error, failure.status);
  if (failure instanceof StreamEnd) return endJson(failure);
  if (failure instanceof PayloadError) return { payload_refused: true };
  throw failure;
}

class Run {
  #client: LoaderClient;
  #capabilities: Json[];
  #sessions = new Map<string, Session>();

  constructor(client: LoaderClient, capabilities: Json[]) {
    this.#client = client;
    this.#capabilities = capabilities;
  }

  async records(steps: Step[]): Promise<JsonObject[]> {
    const records: JsonObject[] = [];
    try {
      for (const step of steps) records.push(await this.#record(step));
    } catch (failure) {
      console.error(failure);
      records.push({ failure: String(failure) });
    } finally {
      for (const { stream } of this.#sessions.values()) stream.cancel();
    }
    return records;
  }

  #record(step: Step): Promise<JsonObject> {
    if (step.lacking !== undefined && this.#capabilities.includes(step.lacking)) {
      return Promise.resolve({ skipped: step.lacking });
    }
    return this.#take(step).catch(failureJson);
  }

  async #take(step: Step): Promise<JsonObject> {
    const operation = this.#operations[step.op];
    if (operation) return operation(step);
    const session = this.#session(step);
    return this.#reply(session, this.#send(session, step));
  }

  #session({ stream = 'a' }: Step): Session {
    const session = this.#sessions.get(stream) ?? { stream: this.#client.stream() };
    this.#sessions.set(stream, session);
    return session;
  }

  #send(session: Session, step: Step): number {
    const request = REQUESTS[step.op];
    if (!request) throw new Error(`no operation ${step.op}`);
    return session.stream.send(request(step, session.opened), step.seq);
  }

  async #reply(session: Session, seq: number): Promise<JsonObject> {
    const reply = await session.stream.next();
    if (Number(reply.seq) !== seq) throw new Error(`seq ${reply.seq} answers request ${seq}`);
    if (reply.response === 'error') throw new RequestError(reply.error);
    if (reply.response === 'transition') return this.#transition(session, reply);
    if (reply.response === 'rendered') return renderedJson(reply.rendered);
    if (reply.response !== 'opened') return { [PLAIN_REPLIES[reply.response] ?? '']: {} };
    session.opened = reply.opened;
    return openedJson(reply.opened);
  }

  async #transition({ stream, opened }: Session, first: SessionResponse): Promise<JsonObject> {
    if (!opened) throw new Error('a transition before Opened');
    const messages = [first];
    while (messages.at(-1)?.transition.more) messages.push(await stream.next());
    const deliveries = messages.map((message) => `${message.seq} ${message.transition?.delivery}`);
    const wanted = `${first.seq} ${stream.delivery + 1}`;
    if (deliveries.some((one) => one !== wanted)) throw new Error(`${deliveries}, not ${wanted}`);
    stream.delivery += 1;
    return transitionJson(messages, opened.observation_space);
  }

  #operations: Record<string, (step: Step) => Promise<JsonObject>> = {
    pipeline: async (step) => {
      const session = this.#session(step);
      const requests = (step.requests ?? []).filter(({ op }) => op !== 'half_close');
      const numbers = requests.map((request) => this.#send(session, request));
      if (requests.length < (step.requests ?? []).length) session.stream.halfClose();
      const replies: Json[] = [];
      for (const seq of numbers) {
        replies.push(await this.#reply(session, seq).catch(failureJson));
      }
      return { replies };
    },
    steps: async (step) => {
      const replies: Json[] = [];
      for (let n = 0; n < (step.count ?? 0); n++) {
        replies.push(await this.#record({ ...step, op: 'step', t: (step.t ?? 0) + n }));
      }
      return { replies };
    },
    await_end: async (step) => {
      const response = await this.#session(step).stream.next();
      throw new Error(`${response.response} instead of the end of the stream`);
    },
    half_close: async (step) => {
      this.#session(step).stream.halfClose();
      return { half_closed: {} };
    },
    server: async () => serverJson(await this.#client.call<ServerInfo>('GetServerInfo', {})),
    list: async ({ contains }) => {
      type Listed = { environments: EnvironmentSummary[] };
      const listed = await this.#client.call<Listed>('ListEnvironments', { contains });
      return { environments: listed.environments.map(environmentJson) };
    },
    describe: async ({ env_id, kwargs }) => {
      const request = { env_id, kwargs: mapMessage(kwargs) };
      return descriptionJson(await this.#client.call<Description>('DescribeEnvironment', request));
    },
    list_sessions: async (step) => {
      const { sessions } = await this.#client.call<Sessions>('ListSessions', {});
      const wanted = this.#session(step).opened?.session_id;
      const own = sessions.filter(({ session_id }) => session_id === wanted);
      const form = own.map(({ env_id, num_envs, rows }): Json => {
        return { env_id, num_envs, rows: Number(rows) };
      });
      return { sessions: form };
    },
    close_session: async (step) => {
      const session_id = step.session_id ?? this.#session(step).opened?.session_id;
      await this.#client.call('CloseSession', { session_id });
      return { session_closed: {} };
    },
    layout: async (step) => {
      const space = messageOf<Space>('Space', jsonSpace(step.space) as object);
      const reader = new PayloadReader(Buffer.from(step.payload as string, 'hex'));
      const rows = readRows(space, step.rows as number, reader);
      reader.finish();
      return { rows: rows.map(rowJson), payload: encodeRows(space, rows).toString('hex') };
    },
    actions: async (step) => {
      const space = messageOf<Space>('Space', jsonSpace(step.space) as object);
      const rows = (step.env_indices ?? []).map((i) => action(space, i, step.t ?? 0));
      return { payload: encodeRows(space, rows).toString('hex') };
    },
  };
}

/** Gives the fields of a message in proto3's JSON their names in the .proto files. */
function jsonSpace(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(jsonSpace);
  if (typeof json !== 'object' || json === null) return json;
  const named = Object.entries(json).map(([key, value]) => {
    return [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), jsonSpace(value)];
  });
  return Object.fromEntries(named);
}

/** Runs all scenarios against the server at `address`, or without address those that need none. */
export async function transcript(address: string, scenarios: Scenario[]): Promise<JsonObject> {
  const client = new LoaderClient(address || '127.0.0.1:1');
  const records: JsonObject = {};
  try {
    const info = address ? await client.call<ServerInfo>('GetServerInfo', {}) : undefined;
    const { server } = info ? serverJson(info) : { server: { capabilities: [] } };
    const { capabilities } = server as { capabilities: Json[] };
    for (const scenario of scenarios.filter(({ offline }) => address || offline)) {
      records[scenario.name] = await new Run(client, capabilities).records(scenario.steps);
    }
  } finally {
    client.close();
  }
  return records;
}

const [, script, address = '', scenarios = '', target = ''] = process.argv;
if (script && import.meta.url === pathToFileURL(script).href) {
  const listed = JSON.parse(readFileSync(scenarios, 'utf8')) as { scenarios: Scenario[] };
  writeFileSync(target, JSON.stringify(await transcript(address, listed.scenarios)));
}
