import type { SessionSummary } from '../proto/gen/gymlink/v1/service.js';
import { ErrorReason, type RequestError, requestError } from './errors.js';
import { limits } from './limits.js';
import { checkLimit } from './open-checks.js';
import type { SessionStream } from './session-stream.js';

/** All streams of a server, and through them its sessions. */
export class Sessions {
  readonly #streams = new Set<SessionStream>();

  add(stream: SessionStream): void {
    this.#streams.add(stream);
  }

  remove(stream: SessionStream): void {
    this.#streams.delete(stream);
  }

  /** Raises RequestError LIMIT_EXCEEDED when the server has as many sessions as it takes. */
  checkRoom(): void {
    const open = [...this.#streams].filter((stream) => stream.hasSession).length;
    checkLimit('max_sessions', limits.maxSessions, open + 1);
  }

  /** The open sessions, oldest first. */
  list(): SessionSummary[] {
    return [...this.#streams]
      .flatMap(({ session }) => (session === undefined ? [] : [session.summary()]))
      .sort((a, b) => b.ageS - a.ageS);
  }

  /** Closes a session from outside its stream. Raises RequestError SESSION_NOT_FOUND. */
  async close(sessionId: string): Promise<void> {
    const stream = [...this.#streams].find(({ session }) => session?.id === sessionId);
    if (stream === undefined)
      throw requestError(
        ErrorReason.ERROR_REASON_SESSION_NOT_FOUND,
        'No session of that id is open. ListSessions has the open ones.',
      );
    await stream.terminate(
      requestError(
        ErrorReason.ERROR_REASON_SESSION_CLOSED,
        'The session was closed by an operator (CloseSession).',
      ),
    );
  }

  /** Ends every stream with `error`; settles when all sessions are closed. */
  async terminateAll(error: RequestError): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.terminate(error)));
  }
}
