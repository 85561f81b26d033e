/** Ends a session, for whatever reason: what runs in it is cut, and an approval that it waits for is void. */
import { findApproval } from "../hold/rows.ts";
import type { Clock, Store } from "../ports.ts";
import { type Beside, voided } from "./approval.ts";
import { sessionLine } from "./entries.ts";
import { type End, ended } from "./life.ts";
import type { LiveSessions } from "./live.ts";
import { type FoundSession, namespaceUidOf } from "./rows.ts";
import type { Session } from "./session.ts";

export interface FinishPorts {
  store: Store;
  clock: Clock;
  live: Pick<LiveSessions, "end">;
}

const EVENTS = { Denied: "denied", Expired: "expired", Ended: "ended", Revoked: "revoked" } as const;

/** @param by who ends it, where somebody does. @returns false where the session has changed meanwhile, and so was not ended. */
export async function finish(
  { store, clock, live }: FinishPorts,
  { key, session, revision }: FoundSession,
  { phase, message }: End,
  by?: string,
): Promise<boolean> {
  const now = clock.now();
  const over = ended(session, { phase, message }, now);
  const beside = await unasked(store, key, session, `its session is over: ${message}`, now);
  const { outcome } = await store.commit({
    puts: [{ key, value: JSON.stringify(over), expect: revision }, ...beside.puts],
    deletes: beside.deletes,
    lines: [...beside.lines, sessionLine(over, EVENTS[phase], now, by)],
  });
  if (outcome === "committed") live.end(session.metadata.uid);
  return outcome === "committed";
}

/** What voids the approval that a session waits for, to be written with the end of the session. */
export async function unasked(
  store: Store,
  key: string,
  { status }: Pick<Session, "status">,
  why: string,
  now: number,
): Promise<Beside> {
  const nothing: Beside = { puts: [], deletes: [], lines: [] };
  if (status.phase !== "Pending" || status.approval === undefined) return nothing;
  const found = await findApproval(store, namespaceUidOf(key), status.approval);
  return voided(found, why, now) ?? nothing;
}
