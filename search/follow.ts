/** Brings the index to where the ledger is: in batches, the next one read while one is added. */
import type { Log, Store } from "#core/ports.ts";
import { entriesFrom } from "./reading.ts";
import type { Thread } from "./thread.ts";

interface Following {
  thread: Thread;
  store: Store;
  signal: AbortSignal;
  /** Entries from this one on are missing. */
  from: number;
  /** Told after each batch of how far it has come. Resolves when the next one may begin. */
  added(next: number): Promise<void>;
}

/** Resolves when all of the ledger is in the index, or the signal aborts. Rejects with Lost when the index is. */
export async function follow({ thread, store, signal, from, added }: Following): Promise<void> {
  const read = (at: number) => {
    const reading = entriesFrom(store, at);
    // Awaited, unless the thread fails first.
    reading.catch(() => undefined);
    return reading;
  };
  for (let reading = read(from); !signal.aborted; ) {
    if (thread.lost !== undefined) throw thread.lost;
    const entries = await reading;
    const last = entries.at(-1);
    if (last === undefined) return;
    reading = read(last.index + 1);
    await added(await thread.ask({ call: "add", entries }));
  }
}

/** Milliseconds after which a long way is told of again. */
const TELL_EVERY = 10_000;
/** So many entries are a long way. */
const LONG_WAY = 20_000;

/** Tells of a long way in the log: at its beginning, every now and then, and at its end. @returns what to tell it. */
export function teller(log: Log, file: string, from: number, of: number): (entries: number) => void {
  if (of - from < LONG_WAY) return () => undefined;
  let told = Number.NEGATIVE_INFINITY;
  const tell = (entries: number) => {
    const isDone = entries >= of;
    if (told === Number.POSITIVE_INFINITY || (!isDone && performance.now() - told < TELL_EVERY)) return;
    told = isDone ? Number.POSITIVE_INFINITY : performance.now();
    const message = isDone ? "the search index is made" : "the search index is being made";
    log.info({ file, entries, of }, message);
  };
  tell(from);
  return tell;
}
