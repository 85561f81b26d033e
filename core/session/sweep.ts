/** Begins sessions that people have approved; ends those whose time is over, that nobody uses, or that may not be any more. */

import { approvalKey, findApproval } from "../hold/rows.ts";
import type { Waiters } from "../hold/waiters.ts";
import type { Log, Store } from "../ports.ts";
import { type ApprovalPorts, answered, type Beside } from "./approval.ts";
import { sessionLine } from "./entries.ts";
import { finish } from "./finish.ts";
import { forget } from "./forget.ts";
import { approved, type BeginPorts, endOf } from "./life.ts";
import type { LiveSessions } from "./live.ts";
import type { SessionTerms } from "./profile.ts";
import { allSessions, type FoundSession, namespaceUidOf } from "./rows.ts";
import type { Session } from "./session.ts";

export interface SweepPorts extends BeginPorts, Pick<ApprovalPorts, "clock" | "cluster" | "installationKey"> {
  store: Store;
  live: LiveSessions;
}

/**
 * One look at all of them; gives the approvals that some still wait for. Losing a race leaves a session as it is then.
 * Rejects, having looked at all, where one could not be begun or ended.
 */
export async function sweepSessions(ports: SweepPorts): Promise<string[]> {
  const waiting: string[] = [];
  const used = ports.live.uids;
  const all = await allSessions(ports.store);
  const open = new Set(all.flatMap(({ session }) => (isOver(session) ? [] : [session.metadata.uid])));
  // Ended by another process of Hoop.
  for (const uid of used) if (!open.has(uid)) ports.live.end(uid);
  const failed: unknown[] = [];
  await forget(ports.store, all, ports.clock.now()).catch((error: unknown) => failed.push(error));
  for (const found of all) {
    // One that cannot be looked at keeps no other from its end.
    const awaited = await sweepOne(ports, found).catch((error: unknown) => void failed.push(error));
    if (awaited !== undefined) waiting.push(awaited);
  }
  if (failed.length > 0) throw failed[0];
  return waiting;
}

function isOver({ status }: Session): boolean {
  return status.endedAt !== undefined;
}

async function sweepOne(ports: SweepPorts, found: FoundSession): Promise<string | undefined> {
  const { clock, live } = ports;
  const { metadata, status } = found.session;
  const now = clock.now();
  if (isOver(found.session)) return undefined;
  const end = endOf(ports, found.session, now, live.lastUsed(metadata.uid, Date.parse(status.startedAt)));
  if (end === undefined && status.phase === "Pending") return sweepPending(ports, found);
  if (end !== undefined) await finish(ports, found, end);
  return undefined;
}

async function sweepPending(ports: SweepPorts, found: FoundSession): Promise<string | undefined> {
  const { session, key } = found;
  const { approval = "" } = session.status;
  const terms = ports.profile(session.spec.profile)?.session;
  if (terms === undefined) return undefined;
  const asked = await findApproval(ports.store, namespaceUidOf(key), approval);
  const answer = await answered(ports, session, asked, terms);
  switch (answer.kind) {
    case "waits":
      return approvalKey(namespaceUidOf(key), approval);
    case "over":
      await finish(ports, found, answer);
      return undefined;
    case "begins":
      await beginNow(ports, found, terms, answer.beside);
      return undefined;
  }
}

async function beginNow(
  { store, clock }: SweepPorts,
  { key, session, revision }: FoundSession,
  terms: SessionTerms,
  { puts, deletes, lines }: Beside,
): Promise<void> {
  const now = clock.now();
  const begun = approved(session, terms, now);
  await store.commit({
    puts: [{ key, value: JSON.stringify(begun), expect: revision }, ...puts],
    deletes,
    lines: [...lines, sessionLine(begun, "begun", now)],
  });
}

/** Every second until the signal aborts, and at once when an approval is decided that a session waits for. */
export async function keepSweeping(
  ports: SweepPorts & { log: Log; waiters: Pick<Waiters, "join"> },
  signal: AbortSignal,
): Promise<void> {
  let waiting: string[] = [];
  while (!signal.aborted) {
    // Before they are looked at: so no decision falls between.
    const joined = waiting.map((key) => ports.waiters.join(key));
    try {
      waiting = await sweepSessions(ports);
    } catch (error) {
      ports.log.error({ err: error }, "could not begin or end sessions");
    }
    const woken = joined.map((one) => one.woken);
    await ports.clock.sleep(1000, woken.length === 0 ? signal : AbortSignal.any([signal, ...woken]));
    for (const { leave } of joined) leave();
  }
}
