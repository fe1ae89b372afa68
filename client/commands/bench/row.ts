import type { Connection } from '../../index.js';

/** What one round gave: the figure, and what rounds are compared by, of which more is better. */
export interface Figure {
  readonly value: number;
  readonly goodness: number;
  /** What else the round tells, by a name with its unit. */
  readonly details?: Readonly<Record<string, number>>;
}

/** Plays one round; a plain number is compared as its row says. */
export type Play = () => Promise<number | Figure>;

/** What a row has to show, of its ratio or of its figure itself. */
export interface Demand {
  readonly of: 'ratio' | 'value';
  readonly atLeast: number;
  readonly aim?: number;
}

/** The other side of a row. The best of several in a round is what gymlink is compared with. */
export interface Baseline {
  readonly name: string;
  open(bench: Bench): Promise<Play>;
}

/** What rows are measured with. */
export interface Bench {
  /** To a private server, whose process is `serverPid`. */
  readonly connection: Connection;
  readonly serverPid: number;
  /** The manifest of the family whose Python plays the other side, as its sidecar gets it. */
  readonly manifest: unknown;
  /** A connection over TCP to a server that has the same families, with a delay each way. */
  overTcp(delayMs: number): Promise<Connection>;
  /** Steps after which the row `memory` looks first. */
  readonly memorySteps: number;
  /** Plays a row of `python -m gymlink.bench` in a process of its own. */
  inPython(...args: readonly string[]): Play;
}

/** What a row of `gymlink bench` measures, on gymlink's side and on the others. */
export interface Row {
  /** What is measured, in a line of `gymlink bench --help`. */
  readonly what: string;
  readonly unit: string;
  /** Whether a smaller figure is the better one. */
  readonly lessIsBetter?: true;
  readonly demands?: readonly Demand[];
  /** Whose Python plays the other side; by default the default family's. */
  readonly family?: string;
  /** The command that measures the row, where a run of all rows leaves it out. */
  readonly measuredBy?: string;
  readonly baselines: readonly Baseline[];
  /** Opens the environments of gymlink's side. */
  open(bench: Bench): Promise<Play>;
  /** Whether it is played in a single round, without one that warms up. */
  readonly once?: true;
  /** Steps of sub-environments in a round of gymlink's side, where the CPU time of one is told. */
  readonly stepsPerRound?: number;
}
