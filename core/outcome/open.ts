/**
 * Writes whose outcome is still open: they were let through, and nobody has told yet whether they took effect. Also, which
 * audit events are in the ledger already. Both are read from the ledger itself, so that a restart goes on where this ended.
 */
import { hash } from "node:crypto";
import type { Line, Store } from "#kit/storage.ts";
import { forgetOldest } from "../forget-oldest.ts";
import type { AdmissionEntry, Entry, OutcomeEntry, RequestEntry } from "../ledger/entry.ts";

/** What an audit event said of a write where that does not decide whether it took effect. */
export type Hint = Pick<OutcomeEntry, "auditID" | "code" | "reason" | "message">;

export interface Open {
  index: number;
  /** When it was let through, milliseconds since the epoch. */
  at: number;
  /** Whether to look at the object where no audit event comes. So for what people approved, and what no event would tell. */
  looks: boolean;
  /** Whether an audit event is expected: if none comes, a gap is recorded. */
  awaited: boolean;
  /** How often it was looked at in vain. */
  attempts: number;
  hint?: Hint;
}

const PROGRESS = "outcomes/progress";
/** How many lines of the ledger are read at once. */
const PART = 500;
/** A restart reads so many entries again: their audit events may be sent again, where the sender was not told that they had come. */
const BACK = 2_000;
/** How many audit events are remembered: more than come while the API server tries to send one again. */
const MOST_SEEN = 50_000;
/** No more writes than this wait for their events, which may never come. */
const MOST_OPEN = 100_000;

export class OpenWrites {
  readonly #store: Store;
  readonly #open = new Map<number, Open>();
  readonly #seen = new Set<string>();
  /** Whether audit events come at all. If not, only writes whose objects are looked at are kept. */
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
    // Written before anything is let through: after a crash reading begins here.
    if (row === undefined) await store.commit({ puts: [{ key: PROGRESS, value: String(from) }] });
    return new OpenWrites(store, isFed, from);
  }

  /** Reads the ledger to its end. Calls at the same time share that. */
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

  /** Most lines are told by a look at their text, and not parsed: they are canonical JSON. */
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
    // A session acts as a ServiceAccount that the audit policy usually does not cover: that no event comes is no gap.
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
    forgetOldest(this.#seen, MOST_SEEN);
  }

  /** Whether the event is in the ledger already, as far as that was read. */
  hasSeen(event: Heard): boolean {
    return this.#seen.has(seenKey(event));
  }

  /** The writes that were let through before that moment (milliseconds since the epoch), in order. */
  before(milliseconds: number, looks: boolean): Open[] {
    const found: Open[] = [];
    for (const open of this.#open.values()) {
      if (open.at > milliseconds) break;
      if (open.looks === looks) found.push(open);
    }
    return found;
  }

  /** An audit event came that does not decide the outcome: a look at the object does. */
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

  /** The row to keep: nothing before that place is open any more. */
  progress(): { key: string; value: string } {
    const [oldest = this.#next] = this.#open.keys();
    return { key: PROGRESS, value: String(Math.min(oldest, this.#next)) };
  }
}

/** What an audit event and its entry in the ledger have in common. */
export interface Heard extends Pick<RequestEntry, "auditID" | "stage" | "verb" | "received" | "completed"> {
  code?: number | undefined;
  target?: Partial<NonNullable<RequestEntry["target"]>> | undefined;
}

/**
 * A key by which an event is known when it comes again. The audit ID alone would not do: a client may choose it, and the same
 * for many requests. The times are chosen by the API server alone.
 */
export function seenKey({ auditID, stage, verb, received, completed, code, target = {} }: Heard): string {
  const { group, version, resource, subresource, namespace, name } = target;
  const said = [auditID, stage, verb, received, completed, code];
  const all = [...said, group, version, resource, subresource, namespace, name];
  // Cut, since an entry that was too long has its texts cut, too; never shorter than this.
  return hash("sha256", all.map((one = "") => String(one).slice(0, COMPARED)).join("\n"), "base64");
}

const COMPARED = 100;
