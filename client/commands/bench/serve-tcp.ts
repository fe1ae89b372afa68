import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cliFile } from '../../launch.js';

/** A server that listens on TCP, as one on another machine would. */
export interface TcpServer {
  readonly address: string;
  close(): Promise<unknown>;
}

/**
 * Starts `gymlink serve` on a free port of this machine. It ends with this process, however that ends.
 *
 * @throws Error if it does not start; it has said why on standard error.
 */
export async function serveTcp(families: readonly string[]): Promise<TcpServer> {
  const args = ['serve', '--listen', '127.0.0.1:0', '--json', '--private'];
  args.push('--log-level', 'error');
  if (families.length > 0) args.push('--families', ...families);
  const child = spawn(process.execPath, [cliFile(), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const line = once(createInterface({ input: child.stdout }), 'line');
  const first = await Promise.race([line, ended.then(() => undefined)]);
  if (first === undefined) throw new Error('The server over TCP did not start.');
  const close = () => {
    child.stdin.end();
    return ended;
  };
  return { address: JSON.parse(first[0]).address, close };
}
