import { lstat, unlink } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { checkSocketPath, isListening } from './runtime-folder.js';

/** Where a server listens unless told otherwise. */
export const defaultListen = '127.0.0.1:50051';

/** Where a server listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** The server cannot listen where it was told to; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`. Raises ListenError for anything else. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) return unixAddress(text.slice('unix:'.length));
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535)
    throw new ListenError(
      `${text} is no address: use HOST:PORT (port 0 picks a free one) or unix:PATH.`,
    );
  return { kind: 'tcp', host, port };
}

function unixAddress(path: string): ListenAddress {
  if (path === '') throw new ListenError('unix: needs a path, for example unix:/tmp/gymlink.sock.');
  try {
    checkSocketPath(path);
  } catch (error) {
    throw new ListenError((error as Error).message);
  }
  return { kind: 'unix', path };
}

/** Refuses an address that other machines can reach, because connections are neither encrypted nor authenticated. */
export function checkReachability(address: ListenAddress, insecure: boolean): void {
  if (insecure || !isReachable(address)) return;
  throw new ListenError(
    `${address.host} can be reached from other machines, and connections are neither encrypted nor authenticated. ` +
      'Listen on 127.0.0.1 and use an SSH tunnel, or allow it with --insecure.',
  );
}

/** Whether other machines can reach an address. */
export function isReachable(
  address: ListenAddress,
): address is Extract<ListenAddress, { kind: 'tcp' }> {
  return address.kind === 'tcp' && !isLoopback(address.host);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Removes the file of a Unix socket on which nobody listens any more. Raises ListenError for anything else there. */
export async function clearStaleSocket(path: string): Promise<void> {
  const info = await lstat(path).catch(() => undefined);
  if (info === undefined) return;
  if (!info.isSocket())
    throw new ListenError(`${path} exists and is no socket. Choose another path.`);
  if (await isListening(path)) throw inUse({ kind: 'unix', path });
  await unlink(path);
}

/** The error for an address that somebody else listens on. */
export function inUse(address: ListenAddress): ListenError {
  if (address.kind === 'unix')
    return new ListenError(
      `Another server listens on ${address.path}. Stop it or choose another path.`,
    );
  return new ListenError(
    `Port ${address.port} on ${address.host} is in use. Stop the program that uses it, or choose another port ` +
      '(port 0 picks a free one).',
  );
}

/** The address as clients write it. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
