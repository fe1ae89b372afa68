// The only module of the server that knows gRPC: it hands requests to sessions and catalogue, and turns errors into statuses.

import { join } from 'node:path';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type StatusObject,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, protoPath as healthProto } from 'grpc-health-check';
import {
  Capability,
  type EnvironmentServiceServer,
  EnvironmentServiceService,
  type SessionSocket,
} from '../proto/gen/gymlink/v1/service.js';
import { Descriptions } from './describe.js';
import {
  ErrorMessage,
  ErrorReason,
  RequestError,
  requestError,
  statusName,
  toErrorMessage,
} from './errors.js';
import { limits } from './limits.js';
import {
  clearStaleSocket,
  formatAddress,
  inUse,
  isReachable,
  type ListenAddress,
  ListenError,
} from './listen-address.js';
import { protocol } from './open-checks.js';
import { protoFolder, version } from './package-paths.js';
import type { SessionHost } from './session.js';
import { SessionListener } from './session-listener.js';
import { type ClientStream, SessionStream } from './session-stream.js';
import { Sessions } from './sessions.js';

const errorKey = 'gymlink-error-bin';
/** Within which calls other than sessions may finish when the server stops. */
const drainMs = 1_000;

const capabilities = [
  Capability.CAPABILITY_AUTORESET_NEXT_STEP,
  Capability.CAPABILITY_AUTORESET_SAME_STEP,
  Capability.CAPABILITY_AUTORESET_DISABLED,
  Capability.CAPABILITY_SPACE_SEQUENCE,
  Capability.CAPABILITY_SPACE_GRAPH,
  Capability.CAPABILITY_SPACE_ONE_OF,
  Capability.CAPABILITY_OBSERVATION_MODE_DIFFERENT,
  Capability.CAPABILITY_RENDER,
  Capability.CAPABILITY_RENDER_ENCODED,
  Capability.CAPABILITY_CALLS,
  Capability.CAPABILITY_SAVED_STATES,
  Capability.CAPABILITY_WRAPPERS,
  Capability.CAPABILITY_INFO_FILTER,
  Capability.CAPABILITY_SEED_PLAN,
  Capability.CAPABILITY_SHARED_MEMORY,
  Capability.CAPABILITY_ASYNCHRONOUS,
  Capability.CAPABILITY_COMPRESSION,
  Capability.CAPABILITY_NEWEST_FRAME_ONLY,
];

/** Session messages pass as bytes: the session reads them itself, so that a broken one gets an Error, and writes rows without a copy. */
const passBytes = (bytes: Buffer): Buffer => bytes;
const definition = {
  ...EnvironmentServiceService,
  session: {
    ...EnvironmentServiceService.session,
    requestDeserialize: passBytes,
    responseSerialize: asBuffer,
  },
} satisfies ServiceDefinition;

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type RawStream = ServerDuplexStream<Buffer, Uint8Array>;

/** The gRPC face of a server. */
export class EnvService {
  readonly #host: SessionHost;
  readonly #descriptions: Descriptions;
  readonly #sessions = new Sessions();
  readonly #health = new HealthImplementation({
    '': 'SERVING',
    'gymlink.v1.EnvironmentService': 'SERVING',
  });
  readonly #server = new Server({
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 60_000,
  });
  /** How clients of this machine open sessions without gRPC. */
  #local: { readonly listener: SessionListener; readonly sessionSocket: SessionSocket } | undefined;
  #stopping: RequestError | undefined;

  constructor(host: SessionHost) {
    this.#host = host;
    this.#descriptions = new Descriptions(host.supervisor, host.deadlines);
    this.#server.addService(definition, this.#handlers());
    this.#health.addToServer(this.#server);
    const service = join(protoFolder, 'gymlink/v1/service.proto');
    new ReflectionService(
      loadSync([service, healthProto], { includeDirs: [protoFolder], keepCase: true }),
    ).addToServer(this.#server);
  }

  /** Listens; returns the address with the port that was picked. Raises ListenError. */
  async listen(address: ListenAddress): Promise<ListenAddress> {
    if (address.kind === 'unix') await clearStaleSocket(address.path);
    // The socket's file is made with these permissions: it must never be open to others, not even for a moment.
    const umask = address.kind === 'unix' ? process.umask(0o177) : undefined;
    try {
      const port = await this.#bind(address);
      if (!isReachable(address)) await this.#listenForSessions(address.kind === 'unix' ? 0 : port);
      return address.kind === 'unix' ? address : { ...address, port };
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  }

  async #listenForSessions(port: number): Promise<void> {
    const open = (stream: ClientStream): SessionStream =>
      new SessionStream(stream, this.#host, this.#sessions);
    const path = this.#host.supervisor.sessionSocketPath;
    const listener = new SessionListener(open);
    await listener.listen(path);
    this.#local = { listener, sessionSocket: { path, port } };
  }

  /** Tells every session that the server is shutting down, closes them, and stops listening. */
  async stop(): Promise<void> {
    this.#stopping = requestError(
      ErrorReason.ERROR_REASON_SHUTTING_DOWN,
      'The server is shutting down.',
    );
    this.#local?.listener.close();
    this.#health.setStatus('', 'NOT_SERVING');
    this.#health.setStatus('gymlink.v1.EnvironmentService', 'NOT_SERVING');
    const drained = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    await this.#sessions.terminateAll(this.#stopping);
    const force = setTimeout(() => this.#server.forceShutdown(), drainMs);
    await drained;
    clearTimeout(force);
  }

  #bind(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(
        formatAddress(address),
        ServerCredentials.createInsecure(),
        (error, port) => {
          if (error === null) resolve(port);
          else
            reject(
              /EADDRINUSE/.test(error.message) ? inUse(address) : cannotListen(address, error),
            );
        },
      );
    });
  }

  #handlers(): EnvironmentServiceServer {
    const { supervisor } = this.#host;
    const handlers = {
      getServerInfo: this.#unary(async () => ({
        version,
        protocol,
        capabilities,
        limits: {
          maxMessageBytes: BigInt(limits.maxMessageBytes),
          maxEnvsPerSession: limits.maxEnvsPerSession,
          maxSessions: limits.maxSessions,
        },
        sessionSocket: this.#local?.sessionSocket,
      })),
      listEnvironments: this.#unary(async ({ contains }: { contains: string }) => ({
        environments: (await supervisor.catalogue()).list(contains),
        families: supervisor.families(),
      })),
      describeEnvironment: this.#unary(this.#descriptions.describe.bind(this.#descriptions)),
      listSessions: this.#unary(async () => ({ sessions: this.#sessions.list() })),
      closeSession: this.#unary(async ({ sessionId }: { sessionId: string }) => {
        await this.#sessions.close(sessionId);
        return {};
      }),
      session: (call: RawStream) => this.#session(call),
    };
    return handlers as unknown as EnvironmentServiceServer;
  }

  #unary<Request, Response>(answer: (request: Request) => Promise<Response>) {
    return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      answer(call.request).then(
        (response) => callback(null, response),
        (error) => callback(statusOf(new RequestError(toErrorMessage(error, this.#host.log)))),
      );
    };
  }

  #session(call: RawStream): void {
    if (this.#stopping !== undefined) {
      call.emit('error', statusOf(this.#stopping));
      return;
    }
    const stream = new SessionStream(clientStream(call), this.#host, this.#sessions);
    call.on('data', (bytes: Buffer) => stream.receive(bytes));
    call.on('drain', () => stream.drained());
    call.on('end', () => stream.halfClosed());
    call.on('cancelled', () => stream.cancelled());
  }
}

function clientStream(call: RawStream): ClientStream {
  return {
    peer: call.getPeer(),
    send: (message) => call.write(message),
    end: (error) => {
      // 'error' is how grpc-js takes a status other than OK; it ends the stream behind what was written.
      if (error === undefined) call.end();
      else call.emit('error', statusOf(error));
    },
    pause: () => void call.pause(),
    resume: () => void call.resume(),
  };
}

function statusOf({ details }: RequestError): StatusObject {
  const metadata = new Metadata();
  metadata.set(errorKey, asBuffer(ErrorMessage.encode(details).finish()));
  return { code: status[statusName(details.reason)], details: details.message, metadata };
}

function cannotListen(address: ListenAddress, error: Error): ListenError {
  return new ListenError(`Cannot listen on ${formatAddress(address)}: ${error.message}.`);
}
