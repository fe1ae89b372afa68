import { createHash } from 'node:crypto';
import {
  type DescribeEnvironmentRequest,
  DescribeEnvironmentResponse,
} from '../proto/gen/gymlink/v1/service.js';
import { OpenRequest } from '../proto/gen/gymlink/v1/session.js';
import { MapValue } from '../proto/gen/gymlink/v1/value.js';
import { type CatalogueEntry, checkKwargs } from './catalogue.js';
import { familyKey, keep, readKept } from './kept-catalogues.js';
import type { Deadlines } from './limits.js';
import { openWorkers } from './placed-workers.js';
import type { Supervisor } from './supervisor.js';

const maxKept = 1024;
const maxKeyLength = 4096;

/**
 * Describes environments: each is made once, in a worker of its own, and what it said is kept, also for servers to come, as long as
 * its family stays as it is.
 */
export class Descriptions {
  readonly #supervisor: Supervisor;
  readonly #deadlines: Deadlines;
  readonly #kept = new Map<string, Promise<DescribeEnvironmentResponse>>();

  constructor(supervisor: Supervisor, deadlines: Deadlines) {
    this.#supervisor = supervisor;
    this.#deadlines = deadlines;
  }

  /** Raises RequestError, among others UNKNOWN_ENVIRONMENT, NOT_ALLOWED and INVALID_KWARGS. */
  async describe({
    envId,
    kwargs,
  }: DescribeEnvironmentRequest): Promise<DescribeEnvironmentResponse> {
    const entry = await this.#supervisor.find(envId);
    checkKwargs(entry, kwargs);
    const encoded = Buffer.from(MapValue.encode(kwargs ?? { entries: [] }).finish()).toString(
      'base64',
    );
    const key = `${entry.summary.id} ${encoded}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const description = this.#keptOrMade(entry, kwargs, key);
    if (this.#kept.size < maxKept && key.length <= maxKeyLength) this.#kept.set(key, description);
    description.catch(() => this.#kept.delete(key));
    return description;
  }

  async #keptOrMade(
    entry: CatalogueEntry,
    kwargs: MapValue | undefined,
    key: string,
  ): Promise<DescribeEnvironmentResponse> {
    const family = await familyKey(entry.family).catch(() => undefined);
    if (family === undefined) return this.#make(entry, kwargs);
    const name = `${family}-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
    const kept = keptDescription(name);
    if (kept !== undefined) return kept;
    const made = await this.#make(entry, kwargs);
    // Clients choose the arguments: they must not fill the disk.
    if (this.#kept.size < maxKept && key.length <= maxKeyLength)
      keep('descriptions', name, DescribeEnvironmentResponse.encode(made).finish());
    return made;
  }

  async #make(
    entry: CatalogueEntry,
    kwargs: MapValue | undefined,
  ): Promise<DescribeEnvironmentResponse> {
    const request = {
      ...OpenRequest.decode(new Uint8Array()),
      numEnvs: 1,
      autoresetMode: 1,
      kwargs,
    } as const;
    const order = {
      entry,
      request: { ...request, envId: entry.summary.id },
      workers: 1,
      maxPartBytes: 2 ** 31 - 1,
    };
    const { placed, opened } = await openWorkers(
      this.#supervisor,
      order,
      this.#deadlines,
      new AbortController().signal,
    );
    for (const { worker } of placed) worker.close(this.#deadlines.closeMs);
    return {
      environment: { ...entry.summary, maxEpisodeSteps: opened.maxEpisodeSteps },
      observationSpace: opened.observationSpace,
      actionSpace: opened.actionSpace,
      metadata: opened.metadata,
      documentation: opened.documentation,
    };
  }
}

function keptDescription(name: string): DescribeEnvironmentResponse | undefined {
  try {
    return DescribeEnvironmentResponse.decode(readKept('descriptions', name));
  } catch {
    // Not kept, or cut off by a full disk.
    return undefined;
  }
}
