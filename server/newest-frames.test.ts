/** Stacks of which only the newest frame travels, as the bare protocol shows them. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ErrorReason } from '../proto/gen/gymlink/v1/error.js';
import type {
  EnvironmentServiceClient,
  ListSessionsResponse,
} from '../proto/gen/gymlink/v1/service.js';
import {
  AutoresetMode,
  Compression,
  type OpenRequest,
  type Transition,
} from '../proto/gen/gymlink/v1/session.js';
import {
  familiesStarted,
  int64s,
  kwargs,
  open,
  RawSession,
  rawClient,
} from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';

let server: RunningServer;
let client: EnvironmentServiceClient;
const limit = { timeout: 30_000 };

beforeAll(async () => {
  const folder = fileURLToPath(new URL('../python-envs/families/gymnasium', import.meta.url));
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'silent', families: [folder] });
  client = rawClient(server.address);
  await familiesStarted(client);
}, 180_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

/** Four sub-environments in two workers, whose observations are stacks of four frames. */
function stacked(envId: string): Partial<OpenRequest> {
  const stackSize = kwargs({ stack_size: { $case: 'integer', value: 4n } });
  const wrappers = [{ name: 'FrameStackObservation', kwargs: stackSize }];
  return { envId, numEnvs: 4, numWorkers: 2, wrappers, newestFrameOnly: true };
}

/** Of two rows: the columns, and which of up to eight stacks are shifted. */
const columnBytes = 3 * 8 + 2 * 16 + 4 * 8;
const shiftedBytes = 8;
const stackBytes = 4 * 4 * 4;

const payloadBytes = ({ parts }: Transition) =>
  parts.map(({ location }) => (location?.$case === 'payload' ? location.value.length : undefined));

test('resets are whole, and steps are their newest frames', limit, async () => {
  const session = new RawSession(client);
  const { newestFrameOnly } = await session.open(stacked('CartPole-v1'));
  expect(newestFrameOnly).toBe(true);
  const whole = columnBytes + shiftedBytes + 2 * stackBytes;
  expect(payloadBytes(await session.reset())).toEqual([whole, whole]);
  const newest = columnBytes + shiftedBytes + (2 * stackBytes) / 4;
  for (let i = 0; i < 3; i++)
    expect(payloadBytes(await session.step(int64s(0, 1, 0, 1)))).toEqual([newest, newest]);
  await session.close();
});

test('a final observation is its newest frame, and the one after it whole', limit, async () => {
  const session = new RawSession(client);
  await session.open({
    ...stacked('CartPole-v1'),
    maxEpisodeSteps: 1,
    autoresetMode: AutoresetMode.AUTORESET_MODE_SAME_STEP,
  });
  await session.reset();
  const bytes = columnBytes + shiftedBytes + (2 * stackBytes) / 4 + 2 * stackBytes;
  expect(payloadBytes(await session.step(int64s(0, 1, 0, 1)))).toEqual([bytes, bytes]);
  await session.close();
});

test('frames are compressed then, and never in shared memory', limit, async () => {
  const frameBytes = 96 * 96 * 3;
  const session = new RawSession(client);
  const { sharedMemory } = await session.open({
    ...stacked('CarRacing-v3'),
    compression: Compression.COMPRESSION_ZSTD,
    sharedMemory: true,
  });
  expect(sharedMemory).toBeUndefined();
  await session.reset();
  const stepped = await session.step(new Uint8Array(4 * 3 * 4));
  for (const { uncompressedBytes } of stepped.parts)
    expect(uncompressedBytes).toBe(BigInt(columnBytes + shiftedBytes + 2 * frameBytes));
  for (const bytes of payloadBytes(stepped)) expect(bytes).toBeLessThan(frameBytes / 2);
  const { sessions } = await new Promise<ListSessionsResponse>((resolve, reject) =>
    client.listSessions({}, (error, found) => (error ? reject(error) : resolve(found))),
  );
  expect(sessions[0]?.sharedBytes).toBe(0n);
  expect(Number(sessions[0]?.messageBytes)).toBeLessThan(4 * frameBytes);
  await session.close();
});

test('the stream goes on after an Open for what is no stack', limit, async () => {
  const session = new RawSession(client);
  const error = await session.ask(open({ newestFrameOnly: true }), 'error');
  expect(error.reason).toBe(ErrorReason.ERROR_REASON_MALFORMED_REQUEST);
  expect(error.message).toMatch(
    /^newest_frame_only .* CartPole-v1 are of Box\(.*\(4,\), float32\)/,
  );
  await session.open(stacked('CartPole-v1'));
  await session.close();
});
