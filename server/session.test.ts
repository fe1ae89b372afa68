import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import type { EnvironmentServiceClient } from '../proto/gen/gymlink/v1/service.js';
import {
  AutoresetMode,
  CallRequest,
  FrameEncoding,
  type OpenRequest,
  type RenderRequest,
  RowKind,
  SessionResponse,
  type Transition,
} from '../proto/gen/gymlink/v1/session.js';
import {
  familiesStarted,
  int64s,
  kwargs,
  open,
  RawSession,
  rawClient,
  reset,
  rowsOf,
  step,
} from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
const misbehavingFamily = new URL('fixtures/family-misbehaving', import.meta.url).pathname;
const defaultFamily = new URL('../python-envs/families/gymnasium', import.meta.url).pathname;
const limit = { timeout: 30_000 };
const close = { $case: 'close', value: {} } as const;
const ping = { $case: 'ping', value: {} } as const;
const seed = (...bytes: number[]) => ({ magnitude: Uint8Array.from(bytes) });

beforeAll(async () => {
  const families = [defaultFamily, misbehavingFamily];
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', families });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

async function opened(fields: Partial<OpenRequest> = {}): Promise<RawSession> {
  const session = new RawSession(client);
  await session.open(fields);
  return session;
}

describe('a session', limit, () => {
  test('opens, resets, steps and closes', async () => {
    const session = new RawSession(client);
    const {
      placements,
      environment,
      autoresetMode,
      seed: drawn,
    } = await session.open({ numEnvs: 2 });
    expect(placements.map(({ first, count }) => [first, count])).toEqual([[0, 2]]);
    expect([environment?.id, environment?.maxEpisodeSteps]).toEqual(['CartPole-v1', 500]);
    expect(autoresetMode).toBe(AutoresetMode.AUTORESET_MODE_NEXT_STEP);
    expect(drawn?.magnitude.length).toBeGreaterThan(0);
    const first = await session.reset();
    expect(first.delivery).toBe(1n);
    expect(rowsOf(first)).toMatchObject([
      { envIndex: 0, kind: RowKind.ROW_KIND_RESET, episode: 1, episodeStep: 0, reward: 0, seq: 2n },
      { envIndex: 1, kind: RowKind.ROW_KIND_RESET, episode: 1, episodeStep: 0, reward: 0, seq: 2n },
    ]);
    const second = await session.step(int64s(0, 1));
    expect(second.delivery).toBe(2n);
    expect(rowsOf(second)).toMatchObject([
      { envIndex: 0, kind: 0, episodeStep: 1, reward: 1, seq: 3n },
      { envIndex: 1, kind: 0, episodeStep: 1, reward: 1, seq: 3n },
    ]);
    await session.close();
    expect((await session.status).code).toBe(0);
  });

  test('spreads sub-environments over contiguous runs and merges their rows in order', async () => {
    const session = new RawSession(client);
    const { placements } = await session.open({ numEnvs: 5, numWorkers: 2 });
    expect(placements.map(({ first, count }) => [first, count])).toEqual([
      [0, 3],
      [3, 2],
    ]);
    expect(new Set(placements.map(({ worker }) => worker)).size).toBe(2);
    await session.reset();
    const some = await session.step(int64s(1, 0, 1), [1, 2, 4]);
    expect(rowsOf(some).map(({ envIndex, episodeStep }) => [envIndex, episodeStep])).toEqual([
      [1, 1],
      [2, 1],
      [4, 1],
    ]);
    const all = await session.step(int64s(0, 0, 0, 0, 0));
    expect(rowsOf(all).map(({ episodeStep }) => episodeStep)).toEqual([1, 2, 2, 1, 2]);
    await session.close();
  });

  test('gives the first reset the session’s seed, and later ones none', async () => {
    const observe = async (session: RawSession): Promise<string> => {
      const { parts } = await session.reset();
      const location = parts[0]?.location;
      if (location?.$case !== 'payload') throw new Error('no payload');
      return Buffer.from(location.value)
        .subarray(-16 * 3)
        .toString('hex');
    };
    const sessions = await Promise.all(
      [1, 1, 2].map((byte) => opened({ numEnvs: 3, seed: seed(byte) })),
    );
    const firsts = await Promise.all(sessions.map(observe));
    const seconds = await Promise.all(sessions.map(observe));
    expect(firsts[0]).toBe(firsts[1]);
    expect(firsts[0]).not.toBe(firsts[2]);
    expect(seconds[0]).toBe(seconds[1]);
    expect(seconds[0]).not.toBe(firsts[0]);
    await Promise.all(sessions.map((session) => session.close()));
  });

  test('answers pipelined requests in their order, each step after the one before it', async () => {
    const session = new RawSession(client);
    const requests = [
      open({ numEnvs: 4, numWorkers: 2 }),
      reset(),
      step(int64s(0, 0), [0, 3]),
      ping,
    ];
    const steps = Array.from({ length: 20 }, () => step(int64s(0, 1, 0, 1)));
    const seqs = [...requests, ...steps, close].map((request) => session.send(request));
    const kinds: string[] = [];
    for (const seq of seqs) {
      const reply = await session.next();
      expect(reply.seq).toBe(seq);
      kinds.push(reply.response?.$case ?? '');
      if (reply.response?.$case === 'transition' && seq > 4n) {
        const [first] = rowsOf(reply.response.value);
        if (first?.episode === 1 && first.kind === 0)
          expect(first.episodeStep).toBe(Number(seq) - 3);
      }
    }
    expect(kinds.slice(0, 4)).toEqual(['opened', 'transition', 'transition', 'pong']);
    expect(kinds.at(-1)).toBe('closed');
    expect(new Set(kinds.slice(4, -1))).toEqual(new Set(['transition']));
    expect((await session.status).code).toBe(0);
  });

  test('refuses steps of ended episodes in mode DISABLED until they are reset', async () => {
    const session = await opened({
      envId: 'Misbehaving-v0',
      numEnvs: 2,
      autoresetMode: AutoresetMode.AUTORESET_MODE_DISABLED,
      kwargs: kwargs({ length: { $case: 'integer', value: 2n } }),
    });
    await session.reset();
    await session.step(int64s(0), [1]);
    expect(rowsOf(await session.step(int64s(0, 0))).map(({ terminated }) => terminated)).toEqual([
      0, 1,
    ]);
    const refused = await session.ask(step(int64s(0, 0)), 'error');
    expect([refused.reason, refused.envIndices]).toEqual([
      ErrorReason.ERROR_REASON_RESET_NEEDED,
      [1],
    ]);
    expect(
      rowsOf(await session.step(int64s(0), [0])).map(({ episodeStep }) => episodeStep),
    ).toEqual([2]);
    await session.reset({ envIndices: [0, 1] });
    expect(rowsOf(await session.step(int64s(0, 0))).map(({ episode }) => episode)).toEqual([2, 2]);
    await session.close();
  });

  test('splits a delivery at the client’s message limit', async () => {
    const session = await opened({
      envId: 'CarRacing-v3',
      numEnvs: 3,
      numWorkers: 1,
      maxMessageBytes: 80_000n,
    });
    const seq = session.send(reset({ seed: seed(3) }));
    const replies = [await session.next(), await session.next()];
    const transitions = replies.flatMap(({ response }) =>
      response?.$case === 'transition' ? [response.value] : [],
    );
    expect(replies.every((reply) => reply.seq === seq)).toBe(true);
    expect(replies.every((reply) => SessionResponse.encode(reply).finish().length <= 80_000)).toBe(
      true,
    );
    expect(transitions.map(({ delivery, more }) => [delivery, more])).toEqual([
      [1n, true],
      [1n, false],
    ]);
    expect(transitions.flatMap(rowsOf).map(({ envIndex }) => envIndex)).toEqual([0, 1, 2]);
    await session.close();
  });

  test('splits rows of a Sequence as they come, and names one that is too long', async () => {
    const session = await opened({
      envId: 'Growing-v0',
      numEnvs: 4,
      numWorkers: 1,
      maxMessageBytes: 20_000n,
    });
    await session.reset();
    expect((await session.step(int64s(1, 2, 0, 3))).more).toBe(false);
    const seq = session.send(step(int64s(10, 12, 0, 13)));
    const transitions: Transition[] = [];
    while (transitions.length === 0 || transitions.at(-1)?.more) {
      const { response } = await session.next();
      if (response?.$case !== 'transition') throw new Error(`no rows: ${response?.$case}`);
      transitions.push(response.value);
    }
    expect(transitions.length).toBeGreaterThan(1);
    expect(
      transitions.flatMap(rowsOf).map((row) => [row.envIndex, row.episodeStep, row.seq]),
    ).toEqual([0, 1, 2, 3].map((envIndex) => [envIndex, 2, seq]));
    const error = await session.ask(step(int64s(1, 25, 0, 1)), 'error');
    expect([error.reason, error.advancedEnvIndices]).toEqual([
      ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE,
      [0, 1, 2, 3],
    ]);
    await session.reset();
    expect(rowsOf(await session.step(int64s(1, 1, 1, 1)))).toHaveLength(4);
    await session.close();
  });

  test('refuses to open when one row is over the client’s message limit', async () => {
    const session = new RawSession(client);
    const error = await session.ask(
      open({ envId: 'CarRacing-v3', maxMessageBytes: 20_000n }),
      'error',
    );
    expect(error.reason).toBe(ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE);
    expect((await session.open({})).environment?.id).toBe('CartPole-v1');
    await session.close();
  });

  test('renders in the session’s render mode', async () => {
    const session = await opened({
      envId: 'Misbehaving-v0',
      numEnvs: 3,
      numWorkers: 3,
      renderMode: 'ansi',
    });
    await session.reset();
    await session.step(int64s(0), [2]);
    const render: RenderRequest = { envIndices: [0, 2], encoding: 0, width: 0 };
    const { renderings } = await session.ask({ $case: 'render', value: render }, 'rendered');
    expect(renderings.map(({ envIndex, frames }) => [envIndex, frames[0]?.kind])).toEqual([
      [0, { $case: 'text', value: 'step 0' }],
      [2, { $case: 'text', value: 'step 1' }],
    ]);
    const encoded = { ...render, encoding: FrameEncoding.FRAME_ENCODING_PNG };
    const refused = await session.ask({ $case: 'render', value: encoded }, 'error');
    expect(refused.reason).toBe(ErrorReason.ERROR_REASON_RENDER_UNAVAILABLE);
    expect(refused.message).toMatch(/ansi/);
    await session.close();
  });

  test('encodes and scales the frames of chosen sub-environments', async () => {
    const session = await opened({
      envId: 'CartPole-v1',
      numEnvs: 3,
      numWorkers: 3,
      renderMode: 'rgb_array',
    });
    await session.reset();
    const value: RenderRequest = {
      envIndices: [0, 2],
      encoding: FrameEncoding.FRAME_ENCODING_PNG,
      width: 150,
    };
    const { renderings } = await session.ask({ $case: 'render', value }, 'rendered');
    expect(renderings.map(({ envIndex }) => envIndex)).toEqual([0, 2]);
    for (const { frames, isList } of renderings) {
      const kind = frames[0]?.kind;
      const bytes = Buffer.from(kind?.$case === 'binary' ? kind.value : []);
      // The signature, and width and height in the header chunk (PNG specification, 11.2.2).
      expect(bytes.subarray(1, 4).toString()).toBe('PNG');
      expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([150, 100]);
      expect([frames.length, isList]).toEqual([1, false]);
    }
    for (const [fields, reason] of [
      [{ encoding: 4 as FrameEncoding }, ErrorReason.ERROR_REASON_UNIMPLEMENTED],
      [{ width: 100_000 }, ErrorReason.ERROR_REASON_LIMIT_EXCEEDED],
    ] as const)
      expect(
        await session.ask({ $case: 'render', value: { ...value, ...fields } }, 'error'),
      ).toMatchObject({ reason, advancedEnvIndices: [] });
    await session.close();
  });

  test('is closed when the client sends nothing more', async () => {
    const session = await opened();
    session.send(reset());
    session.call.end();
    expect((await session.next()).response?.$case).toBe('transition');
    expect((await session.status).code).toBe(0);
  });
});

describe('bad input to Open', limit, () => {
  const { $case: _, ...version } = { $case: '', major: 2, minor: 0 };
  const number = (value: number) => ({ $case: 'real', value }) as const;
  test.each<[string, Partial<OpenRequest>, ErrorReason, RegExp, string[]]>([
    [
      'another protocol version',
      { protocol: version },
      ErrorReason.ERROR_REASON_PROTOCOL_VERSION,
      /2\.0.* 1\.0/,
      [],
    ],
    [
      'no protocol version',
      { protocol: undefined },
      ErrorReason.ERROR_REASON_PROTOCOL_VERSION,
      /no version/,
      [],
    ],
    [
      'an unknown id',
      { envId: 'LunarLander-v2' },
      ErrorReason.ERROR_REASON_UNKNOWN_ENVIRONMENT,
      /LunarLander-v2/,
      ['LunarLander-v3'],
    ],
    [
      'an unknown id with more wrong',
      { envId: 'CartPol-v1', numEnvs: 0 },
      ErrorReason.ERROR_REASON_UNKNOWN_ENVIRONMENT,
      /CartPole-v1/,
      ['CartPole-v1', 'CartPole-v0'],
    ],
    [
      'a constructor argument outside the list',
      { envId: 'LunarLander-v3', kwargs: kwargs({ gravitie: number(1) }) },
      ErrorReason.ERROR_REASON_NOT_ALLOWED,
      /gravitie/,
      ['gravity', 'continuous', 'enable_wind', 'wind_power', 'turbulence_power'],
    ],
    [
      'a value that the constructor refuses',
      { envId: 'LunarLander-v3', kwargs: kwargs({ gravity: number(5) }) },
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      /gravity/,
      [],
    ],
    [
      'no sub-environments',
      { numEnvs: 0 },
      ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
      /num_envs/,
      [],
    ],
    [
      'too many sub-environments',
      { numEnvs: 5000 },
      ErrorReason.ERROR_REASON_LIMIT_EXCEEDED,
      /max_envs_per_session.*4096/,
      [],
    ],
    [
      'too many workers',
      { numEnvs: 300, numWorkers: 300 },
      ErrorReason.ERROR_REASON_LIMIT_EXCEEDED,
      /max_workers_per_session/,
      [],
    ],
    [
      'a window on the server',
      { renderMode: 'human' },
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      /human/,
      [],
    ],
    [
      'an unknown render mode',
      { renderMode: 'sideways' },
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      /sideways/,
      ['rgb_array'],
    ],
    [
      'a seed that is too long',
      { seed: { magnitude: new Uint8Array(33).fill(1) } },
      ErrorReason.ERROR_REASON_INVALID_SEED,
      /32 bytes/,
      [],
    ],
    [
      'failure policy RESTART',
      { failurePolicy: 2 },
      ErrorReason.ERROR_REASON_UNIMPLEMENTED,
      /RESTART/,
      [],
    ],
    [
      'a wrapper outside the allow-list',
      { envId: 'Misbehaving-v0', wrappers: [{ name: 'ClipActions', kwargs: undefined }] },
      ErrorReason.ERROR_REASON_NOT_ALLOWED,
      /may not use the wrapper ClipActions of Misbehaving-v0. Allowed: ClipAction, /,
      expect.arrayContaining(['ClipAction', 'TimeLimit']),
    ],
    [
      'the name of a property of every object as wrapper',
      { envId: 'Misbehaving-v0', wrappers: [{ name: 'constructor', kwargs: undefined }] },
      ErrorReason.ERROR_REASON_NOT_ALLOWED,
      /constructor/,
      expect.arrayContaining(['ClipAction']),
    ],
    [
      'a wrapper that its constructor refuses',
      { wrappers: [{ name: 'FrameStackObservation', kwargs: undefined }] },
      ErrorReason.ERROR_REASON_INVALID_KWARGS,
      /missing 1 required positional argument: 'stack_size'/,
      [],
    ],
    [
      'a wrapper with an argument of no value',
      {
        wrappers: [
          { name: 'ClipReward', kwargs: { entries: [{ key: undefined, value: undefined }] } },
        ],
      },
      ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
      /texts/,
      [],
    ],
    [
      'a plan for a sub-environment that there is not',
      { numEnvs: 2, plan: [{ envIndex: 2, seed: undefined, options: undefined }] },
      ErrorReason.ERROR_REASON_INVALID_ENV_INDEX,
      /sub-environment 2, but there are 0 to 1/,
      [],
    ],
    [
      'a plan with a seed that is too long',
      {
        plan: [
          { envIndex: 0, seed: { magnitude: new Uint8Array(33).fill(1) }, options: undefined },
        ],
      },
      ErrorReason.ERROR_REASON_INVALID_SEED,
      /32 bytes/,
      [],
    ],
    [
      'a plan without autoresets',
      { autoresetMode: 3, plan: [{ envIndex: 0, seed: undefined, options: undefined }] },
      ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
      /DISABLED/,
      [],
    ],
    ['LZ4', { compression: 2 }, ErrorReason.ERROR_REASON_UNIMPLEMENTED, /compression 2/, []],
  ])('%s', async (_name, fields, reason, message, suggestions) => {
    const session = new RawSession(client);
    const error = await session.ask(open(fields), 'error');
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
    expect(error.suggestions).toEqual(suggestions);
    await session.open({});
    await session.close();
  });

  test('both names of an id are known', async () => {
    const session = new RawSession(client);
    expect((await session.open({ envId: 'gymnasium/CartPole-v1' })).environment?.family).toBe(
      'gymnasium',
    );
    await session.close();
    const other = new RawSession(client);
    expect((await other.open({ envId: 'misbehaving/CartPole-v1' })).environment?.family).toBe(
      'misbehaving',
    );
    await other.close();
  });
});

describe('bad input to a session', limit, () => {
  test('changes nothing', async () => {
    const session = await opened({ numEnvs: 4, numWorkers: 2 });
    const { ERROR_REASON_INVALID_ENV_INDEX, ERROR_REASON_INVALID_ACTION, ...reasons } = ErrorReason;
    const refuse = async (
      request: Parameters<RawSession['send']>[0],
      reason: ErrorReason,
      envIndices: number[] = [],
    ) => {
      if (request === undefined) throw new Error('no request');
      const error = await session.ask(request, 'error');
      expect(error).toMatchObject({ reason, envIndices, advancedEnvIndices: [] });
      return error.message;
    };
    await refuse(step(int64s(0, 0, 0, 0)), reasons.ERROR_REASON_RESET_NEEDED, [0, 1, 2, 3]);
    await session.reset({ envIndices: [0, 1, 2] });
    expect(
      await refuse(step(int64s(0, 0), [1, 3]), reasons.ERROR_REASON_RESET_NEEDED, [3]),
    ).toMatch(/never reset/);
    await session.reset();
    await refuse(step(int64s(0), [4]), ERROR_REASON_INVALID_ENV_INDEX, [4]);
    await refuse(step(int64s(0, 0), [1, 1]), ERROR_REASON_INVALID_ENV_INDEX, [1]);
    await refuse(step(int64s(0, 0), [2, 1]), ERROR_REASON_INVALID_ENV_INDEX, [1]);
    await refuse(step(int64s(0, 0, 2, 0)), ERROR_REASON_INVALID_ACTION, [2]);
    await refuse(step(int64s(-1), [3]), ERROR_REASON_INVALID_ACTION, [3]);
    await refuse(step(int64s(0, 0, 0)), ERROR_REASON_INVALID_ACTION);
    await refuse(step(new Uint8Array(16)), ERROR_REASON_INVALID_ACTION);
    await refuse(reset({ envSeeds: [{ seed: undefined }] }), reasons.ERROR_REASON_INVALID_SEED);
    await refuse(
      reset({ seed: { magnitude: new Uint8Array(33).fill(1) } }),
      reasons.ERROR_REASON_INVALID_SEED,
    );
    await refuse(
      reset({ envIndices: [0], seed: seed(1), envSeeds: [{ seed: seed(1) }] }),
      reasons.ERROR_REASON_MALFORMED_REQUEST,
    );
    await refuse(reset({ envIndices: [7] }), ERROR_REASON_INVALID_ENV_INDEX, [7]);
    await refuse(
      { $case: 'render', value: { envIndices: [], encoding: 0, width: 0 } },
      reasons.ERROR_REASON_RENDER_UNAVAILABLE,
    );
    await refuse(open({}), reasons.ERROR_REASON_MALFORMED_REQUEST);
    await refuse(
      { $case: 'restoreState', value: { envIndices: [], stateIds: [1n] } },
      reasons.ERROR_REASON_MALFORMED_REQUEST,
    );
    await refuse(
      { $case: 'dropState', value: { stateIds: [1n] } },
      reasons.ERROR_REASON_STATE_NOT_FOUND,
    );
    await refuse(
      { $case: 'call', value: CallRequest.decode(new Uint8Array()) },
      reasons.ERROR_REASON_NOT_ALLOWED,
    );
    await refuse(
      { $case: 'sharedMemoryProof', value: { nonce: new Uint8Array(16) } },
      reasons.ERROR_REASON_MALFORMED_REQUEST,
    );
    const rows = rowsOf(await session.step(int64s(0, 1, 0, 1)));
    expect(rows.map(({ episodeStep }) => episodeStep)).toEqual([1, 1, 1, 1]);
    await session.close();
  });

  test('acknowledging what was not delivered is refused, and the session goes on', async () => {
    const session = await opened();
    session.send(reset(), 1n);
    const reply = await session.next();
    expect(reply.response?.$case === 'error' && reply.response.value.reason).toBe(
      ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
    );
    await session.reset();
    session.send(ping, 1n);
    expect((await session.next()).response?.$case).toBe('pong');
    await session.close();
  });
});

describe('a message that breaks the stream’s rules ends it', limit, () => {
  const invalidArgument = 3;

  async function endsWith(session: RawSession, seq: bigint): Promise<string> {
    const reply = await session.next();
    expect(reply.seq).toBe(seq);
    if (reply.response?.$case !== 'error') throw new Error(`no error but ${reply.response?.$case}`);
    expect(reply.response.value.reason).toBe(ErrorReason.ERROR_REASON_MALFORMED_REQUEST);
    expect((await session.status).code).toBe(invalidArgument);
    return reply.response.value.message;
  }

  test('no Open first', async () => {
    const session = new RawSession(client);
    session.send(reset());
    expect(await endsWith(session, 1n)).toMatch(/Open/);
  });

  test('a seq that does not increase', async () => {
    const session = await opened();
    session.call.write({ seq: 1n, acknowledged: 0n, request: ping });
    expect(await endsWith(session, 1n)).toMatch(/increase/);
  });

  test('an unset oneof', async () => {
    const session = await opened();
    session.send(undefined);
    expect(await endsWith(session, 2n)).toMatch(/no request/);
  });

  test('a message over the server’s limit', async () => {
    const session = await opened();
    session.send(step(new Uint8Array(65 * 1024 * 1024)));
    const { code, details } = await session.status;
    expect(code).toBe(8);
    expect(details).toMatch(/larger than max/);
  });
});
