import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { int64s, RawSession, rawClient, rowsOf } from './fixtures/raw-client.js';
import { type RunningServer, serve } from './index.js';

let server: RunningServer;
let client: ReturnType<typeof rawClient>;

beforeAll(async () => {
  server = await serve({ listen: '127.0.0.1:0', logLevel: 'debug' });
  client = rawClient(server.address);
}, 60_000);

afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

describe('a session', { timeout: 30_000 }, () => {
  test('opens, resets, steps and closes', async () => {
    const session = new RawSession(client);
    const opened = await session.open({ numEnvs: 2 });
    expect(opened.placements).toHaveLength(1);
    const first = rowsOf(await session.reset());
    expect(first.map(({ envIndex, kind }) => [envIndex, kind])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    const rows = rowsOf(await session.step(int64s(0, 1)));
    expect(rows.map(({ reward, episodeStep }) => [reward, episodeStep])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    await session.close();
    expect((await session.status).code).toBe(0);
  });
});
