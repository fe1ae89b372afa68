import { Catalogue, type CatalogueEntry } from './catalogue.js';
import { ErrorReason, requestError } from './errors.js';
import { type Family, mayHave } from './family.js';
import { FamilyHost } from './family-host.js';
import type { Deadlines } from './limits.js';
import type { Logger } from './log.js';
import { createRuntimeFolder, type RuntimeFolder, removeRuntimeFolder } from './runtime-folder.js';
import { removeAbandonedMemory } from './shared-memory.js';
import type { Worker } from './worker.js';
import { WorkerSocket } from './worker-socket.js';

/** The families that a server has, in the order in which an id is looked for. */
export interface Families {
  /** Built and started with the server. */
  readonly eager: readonly Family[];
  /** Built and started when first asked for. */
  readonly onDemand: readonly Family[];
}

/** Owns what the server runs beside itself: runtime folder, worker socket, and one warm parent a family. */
export class Supervisor {
  readonly #hosts: readonly FamilyHost[];
  readonly #deadlines: Deadlines;
  readonly #folder: RuntimeFolder;
  readonly #sockets: WorkerSocket;
  readonly #stopping: AbortController;
  /** The catalogue and the lists that it was made of, which change only when a family has started. */
  #made: { readonly lists: readonly unknown[]; readonly catalogue: Catalogue } | undefined;

  private constructor(
    hosts: readonly FamilyHost[],
    deadlines: Deadlines,
    folder: RuntimeFolder,
    sockets: WorkerSocket,
    stopping: AbortController,
  ) {
    this.#hosts = hosts;
    this.#deadlines = deadlines;
    this.#folder = folder;
    this.#sockets = sockets;
    this.#stopping = stopping;
  }

  /** Makes the runtime folder and begins to start the eager families, without waiting for them. */
  static async start(
    { eager, onDemand }: Families,
    deadlines: Deadlines,
    log: Logger,
  ): Promise<Supervisor> {
    const folder = await createRuntimeFolder();
    await removeAbandonedMemory();
    const sockets = new WorkerSocket(log);
    await sockets.listen(folder.workerSocket);
    const stopping = new AbortController();
    const surroundings = {
      sockets,
      socketPath: folder.workerSocket,
      folder: folder.path,
      startMs: deadlines.parentStartMs,
      stopping: stopping.signal,
      log,
    };
    const hosts = [
      ...eager.map((family) => new FamilyHost(family, true, surroundings)),
      ...onDemand.map((family) => new FamilyHost(family, false, surroundings)),
    ];
    for (const host of hosts) if (host.isEager) host.parent().catch(() => undefined);
    return new Supervisor(hosts, deadlines, folder, sockets, stopping);
  }

  /** Where clients of this machine may open sessions. */
  get sessionSocketPath(): string {
    return this.#folder.sessionSocket;
  }

  /** Settles when the Python environment of every eager family is there, or could not be made. */
  async installed(): Promise<void> {
    await Promise.allSettled(this.#eager.map((host) => host.parent()));
  }

  /**
   * The environments of all families that are built. Those that were never started as they are now are started for it. Raises
   * RequestError FAMILY_UNAVAILABLE when none can be, and DEADLINE_EXCEEDED when that takes too long.
   */
  async catalogue(): Promise<Catalogue> {
    await Promise.all(this.#hosts.map((host) => host.prepared));
    const unknown = this.#hosts.filter(
      (host) => (host.isEager && host.environments === undefined) || host.isUnlisted,
    );
    const told = await this.#withinOpenDeadline(
      Promise.allSettled(unknown.map((host) => host.readyParent())),
    );
    const catalogue = this.#known();
    if (catalogue.isEmpty) for (const { reason } of told.filter(isRejected)) throw reason;
    return catalogue;
  }

  /**
   * Finds `Id` or `family/Id`; builds and starts the families that may have it, however long that takes. Raises RequestError
   * UNKNOWN_ENVIRONMENT, ENVIRONMENT_UNAVAILABLE or FAMILY_UNAVAILABLE.
   */
  async find(envId: string): Promise<CatalogueEntry> {
    await Promise.all(this.#hosts.map((host) => host.prepared));
    const told = await Promise.allSettled(
      this.#eager.map((host) => host.environments ?? host.readyParent()),
    );
    if (!this.#known().has(envId)) await this.#startThoseThatMayHave(envId);
    const catalogue = this.#known();
    if (catalogue.isEmpty) for (const { reason } of told.filter(isRejected)) throw reason;
    return catalogue.find(envId, this.#unbuilt());
  }

  /** How far each family is. */
  families() {
    return this.#hosts.map((host) => host.summary());
  }

  /** Orders workers of a family, starting its parent where it has ended. They may still be starting. */
  async fork(family: Family, count: number): Promise<Worker[]> {
    const host = this.#hosts.find((candidate) => candidate.family === family);
    if (host === undefined) throw new Error(`The server has no family ${family.name}`);
    const starting = await host.parent();
    await this.#withinOpenDeadline(starting.ready);
    const parent = await host.readyParent();
    return Array.from({ length: count }, () => parent.fork());
  }

  /** Ends all parents, and with them their workers, and removes socket and folder. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#hosts.map((host) => host.stop()));
    this.#sockets.close();
    await removeRuntimeFolder(this.#folder);
  }

  get #eager(): FamilyHost[] {
    return this.#hosts.filter((host) => host.isEager);
  }

  #known(): Catalogue {
    const lists = this.#hosts.map(({ environments }) => environments);
    if (this.#made?.lists.every((list, i) => list === lists[i])) return this.#made.catalogue;
    const catalogue = new Catalogue();
    for (const { family, environments } of this.#hosts)
      if (environments !== undefined) catalogue.add(family, environments);
    this.#made = { lists, catalogue };
    return catalogue;
  }

  async #startThoseThatMayHave(envId: string): Promise<void> {
    for (const host of this.#hosts.filter(({ environments }) => environments === undefined)) {
      const { family } = host;
      const isNamed = envId.startsWith(`${family.name}/`);
      if (isNamed || mayHave(family, envId)) await host.readyParent();
    }
  }

  /** Families whose environments nobody knows yet, with the patterns of their ids: a hint for who mistyped one. */
  #unbuilt(): string[] {
    return this.#hosts
      .filter(({ environments }) => environments === undefined)
      .map((host) => host.summary())
      .map(({ name, ids }) => `${name} (${ids.join(', ') || `${name}/…`})`);
  }

  /** A family may take longer to start than a client wants to wait: it then hears how far it is. */
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
    const progress = this.#hosts.map((host) => host.progress).filter((line) => line !== '');
    const last = progress.length === 0 ? '' : ` Last progress: ${progress.join('; ')}.`;
    return requestError(
      ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
      `The Python environments were not ready within ${this.#deadlines.openMs / 1000} s.${last} Try again later.`,
    );
  }
}

function isRejected(outcome: PromiseSettledResult<unknown>): outcome is PromiseRejectedResult {
  return outcome.status === 'rejected';
}
