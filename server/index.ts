import { availableParallelism } from 'node:os';
import { EnvService } from './env-service.js';
import { type Family, readFamily } from './family.js';
import { type Deadlines, defaultDeadlines } from './limits.js';
import {
  checkReachability,
  defaultListen,
  formatAddress,
  ListenError,
  parseListenAddress,
} from './listen-address.js';
import { createLog, type LogLevel } from './log.js';
import { defaultFamilyFolder, version } from './package-paths.js';
import { Supervisor } from './supervisor.js';

export { type Deadlines, defaultListen, ListenError, type LogLevel, version };

/** How to serve. */
export interface ServeOptions {
  /** `HOST:PORT` (port 0 picks a free one) or `unix:PATH`. Default `127.0.0.1:50051`. */
  readonly listen?: string;
  /**
   * Folders of the families that are built and started with the server. Default: that of Gymnasium's own environments. The
   * first family that has an id serves it.
   */
  readonly families?: readonly string[];
  /** Folders of families that are built and started when they are first asked for. Default: none. */
  readonly familiesOnDemand?: readonly string[];
  /** Allows an address that other machines can reach: connections are neither encrypted nor authenticated. Default false. */
  readonly insecure?: boolean;
  /** What is logged to standard error. Default `info`. */
  readonly logLevel?: LogLevel;
  /** Deadlines other than the default ones. */
  readonly deadlines?: Partial<Deadlines>;
}

/** A server that listens. */
export interface RunningServer {
  /** Where clients connect to: `HOST:PORT` or `unix:PATH`. */
  readonly address: string;
  /** Settles when the Python packages of every family are installed, or could not be: at once, but for a first start. */
  readonly installed: Promise<void>;
  /** Closes all sessions and ends every process of the server. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts a server in this process. It listens at once; families start in the background, and what needs one waits for it.
 *
 * @throws ListenError when the address is wrong, in use, or reachable from other machines without `insecure`.
 * @throws Error when a family's manifest cannot be read or two families have the same name.
 */
export async function serve(options: ServeOptions = {}): Promise<RunningServer> {
  const { listen = defaultListen, insecure = false } = options;
  const { families = [defaultFamilyFolder], familiesOnDemand = [] } = options;
  const address = parseListenAddress(listen);
  checkReachability(address, insecure);
  const log = createLog(options.logLevel ?? 'info');
  const deadlines = { ...defaultDeadlines, ...options.deadlines };
  const served = { eager: families.map(readFamily), onDemand: familiesOnDemand.map(readFamily) };
  checkNames([...served.eager, ...served.onDemand]);
  const supervisor = await Supervisor.start(served, deadlines, log);
  try {
    const service = new EnvService({ supervisor, deadlines, cores: availableParallelism(), log });
    const bound = formatAddress(await service.listen(address));
    log.info({ address: bound, version, pid: process.pid }, 'listening');
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      await service.stop();
      await supervisor.stop();
      log.info('stopped');
    };
    const installed = supervisor.installed();
    return { address: bound, installed, close: () => (closing ??= close()) };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

/** Raises Error when two families have the same name. */
function checkNames(families: readonly Family[]): void {
  const byName = new Map<string, Family>();
  for (const family of families) {
    const other = byName.get(family.name);
    if (other !== undefined)
      throw new Error(
        `Two families are named ${family.name}: ${other.folder} and ${family.folder}. Give one of them another name.`,
      );
    byName.set(family.name, family);
  }
}
