import type { Family } from './family.js';

/** What a server takes on at most. The first three are told to clients in ServerLimits. */
export const limits = {
  /** Largest message received from a client, in bytes. */
  maxMessageBytes: 64 * 1024 * 1024,
  maxEnvsPerSession: 4096,
  maxSessions: 256,
  maxWorkersPerSession: 256,
  maxStatesPerSession: 65_536,
  /** Of those, the ones that are kept by a process each. */
  maxForkedStatesPerSession: 256,
  /** Unanswered requests of one session. */
  maxInFlight: 8,
  /** Largest body of a frame from a sidecar, in bytes. */
  maxFrameBytes: 1024 * 1024 * 1024,
  /** Longest path of a Unix socket, in bytes: the kernel takes 108, and Node cuts a longer name silently. */
  maxSocketPathBytes: 100,
} as const;

/** The most that each kind of wait may take, in milliseconds; then the worker concerned is ended. */
export interface Deadlines {
  readonly openMs: number;
  readonly resetMs: number;
  readonly stepMs: number;
  readonly renderMs: number;
  readonly closeMs: number;
  /** From spawning a family's parent to its catalogue; not the making of its Python environment. */
  readonly parentStartMs: number;
}

export const defaultDeadlines: Deadlines = {
  openMs: 120_000,
  resetMs: 60_000,
  stepMs: 60_000,
  renderMs: 60_000,
  closeMs: 5_000,
  parentStartMs: 120_000,
};

/** What a worker's steps may take together before a session gets a second one, in microseconds, and how many they may be. */
const worker = { stepUs: 200, envs: 8 } as const;

/** Most workers that a session gets unasked, a core. Of an asynchronous one, because a slow sub-environment holds up those beside it. */
export const workersPerCore = { synchronous: 1, asynchronous: 4 } as const;

/**
 * How many workers a session gets: what it asks for, else what its sub-environments fill, at most `most`; in any case as many as its
 * family needs.
 */
export function workerCount(
  { numEnvs, numWorkers }: { readonly numEnvs: number; readonly numWorkers: number },
  { manifest }: Family,
  most: number,
): number {
  const perWorker = Math.min(
    worker.envs,
    Math.max(1, Math.floor(worker.stepUs / manifest.step_us)),
  );
  const filled = Math.min(most, Math.ceil(numEnvs / perWorker));
  const least = Math.ceil(numEnvs / (manifest.max_envs_per_worker ?? numEnvs));
  return Math.min(numEnvs, Math.max(numWorkers === 0 ? filled : numWorkers, least));
}
