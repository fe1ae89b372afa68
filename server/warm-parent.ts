import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { EnvironmentSummary } from '../proto/gen/gymlink/v1/session.js';
import {
  Exited,
  FamilyCatalogue,
  Fork,
  FrameType,
  Kill,
  Role,
} from '../proto/gen/gymlink/worker/v1/worker.js';
import { ErrorReason, requestError } from './errors.js';
import { type Family, familyEnvironment } from './family.js';
import { type Frame, frameReader, writeFrame } from './frames.js';
import { forwardLines, type Logger } from './log.js';
import { Worker } from './worker.js';
import type { Greeting, WorkerSocket } from './worker-socket.js';

const keptLines = 12;
const stopGraceMs = 3_000;
const sigkill = 9;

/** What a parent is started with. */
export interface ParentOptions {
  readonly family: Family;
  /** Its interpreter. */
  readonly python: string;
  readonly sockets: WorkerSocket;
  readonly socketPath: string;
  /** Where the manifest is written for the process. */
  readonly folder: string;
  /** From spawning to the catalogue, in milliseconds. */
  readonly startMs: number;
  /** Called once when the process ends or is given up. */
  readonly onDeath: () => void;
  readonly log: Logger;
}

type ParentState =
  | {
      readonly kind: 'starting';
      readonly deadline: NodeJS.Timeout;
      readonly socket: Socket | undefined;
    }
  | { readonly kind: 'ready'; readonly socket: Socket }
  | { readonly kind: 'dead' };

let lastWorkerId = 0;

/**
 * A family's parent process: it has done the imports, and forks, reaps and kills workers. This object owns the process
 * until it is reaped.
 */
export class WarmParent {
  readonly family: Family;
  /** Filled in when it is ready. */
  environments: readonly EnvironmentSummary[] = [];
  readonly #log: Logger;
  readonly #process: ChildProcess;
  readonly #sockets: WorkerSocket;
  readonly #token = randomBytes(24).toString('base64url');
  readonly #workers = new Map<number, Worker>();
  /** Last lines that the process printed: the reason when it does not start. */
  readonly #lines: string[] = [];
  #state: ParentState;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  /** Settles when the imports are done; rejects with RequestError FAMILY_UNAVAILABLE. */
  readonly ready: Promise<void>;
  /** Settles when the process has been reaped. */
  readonly gone: Promise<void>;
  readonly #onDeath: () => void;

  constructor(options: ParentOptions) {
    const { family, python, sockets, socketPath, folder, startMs, onDeath, log } = options;
    this.family = family;
    this.#sockets = sockets;
    this.#onDeath = onDeath;
    this.#log = log.child({ family: family.name });
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.ready.catch(() => undefined);
    const deadline = setTimeout(
      () => this.#fail(`did not start within ${startMs / 1000} s`),
      startMs,
    );
    this.#state = { kind: 'starting', deadline, socket: undefined };
    sockets.expect(this.#token, (socket, greeting) => this.#connected(socket, greeting));
    const manifest = join(folder, `${family.name}.json`);
    writeFileSync(manifest, JSON.stringify(family.manifest));
    this.#process = spawn(
      python,
      ['-m', 'gymlink.sidecar', '--socket', socketPath, '--manifest', manifest],
      // Detached: a terminal's SIGINT would otherwise end it before the server has closed its sessions.
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...familyEnvironment(family), GYMLINK_TOKEN: this.#token },
      },
    );
    this.gone = this.#watch();
  }

  /** Orders a worker; it is ready when its process has connected. Call only when the parent is ready. */
  fork(): Worker {
    if (this.#state.kind !== 'ready') throw this.#unavailable('has ended');
    lastWorkerId += 1;
    const id = lastWorkerId;
    const worker = new Worker(id, `${this.family.name}-${id}`, () => this.#kill(id), this.#log);
    this.#workers.set(id, worker);
    this.#send(FrameType.FRAME_TYPE_FORK, Fork.encode({ workerId: id }).finish());
    return worker;
  }

  /** Lets the process leave by the end of its socket, and kills it when it does not. Settles when it is reaped. */
  async stop(): Promise<void> {
    const state = this.#state;
    if (state.kind !== 'dead') {
      this.#die(this.#unavailable('was stopped'));
      state.socket?.end();
    }
    const deadline = setTimeout(
      () => this.#killProcess(),
      state.kind === 'ready' ? stopGraceMs : 0,
    );
    await this.gone;
    clearTimeout(deadline);
  }

  #watch(): Promise<void> {
    for (const stream of [this.#process.stdout, this.#process.stderr])
      if (stream !== null) forwardLines(stream, (line, leftOut) => this.#keepLine(line, leftOut));
    return new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#fail(`could not be started: ${error.message}`);
        resolve();
      });
      this.#process.once('exit', (code, signal) => {
        const report = (): void => {
          this.#fail(signal === null ? `exited with status ${code}` : `was ended by ${signal}`);
          resolve();
        };
        // 'close' comes when what it printed last has been read; a process of its own that keeps the pipes must not delay us.
        const waited = setTimeout(report, 500);
        this.#process.once('close', () => {
          clearTimeout(waited);
          report();
        });
      });
    });
  }

  #keepLine(line: string, leftOut: number): void {
    this.#log.info(leftOut === 0 ? { line } : { line, leftOut }, 'sidecar output');
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
  }

  #connected(socket: Socket, { role, workerId }: Greeting): void {
    const worker = this.#workers.get(workerId);
    if (role === Role.ROLE_PARENT && this.#state.kind === 'starting') this.#attach(socket);
    else if (role === Role.ROLE_WORKER && worker !== undefined) worker.attach(socket);
    else if (role === Role.ROLE_LOG && worker !== undefined) worker.attachLog(socket);
    else socket.destroy();
  }

  #attach(socket: Socket): void {
    const state = this.#state;
    if (state.kind !== 'starting') return;
    this.#state = { ...state, socket };
    const reader = frameReader((frame) => this.#receive(frame));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#log.error({ err: error }, 'parent broke the frame protocol');
        this.#fail('broke the frame protocol');
      }
    });
    socket.once('close', () => this.#lose());
    socket.resume();
  }

  /** The socket ended: the exit status follows at once, or the process is stuck. */
  #lose(): void {
    if (this.#state.kind === 'dead') return;
    setTimeout(() => this.#fail('closed its connection'), 1_000).unref();
  }

  #receive(frame: Frame): void {
    if (frame.type === FrameType.FRAME_TYPE_CATALOGUE)
      this.#becomeReady(FamilyCatalogue.decode(frame.body));
    else if (frame.type === FrameType.FRAME_TYPE_EXITED) this.#reaped(Exited.decode(frame.body));
    else throw new RangeError(`a frame of type ${frame.type}`);
  }

  #becomeReady(catalogue: FamilyCatalogue): void {
    const state = this.#state;
    if (state.kind !== 'starting' || state.socket === undefined) return;
    clearTimeout(state.deadline);
    this.#state = { kind: 'ready', socket: state.socket };
    const { pythonVersion, gymnasiumVersion, numpyVersion, environments } = catalogue;
    this.#log.info(
      { pythonVersion, gymnasiumVersion, numpyVersion, environments: environments.length },
      'family is ready',
    );
    this.environments = environments;
    this.#settle?.resolve();
  }

  #reaped(report: Exited): void {
    this.#workers.get(report.workerId)?.exited(report);
    this.#workers.delete(report.workerId);
  }

  #kill(workerId: number): void {
    this.#send(FrameType.FRAME_TYPE_KILL, Kill.encode({ workerId, signal: sigkill }).finish());
  }

  #send(type: FrameType, body: Uint8Array): void {
    if (this.#state.kind === 'ready') writeFrame(this.#state.socket, { type, seq: 0n }, body);
  }

  /** The process ended or is of no use any more: whoever waits for it, and its workers, fail. */
  #fail(how: string): void {
    if (this.#state.kind === 'dead') return;
    const error = this.#unavailable(how);
    this.#log.error({ lines: this.#lines }, `parent ${how}`);
    this.#die(error);
    this.#killProcess();
  }

  #die(error: Error): void {
    const state = this.#state;
    if (state.kind === 'starting') clearTimeout(state.deadline);
    this.#state = { kind: 'dead' };
    this.#sockets.forget(this.#token);
    this.#settle?.reject(error);
    for (const worker of this.#workers.values()) worker.exited(undefined);
    this.#workers.clear();
    this.#onDeath();
  }

  #killProcess(): void {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      this.#log.debug({ err: error }, 'parent had ended already');
    }
  }

  #unavailable(how: string): Error {
    const last = this.#lines.at(-1) ?? '';
    // What the sidecar itself found missing is a whole sentence.
    if (last.startsWith('gymlink: The family'))
      return requestError(
        ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE,
        last.slice('gymlink: '.length),
      );
    const printed =
      this.#lines.length === 0 ? '' : ` It printed last:\n${this.#lines.join('\n')}\n`;
    return requestError(
      ErrorReason.ERROR_REASON_FAMILY_UNAVAILABLE,
      `The Python process of family ${this.family.name} ${how}.${printed} Run \`gymlink doctor\` to see what is missing.`,
    );
  }
}
