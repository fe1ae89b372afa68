import { FamilyState, type FamilySummary } from '../proto/gen/gymlink/v1/service.js';
import type { EnvironmentSummary } from '../proto/gen/gymlink/v1/session.js';
import { ErrorReason, requestError } from './errors.js';
import type { Family } from './family.js';
import { familyKey, keepCatalogue, keptCatalogue } from './kept-catalogues.js';
import type { Logger } from './log.js';
import { ensurePythonEnv } from './python-env.js';
import { WarmParent } from './warm-parent.js';
import type { WorkerSocket } from './worker-socket.js';

/** How long a family that did not start is left alone. */
const retryMs = 5_000;

/** What the families of a server share. */
export interface FamilySurroundings {
  readonly sockets: WorkerSocket;
  readonly socketPath: string;
  /** Where manifests are written for the sidecars. */
  readonly folder: string;
  /** From spawning a parent to its catalogue, in milliseconds. */
  readonly startMs: number;
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

type HostState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'building'; readonly parent: Promise<WarmParent> }
  | { readonly kind: 'running'; readonly parent: Promise<WarmParent> }
  | { readonly kind: 'failed'; readonly error: Error; readonly at: number };

/** One family of a server: builds its Python environment and runs its parent process when they are needed. */
export class FamilyHost {
  readonly family: Family;
  /** Whether it is built and started with the server, not when it is first needed. */
  readonly isEager: boolean;
  /** What its environments are, from an earlier start or this one; undefined while nobody knows. */
  environments: readonly EnvironmentSummary[] | undefined;
  /** Settles when what is known of an earlier start has been read. */
  readonly prepared: Promise<void>;
  readonly #surroundings: FamilySurroundings;
  #state: HostState = { kind: 'idle' };
  #isBuilt = false;
  /** Last line that the building printed. */
  #progress = '';

  constructor(family: Family, isEager: boolean, surroundings: FamilySurroundings) {
    this.family = family;
    this.isEager = isEager;
    this.#surroundings = surroundings;
    this.prepared = this.#prepare();
  }

  /** Whether its environments are not known though they could be: its Python environment is there. */
  get isUnlisted(): boolean {
    return this.#isBuilt && this.environments === undefined && this.#state.kind !== 'failed';
  }

  /** The last line of progress while its Python environment is being built. */
  get progress(): string {
    return this.#state.kind === 'building' ? this.#progress : '';
  }

  /** How far it is. */
  summary(): FamilySummary {
    const { name, manifest } = this.family;
    const { description, licence } = manifest;
    const ids = manifest.ids ?? Object.keys(manifest.environments);
    return { name, description, licence, ids: [...ids], ...this.#stateAndDetail() };
  }

  #stateAndDetail(): { state: FamilyState; detail: string } {
    switch (this.#state.kind) {
      case 'idle': {
        const { FAMILY_STATE_BUILT, FAMILY_STATE_NOT_BUILT } = FamilyState;
        return { state: this.#isBuilt ? FAMILY_STATE_BUILT : FAMILY_STATE_NOT_BUILT, detail: '' };
      }
      case 'building':
        return { state: FamilyState.FAMILY_STATE_BUILDING, detail: this.#progress };
      case 'running':
        return { state: FamilyState.FAMILY_STATE_RUNNING, detail: '' };
      case 'failed':
        return { state: FamilyState.FAMILY_STATE_FAILED, detail: this.#state.error.message };
    }
  }

  /** Builds what is to be built and starts the parent, without waiting for its imports. Raises RequestError FAMILY_UNAVAILABLE. */
  parent(): Promise<WarmParent> {
    const state = this.#state;
    if ('parent' in state) return state.parent;
    if (state.kind === 'failed' && performance.now() - state.at < retryMs)
      return Promise.reject(state.error);
    const parent = this.#spawn();
    this.#state = { kind: 'building', parent };
    parent.then(
      () => {
        if ('parent' in this.#state && this.#state.parent === parent)
          this.#state = { kind: 'running', parent };
      },
      (error: Error) => this.#fail(error),
    );
    return parent;
  }

  /** The parent with its imports done. Raises RequestError FAMILY_UNAVAILABLE. */
  async readyParent(): Promise<WarmParent> {
    const parent = await this.parent();
    await parent.ready;
    return parent;
  }

  /** Ends the parent and with it its workers. */
  async stop(): Promise<void> {
    if (!('parent' in this.#state)) return;
    const parent = await this.#state.parent.catch(() => undefined);
    await parent?.stop();
  }

  async #prepare(): Promise<void> {
    // Why there is no interpreter for it is told when it is needed.
    const key = await familyKey(this.family).catch(() => undefined);
    this.#isBuilt = key !== undefined;
    this.environments ??= key === undefined ? undefined : keptCatalogue(key);
  }

  #fail(error: Error): void {
    this.#state = { kind: 'failed', error, at: performance.now() };
  }

  async #spawn(): Promise<WarmParent> {
    const python = await this.#python();
    const { sockets, socketPath, folder, startMs, stopping, log } = this.#surroundings;
    stopping.throwIfAborted();
    this.#isBuilt = true;
    const parent = new WarmParent({
      family: this.family,
      python,
      sockets,
      socketPath,
      folder,
      startMs,
      onDeath: () => this.#died(),
      log,
    });
    parent.ready.then(
      () => this.#learn(parent.environments),
      (error: Error) => this.#fail(error),
    );
    return parent;
  }

  /** A parent that ended is started anew by whoever needs it next. */
  #died(): void {
    if (this.#state.kind !== 'failed') this.#state = { kind: 'idle' };
  }

  async #learn(environments: readonly EnvironmentSummary[]): Promise<void> {
    this.environments = environments;
    const key = await familyKey(this.family).catch(() => undefined);
    if (key !== undefined) keepCatalogue(key, environments);
  }

  async #python(): Promise<string> {
    const { log, stopping } = this.#surroundings;
    const { name } = this.family;
    try {
      const onProgress = (line: string): void => {
        log.info({ family: name, line }, 'making the Python environment');
        this.#progress = line;
      };
      return (await ensurePythonEnv(this.family, { onProgress, signal: stopping })).python;
    } catch (error) {
      log.error({ err: error, family: name }, 'no Python environment');
      throw requestError(
        ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE,
        `The Python environment of family ${name} could not be made: ${(error as Error).message} ` +
          `\`gymlink family build ${name}\` shows how far it comes, \`gymlink doctor\` what is missing.`,
      );
    }
  }
}
