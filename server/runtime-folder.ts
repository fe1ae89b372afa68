import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from './limits.js';

const prefix = 'gymlink-';
const socketName = 'workers.sock';
const sessionSocketName = 'sessions.sock';
/** A folder younger than this may belong to a server that has not bound its socket yet. */
const settleMs = 60_000;

/** A private folder (0700) of one server, which holds the sockets of its workers and of sessions. */
export interface RuntimeFolder {
  readonly path: string;
  readonly workerSocket: string;
  readonly sessionSocket: string;
}

/** Makes the folder, and removes those of servers that were killed. Raises RangeError for a path too long for a socket. */
export async function createRuntimeFolder(): Promise<RuntimeFolder> {
  const base = process.env.XDG_RUNTIME_DIR || tmpdir();
  checkSocketPath(join(base, `${prefix}XXXXXX`, sessionSocketName));
  await removeAbandoned(base);
  const path = await mkdtemp(join(base, prefix));
  return {
    path,
    workerSocket: join(path, socketName),
    sessionSocket: join(path, sessionSocketName),
  };
}

export function removeRuntimeFolder(folder: RuntimeFolder): Promise<void> {
  return rm(folder.path, { recursive: true, force: true });
}

/** Raises RangeError for a path over 100 bytes: Node would silently bind another, shorter name. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > limits.maxSocketPathBytes)
    throw new RangeError(
      `The path of a Unix socket takes at most ${limits.maxSocketPathBytes} bytes, but ${path} has ${bytes}. ` +
        'Choose a shorter folder (for the server’s own sockets: set XDG_RUNTIME_DIR or TMPDIR).',
    );
}

/** Listens on a Unix socket in a folder that is closed to others, and gives it mode 0600. */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o600);
}

/** Whether a server listens on a Unix socket. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Nobody can remove a folder in the name of a server that was killed with SIGKILL: the next server does. */
async function removeAbandoned(base: string): Promise<void> {
  const names = await readdir(base).catch(() => []);
  const folders = names
    .filter((name) => /^gymlink-[A-Za-z0-9]{6}$/.test(name))
    .map((name) => join(base, name));
  await Promise.all(folders.map(removeIfAbandoned));
}

async function removeIfAbandoned(folder: string): Promise<void> {
  const socket = join(folder, socketName);
  const [info, bound] = await Promise.all([
    stat(folder).catch(() => undefined),
    stat(socket).then(
      () => true,
      () => false,
    ),
  ]);
  if (info === undefined || !info.isDirectory() || info.uid !== process.getuid?.()) return;
  if (!bound && Date.now() - info.mtimeMs < settleMs) return;
  if (bound && (await isListening(socket))) return;
  await rm(folder, { recursive: true, force: true });
}
