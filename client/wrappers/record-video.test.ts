/** RecordVideo beside Gymnasium's own: the same videos of the same frames, as GIF instead of MP4. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareEnv, compareVector, decode, Oracle } from '../fixtures/oracle.js';
import { type AutoresetMode, type Connection, launch } from '../index.js';
import { cappedCubicVideoSchedule, RecordVideo, type RecordVideoOptions } from './index.js';
import * as vector from './vector/index.js';

let gym: Connection;
let oracle: Oracle;
let folder: string;

beforeAll(async () => {
  gym = await launch();
  oracle = new Oracle();
  folder = await mkdtemp(join(tmpdir(), 'gymlink-videos-'));
}, 180_000);

afterAll(async () => {
  oracle?.close();
  await gym?.close();
  await rm(folder, { recursive: true });
});

const second = (number: number) => number % 2 === 1;
const tenth = (number: number) => number % 10 === 9;

/** Options here, and keyword arguments of the oracle. */
const recordings: readonly (readonly [string, RecordVideoOptions, Record<string, unknown>])[] = [
  ['by default', {}, {}],
  ['every second episode', { episodeTrigger: second }, { episode_trigger: { func: 'second' } }],
  [
    'a few frames from every tenth step on',
    { stepTrigger: tenth, videoLength: 5, namePrefix: 'few' },
    { step_trigger: { func: 'tenth' }, video_length: 5, name_prefix: 'few' },
  ],
];

// Its frames are small.
const id = 'FrozenLake-v1';
const base = { id, steps: 60, seed: 7, render_mode: 'rgb_array' };

async function newFolders() {
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  await Promise.all([ours, theirs].map((path) => rm(path, { recursive: true, force: true })));
  return { ours, theirs };
}

interface Video {
  readonly frames: number;
  readonly fps: number;
  readonly last: { dtype: string; shape: [number, number, number]; data: string };
}

/** Compares the GIF files of a folder with what the oracle wrote instead of MP4 files; returns how many there are. */
async function expectSameVideos({ ours, theirs }: { ours: string; theirs: string }) {
  const names = (await readdir(theirs)).map((file) => parse(file).name).sort();
  expect((await readdir(ours)).sort()).toEqual(names.map((name) => `${name}.gif`));
  for (const name of names) {
    const video: Video = JSON.parse(await readFile(join(theirs, `${name}.json`), 'utf8'));
    const gif = sharp(join(ours, `${name}.gif`), { animated: true });
    const { delay = [], width, height, pageHeight = height, pages = 1 } = await gif.metadata();
    // Two equal frames in a row are one page that is shown for longer.
    const durationMs = delay.reduce((sum, ms) => sum + ms, 0);
    expect(durationMs, name).toBe((1000 / video.fps) * video.frames);
    expect([pageHeight, width, 3], name).toEqual(video.last.shape);
    const pixels = await gif.removeAlpha().raw().toBuffer();
    const last = pixels.subarray((pages - 1) * width * pageHeight * 3);
    expect(meanDifference(last, decode(video.last)), name).toBeLessThan(colourTolerance);
  }
  return names.length;
}

/** A GIF has 256 colours. */
const colourTolerance = 1;

function meanDifference(a: Uint8Array, b: ArrayLike<number | bigint>): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += Math.abs((a[i] as number) - Number(b[i]));
  return sum / b.length;
}

test.each(recordings)('records %s', async (_what, options, keywords) => {
  const folders = await newFolders();
  const env = await gym.make(id, { renderMode: 'rgb_array' });
  await using recorded = new RecordVideo(env, folders.ours, options);
  const wrappers = [['RecordVideo', [folders.theirs], keywords]] as const;
  const settings = { ...base, num_envs: 1, mode: 'Env', max_episode_steps: 0, wrappers } as const;
  expect(await compareEnv(recorded, oracle, settings)).toBeGreaterThan(1);
  await recorded.close();
  expect(await expectSameVideos(folders)).toBeGreaterThan(0);
});

const modes: readonly AutoresetMode[] = ['NextStep', 'SameStep', 'Disabled'];

test.each(modes.flatMap((mode) => recordings.map((recording) => [mode, ...recording] as const)))(
  'in autoreset mode %s, records %s',
  async (mode, _what, options, keywords) => {
    const folders = await newFolders();
    const made = { numEnvs: 4, numWorkers: 2, autoresetMode: mode, renderMode: 'rgb_array' };
    const envs = await gym.makeVec(id, made);
    await using recorded = new vector.RecordVideo(envs, folders.ours, options);
    const wrappers = [['RecordVideo', [folders.theirs], keywords]] as const;
    const settings = { ...base, num_envs: 4, mode, max_episode_steps: 0, wrappers };
    expect(await compareVector(recorded, oracle, settings)).toBeGreaterThan(0);
    await recorded.close();
    expect(await expectSameVideos(folders)).toBeGreaterThan(0);
  },
);

test.each<[vector.VectorRecordVideoOptions, Record<string, unknown>]>([
  [{ recordFirstOnly: true }, { record_first_only: true }],
  [{ videoAspectRatio: [4, 1] }, { video_aspect_ratio: [4, 1] }],
])('shows sub-environments as %j says', async (options, keywords) => {
  const folders = await newFolders();
  const envs = await gym.makeVec(id, { numEnvs: 6, renderMode: 'rgb_array' });
  await using recorded = new vector.RecordVideo(envs, folders.ours, options);
  const wrappers = [['RecordVideo', [folders.theirs], keywords]] as const;
  const settings = { ...base, steps: 5, num_envs: 6, mode: 'NextStep', max_episode_steps: 0 };
  await compareVector(recorded, oracle, { ...settings, mode: 'NextStep', wrappers });
  await recorded.close();
  expect(await expectSameVideos(folders)).toBe(1);
});

test('without triggers, episodes are recorded less and less often', () => {
  const recorded = Array.from({ length: 2001 }, (_, i) => i).filter(cappedCubicVideoSchedule);
  expect(recorded).toEqual([0, 1, 8, 27, 64, 125, 216, 343, 512, 729, 1000, 2000]);
});

test('frames must be pictures', async () => {
  const { ours } = await newFolders();
  const text = await gym.make('FrozenLake-v1', { renderMode: 'ansi' });
  await using talking = new RecordVideo(text, ours);
  await expect(talking.reset()).rejects.toThrow(/renderMode "rgb_array"/);
  await using blind = new RecordVideo(await gym.make('CartPole-v1'), ours);
  await expect(blind.reset()).rejects.toMatchObject({ reason: 'RENDER_UNAVAILABLE' });
  expect(await readdir(ours)).toEqual([]);
});
