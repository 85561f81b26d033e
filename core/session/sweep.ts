/** Ends sessions whose time is over, that nobody uses, or whose profile no longer allows them. */
import type { Clock, Log, Store } from "../ports.ts";
import { sessionLine } from "./entries.ts";
import { type BeginPorts, ended, endOf } from "./life.ts";
import type { LiveSessions } from "./live.ts";
import { allSessions, type FoundSession } from "./rows.ts";

export interface SweepPorts extends BeginPorts {
  store: Store;
  clock: Clock;
  live: LiveSessions;
}

/** How long one that is over is still shown. Its records stay. */
const SHOWN_MILLISECONDS = 24 * 3600_000;
const EVENTS = { Expired: "expired", Ended: "ended", Revoked: "revoked" } as const;

/** One look at all of them. Losing a race leaves the session as it is then. */
export async function sweepSessions(ports: SweepPorts): Promise<void> {
  for (const found of await allSessions(ports.store)) await sweepOne(ports, found);
}

async function sweepOne(ports: SweepPorts, { key, session, revision }: FoundSession): Promise<void> {
  const { store, clock, live } = ports;
  const { metadata, status } = session;
  const now = clock.now();
  if (status.endedAt !== undefined) {
    if (Date.parse(status.endedAt) + SHOWN_MILLISECONDS <= now)
      await store.commit({ deletes: [{ key, expect: revision }] });
    return;
  }
  const end = endOf(ports, session, now, live.lastUsed(metadata.uid, Date.parse(status.startedAt)));
  if (end === undefined) return;
  const over = ended(session, end, now);
  const put = { key, value: JSON.stringify(over), expect: revision };
  const result = await store.commit({ puts: [put], lines: [sessionLine(over, EVENTS[end.phase], now)] });
  if (result.outcome === "committed") live.end(metadata.uid);
}

/** Sweeps every second until the signal aborts. */
export async function keepSweeping(ports: SweepPorts & { log: Log }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await sweepSessions(ports);
    } catch (error) {
      ports.log.error({ err: error }, "could not end sessions");
    }
    await ports.clock.sleep(1000, signal);
  }
}
