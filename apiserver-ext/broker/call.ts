/** One request through a session. */
import type { Place } from "#core/session/live.ts";
import type { SessionTerms } from "#core/session/profile.ts";
import type { Session } from "#core/session/session.ts";
import type { Connection } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import type { Masks } from "./mask/answer.ts";
import type { CallRecord } from "./record/record.ts";
import type { Inner } from "./request/inner.ts";

export interface BrokerCall {
  connection: Connection;
  inner: Inner;
  session: Session;
  terms: SessionTerms;
  /** Aborts when the session ends, the client goes, or this server stops. */
  signal: AbortSignal;
  /** Aborts when the session ends. */
  cut: AbortSignal;
  record: CallRecord;
  /** Its place among all that goes on. */
  place: Pick<Place, "wait" | "resume">;
  /** As they are now. Rejects where nobody can tell what is to be masked. */
  masks: () => Promise<Masks>;
}

export function sessionOver(): StatusError {
  return new StatusError("Forbidden", "the session has ended");
}

/** What kept the API server from answering. */
export function noAnswer({ cut }: Pick<BrokerCall, "cut">, error: unknown): StatusError {
  if (cut.aborted) return sessionOver();
  if (error instanceof StatusError) return error;
  return new StatusError(
    "ServiceUnavailable",
    "the API server did not answer; what was asked may be done or not",
  );
}
