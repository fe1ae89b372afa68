import type { Command } from 'commander';
import { type Connection, connect, launch } from '../index.js';

/** Adds `--address` to a command: a running server, instead of a private one started for the command. */
export function addressOption(command: Command): Command {
  return command.option(
    '--address <address>',
    'server to use, HOST:PORT or unix:PATH (default: start a private one)',
  );
}

/** Connects as `--address` says, runs `use`, and closes the connection (with its private server) whatever happens. */
export async function withConnection<T>(
  address: string | undefined,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await (address === undefined ? launch() : connect(address));
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}
