/**
 * Hands every change under a prefix of the store to one receiver, in order and at least once, also over restarts:
 * how far it came is a row of the store itself, `outbox/NAME`.
 */
import type { Clock, Log } from "#core/ports.ts";
import type { Change, Revision, Store } from "#kit/storage.ts";

export interface OutboxOptions {
  store: Store;
  /** Names the receiver; a new name starts with what changes from now on. */
  name: string;
  prefix: string;
  /** Rejects where it should be tried again. The signal aborts when the outbox is stopped. */
  deliver(change: Change, signal: AbortSignal): Promise<void>;
  clock: Clock;
  log: Log;
}

export interface Outbox {
  /** Ends after what is under way; that is delivered again at the next start unless it succeeded. */
  stop(): Promise<void>;
}

const TRIES = 8;
/** Doubled after each try: 8 tries are spread over about four minutes. */
const FIRST_PAUSE = 2000;
/** After a store that could not be read or written. */
const STORE_PAUSE = 1000;
/**
 * Where nothing is to be delivered the cursor still moves on, so that it does not expire while the rest of the store
 * changes; not at every commit, for storing it is a commit too.
 */
const STORE_CURSOR_EVERY = 1000;

/** Resolves when its starting point is durable: from then on nothing is missed. */
export async function outbox(options: OutboxOptions): Promise<Outbox> {
  const { store, name, prefix, clock, log } = options;
  const stopped = new AbortController();
  const row = `outbox/${name}`;
  let stored = await storedCursor(store, row);
  let cursor = stored ?? (await store.revision());
  let wake = Promise.withResolvers<void>();

  async function save(revision: Revision): Promise<void> {
    cursor = revision;
    await store.commit({ puts: [{ key: row, value: JSON.stringify({ revision }) }] });
    stored = revision;
  }

  /** Resolves when everything that was there has been delivered, or it was stopped. */
  async function drain(): Promise<void> {
    for (;;) {
      const found = await store.changes(prefix, cursor);
      if (found.outcome === "expired") {
        log.error({ outbox: name, since: cursor }, "changes were forgotten before they were delivered");
        await save(await store.revision());
        continue;
      }
      if (!(await deliverAll(found.changes)) || found.revision === cursor) return;
      cursor = found.revision;
      if (found.changes.length > 0 || cursor - (stored ?? 0) >= STORE_CURSOR_EVERY) await save(cursor);
    }
  }

  /** Whether it came to the end of them. */
  async function deliverAll(changes: readonly Change[]): Promise<boolean> {
    for (const [index, change] of changes.entries()) {
      if (!(await deliverOne(change, options, stopped.signal))) return false;
      // Half a commit cannot be resumed, so its cursor is stored with the last of its changes.
      if (changes[index + 1] !== undefined && changes[index + 1]?.revision !== change.revision) {
        await save(change.revision);
      }
    }
    return true;
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      // Made before reading: a commit in the meantime is seen at once.
      wake = Promise.withResolvers<void>();
      try {
        await drain();
        if (!stopped.signal.aborted) await wake.promise;
      } catch (error) {
        log.error({ outbox: name, error: String(error) }, "the store failed the outbox, trying again");
        await clock.sleep(STORE_PAUSE, stopped.signal);
      }
    }
  }

  if (stored === undefined) await save(cursor);
  const unsubscribe = store.onCommit(() => wake.resolve());
  const running = run();
  return {
    async stop() {
      unsubscribe();
      stopped.abort();
      wake.resolve();
      await running;
    },
  };
}

/** Whether to go on: true when delivered or given up, false when stopped before either. */
async function deliverOne(change: Change, options: OutboxOptions, signal: AbortSignal): Promise<boolean> {
  const { name, deliver, clock, log } = options;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await deliver(change, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const fields = {
        outbox: name,
        key: change.key,
        revision: change.revision,
        attempt,
        error: String(error),
      };
      if (attempt === TRIES) {
        log.error(fields, "delivery failed for good, going on with the next");
        return true;
      }
      log.warn(fields, "delivery failed, trying again");
      await clock.sleep(FIRST_PAUSE * 2 ** (attempt - 1), signal);
    }
  }
  return false;
}

async function storedCursor(store: Store, key: string): Promise<Revision | undefined> {
  const row = await store.get(key);
  return row === undefined ? undefined : (JSON.parse(row.value) as { revision: Revision }).revision;
}
