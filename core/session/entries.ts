/** The ledger lines that a session's life leaves. */

import { lineOf } from "../ledger/line.ts";
import type { SessionEntry } from "../ledger/session-entry.ts";
import { maskText } from "../mask.ts";
import { micros } from "../times.ts";
import type { Session } from "./session.ts";

/** `by`: who did it, where somebody did. */
export function sessionLine(
  session: Session,
  event: SessionEntry["event"],
  now: number,
  by?: string,
): string {
  const { metadata, spec, status } = session;
  const { subject, message } = status;
  const entry: SessionEntry = {
    schema: "hoop.dev/session/v1",
    kind: "session",
    time: micros(now),
    event,
    session: { namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
    profile: spec.profile,
    agent: {
      username: subject.username,
      groups: subject.groups,
      ...(subject.credentialID === undefined ? {} : { credentialID: subject.credentialID }),
    },
    serviceAccount: status.serviceAccount,
    expiresAt: status.expiresAt,
    ...(status.approval === undefined
      ? {}
      : { approval: { namespace: metadata.namespace, name: status.approval } }),
    ...(spec.reason === undefined ? {} : { reason: maskText(spec.reason) }),
    ...(by === undefined ? {} : { by }),
    ...(message === undefined ? {} : { message }),
  };
  return lineOf(entry);
}
