/** Agents that want something of Roles and ask for it as stock clients do: again on a 429, anew when they were cut off. */
import { setTimeout as delay } from "node:timers/promises";
import type { Call, Caller, Reply } from "./caller.ts";
import { isEnd } from "./check.ts";
import type { Told, Wish } from "./evidence.ts";
import type { PlannedWish } from "./plan.ts";

const RBAC = "rbac.authorization.k8s.io/v1";

/** A Role that `append` and `delete` are about, or, by generateName, what `create` makes. */
export function roleFor({ id, kind }: Wish): object {
  const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"], resourceNames: ["first"] }];
  const labels = { wish: id };
  const metadata = kind === "create" ? { generateName: `${id}-`, labels } : { name: id, labels };
  return { apiVersion: RBAC, kind: "Role", metadata, rules };
}

export const rolesPath = (namespace: string) => `/apis/${RBAC}/namespaces/${namespace}/roles`;

/** `seconds`: how long the API server may take for it. */
export function requestFor(wish: Wish, namespace: string, seconds?: number): Call {
  const query = seconds === undefined ? "" : `?timeout=${seconds}s`;
  const one = `${rolesPath(namespace)}/${wish.id}${query}`;
  switch (wish.kind) {
    case "create":
      return { method: "POST", path: `${rolesPath(namespace)}${query}`, body: roleFor(wish) };
    case "append": {
      const value = { apiGroups: [""], resources: ["pods"], verbs: ["get"], resourceNames: ["more"] };
      const body = [{ op: "add", path: "/rules/-", value }];
      return { method: "PATCH", path: one, body, type: "application/json-patch+json" };
    }
    case "delete":
      return { method: "DELETE", path: one };
  }
}

/** Asks once. `call`: with the signal by which it hangs up. */
async function ask(caller: Caller, wish: Wish, call: Call): Promise<{ told: Told; retryAfter: number }> {
  const began = Date.now();
  const reply = await caller(call);
  const told = { wish: wish.id, began, ended: Date.now(), code: reply.code, ...understood(wish, reply) };
  return { told, retryAfter: 1_000 * Math.max(1, reply.code === 429 ? reply.retryAfterSeconds : 0) };
}

function understood(
  { kind }: Wish,
  { code, text, warnings }: Reply,
): Pick<Told, "outcome" | "approval" | "message"> {
  if (code === 0) return { outcome: "cut", message: text };
  if (code >= 200 && code < 300) {
    // Admitted again after a conflict, it passed by what was named last.
    const [, approval] = [...warnings.matchAll(/approval [\w-]+\/([\w-]+)/g)].at(-1) ?? [];
    return { outcome: "passed", ...(approval === undefined ? {} : { approval }) };
  }
  const [, approval] = /approval=(?:[\w-]+\/)?([\w-]+)/.exec(text) ?? [];
  if (approval !== undefined && text.includes("HELD, not refused")) {
    const [message = ""] = /state=\w+/.exec(text) ?? [];
    return { outcome: "held", approval, message };
  }
  if (approval !== undefined && text.includes("denied by ")) return { outcome: "denied", approval };
  if (code === 404 && kind === "delete" && text.includes('"details"')) return { outcome: "gone" };
  return { outcome: "failed", message: text.slice(0, 500), ...(approval === undefined ? {} : { approval }) };
}

/**
 * Asks as often as it takes to be told how the approval stands: the API server may have no seat free, and what it has
 * kept waiting too long is not carried out any more but told to ask again.
 */
export async function inquire(caller: Caller, wish: Wish, call: Call): Promise<Told> {
  for (let attempt = 1; ; attempt++) {
    const { told, retryAfter } = await ask(caller, wish, call);
    const isAnswer = told.code !== 429 || (told.outcome === "held" && told.message !== "state=Approved");
    if (isAnswer || attempt === 20) return told;
    await delay(retryAfter);
  }
}

/** Asks until there is an end to it, the time to hang up has come, or `over` aborts. Each answer goes to `heard`. */
export async function pursue(
  caller: Caller,
  wish: PlannedWish,
  namespace: string,
  over: AbortSignal,
  heard: (told: Told) => void,
): Promise<void> {
  await delay(wish.startsAt);
  const hangUp = Number.isFinite(wish.hangsUpAt) ? [AbortSignal.timeout(wish.hangsUpAt - wish.startsAt)] : [];
  const signal = AbortSignal.any([over, ...hangUp]);
  const call = { ...requestFor(wish, namespace), signal };
  while (!signal.aborted) {
    const { told, retryAfter } = await ask(caller, wish, call);
    heard(told);
    if (isEnd(told.outcome)) return;
    await delay(retryAfter, undefined, { signal }).catch(() => undefined);
  }
}
