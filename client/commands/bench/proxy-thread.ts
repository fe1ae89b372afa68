import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { target, delayMs } = workerData as { target: string; delayMs: number };
const [host, port] = target.split(':');

const server = createServer({ noDelay: true }, (client) => {
  const behind = connect({ host: host as string, port: Number(port), noDelay: true });
  forward(client, behind);
  forward(behind, client);
});
server.listen(0, '127.0.0.1', () => {
  parentPort?.postMessage((server.address() as AddressInfo).port);
});

/** Timers of the same length fire in the order in which they were set, so bytes keep theirs. */
function forward(from: Socket, to: Socket): void {
  from.on('data', (chunk) => setTimeout(() => to.write(chunk), delayMs));
  from.on('end', () => setTimeout(() => to.end(), delayMs));
  from.on('error', () => to.destroy());
}
