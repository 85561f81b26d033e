/** Deletes sessions a day after they are over, and sooner where an agent has very many. Their records stay in the ledger. */
import type { Store } from "../ports.ts";
import type { FoundSession } from "./rows.ts";

const SHOWN_MILLISECONDS = 24 * 3600_000;
/**
 * How many that are over are kept of one agent, and of all. All sessions are read every second, so an agent that begins one after
 * the other must not fill the memory.
 */
const MOST_OF_ONE = 200;
const MOST_IN_ALL = 5_000;
const AT_ONCE = 500;

/** Deletes those that are due, except what has changed meanwhile. @param now milliseconds since the epoch. */
export async function forget(store: Store, all: readonly FoundSession[], now: number): Promise<void> {
  const deletes = forgotten(all, now).map(({ key, revision }) => ({ key, expect: revision }));
  for (let at = 0; at < deletes.length; at += AT_ONCE) {
    const some = deletes.slice(at, at + AT_ONCE);
    if ((await store.commit({ deletes: some })).outcome === "committed") continue;
    for (const one of some) await store.commit({ deletes: [one] });
  }
}

function forgotten(all: readonly FoundSession[], now: number): FoundSession[] {
  const over = all
    .flatMap((found) => {
      const { endedAt } = found.session.status;
      return endedAt === undefined ? [] : [{ found, at: Date.parse(endedAt) }];
    })
    .sort((one, other) => other.at - one.at);
  const shown = new Map<string, number>();
  return over.flatMap(({ found, at }, before) => {
    const { username } = found.session.status.subject;
    const ofOne = shown.get(username) ?? 0;
    shown.set(username, ofOne + 1);
    const isShown = at + SHOWN_MILLISECONDS > now && ofOne < MOST_OF_ONE && before < MOST_IN_ALL;
    return isShown ? [] : [found];
  });
}
