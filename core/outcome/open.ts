/**
 * What was let through and of which it is not told yet what came of it; and which audit events are written down already.
 * Both by following the ledger: nothing else has to be kept, and a restart goes on where this ended.
 */
import { hash } from "node:crypto";
import type { Line, Store } from "#kit/storage.ts";
import type { AdmissionEntry, Entry, OutcomeEntry, RequestEntry } from "../ledger/entry.ts";

/** What an audit event has told of a write that may have taken effect all the same. */
export type Hint = Pick<OutcomeEntry, "auditID" | "code" | "reason" | "message">;

export interface Open {
  index: number;
  /** When it was let through, milliseconds since the epoch. */
  at: number;
  /** Somebody approved it, or nothing else would tell: so the object is looked at where no event comes. */
  looks: boolean;
  /** Whether an audit event is to name it. */
  awaited: boolean;
  /** How often it was looked at in vain. */
  attempts: number;
  hint?: Hint;
}

const PROGRESS = "outcomes/progress";
/** Lines that are read at once. */
const PART = 500;
/** Before where it ended: events that were written down, and whose sender was not told so, come again. */
const BACK = 2_000;
/** Audit events that are remembered: as many as come while the API server tries again. */
const MOST_SEEN = 50_000;
/** What is let through and awaited beyond that is not waited for: no event may ever come. */
const MOST_OPEN = 100_000;

export class OpenWrites {
  readonly #store: Store;
  readonly #open = new Map<number, Open>();
  readonly #seen = new Set<string>();
  /** Whether audit events come: else only what is looked at is of interest. */
  readonly #isFed: () => boolean;
  #next: number;
  #following: Promise<void> = Promise.resolve();

  private constructor(store: Store, isFed: () => boolean, from: number) {
    this.#store = store;
    this.#isFed = isFed;
    this.#next = from;
  }

  static async begin(store: Store, isFed: () => boolean): Promise<OpenWrites> {
    const row = await store.get(PROGRESS);
    const from = row === undefined ? (await store.head()).size : Math.max(0, Number(row.value) - BACK);
    // From the first moment on: what is let through now is found again after a crash.
    if (row === undefined) await store.commit({ puts: [{ key: PROGRESS, value: String(from) }] });
    return new OpenWrites(store, isFed, from);
  }

  /** Takes in all that the ledger has by now; calls at once share the reading. */
  follow(): Promise<void> {
    const after = this.#following.then(() => this.#follow());
    this.#following = after.catch(() => undefined);
    return after;
  }

  async #follow(): Promise<void> {
    for (;;) {
      const lines = await this.#store.lines(this.#next, PART);
      for (const line of lines) this.#take(line);
      this.#next += lines.length;
      if (lines.length < PART) return;
    }
  }

  /** Canonical JSON of known kinds: most lines need not be parsed. */
  #take({ index, line }: Line): void {
    const isAsked = line.includes('"kind":"admission"');
    if (isAsked && !line.includes('"effect":"open"')) return;
    if (!isAsked && !/"kind":"(?:outcome|request)"/.test(line)) return;
    const entry = JSON.parse(line) as Entry;
    if (entry.kind === "outcome") this.#open.delete(entry.of);
    else if (entry.kind === "request") this.#remember(seenKey(entry));
    else if (entry.kind === "admission" && "effect" in entry && entry.effect === "open")
      this.#add(index, entry);
  }

  #add(index: number, { time, approval, through, actingAs }: AdmissionEntry): void {
    const looks = approval !== undefined || through !== undefined;
    if (!looks && (!this.#isFed() || this.#open.size >= MOST_OPEN)) return;
    // Its ServiceAccount is no agent of the audit policy, as a rule: that no event comes says nothing of the others.
    const isInSession = actingAs !== undefined;
    this.#open.set(index, {
      index,
      at: Date.parse(time),
      looks: looks || isInSession,
      awaited: through === undefined && !isInSession,
      attempts: 0,
    });
  }

  #remember(key: string): void {
    this.#seen.add(key);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= MOST_SEEN) return;
      this.#seen.delete(oldest);
    }
  }

  /** Whether the event is an entry already. Only as far as the ledger was followed. */
  hasSeen(event: Heard): boolean {
    return this.#seen.has(seenKey(event));
  }

  /** Those that were let through before that moment, in their order. */
  before(milliseconds: number, looks: boolean): Open[] {
    const found: Open[] = [];
    for (const open of this.#open.values()) {
      if (open.at > milliseconds) break;
      if (open.looks === looks) found.push(open);
    }
    return found;
  }

  /** An event has told what does not decide it: the object does. */
  hurry(index: number, at: number, hint: Hint): void {
    const open = this.#open.get(index) ?? { index, at, awaited: false, attempts: 0 };
    this.#open.set(index, { ...open, looks: true, awaited: false, hint });
  }

  hinted(): Open[] {
    return [...this.#open.values()].filter(({ hint }) => hint !== undefined);
  }

  forget(index: number): void {
    this.#open.delete(index);
  }

  get size(): number {
    return this.#open.size;
  }

  /** To be kept: all before it is done with. */
  progress(): { key: string; value: string } {
    const [oldest = this.#next] = this.#open.keys();
    return { key: PROGRESS, value: String(Math.min(oldest, this.#next)) };
  }
}

/** What an audit event and the entry that was made of it have in common. */
export interface Heard extends Pick<RequestEntry, "auditID" | "stage" | "verb" | "received" | "completed"> {
  code?: number | undefined;
  target?: Partial<NonNullable<RequestEntry["target"]>> | undefined;
}

/**
 * The same when an event comes again, and for no other one. The audit ID alone does not tell: a client may choose it, the
 * same for many requests. Nobody but the API server chooses the times.
 */
export function seenKey({ auditID, stage, verb, received, completed, code, target = {} }: Heard): string {
  const { group, version, resource, subresource, namespace, name } = target;
  const said = [auditID, stage, verb, received, completed, code];
  const all = [...said, group, version, resource, subresource, namespace, name];
  // Entries that were too long are shortened to no less than this.
  return hash("sha256", all.map((one = "") => String(one).slice(0, COMPARED)).join("\n"), "base64");
}

const COMPARED = 100;
