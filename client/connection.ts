import {
  ChannelCredentials,
  type ChannelOptions,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { Error as ErrorMessage } from '../proto/gen/gymlink/v1/error.js';
import {
  Capability,
  type DescribeEnvironmentResponse,
  EnvironmentServiceClient,
  type GetServerInfoResponse,
  type ListEnvironmentsResponse,
} from '../proto/gen/gymlink/v1/service.js';
import { type OpenedResponse, SessionResponse } from '../proto/gen/gymlink/v1/session.js';
import { AsyncVectorEnv } from './async-vector-env.js';
import {
  type EnvironmentDescription,
  type EnvironmentInfo,
  environmentInfo,
  type FamilyInfo,
  familyInfo,
} from './catalogue.js';
import { Env } from './env.js';
import type {
  ActionOf,
  BatchActionOf,
  BatchObservationOf,
  KnownId,
  ObservationOf,
} from './environments.js';
import { type ErrorReasonName, fromErrorMessage, GymlinkError } from './errors.js';
import {
  buildTimeoutMs,
  type MakeAsyncVecOptions,
  type MakeOptions,
  type MakeVecOptions,
  openRequest,
  protocol,
  requestTimeoutMs,
  type Unwrapped,
} from './open-request.js';
import { ParallelEnv } from './parallel-env.js';
import { type MakeParallelVecOptions, ParallelVectorEnv } from './parallel-vector-env.js';
import { Session, type SessionStream } from './session.js';
import { openSessionSocket } from './session-socket.js';
import { fromSpaceMessage, type Sample } from './spaces/index.js';
import { type Arguments, fromMap, type PlainValue, toMap } from './values.js';
import { VectorEnv } from './vector-env.js';

/** Who a server is and what it can do. */
export interface ServerInfo {
  readonly version: string;
  readonly protocol: { readonly major: number; readonly minor: number };
  /** Names of service.proto's Capability without their prefix, for example `AUTORESET_SAME_STEP`. */
  readonly capabilities: readonly string[];
}

const channelOptions: ChannelOptions = {
  // gRPC's default window of 64 KiB allows 4 MB/s at 10 ms round trip; this one 173 MB/s (docs/architecture.md).
  'grpc-node.flow_control_window': 16 * 1024 * 1024,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 60_000,
  // A step that was sent twice would be taken twice.
  'grpc.enable_retries': 0,
  // grpc-js would send what goes to localhost through http_proxy, too.
  'grpc.enable_http_proxy': 0,
  // Otherwise connections to one address share a socket, and closing one leaves it open.
  'grpc.use_local_subchannel_pool': 1,
};

/** The port of an address; 0 for a Unix socket. */
const portOf = (address: string): number =>
  address.startsWith('unix:') ? 0 : Number(address.slice(address.lastIndexOf(':') + 1));

const addressForm = /^(unix:.+|(\[[^\]]+\]|[^:/\s]+):\d{1,5})$/;

/** How to connect. */
export interface ConnectOptions {
  /** Milliseconds to wait for the server; 10,000 by default. */
  readonly timeoutMs?: number;
  /**
   * Whether sessions go over the server's session socket where it is on this machine, which takes less time than gRPC; true by
   * default.
   */
  readonly sessionSocket?: boolean;
}

/**
 * Connects to a running server.
 *
 * @param address `HOST:PORT` or `unix:/path/to/socket`.
 * @throws GymlinkError INVALID_ARGUMENT for an address of another form; CONNECTION_FAILED if no server answers in time;
 *   PROTOCOL_VERSION if it speaks another protocol.
 */
export async function connect(
  address: string,
  { timeoutMs = 10_000, sessionSocket = true }: ConnectOptions = {},
): Promise<Connection> {
  if (!addressForm.test(address))
    throw new GymlinkError(
      'INVALID_ARGUMENT',
      `${address} is no address: use HOST:PORT or unix:/path/to/socket.`,
    );
  const connection = new Connection(address);
  try {
    await connection.ready(timeoutMs, sessionSocket);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A connection to a server. Environments made through it end with it. */
export class Connection {
  /** The server's address. */
  readonly address: string;
  private readonly client: EnvironmentServiceClient;
  private readonly sessions = new Set<Session>();
  private readonly onClose: (() => Promise<void>) | undefined;
  private closing: Promise<void> | undefined;
  /** The server's session socket; empty where sessions go over gRPC. */
  private sessionSocket = '';

  /** Use {@link connect} or `launch`. */
  constructor(address: string, onClose?: () => Promise<void>) {
    this.address = address;
    this.onClose = onClose;
    this.client = new EnvironmentServiceClient(
      address,
      ChannelCredentials.createInsecure(),
      channelOptions,
    );
  }

  /** Waits until the server answers, and checks that both speak the same protocol. */
  async ready(timeoutMs: number, sessionSocket = true): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    await new Promise<void>((resolve, reject) => {
      this.client.waitForReady(deadline, (error) => {
        if (!error) return resolve();
        const start = `Start one with: npx gymlink serve --listen ${this.address}`;
        const message = `No gymlink server answers at ${this.address} within ${timeoutMs / 1000} s. ${start}`;
        reject(new GymlinkError('CONNECTION_FAILED', message, { cause: error }));
      });
    });
    const info = await this.getServerInfo(Math.max(1, deadline - Date.now()));
    const { major = 0, minor = 0 } = info.protocol ?? {};
    if (major !== protocol.major) {
      const versions = `protocol ${major}.${minor}, this client ${protocol.major}.${protocol.minor}`;
      throw new GymlinkError(
        'PROTOCOL_VERSION',
        `The server at ${this.address} speaks ${versions}: use versions of gymlink that belong together.`,
      );
    }
    // Through a proxy or a tunnel, sessions go as the rest does.
    if (sessionSocket && info.sessionSocket?.port === portOf(this.address))
      this.sessionSocket = info.sessionSocket.path;
  }

  /** Who the server is and what it can do. */
  async serverInfo(timeoutMs = requestTimeoutMs): Promise<ServerInfo> {
    const info = await this.getServerInfo(timeoutMs);
    const names = new Map(
      Object.entries(Capability).map(([name, number]) => [number as number, name]),
    );
    return {
      version: info.version,
      protocol: { major: info.protocol?.major ?? 0, minor: info.protocol?.minor ?? 0 },
      capabilities: info.capabilities.flatMap(
        (number) => names.get(number)?.slice('CAPABILITY_'.length) ?? [],
      ),
    };
  }

  private getServerInfo(timeoutMs: number): Promise<GetServerInfoResponse> {
    return this.unary(
      (done, options) => this.client.getServerInfo({}, options.metadata, options, done),
      timeoutMs,
    );
  }

  /** The catalogue, sorted by id; with `contains` only ids that contain that text. */
  async environments({ contains = '' }: { contains?: string } = {}): Promise<EnvironmentInfo[]> {
    return (await this.catalogue(contains)).environments.map(environmentInfo);
  }

  /** The families, in the order in which an id is looked for. */
  async families(): Promise<FamilyInfo[]> {
    const { families } = await this.catalogue('');
    return families.map(familyInfo);
  }

  private catalogue(contains: string): Promise<ListEnvironmentsResponse> {
    return this.unary<ListEnvironmentsResponse>((done, options) =>
      this.client.listEnvironments({ contains }, options.metadata, options, done),
    );
  }

  /**
   * One environment with its spaces.
   *
   * @throws GymlinkError UNKNOWN_ENVIRONMENT (with `suggestions`), NOT_ALLOWED, INVALID_KWARGS or ENVIRONMENT_UNAVAILABLE.
   */
  async describe(id: string, kwargs: Arguments = {}): Promise<EnvironmentDescription> {
    const request = { envId: id, kwargs: toMap(kwargs) };
    const found = await this.unary<DescribeEnvironmentResponse>(
      (done, options) => this.client.describeEnvironment(request, options.metadata, options, done),
      buildTimeoutMs,
    );
    if (found.environment === undefined)
      throw new GymlinkError('MALFORMED_REPLY', `The server described no environment for ${id}.`);
    return {
      environment: environmentInfo(found.environment),
      observationSpace: fromSpaceMessage(found.observationSpace),
      actionSpace: fromSpaceMessage(found.actionSpace),
      metadata: found.metadata ? (fromMap(found.metadata) as Record<string, PlainValue>) : {},
      documentation: found.documentation,
    };
  }

  /**
   * Makes one environment, like `gymnasium.make`. For ids of Gymnasium the types of observation and action are known; give
   * them for others, and with wrappers: `make<NdArray<Float32Array>, number>('family/Id')`.
   *
   * @throws GymlinkError as {@link Connection.describe}, and for an option that the server cannot serve.
   */
  make<Id extends KnownId>(
    id: Id,
    options?: Unwrapped<MakeOptions>,
  ): Promise<Env<ObservationOf<Id>, ActionOf<Id>>>;
  make<Obs = Sample, Act = Sample>(id: string, options?: MakeOptions): Promise<Env<Obs, Act>>;
  async make(id: string, options: MakeOptions = {}): Promise<Env<Sample, Sample>> {
    return this.open(
      id,
      { ...options, numEnvs: 1, autoresetMode: 'Disabled' },
      (session, opened) => new Env(session, opened),
    );
  }

  /**
   * Makes a vector environment, like `gymnasium.make_vec`. With a `batchSize` it is asynchronous, like EnvPool's: `recv` gives
   * whichever sub-environments are ready first.
   *
   * @throws GymlinkError as {@link Connection.make}.
   */
  makeVec<Id extends KnownId>(
    id: Id,
    options: Unwrapped<MakeAsyncVecOptions>,
  ): Promise<AsyncVectorEnv<BatchObservationOf<Id>, BatchActionOf<Id>>>;
  makeVec<Obs = Sample, Act = Sample>(
    id: string,
    options: MakeAsyncVecOptions,
  ): Promise<AsyncVectorEnv<Obs, Act>>;
  makeVec<Id extends KnownId>(
    id: Id,
    options: Unwrapped<MakeVecOptions>,
  ): Promise<VectorEnv<BatchObservationOf<Id>, BatchActionOf<Id>>>;
  makeVec<Obs = Sample, Act = Sample>(
    id: string,
    options: MakeVecOptions,
  ): Promise<VectorEnv<Obs, Act>>;
  async makeVec(
    id: string,
    options: MakeVecOptions | MakeAsyncVecOptions,
  ): Promise<VectorEnv<Sample, Sample> | AsyncVectorEnv<Sample, Sample>> {
    return this.open(id, options, (session, opened) =>
      'batchSize' in options && options.batchSize !== undefined
        ? new AsyncVectorEnv(session, opened, options)
        : new VectorEnv(session, opened, options),
    );
  }

  /**
   * Makes an environment of several agents, like the `parallel_env` of a PettingZoo module.
   *
   * @throws GymlinkError as {@link Connection.make}; INVALID_ARGUMENT for an environment that is not one of several agents.
   */
  async makeParallel<Obs = Sample, Act = Sample>(
    id: string,
    options: Unwrapped<MakeOptions> = {},
  ): Promise<ParallelEnv<Obs, Act>> {
    return this.open(
      id,
      { ...options, numEnvs: 1, autoresetMode: 'Disabled' },
      (session, opened) => new ParallelEnv<Obs, Act>(session, opened),
    );
  }

  /**
   * Makes a vector environment of several agents, each of which has a batch.
   *
   * @throws GymlinkError as {@link Connection.makeParallel}.
   */
  async makeParallelVec<Obs = Sample, Act = Sample>(
    id: string,
    options: MakeParallelVecOptions,
  ): Promise<ParallelVectorEnv<Obs, Act>> {
    return this.open(
      id,
      options,
      (session, opened) => new ParallelVectorEnv<Obs, Act>(session, opened, options),
    );
  }

  /** Closes all environments of this connection and the connection; for `launch` also the server. May be called again. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    await Promise.allSettled([...this.sessions].map((session) => session.close()));
    this.client.close();
    await this.onClose?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async open<T>(
    id: string,
    options: MakeVecOptions,
    wrap: (session: Session, opened: OpenedResponse) => T,
  ): Promise<T> {
    if (this.closing) throw new GymlinkError('SESSION_CLOSED', 'The connection was closed.');
    const request = openRequest(id, options);
    const session = new Session(await this.stream(), requestTimeoutMs, buildTimeoutMs);
    this.sessions.add(session);
    session.onEnd(() => this.sessions.delete(session));
    try {
      return wrap(session, await session.open(request));
    } catch (error) {
      session.abandon();
      throw error;
    }
  }

  private async stream(): Promise<SessionStream> {
    const stream =
      this.sessionSocket && (await openSessionSocket(this.sessionSocket, this.address));
    return stream || this.grpcStream();
  }

  private grpcStream(): SessionStream {
    const call = this.client.makeBidiStreamRequest(
      '/gymlink.v1.EnvironmentService/Session',
      (message: Buffer) => message,
      (bytes) => SessionResponse.decode(bytes),
    );
    return {
      // Without the copy that generated code makes of every message.
      write: ({ buffer, byteOffset, byteLength }) =>
        call.write(Buffer.from(buffer, byteOffset, byteLength)),
      onResponse: (listener) => call.on('data', listener),
      onEnd: (listener) => {
        call.on('error', (error: ServiceError) => listener(fromServiceError(error, this.address)));
        call.on('end', () => listener(undefined));
      },
      cancel: () => call.cancel(),
    };
  }

  private unary<T>(
    call: (
      done: (error: ServiceError | null, response: T) => void,
      options: { metadata: Metadata; deadline: number },
    ) => unknown,
    timeoutMs = requestTimeoutMs,
  ): Promise<T> {
    const options = { metadata: new Metadata(), deadline: Date.now() + timeoutMs };
    return new Promise((resolve, reject) => {
      call((error, response) => {
        if (error) reject(fromServiceError(error, this.address));
        else resolve(response);
      }, options);
    });
  }
}

const reasonOfStatus: Partial<Record<status, ErrorReasonName>> = {
  [status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [status.RESOURCE_EXHAUSTED]: 'MESSAGE_TOO_LARGE',
  [status.UNIMPLEMENTED]: 'PROTOCOL_VERSION',
};

/** A gRPC failure: the server's own Error where it sent one, else a failed connection. */
function fromServiceError(error: ServiceError, address: string): GymlinkError {
  const [detail] = error.metadata?.get('gymlink-error-bin') ?? [];
  if (detail !== undefined) return fromErrorMessage(ErrorMessage.decode(detail as Buffer));
  const reason = reasonOfStatus[error.code] ?? 'CONNECTION_FAILED';
  const message = `The connection to the server at ${address} failed: ${error.details || error.message}`;
  return new GymlinkError(reason, message, { cause: error });
}
