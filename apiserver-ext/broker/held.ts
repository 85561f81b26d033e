/** A request that waits for people: waited for here, as long as its client does, and then asked again. */
import { isObject, text } from "#core/admission.ts";
import { approvalKey, findApproval } from "#core/hold/rows.ts";
import { parseJson } from "#core/json.ts";
import { phaseAt } from "#core/transitions.ts";
import type { BrokerPorts } from "./ports.ts";

/** As our own webhook says it (core/answer.ts) in the words that the API server puts around, and as secure-secrets does. */
const HELD =
  /(?:^|hoop\.dev" denied the request: |hoop: )HELD, not refused\. approval=([a-z0-9.-]+) namespace=([a-z0-9.-]+) /;

export interface Held {
  name: string;
  namespace: string;
}

/** Which approval the request waits for whose answer has this body; undefined: it is another answer. */
export function heldIn(code: number, body: string): Held | undefined {
  if (code !== 429 && code !== 403) return undefined;
  const message = messageOf(body);
  const [, name, namespace] = HELD.exec(message) ?? [];
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

function messageOf(body: string): string {
  try {
    const status = parseJson(body);
    return isObject(status) ? text(status, "message") : "";
  } catch {
    return "";
  }
}

/** Resolves when the request may be asked again: it is decided, or something has changed; at once where it cannot wait. */
export async function waitFor(
  ports: BrokerPorts,
  held: Held,
  gone: AbortSignal,
): Promise<"again" | "give-up"> {
  const { cluster, store, waiters, clock } = ports;
  const lookup = await cluster.namespaceUid(held.namespace);
  if (!lookup.known) return "give-up";
  const waiter = waiters.join(approvalKey(lookup.uid, held.name));
  try {
    const found = await findApproval(store, lookup.uid, held.name);
    if (found === undefined || waiters.closed) return "give-up";
    if (phaseAt(found.approval, clock.now()) !== "Pending") return "again";
    const remaining = Date.parse(found.approval.status.expiresAt) - clock.now();
    await clock.sleep(Math.max(0, remaining), AbortSignal.any([waiter.woken, gone]));
    return gone.aborted || waiters.closed ? "give-up" : "again";
  } finally {
    waiter.leave();
  }
}
