import { Catalogue } from './catalogue.js';
import { ErrorReason, requestError } from './errors.js';
import type { Family } from './family.js';
import type { Deadlines } from './limits.js';
import type { Logger } from './log.js';
import { ensurePythonEnv } from './python-env.js';
import { createRuntimeFolder, type RuntimeFolder, removeRuntimeFolder } from './runtime-folder.js';
import { WarmParent } from './warm-parent.js';
import type { Worker } from './worker.js';
import { WorkerSocket } from './worker-socket.js';

/** How long a family that did not start is left alone: every session asks for the whole catalogue. */
const retryMs = 5_000;

/** A parent that is being started, or runs. */
interface Start {
  readonly parent: Promise<WarmParent>;
  /** Last line of progress while the Python environment is made. */
  progress: string;
}

/** Owns what the server runs beside itself: runtime folder, worker socket, and one warm parent a family. */
export class Supervisor {
  readonly #families: readonly Family[];
  readonly #deadlines: Deadlines;
  readonly #log: Logger;
  readonly #folder: RuntimeFolder;
  readonly #sockets: WorkerSocket;
  readonly #starts = new Map<Family, Start>();
  readonly #failures = new Map<Family, { readonly error: unknown; readonly at: number }>();
  readonly #stopping = new AbortController();

  private constructor(
    families: readonly Family[],
    deadlines: Deadlines,
    folder: RuntimeFolder,
    sockets: WorkerSocket,
    log: Logger,
  ) {
    this.#families = families;
    this.#deadlines = deadlines;
    this.#folder = folder;
    this.#sockets = sockets;
    this.#log = log;
  }

  /** Makes the runtime folder and begins to start every family, without waiting for them. */
  static async start(
    families: readonly Family[],
    deadlines: Deadlines,
    log: Logger,
  ): Promise<Supervisor> {
    const folder = await createRuntimeFolder();
    const sockets = new WorkerSocket(log);
    await sockets.listen(folder.workerSocket);
    const supervisor = new Supervisor(families, deadlines, folder, sockets, log);
    for (const family of families) supervisor.#parent(family).catch(() => undefined);
    return supervisor;
  }

  /** Settles when the Python environment of every family is there, or could not be made. */
  async installed(): Promise<void> {
    await Promise.allSettled(this.#families.map((family) => this.#parent(family)));
  }

  /**
   * The environments of all families, as soon as each has started or failed; a family that failed has none. Raises
   * RequestError FAMILY_UNAVAILABLE when all failed.
   */
  async catalogue(): Promise<Catalogue> {
    const told = await this.#withinOpenDeadline(
      Promise.allSettled(this.#families.map((family) => this.#readyParent(family))),
    );
    const catalogue = new Catalogue();
    for (const outcome of told)
      if (outcome.status === 'fulfilled')
        catalogue.add(outcome.value.family, outcome.value.environments);
    if (told.every((outcome) => outcome.status === 'rejected')) throw told[0]?.reason;
    return catalogue;
  }

  /** Orders workers of a family, starting its parent where it has ended. They may still be starting. */
  async fork(family: Family, count: number): Promise<Worker[]> {
    const parent = await this.#withinOpenDeadline(this.#readyParent(family));
    return Array.from({ length: count }, () => parent.fork());
  }

  /** Ends all parents, and with them their workers, and removes socket and folder. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const parents = await Promise.allSettled(
      [...this.#starts.values()].map(({ parent }) => parent),
    );
    await Promise.all(
      parents.map((parent) => (parent.status === 'fulfilled' ? parent.value.stop() : undefined)),
    );
    this.#sockets.close();
    await removeRuntimeFolder(this.#folder);
  }

  async #readyParent(family: Family): Promise<WarmParent> {
    const failure = this.#failures.get(family);
    if (failure !== undefined && performance.now() - failure.at < retryMs) throw failure.error;
    try {
      const parent = await this.#parent(family);
      await parent.ready;
      return parent;
    } catch (error) {
      this.#failures.set(family, { error, at: performance.now() });
      throw error;
    }
  }

  #parent(family: Family): Promise<WarmParent> {
    const running = this.#starts.get(family);
    if (running !== undefined) return running.parent;
    const start: Start = {
      parent: this.#spawn(family, (line) => (start.progress = line)),
      progress: '',
    };
    this.#starts.set(family, start);
    start.parent.catch(() => this.#starts.delete(family));
    return start.parent;
  }

  async #spawn(family: Family, onProgress: (line: string) => void): Promise<WarmParent> {
    const python = await this.#python(family, onProgress);
    this.#stopping.signal.throwIfAborted();
    return new WarmParent({
      family,
      python,
      sockets: this.#sockets,
      socketPath: this.#folder.workerSocket,
      startMs: this.#deadlines.parentStartMs,
      onDeath: () => this.#starts.delete(family),
      log: this.#log,
    });
  }

  async #python(family: Family, onProgress: (line: string) => void): Promise<string> {
    try {
      const report = (line: string): void => {
        this.#log.info({ family: family.name, line }, 'making the Python environment');
        onProgress(line);
      };
      const { signal } = this.#stopping;
      return (await ensurePythonEnv(family.folder, { onProgress: report, signal })).python;
    } catch (error) {
      this.#log.error({ err: error, family: family.name }, 'no Python environment');
      throw requestError(
        ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE,
        `The Python environment of family ${family.name} could not be made: ${(error as Error).message} ` +
          'Run `gymlink doctor` to see what is missing.',
      );
    }
  }

  /** Making a Python environment may take longer than a client wants to wait: it then hears how far it is. */
  async #withinOpenDeadline<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#tooSlow()), this.#deadlines.openMs);
    });
    try {
      return await Promise.race([work, expiry]);
    } finally {
      clearTimeout(timer);
    }
  }

  #tooSlow(): Error {
    const progress = [...this.#starts.values()]
      .map((start) => start.progress)
      .filter((line) => line !== '');
    const last = progress.length === 0 ? '' : ` Last progress: ${progress.join('; ')}.`;
    return requestError(
      ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
      `The Python environments were not ready within ${this.#deadlines.openMs / 1000} s.${last} Try again later.`,
    );
  }
}
