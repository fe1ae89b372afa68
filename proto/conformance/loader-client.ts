// A client that has no generated code: @grpc/proto-loader reads the .proto files when it starts.
import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  type Metadata,
  type ServiceClientConstructor,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import type { ErrorMessage, SessionResponse, TransitionDetails } from './loader-messages.js';

const CALL_TIMEOUT_MS = 60_000;
const STREAM_TIMEOUT_MS = 300_000;
const SERVICE = 'gymlink.v1.EnvironmentService';

/** The folder of the .proto files: this one's parent, also when this file was built elsewhere. */
function protoRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'proto/gymlink/v1/service.proto'))) {
    if (folder === path.dirname(folder)) throw new Error('no proto/gymlink/v1/service.proto above');
    folder = path.dirname(folder);
  }
  return path.join(folder, 'proto');
}

const definition = loadSync('gymlink/v1/service.proto', {
  includeDirs: [protoRoot()],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

type AnyMessage = MessageTypeDefinition<object, object>;

function decode<T>(type: string, bytes: Buffer): T {
  return (definition[`gymlink.v1.${type}`] as AnyMessage).deserialize(bytes) as T;
}

/** Takes a message as the client would get it through JSON, for example a Space. */
export function messageOf<T>(type: string, json: object): T {
  const { serialize, deserialize } = definition[`gymlink.v1.${type}`] as AnyMessage;
  return deserialize(serialize(json)) as T;
}

export function detailsOf(bytes: Buffer): TransitionDetails {
  return decode('TransitionDetails', bytes);
}

/** Lets each response of the stream tell its size. */
function withSizes(service: ServiceDefinition): void {
  const method = service.Session;
  if (!method) throw new Error(`${SERVICE} has no Session`);
  const read = method.responseDeserialize;
  method.responseDeserialize = (bytes) => Object.assign(read(bytes), { size: bytes.length });
}
withSizes(definition[SERVICE] as ServiceDefinition);

/** A request that failed with an Error message. */
export class RequestError extends Error {
  readonly error: ErrorMessage;
  /** Name of the gRPC status code, of a call. */
  readonly status: string | undefined;

  constructor(error: ErrorMessage, status?: string) {
    super(error.message);
    this.error = error;
    this.status = status;
  }
}

/** The server ended the stream. */
export class StreamEnd extends Error {
  readonly status: string;
  readonly error: ErrorMessage | undefined;

  constructor(end: { code: status; metadata: Metadata }) {
    super(`the stream ended with ${status[end.code]}`);
    this.status = status[end.code] ?? 'UNKNOWN';
    this.error = errorIn(end.metadata);
  }
}

function errorIn(metadata: Metadata): ErrorMessage | undefined {
  const [bytes] = metadata.get('gymlink-error-bin');
  return bytes instanceof Buffer ? decode('Error', bytes) : undefined;
}

type Waiter = { resolve: (response: SessionResponse) => void; reject: (end: StreamEnd) => void };

/** One Session stream. */
export class Stream {
  #call: ClientDuplexStream<object, SessionResponse>;
  #waiters: Waiter[] = [];
  #arrived: SessionResponse[] = [];
  #end: StreamEnd | undefined;
  #seq = 0;
  /** Last delivery taken whole. */
  delivery = 0;

  constructor(call: ClientDuplexStream<object, SessionResponse>) {
    this.#call = call;
    call.on('data', (response: SessionResponse) => this.#arrive(response));
    call.on('error', () => {});
    call.on('status', (end: StatusObject) => this.#finish(new StreamEnd(end)));
  }

  #arrive(response: SessionResponse): void {
    const waiter = this.#waiters.shift();
    if (waiter) waiter.resolve(response);
    else this.#arrived.push(response);
  }

  #finish(end: StreamEnd): void {
    this.#end = end;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(end);
  }

  /** Sends a request (one field of the oneof) and gives its seq. */
  send(request: object, seq = this.#seq + 1): number {
    this.#seq = Math.max(this.#seq, seq);
    this.#call.write({ ...request, seq, acknowledged: this.delivery });
    return seq;
  }

  /** The next response; rejects with StreamEnd when none comes. */
  next(): Promise<SessionResponse> {
    const response = this.#arrived.shift();
    if (response) return Promise.resolve(response);
    if (this.#end) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  halfClose(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

/** A connection to a server, without TLS. */
export class LoaderClient {
  #client: InstanceType<ServiceClientConstructor>;

  constructor(address: string) {
    const grpc = loadPackageDefinition({ [SERVICE]: definition[SERVICE] as ServiceDefinition });
    const { v1 } = grpc.gymlink as { v1: { EnvironmentService: ServiceClientConstructor } };
    this.#client = new v1.EnvironmentService(address, credentials.createInsecure());
  }

  call<T>(method: string, request: object): Promise<T> {
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    const call = this.#client[method] as (...args: unknown[]) => void;
    return new Promise((resolve, reject) => {
      call.call(this.#client, request, { deadline }, (failure: ServiceError | null, reply: T) => {
        if (!failure) return resolve(reply);
        const error = errorIn(failure.metadata);
        reject(error ? new RequestError(error, status[failure.code]) : failure);
      });
    });
  }

  stream(): Stream {
    const begin = this.#client.Session as (...args: unknown[]) => unknown;
    const call = begin.call(this.#client, { deadline: Date.now() + STREAM_TIMEOUT_MS });
    return new Stream(call as ClientDuplexStream<object, SessionResponse>);
  }

  close(): void {
    this.#client.close();
  }
}
