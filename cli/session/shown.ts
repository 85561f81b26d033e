/** How sessions are listed. */
import { isOpenPhase, type Session } from "#core/session/session.ts";
import { age, remaining } from "../ages.ts";
import type { Context } from "../context.ts";
import { type Look, sessionReference } from "../printing.ts";

/** What has run out is Expired, whether or not that was written yet. */
export function phaseNow({ status }: Session, now: number): Session["status"]["phase"] {
  return status.phase === "Active" && Date.parse(status.expiresAt) <= now ? "Expired" : status.phase;
}

/** Whether it is used, or waits until it may be. */
export function isOpen(session: Session, now: number): boolean {
  return isOpenPhase(phaseNow(session, now));
}

export function sessionLook(context: Context): Look<Session> {
  const now = () => context.now();
  return {
    reference: sessionReference,
    columns: [
      { header: "NAMESPACE", cell: ({ metadata }) => metadata.namespace },
      { header: "NAME", cell: ({ metadata }) => metadata.name },
      { header: "AGENT", cell: ({ status }) => status.subject.username },
      { header: "PROFILE", cell: ({ spec }) => spec.profile },
      { header: "PHASE", cell: (session) => phaseNow(session, now()) },
      { header: "LEFT", cell: (session) => left(session, now()) },
      { header: "AGE", cell: ({ metadata }) => age(metadata.creationTimestamp, now()) },
      {
        header: "ACTS-AS",
        cell: ({ status: { serviceAccount } }) => `${serviceAccount.namespace}/${serviceAccount.name}`,
        wide: true,
      },
      { header: "REASON", cell: ({ spec }) => spec.reason ?? "", wide: true },
      { header: "MESSAGE", cell: ({ status }) => status.message ?? "", wide: true },
    ],
  };
}

function left(session: Session, now: number): string {
  return phaseNow(session, now) === "Active" ? remaining(session.status.expiresAt, now) : "";
}
