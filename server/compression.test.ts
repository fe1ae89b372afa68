/** Compressed payloads, as the bare protocol shows them. */
import { open as openFile } from 'node:fs/promises';
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
import { familiesStarted, RawSession, rawClient, step } from './fixtures/raw-client.js';
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

/** Four sub-environments in two workers. */
const racing: Partial<OpenRequest> = {
  envId: 'CarRacing-v3',
  numEnvs: 4,
  numWorkers: 2,
  compression: Compression.COMPRESSION_ZSTD,
};
const actions = new Uint8Array(4 * 3 * 4);
/** Of two rows: the columns with their padding, and the frames. */
const payloadBytes = 3 * 8 + 2 * 16 + 4 * 8 + 2 * 96 * 96 * 3;

function payloads({ parts }: Transition) {
  return parts.map(({ location, uncompressedBytes }) => ({
    bytes: location?.$case === 'payload' ? location.value.length : undefined,
    uncompressed: Number(uncompressedBytes),
  }));
}

test('only the frames are compressed, and the statistics say what went', limit, async () => {
  const session = new RawSession(client);
  const { compression } = await session.open(racing);
  expect(compression).toBe(Compression.COMPRESSION_ZSTD);
  const sent = [...payloads(await session.reset()), ...payloads(await session.step(actions))];
  for (const { bytes, uncompressed } of sent) {
    expect(uncompressed).toBe(payloadBytes);
    expect(bytes).toBeLessThan(payloadBytes / 5);
  }
  const { sessions } = await new Promise<ListSessionsResponse>((resolve, reject) =>
    client.listSessions({}, (error, found) => (error ? reject(error) : resolve(found))),
  );
  const total = sent.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  expect(sessions[0]).toMatchObject({ messageBytes: BigInt(total), sharedBytes: 0n });
  await session.close();
});

test('the server sees ends of episodes all the same', limit, async () => {
  const session = new RawSession(client);
  await session.open({
    ...racing,
    maxEpisodeSteps: 1,
    autoresetMode: AutoresetMode.AUTORESET_MODE_DISABLED,
  });
  await session.reset();
  expect(payloads(await session.step(actions))[0]?.uncompressed).toBe(payloadBytes);
  const error = await session.ask(step(actions), 'error');
  expect(error.reason).toBe(ErrorReason.ERROR_REASON_RESET_NEEDED);
  await session.close();
});

test('small payloads are as they are', limit, async () => {
  const session = new RawSession(client);
  await session.open({ numEnvs: 4, compression: Compression.COMPRESSION_ZSTD });
  for (const { uncompressed } of payloads(await session.reset())) expect(uncompressed).toBe(0);
  await session.close();
});

test('nothing is compressed any more where shared memory is in use', limit, async () => {
  const session = new RawSession(client);
  const { sharedMemory } = await session.open({ ...racing, sharedMemory: true });
  if (sharedMemory === undefined) throw new Error('no offer');
  const file = await openFile(sharedMemory.path, 'r');
  const nonce = Buffer.alloc(16);
  await file.read(nonce, 0, 16, 0);
  await file.close();
  await session.ask({ $case: 'sharedMemoryProof', value: { nonce } }, 'sharedMemoryReady');
  await session.reset();
  // All slots are taken then, since nothing is acknowledged.
  for (let i = 0; i < 3; i++) await session.step(actions);
  expect(payloads(await session.step(actions))).toEqual([
    { bytes: payloadBytes, uncompressed: 0 },
    { bytes: payloadBytes, uncompressed: 0 },
  ]);
  await session.close();
});
