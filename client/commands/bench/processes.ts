import { readdirSync, readFileSync } from 'node:fs';

/** CPU seconds of this process, of the server, and of every process below the server. Read from /proc: Linux only. */
export interface CpuSeconds {
  readonly client: number;
  readonly server: number;
  readonly sidecar: number;
}

/** The kernel counts in these, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Undefined where there is no /proc. */
export function cpuSeconds(serverPid: number): CpuSeconds | undefined {
  const processes = readProcesses();
  const server = processes.get(serverPid);
  if (server === undefined) return undefined;
  const { user, system } = process.cpuUsage();
  const sidecar = descendants(serverPid, processes)
    .map((pid) => processes.get(pid)?.seconds ?? 0)
    .reduce((sum, seconds) => sum + seconds, 0);
  return { client: (user + system) / 1e6, server: server.seconds, sidecar };
}

/**
 * The memory of a process that is in RAM. Read from /proc: Linux only.
 *
 * @throws Error where there is no /proc, or no such process.
 */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

interface Process {
  readonly parent: number;
  readonly seconds: number;
}

function readProcesses(): ReadonlyMap<number, Process> {
  const processes = new Map<number, Process>();
  for (const name of listProc()) {
    const stat = readStat(name);
    if (stat !== undefined) processes.set(Number(name), stat);
  }
  return processes;
}

function listProc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Undefined of a process that has ended since. */
function readStat(pid: string): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the command, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { parent: Number(fields[1]), seconds: ticks / ticksPerSecond };
  } catch {
    return undefined;
  }
}

function descendants(pid: number, processes: ReadonlyMap<number, Process>): number[] {
  const children = [...processes]
    .filter(([, { parent }]) => parent === pid)
    .map(([child]) => child);
  return children.flatMap((child) => [child, ...descendants(child, processes)]);
}
