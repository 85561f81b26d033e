/** A request that waits for people: waited for here, as long as its client does, and then asked again. */
import { isObject, text } from "#core/admission.ts";
import { approvalKey, findApproval } from "#core/hold/rows.ts";
import { parseJson } from "#core/json.ts";
import { phaseAt } from "#core/transitions.ts";
import type { BrokerCall } from "./call.ts";
import type { BrokerPorts } from "./ports.ts";

/**
 * As our own webhook says it (core/answer.ts) in the words that the API server puts around, and as secure-secrets does.
 * From the beginning: further on, a message repeats what it was asked.
 */
const HELD =
  /^(?:admission webhook "(?:[a-z.-]+\.)?hoop\.dev" denied the request: |secure-secrets\.hoop\.dev "[^"\\ ]*" is forbidden: hoop: )?HELD, not refused\. approval=([a-z0-9.-]+) namespace=([a-z0-9.-]+) /;

interface Held {
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

/** Of a Status; "" of what is none. */
export function messageOf(body: string): string {
  try {
    const status = parseJson(body);
    return isObject(status) ? text(status, "message") : "";
  } catch {
    return "";
  }
}

/**
 * Asks again for as long as people have not decided, and the client stays; the last answer. What is asked again at once,
 * as it was decided before, is asked no third time.
 */
export async function untilDecided<A>(
  ports: BrokerPorts,
  { signal, place }: Pick<BrokerCall, "signal" | "place">,
  ask: () => Promise<A>,
  told: (answer: A) => Held | undefined,
): Promise<A> {
  const decided = new Set<string>();
  for (;;) {
    const answer = await ask();
    const held = told(answer);
    if (held === undefined) return answer;
    const before = decided.size;
    place.wait();
    const next = await waitFor(ports, held, signal, () => decided.add(`${held.namespace}/${held.name}`));
    place.resume();
    const isRepeated = next === "at-once" && decided.size === before;
    if (next === "give-up" || isRepeated) return answer;
  }
}

/** Resolves when the request may be asked again: it is decided, or something has changed; at once where it cannot wait. */
async function waitFor(
  ports: BrokerPorts,
  held: Held,
  gone: AbortSignal,
  wasDecided: () => void,
): Promise<"again" | "at-once" | "give-up"> {
  const { cluster, store, waiters, clock } = ports;
  const lookup = await cluster.namespaceUid(held.namespace);
  if (!lookup.known) return "give-up";
  const waiter = waiters.join(approvalKey(lookup.uid, held.name));
  try {
    const found = await findApproval(store, lookup.uid, held.name);
    if (found === undefined || waiters.closed) return "give-up";
    if (phaseAt(found.approval, clock.now()) !== "Pending") {
      wasDecided();
      return "at-once";
    }
    const remaining = Date.parse(found.approval.status.expiresAt) - clock.now();
    await clock.sleep(Math.max(0, remaining), AbortSignal.any([waiter.woken, gone]));
    return gone.aborted || waiters.closed ? "give-up" : "again";
  } finally {
    waiter.leave();
  }
}
