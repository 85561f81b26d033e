/** Writes down that approvals have run out, so that people and watches see it. Reading already treats them so. */
import type { Clock, Log, Store } from "../ports.ts";
import { ended, phaseAt } from "../transitions.ts";
import { approvalLine } from "./entries.ts";
import { findApproval, OPEN, putApproval } from "./rows.ts";

/** One sweep over what is open. Losing a race to a decision or spend leaves that as it is. */
export async function expireOpen(ports: { store: Store; clock: Clock }): Promise<void> {
  const now = ports.clock.now();
  const { rows } = await ports.store.list(OPEN);
  for (const row of rows) {
    if (Date.parse(row.value) > now) continue;
    const [, namespaceUid = "", name = ""] = row.key.split("/");
    const found = await findApproval(ports.store, namespaceUid, name);
    if (found === undefined || phaseAt(found.approval, now) !== "Expired") continue;
    const why =
      found.approval.status.phase === "Pending" ? "nobody decided in time" : "it was not used in time";
    const approval = ended(found.approval, "Expired", why, now);
    await ports.store.commit({
      ...putApproval({ ...found, approval }, found.revision),
      lines: [approvalLine(approval, "expired", now)],
    });
  }
}

/** Sweeps every few seconds until the signal aborts. */
export async function keepExpiring(
  ports: { store: Store; clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<void> {
  const period = 5_000;
  while (!signal.aborted) {
    try {
      await expireOpen(ports);
    } catch (error) {
      ports.log.error({ err: error }, "could not expire approvals");
    }
    await ports.clock.sleep(period, signal);
  }
}
