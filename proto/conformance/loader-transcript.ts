import { ZSTDDecoder } from 'zstddec';
import { detailsOf } from './loader-client.js';
import type {
  Description,
  EnvironmentSummary,
  ErrorMessage,
  Opened,
  Rendered,
  ServerInfo,
  SessionResponse,
  Space,
  TransitionDetails,
  TransitionPart,
} from './loader-messages.js';
import { rowJson, spaceJson } from './loader-space-json.js';
import { elementType, PayloadReader, type Row, readRows } from './loader-spaces.js';
import {
  floatJson,
  fromMagnitude,
  infosJson,
  type Json,
  type JsonObject,
  mapJson,
  valueJson,
} from './loader-values.js';

const ROW_KINDS = ['STEP', 'RESET', 'AUTORESET', 'FAILED'];

/** What a TransitionPart holds: its columns as numbers or hex, and what is there for each row. */
interface Part {
  envIndex: number[];
  episode: number[];
  episodeStep: number[];
  seq: number[];
  reward: string[];
  terminated: number[];
  truncated: number[];
  kind: string[];
  observation: Row[];
  finalObservation: (Row | null)[];
  info: JsonObject[];
  finalInfo: (JsonObject | null)[];
  seed: (string | null)[];
}

/** Spreads what only the rows with a final observation have. */
function spread<T>(hasFinal: Buffer, values: T[]): (T | null)[] {
  const waiting = [...values];
  return [...hasFinal].map((has) => (has ? (waiting.shift() ?? null) : null));
}

function seedsOf(details: TransitionDetails, rows: number): (string | null)[] {
  const seeds = new Map(details.seeds.map(({ row, seed }) => [row, fromMagnitude(seed.magnitude)]));
  return Array.from({ length: rows }, (_, row) => seeds.get(row)?.toString() ?? null);
}

const zstd = new ZSTDDecoder();
await zstd.init();

/** A part's payload as it was before compression. */
function payloadOf({ rows, payload, uncompressed_bytes }: TransitionPart): Buffer {
  if (uncompressed_bytes === '0') return payload;
  const columns = [4, 4, 4, 8, 8, 1, 1, 1, 1].map((bytes) => Math.ceil((bytes * rows) / 8) * 8);
  const begin = columns.reduce((sum, bytes) => sum + bytes, 0);
  const rest = zstd.decode(payload.subarray(begin), Number(uncompressed_bytes) - begin);
  return Buffer.concat([payload.subarray(0, begin), rest]);
}

function readPart(part: TransitionPart, space: Space, stacks: Stacks | undefined): Part {
  const { rows } = part;
  const reader = new PayloadReader(payloadOf(part));
  const details = detailsOf(part.details);
  const [envIndex, episode, episodeStep] = [1, 2, 3].map(() => reader.numbers(rows));
  const [seq, reward] = [1, 2].map(() => reader.block(8 * rows));
  const [terminated, truncated, kind, hasFinal] = [1, 2, 3, 4].map(() => reader.block(rows));
  if (!envIndex || !episode || !episodeStep || !seq || !reward) throw new Error('unreachable');
  if (!terminated || !truncated || !kind || !hasFinal) throw new Error('unreachable');
  const finals = hasFinal.filter((has) => has === 1).length;
  const ended = envIndex.filter((_, row) => hasFinal[row] === 1);
  const { observation, finalRows } = stacks
    ? readStacks(space, ended, envIndex, reader, stacks)
    : {
        observation: readRows(space, rows, reader),
        finalRows: finals > 0 ? readRows(space, finals, reader) : [],
      };
  reader.finish();
  const each = <T>(form: (row: number) => T) => Array.from({ length: rows }, (_, row) => form(row));
  return {
    envIndex,
    episode,
    episodeStep,
    seq: each((row) => Number(seq.readBigUInt64LE(8 * row))),
    reward: each((row) => reward.toString('hex', 8 * row, 8 * row + 8)),
    terminated: [...terminated],
    truncated: [...truncated],
    kind: [...kind].map((number) => ROW_KINDS[number] ?? `${number}`),
    observation,
    finalObservation: spread(hasFinal, finalRows),
    info: infosJson(details.infos, rows),
    finalInfo: spread(hasFinal, infosJson(details.final_infos, finals)),
    seed: seedsOf(details, rows),
  };
}

/** The last stack of each sub-environment, where only the newest frame of a stack travels. */
export type Stacks = Map<number, Buffer>;

function readStacks(
  space: Space,
  ended: number[],
  envs: number[],
  reader: PayloadReader,
  stacks: Stacks,
): { observation: Row[]; finalRows: Row[] } {
  const order = [...ended, ...envs];
  const shifted = [...reader.block(order.length)];
  const count = shifted.filter((flag) => flag === 1).length;
  const frame = { ...space, box: { ...space.box, shape: space.box.shape.slice(1) } };
  const newest = count > 0 ? readRows(frame, count, reader) : [];
  const whole = count < order.length ? readRows(space, order.length - count, reader) : [];
  const { dtype, shape } = elementType(space);
  const rows = order.map((env, i) => {
    const { array: bytes } = (shifted[i] === 1 ? newest : whole).shift() as { array: Buffer };
    const kept = stacks.get(env) ?? Buffer.alloc(0);
    const array = shifted[i] === 1 ? Buffer.concat([kept.subarray(bytes.length), bytes]) : bytes;
    stacks.set(env, array);
    return { array, dtype, shape };
  });
  return { finalRows: rows.slice(0, ended.length), observation: rows.slice(ended.length) };
}

/** A transition of the messages of one delivery. */
export function transitionJson(
  messages: SessionResponse[],
  space: Space,
  stacks?: Stacks,
): JsonObject {
  const parts = messages.flatMap(({ transition }) =>
    transition.parts.map((part) => readPart(part, space, stacks)),
  );
  const all = <T>(name: (part: Part) => T[]) => parts.flatMap(name);
  return {
    transition: {
      env_index: all((part) => part.envIndex),
      episode: all((part) => part.episode),
      episode_step: all((part) => part.episodeStep),
      terminated: all((part) => part.terminated),
      truncated: all((part) => part.truncated),
      reward: all((part) => part.reward),
      kind: all((part) => part.kind),
      observation: all((part) => part.observation.map(rowJson)),
      info: all((part) => part.info),
      seed: all((part) => part.seed),
      final_observation: all((part) => part.finalObservation.map((row) => row && rowJson(row))),
      final_info: all((part) => part.finalInfo),
    },
    wire: {
      delivery: Number(messages[0]?.transition.delivery),
      seq: all((part) => part.seq),
      parts: parts.map((part) => part.envIndex.length),
      messages: messages.length,
      largest: Math.max(...messages.map(({ size }) => size)),
    },
  };
}

export function errorJson(error: ErrorMessage, status?: string): JsonObject {
  const { message, env_id, env_indices, advanced_env_indices, suggestions } = error;
  const { exception } = error;
  const form: JsonObject = {
    reason: reasonName(error.reason),
    message,
    env_id,
    env_indices,
    advanced_env_indices,
    exception: exception && { type: exception.type, message: exception.message },
    suggestions,
  };
  return status === undefined ? { error: form } : { error: form, wire: { status } };
}

/** A reason that this client does not know comes as a number. */
export function reasonName(reason: string | number): string {
  return typeof reason === 'string' ? reason.replace('ERROR_REASON_', '') : 'INTERNAL';
}

export function environmentJson(summary: EnvironmentSummary): JsonObject {
  const { id, family, max_episode_steps, nondeterministic, allowed_kwargs, unavailable } = summary;
  const threshold = summary.reward_threshold;
  return {
    id,
    family,
    max_episode_steps,
    reward_threshold: threshold === undefined ? null : floatJson(threshold),
    nondeterministic,
    default_kwargs: mapJson(summary.default_kwargs),
    allowed_kwargs,
    unavailable,
  };
}

function openedJson(opened: Opened): JsonObject {
  const { max_in_flight, delivery_window, lease_s, compression, newest_frame_only } = opened;
  return {
    opened: {
      has_session_id: opened.session_id !== '',
      observation_space: spaceJson(opened.observation_space),
      action_space: spaceJson(opened.action_space),
      observation_spaces: opened.observation_spaces.map(spaceJson),
      metadata: mapJson(opened.metadata),
      environment: environmentJson(opened.environment),
      autoreset_mode: opened.autoreset_mode.replace('AUTORESET_MODE_', ''),
      seed: opened.seed && fromMagnitude(opened.seed.magnitude).toString(),
      placements: opened.placements.map(({ first, count }): JsonObject => ({ first, count })),
      max_in_flight,
      delivery_window,
      max_message_bytes: Number(opened.max_message_bytes),
      lease_s,
      compression: compression.replace('COMPRESSION_', ''),
      newest_frame_only,
    },
  };
}

function renderedJson({ renderings }: Rendered): JsonObject {
  const rendered = renderings.map(({ env_index, frames, is_list }): Json => {
    return { env_index, frames: frames.map(valueJson), is_list };
  });
  return { rendered };
}

/** Of the replies that tell something, by their field of SessionResponse. */
export const REPLY_FORMS: Record<string, (reply: SessionResponse) => JsonObject> = {
  opened: ({ opened }) => openedJson(opened),
  rendered: ({ rendered }) => renderedJson(rendered),
  called: ({ called }) => ({ called: { results: called.results.map(valueJson) } }),
  state_exported: ({ state_exported: { states } }) => ({
    state_exported: { count: states.length },
  }),
};

export function serverJson(info: ServerInfo): JsonObject {
  const { limits, protocol } = info;
  const names = info.capabilities.filter((one) => typeof one === 'string');
  return {
    server: {
      version: info.version,
      protocol: [protocol.major, protocol.minor],
      capabilities: names.map((name) => name.replace('CAPABILITY_', '')).sort(),
      limits: {
        max_message_bytes: Number(limits.max_message_bytes),
        max_envs_per_session: limits.max_envs_per_session,
        max_sessions: limits.max_sessions,
      },
    },
  };
}

export function descriptionJson(description: Description): JsonObject {
  return {
    description: {
      environment: environmentJson(description.environment),
      observation_space: spaceJson(description.observation_space),
      action_space: spaceJson(description.action_space),
      metadata: mapJson(description.metadata),
      documentation: description.documentation,
    },
  };
}
