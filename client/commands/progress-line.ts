import type { TrainingProgress } from '../agents/index.js';

/** Seconds as `4m 05s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, '0')}s`;
}

function progressText(progress: TrainingProgress): string {
  const { steps, totalSteps, episodes, meanReturn, stepsPerSecond, etaSeconds } = progress;
  const mean = Number.isNaN(meanReturn) ? '–' : meanReturn.toFixed(1);
  return [
    `${steps.toLocaleString('en')} / ${totalSteps.toLocaleString('en')} steps`,
    `${episodes} episodes`,
    `mean return of the last 100: ${mean}`,
    `${Math.round(stepsPerSecond).toLocaleString('en')} steps/s`,
    `${duration(etaSeconds)} left`,
  ].join('  ');
}

/** Shows progress on one line that rewrites itself on a terminal, and as a line every ten seconds elsewhere. */
export class ProgressLine {
  private readonly stream: NodeJS.WriteStream;
  private lastPrintMs = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.stream = stream;
  }

  show(progress: TrainingProgress): void {
    const text = progressText(progress);
    if (this.stream.isTTY) {
      this.stream.write(`\r\u001b[2K${text.slice(0, this.stream.columns - 1)}`);
    } else if (Date.now() - this.lastPrintMs >= 10_000) {
      this.lastPrintMs = Date.now();
      this.stream.write(`${text}\n`);
    }
  }

  /** Leaves the line as it is and goes on below it. */
  end(): void {
    if (this.stream.isTTY) this.stream.write('\n');
  }
}
