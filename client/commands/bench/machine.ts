import { cpus, release, totalmem, type } from 'node:os';
import type { Connection } from '../../index.js';

/** Where and with what rows were measured. */
export interface Machine {
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly gymlink: string;
  /** Versions of the packages of the other sides, by name. */
  readonly packages: Readonly<Record<string, string>>;
}

export async function describeMachine(
  connection: Connection,
  packages: Readonly<Record<string, string>>,
): Promise<Machine> {
  const { version } = await connection.serverInfo();
  return {
    date: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    gymlink: version,
    packages,
  };
}
