/**
 * Writes through Hoop's own API that an admission entry tells of already: their audit events, which come later, add
 * nothing. Kept in memory alone: after a restart an event is written down as well, rather than left out.
 */
import { forgetOldest } from "../forget-oldest.ts";
import { seenKey } from "../outcome/open.ts";
import type { AuditEvent } from "./event.ts";

/** What a write and its audit event have in common. */
interface Write {
  auditID: string;
  /** As whom it was done. */
  username: string;
  namespace: string;
}

/** Where no events come, the oldest are forgotten. */
const MOST = 10_000;

export class ToldWrites {
  /** How many of each: a client may choose its audit IDs, the same for many requests. */
  readonly #told = new Map<string, number>();
  readonly #requests = new WeakSet<object>();
  /** Events that were of one: they may come again. */
  readonly #taken = new Set<string>();

  /** `request`: what is the same object in all of one request, which may be judged again after a conflict. */
  add(write: Write, request: object): void {
    if (write.auditID === "" || this.#requests.has(request)) return;
    this.#requests.add(request);
    const key = keyOf(write);
    this.#told.set(key, (this.#told.get(key) ?? 0) + 1);
    forgetOldest(this.#told, MOST);
  }

  /** Whether the event is of such a write; each write has one. */
  take(event: AuditEvent): boolean {
    const { auditID, user, impersonated, target, verb } = event;
    if (target?.group !== "hoop.dev" || target.resource !== "secure-secrets" || READS.has(verb)) return false;
    const key = keyOf({
      auditID,
      username: (impersonated ?? user).username,
      namespace: target.namespace ?? "",
    });
    const name = seenKey(event);
    if (this.#taken.has(name)) return true;
    const count = this.#told.get(key);
    if (count === undefined) return false;
    this.#taken.add(name);
    forgetOldest(this.#taken, MOST);
    if (count === 1) this.#told.delete(key);
    else this.#told.set(key, count - 1);
    return true;
  }
}

const READS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

function keyOf({ auditID, username, namespace }: Write): string {
  return JSON.stringify([auditID, username, namespace]);
}
