import { availableParallelism } from 'node:os';
import { EnvService } from './env-service.js';
import { readFamily } from './family.js';
import { type Deadlines, defaultDeadlines } from './limits.js';
import {
  checkReachability,
  formatAddress,
  ListenError,
  parseListenAddress,
} from './listen-address.js';
import { createLog, type LogLevel } from './log.js';
import { defaultFamilyFolder, version } from './package-paths.js';
import { Supervisor } from './supervisor.js';

export { type Deadlines, ListenError, type LogLevel, version };

/** How to serve. */
export interface ServeOptions {
  /** `HOST:PORT` (port 0 picks a free one) or `unix:PATH`. Default `127.0.0.1:50051`. */
  readonly listen?: string;
  /** Folders of the families to serve; the first that has an id serves it. Default: Gymnasium's own environments. */
  readonly families?: readonly string[];
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

/** Where a server listens unless told otherwise. */
export const defaultListen = '127.0.0.1:50051';

/**
 * Starts a server in this process. It listens at once; families start in the background, and what needs one waits for it.
 *
 * @throws ListenError when the address is wrong, in use, or reachable from other machines without `insecure`.
 * @throws Error when a family's manifest cannot be read.
 */
export async function serve(options: ServeOptions = {}): Promise<RunningServer> {
  const { listen = defaultListen, families = [defaultFamilyFolder], insecure = false } = options;
  const address = parseListenAddress(listen);
  checkReachability(address, insecure);
  const log = createLog(options.logLevel ?? 'info');
  const deadlines = { ...defaultDeadlines, ...options.deadlines };
  const supervisor = await Supervisor.start(families.map(readFamily), deadlines, log);
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
