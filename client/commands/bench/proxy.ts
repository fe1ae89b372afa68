import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** A proxy over TCP that delays every byte, with as much bandwidth as the machine has. */
export interface Proxy {
  /** HOST:PORT to connect to instead. */
  readonly address: string;
  close(): Promise<unknown>;
}

/**
 * Starts a proxy to HOST:PORT that delays what goes through it by `delayMs` each way. It runs in a thread of its own, so that
 * it takes no time of the client's.
 */
export async function startProxy(target: string, delayMs: number): Promise<Proxy> {
  const worker = new Worker(new URL('./proxy-thread.js', import.meta.url), {
    workerData: { target, delayMs },
  });
  const [port] = await once(worker, 'message');
  return { address: `127.0.0.1:${port}`, close: () => worker.terminate() };
}
