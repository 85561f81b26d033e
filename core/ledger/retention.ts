/**
 * How long payloads are kept. Entries stay for ever, and with them the proofs: each has no more of its payload than a
 * digest over it and salt that goes with it.
 */
import type { Clock, Log, Store } from "../ports.ts";
import { micros } from "../times.ts";
import { asked, ofSession } from "./asked.ts";
import type { Entry, ErasureEntry } from "./entry.ts";
import { lineOf } from "./line.ts";

export interface Retention {
  /** 0: payloads are kept for ever. */
  payloadDays: number;
  /** Legal holds: what fits one of them is kept, however old. */
  holds: readonly Hold[];
}

/** All that it names has to fit. */
export interface Hold {
  agent?: string;
  namespace?: string;
  approval?: string;
}

export interface RetentionPorts {
  store: Store;
  clock: Clock;
}

/** How far the ledger has been gone through. */
interface Progress {
  /** Entries before it were said to be erased, but for those that are held: entries without a payload too. */
  from: number;
  /** Entries before it were looked at. */
  next: number;
  /** Those whose payloads are due and held. */
  held: readonly number[];
}

const PROGRESS = "ledger/retention";
const START: Progress = { from: 0, next: 0, held: [] };
/** Entries that one step looks at: what it erases has room in one entry. */
const PART = 500;
const DAY = 86_400_000;

/**
 * Goes through some hundred entries that are due, and erases what lies beside them: in one commit with the entry that
 * says so. Resolves with whether there may be more.
 */
export async function eraseSome(ports: RetentionPorts, retention: Retention): Promise<boolean> {
  if (retention.payloadDays === 0) return false;
  const { store } = ports;
  const now = ports.clock.now();
  const before = now - retention.payloadDays * DAY;
  const row = await store.get(PROGRESS);
  const progress = row === undefined ? START : (JSON.parse(row.value) as Progress);
  const released = await releasedOf(store, progress, retention.holds);
  const due = await dueFrom(store, progress.next, before, retention.holds);
  if (due.count === 0 && released.length === 0) return false;
  const next = progress.next + due.count;
  const held = [...progress.held.filter((index) => !released.includes(index)), ...due.held];
  const holes = held.filter((index) => index >= progress.from);
  const isToSay = due.payloads > 0 || released.length > 0 || holes.length >= PART;
  const spans = isToSay ? erasedSpans(progress.from, next, released, holes) : [];
  const value: Progress = { from: isToSay ? next : progress.from, next, held };
  const entry: ErasureEntry = {
    schema: "hoop.dev/erasure/v1",
    kind: "erasure",
    time: micros(now),
    before: micros(before),
    spans,
  };
  const result = await store.commit({
    puts: [{ key: PROGRESS, value: JSON.stringify(value), expect: row?.revision ?? 0 }],
    ...(isToSay ? { lines: [lineOf(entry)], erase: spans } : {}),
  });
  return result.outcome === "committed";
}

type Span = ErasureEntry["spans"][number];

/** All from one index up to the other but for the holes, and those before that are released. */
function erasedSpans(
  from: number,
  to: number,
  released: readonly number[],
  holes: readonly number[],
): Span[] {
  const earlier = released
    .filter((index) => index < from)
    .map((index): Span => ({ from: index, to: index + 1 }));
  const ends = [...holes, to];
  const later = ends.map((end, at): Span => ({ from: at === 0 ? from : (ends[at - 1] ?? 0) + 1, to: end }));
  return [...earlier, ...later.filter((span) => span.from < span.to)];
}

/** Those that no hold keeps any longer. */
async function releasedOf(store: Store, { held }: Progress, holds: readonly Hold[]): Promise<number[]> {
  const released: number[] = [];
  for (const index of held) {
    if (released.length === PART) break;
    const [line] = await store.lines(index, 1);
    if (line === undefined || !isHeld(JSON.parse(line.line) as Entry, holds)) released.push(index);
  }
  return released;
}

interface Due {
  count: number;
  /** How many have something to erase. */
  payloads: number;
  held: number[];
}

async function dueFrom(store: Store, next: number, before: number, holds: readonly Hold[]): Promise<Due> {
  const due: Due = { count: 0, payloads: 0, held: [] };
  for (const { index, line } of await store.lines(next, PART)) {
    const entry = JSON.parse(line) as Entry;
    if (!(Date.parse(entry.time) < before)) break;
    const hasPayload = "payload" in entry;
    if (hasPayload && isHeld(entry, holds)) due.held.push(index);
    else if (hasPayload) due.payloads += 1;
    due.count += 1;
  }
  return due;
}

function isHeld(entry: Entry, holds: readonly Hold[]): boolean {
  const about = entry.kind === "request" ? entry : (asked(entry) ?? ofSession(entry));
  if (about === undefined) return false;
  const { agent } = about;
  const target = "target" in about ? about.target : undefined;
  const approval = "approval" in about ? about.approval?.name : undefined;
  return holds.some(
    (hold) =>
      (hold.agent ?? agent.username) === agent.username &&
      (hold.namespace ?? target?.namespace) === target?.namespace &&
      (hold.approval ?? approval) === approval,
  );
}

/** Sweeps every hour until the signal aborts; at once again while there is more. @param ports.erased told after each sweep that found something. */
export async function keepErasing(
  ports: RetentionPorts & { log: Log; erased?: () => void },
  retention: Retention,
  signal: AbortSignal,
): Promise<void> {
  const period = 3_600_000;
  while (!signal.aborted) {
    try {
      let sweeps = 0;
      while (!signal.aborted && (await eraseSome(ports, retention))) sweeps += 1;
      if (sweeps > 0) ports.erased?.();
    } catch (error) {
      ports.log.error({ err: error }, "could not erase payloads");
    }
    await ports.clock.sleep(period, signal);
  }
}
