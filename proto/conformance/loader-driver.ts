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
import { type Kept, REQUESTS, type Step } from './loader-requests.js';
import { rowJson } from './loader-space-json.js';
import { encodeRows, PayloadError, PayloadReader, readRows } from './loader-spaces.js';
import {
  descriptionJson,
  environmentJson,
  errorJson,
  REPLY_FORMS,
  reasonName,
  type Stacks,
  serverJson,
  transitionJson,
} from './loader-transcript.js';
import { type Json, type JsonObject, mapMessage } from './loader-values.js';

export type { Step };

export interface Scenario {
  name: string;
  offline?: boolean;
  steps: Step[];
}

interface Session {
  stream: Stream;
  opened?: Opened;
  stacks?: Stacks;
}

const PLAIN_REPLIES: Record<string, string> = {
  pong: 'PongResponse',
  closed: 'ClosedResponse',
  state_dropped: 'StateDroppedResponse',
};

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
  #kept: Kept = new Map();

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
    return this.#reply(session, this.#send(session, step), step);
  }

  #session({ stream = 'a' }: Step): Session {
    const session = this.#sessions.get(stream) ?? { stream: this.#client.stream() };
    this.#sessions.set(stream, session);
    return session;
  }

  #send(session: Session, step: Step): number {
    const request = REQUESTS[step.op];
    if (!request) throw new Error(`no operation ${step.op}`);
    return session.stream.send(request(step, session.opened, this.#kept), step.seq);
  }

  async #reply(session: Session, seq: number, step: Step): Promise<JsonObject> {
    const reply = await session.stream.next();
    if (Number(reply.seq) !== seq) throw new Error(`seq ${reply.seq} answers request ${seq}`);
    if (reply.response === 'error') throw new RequestError(reply.error);
    if (reply.response === 'transition') return this.#transition(session, reply);
    if (reply.response === 'opened') session.opened = reply.opened;
    if (session.opened?.newest_frame_only) session.stacks ??= new Map();
    if (reply.response === 'state_saved') return this.#saved(step, reply.state_saved.state_ids);
    if (reply.response === 'state_exported')
      this.#kept.set(step.as as string, reply.state_exported.states);
    const form = REPLY_FORMS[reply.response];
    return form ? form(reply) : { [PLAIN_REPLIES[reply.response] ?? '']: {} };
  }

  /** Keeps ids under the step's name, and tells how many there are and whether all differ. */
  #saved(step: Step, ids: string[]): JsonObject {
    this.#kept.set(step.as as string, ids);
    return { state_saved: { count: ids.length, different: new Set(ids).size === ids.length } };
  }

  async #transition(
    { stream, opened, stacks }: Session,
    first: SessionResponse,
  ): Promise<JsonObject> {
    if (!opened) throw new Error('a transition before Opened');
    const messages = [first];
    while (messages.at(-1)?.transition.more) messages.push(await stream.next());
    const deliveries = messages.map((message) => `${message.seq} ${message.transition?.delivery}`);
    const wanted = `${first.seq} ${stream.delivery + 1}`;
    if (deliveries.some((one) => one !== wanted)) throw new Error(`${deliveries}, not ${wanted}`);
    stream.delivery += 1;
    return transitionJson(messages, opened.observation_space, stacks);
  }

  #operations: Record<string, (step: Step) => Promise<JsonObject>> = {
    pipeline: async (step) => {
      const session = this.#session(step);
      const requests = (step.requests ?? []).filter(({ op }) => op !== 'half_close');
      const sent = requests.map((part) => ({ part, seq: this.#send(session, part) }));
      if (requests.length < (step.requests ?? []).length) session.stream.halfClose();
      const replies: Json[] = [];
      for (const { part, seq } of sent) {
        replies.push(await this.#reply(session, seq, part).catch(failureJson));
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
