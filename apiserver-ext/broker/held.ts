/**
 * Requests that are held. The API server answers them at once; here they wait for people's decision, as long as the client
 * stays, and are then sent once more.
 */
import { isObject, text } from "#core/admission.ts";
import { approvalKey, findApproval } from "#core/hold/rows.ts";
import { parseJson } from "#core/json.ts";
import { phaseAt } from "#core/transitions.ts";
import type { BrokerCall } from "./call.ts";
import type { BrokerPorts } from "./ports.ts";

/**
 * How the message of a hold begins: that of our own webhook (core/answer.ts) with the words that the API server puts before
 * it, or that of secure-secrets. Only the beginning is trusted: further on, a message may repeat what the agent sent.
 */
const HELD =
  /^(?:admission webhook "(?:[a-z.-]+\.)?hoop\.dev" denied the request: |secure-secrets\.hoop\.dev "[^"\\ ]*" is forbidden: hoop: )?HELD, not refused\. approval=([a-z0-9.-]+) namespace=([a-z0-9.-]+) /;

interface Held {
  name: string;
  namespace: string;
}

/** The approval that an answer tells to wait for; undefined: the answer is no hold. */
export function heldIn(code: number, body: string): Held | undefined {
  if (code !== 429 && code !== 403) return undefined;
  const message = messageOf(body);
  const [, name, namespace] = HELD.exec(message) ?? [];
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

/** The message of a Status; "": the body is none. */
export function messageOf(body: string): string {
  try {
    const status = parseJson(body);
    return isObject(status) ? text(status, "message") : "";
  } catch {
    return "";
  }
}

/**
 * Sends the request, and once more whenever its approval may have been decided, until the answer is no hold or the client has
 * gone. Gives the last answer.
 *
 * Where the approval was decided before anybody could wait for it, the request is sent again at once; but only once for each
 * approval, so that this never becomes a loop.
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

/**
 * Resolves when the request may be sent again: its approval has changed or run out. `at-once`: it was decided already.
 * `give-up`: the client has gone, or nobody can tell.
 */
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
