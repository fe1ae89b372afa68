import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import pino, { type Logger } from 'pino';

export type { Logger };
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The server's log: one JSON object a line on standard error, so that standard output stays free for the address. */
export function createLog(level: LogLevel): Logger {
  return pino({ name: 'gymlink', level, base: null }, pino.destination({ fd: 2, sync: true }));
}

const linesPerSecond = 100;
const maxLineLength = 4096;

/**
 * Hands on the lines that a sidecar prints, at most 100 a second: an environment that prints in every step must not fill the
 * disk. What was left out is counted and told with the next line that passes.
 */
export function forwardLines(
  source: Readable,
  onLine: (line: string, leftOut: number) => void,
): void {
  let second = 0;
  let count = 0;
  let leftOut = 0;
  const lines = createInterface({ input: source, crlfDelay: Infinity });
  lines.on('line', (line) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      second = now;
      count = 0;
    }
    count += 1;
    if (count > linesPerSecond) {
      leftOut += 1;
      return;
    }
    onLine(line.slice(0, maxLineLength), leftOut);
    leftOut = 0;
  });
  source.on('error', () => lines.close());
}
